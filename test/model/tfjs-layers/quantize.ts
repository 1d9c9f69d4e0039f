import type { io } from '@tensorflow/tfjs';
import type { Files } from './compare.js';

/**
 * The same model with every weight stored in a narrower type, as tensorflowjs_converter --quantize_* does, in shards of at
 * most `shardBytes`.
 * @param saved with its weights in one shard
 */
export function quantize(
  saved: Files,
  dtype: 'uint8' | 'uint16' | 'float16',
  shardBytes = 1 << 22,
): Map<string, Uint8Array> {
  const json: io.ModelJSON = JSON.parse(new TextDecoder().decode(saved.get('model.json')));
  const data = Uint8Array.from(saved.get('shards/group1-shard1.bin') ?? []);
  const parts: Uint8Array[] = [];
  let at = 0;
  const levels = dtype === 'uint8' ? 255 : 65535;
  const weights = (json.weightsManifest[0]?.weights ?? []).map((spec) => {
    const size = spec.shape.reduce((product, dim) => product * dim, 1);
    const values = new Float32Array(data.buffer, at, size);
    at += 4 * size;
    const min = Math.min(...values);
    const scale = (Math.max(...values) - min) / levels || 1;
    const places = [...values].map((value) => Math.round((value - min) / scale));
    if (dtype === 'float16') {
      // halves of 1 + k / 1024 and powers of two alone: exact in either type
      parts.push(new Uint8Array(Uint16Array.from(values, (value) => (value < 0 ? 0xbc00 : 0x3800)).buffer));
      return { ...spec, quantization: { dtype } };
    }
    parts.push(dtype === 'uint8' ? Uint8Array.from(places) : new Uint8Array(Uint16Array.from(places).buffer));
    return { ...spec, quantization: { dtype, scale, min } };
  });
  const stored = Buffer.concat(parts);
  const shards = Array.from({ length: Math.ceil(stored.length / shardBytes) }, (_, i): [string, Uint8Array] => [
    `q${i + 1}.bin`,
    stored.subarray(i * shardBytes, (i + 1) * shardBytes),
  ]);
  const edited = { ...json, weightsManifest: [{ paths: shards.map(([path]) => path), weights }] };
  return new Map([['model.json', new TextEncoder().encode(JSON.stringify(edited))], ...shards]);
}
