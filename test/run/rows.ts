import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Layers, untrainedNetwork } from '../../fixtures/layers.js';
import { createRandom } from '../../src/math/random.js';
import type { Graph } from '../../src/model/graph.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { temporaryFolder } from './runs.js';

export interface Files {
  readonly model: string;
  readonly data: string;
}

/** A normalized network of four features, untrained and edited, and its data: of two classes, by the sign of the first, or of two values each. */
export async function rows(
  count: number,
  targets: 'classes' | 'values' = 'classes',
  edit: (graph: Graph) => void = () => {},
): Promise<Files> {
  const random = createRandom(9);
  const folder = await temporaryFolder();
  const graph = untrainedNetwork('rows', 5, [4], 2, (layers: Layers, input) => {
    const normalized = layers.batchNorm('norm', layers.dense('hidden', input, 4, 8), 8);
    const inner = layers.op('relu', 'Relu', [normalized]);
    return layers.dense('out', inner, 8, 2);
  });
  edit(graph);
  const [model, data] = [join(folder, 'rows.onnx'), join(folder, 'rows.npz')];
  await writeFile(model, Buffer.concat(encodeModel(graph.model)));
  const x = Array.from({ length: 4 * count }, () => random.normal());
  const own =
    targets === 'classes'
      ? npyBytes(
          '<i8',
          [count],
          littleEndian.int64(Array.from({ length: count }, (_, i) => Number((x[4 * i] ?? 0) > 0))),
        )
      : npyBytes('<f4', [count, 2], littleEndian.float32(Array.from({ length: 2 * count }, () => random.normal())));
  await writeFile(data, zipBytes({ 'x.npy': npyBytes('<f4', [count, 4], littleEndian.float32(x)), 'y.npy': own }));
  return { model, data };
}
