import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, type ModelProto, ModelProtoSchema, OperatorSetIdProtoSchema } from 'onnx-buf';
import { blockedDomain } from '../autodiff/blocked.js';
import { floatValue, makeNode } from '../model/graph.js';
import { float32, runOnce } from '../runtime/session.js';

let found: Promise<number | null> | undefined;

/**
 * The block of ONNX Runtime's blocked channel layout on this processor (16 with AVX-512, 8 with AVX2), found by reordering a
 * tensor and reading where its elements went; null where there is no such layout, or it is not as this project knows it.
 */
export function findBlockSize(): Promise<number | null> {
  found ??= probe();
  return found;
}

async function probe(): Promise<number | null> {
  const [channels, width] = [64, 2];
  try {
    const values = Float32Array.from({ length: channels * width }, (_, i) => i);
    const { y } = await runOnce(reorderModel([1, channels, 1, width]), { x: float32(values, [1, channels, 1, width]) });
    const data = y?.data;
    if (!(data instanceof Float32Array) || data.length !== values.length) return null;
    // the first block holds column 0 of channels 0, 1, 2 ...; then column 1 of channel 0 follows
    const block = data.indexOf(1);
    const expected = Float32Array.from(data, (_, i) => {
      const [lane, column] = [i % block, Math.floor(i / block) % width];
      return (Math.floor(i / block / width) * block + lane) * width + column;
    });
    return block > 1 && channels % block === 0 && expected.every((value, i) => value === data[i]) ? block : null;
  } catch {
    return null;
  }
}

function reorderModel(shape: readonly number[]): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [
      create(OperatorSetIdProtoSchema, { version: 13n }),
      create(OperatorSetIdProtoSchema, { domain: blockedDomain, version: 1n }),
    ],
    graph: create(GraphProtoSchema, {
      name: 'probe',
      input: [floatValue('x', shape)],
      output: [floatValue('y', shape)],
      node: [makeNode('ReorderInput', ['x'], ['y'], {}, '', blockedDomain)],
    }),
  });
}
