import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { idxBytes, zipBytes } from '../data/readers/bytes.js';
import { frelu, smallModel, temporaryFolder } from './command-line.js';

/** Files that are small on the disk, or in what they declare, and come to gigabytes for whoever believes them. */
async function hostileData(folder: string): Promise<string[]> {
  const zeros = gzipSync(Buffer.alloc(2 ** 28));
  const put = async (name: string, bytes: Uint8Array | string) => {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  };
  const header = gzipSync(Buffer.from(idxBytes([2 ** 28, 1, 1], [])));
  await put('idx/train-labels-idx1-ubyte', idxBytes([2], [0, 1]));
  await put('idx/train-images-idx3-ubyte.gz', Buffer.concat([header, zeros]));
  const sparse = await put('sparse.csv', 'a,b\n1,"');
  await truncate(sparse, 2 ** 31);
  const array = await put('sparse.npy', '');
  await truncate(array, 2 ** 32);
  return [
    join(folder, 'idx'),
    await put('bomb.csv.gz', Buffer.concat([gzipSync('a,b\n1,"'), zeros])),
    await put('bomb.jsonl.gz', Buffer.concat([gzipSync('{"a":"'), zeros])),
    await put('bomb.npz', Buffer.concat([zipBytes({ 'x.npy': new Uint8Array(9) }), zeros])),
    await put('quote.csv', `a,b\n1,"${'x'.repeat(2 ** 26)}`),
    await put('deep.json', '['.repeat(2 ** 24)),
    await put('PAR1.parquet', Buffer.concat([Buffer.from('PAR1'), Buffer.alloc(64, 255), Buffer.from('PAR1')])),
    sparse,
    array,
  ];
}

async function hostileModels(folder: string): Promise<string[]> {
  const onnx = join(folder, 'sparse.onnx');
  await writeFile(onnx, '');
  await truncate(onnx, 2 ** 32);
  const json = join(folder, 'deep', 'model.json');
  await mkdir(join(folder, 'deep'));
  await writeFile(json, `{"modelTopology":${'['.repeat(2 ** 22)}`);
  const shards = join(folder, 'shards', 'model.json');
  await mkdir(join(folder, 'shards'));
  const weights = [{ name: 'w', shape: [2 ** 20, 2 ** 20], dtype: 'float32' }];
  await writeFile(
    shards,
    JSON.stringify({ modelTopology: { node: [] }, weightsManifest: [{ paths: ['s.bin'], weights }] }),
  );
  await writeFile(join(folder, 'shards', 's.bin'), 'few');
  return [onnx, json, shards];
}

it('takes seconds and less than a gigabyte, whatever the files say', async () => {
  const folder = await temporaryFolder();
  const model = await smallModel();
  const runs = [
    ...(await hostileData(folder)).map((data) => ['evaluate', model, '--data', data, '--device', 'cpu']),
    ...(await hostileModels(folder)).flatMap((hostile) => [
      ['inspect', hostile],
      ['rewrite', hostile, '--out', join(folder, 'out/')],
    ]),
  ];
  for (const argv of runs) {
    const began = performance.now();
    const { code, stderr } = await frelu(argv);
    expect(code, `${argv.join(' ')}: ${stderr}`).toBe(3);
    expect(performance.now() - began, argv.join(' ')).toBeLessThan(120_000);
    // in KiB, the most that this process has had so far, what runs the tests among it
    expect(process.resourceUsage().maxRSS, argv.join(' ')).toBeLessThan(2 ** 20);
  }
});
