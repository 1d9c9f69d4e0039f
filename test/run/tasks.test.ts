import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Layers, untrainedNetwork } from '../../fixtures/layers.js';
import type { MigrateResult } from '../../src/contract/result.js';
import { createRandom } from '../../src/math/random.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { migrate } from '../../src/run/migrate.js';
import type { MigrateOptions } from '../../src/run/spec.js';
import { littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';

const count = 400;
const features = 6;
const random = createRandom(3);
const x = Array.from({ length: count * features }, () => random.normal());
const row = (i: number): readonly number[] => x.slice(i * features, (i + 1) * features);
const samples = [...Array(count).keys()];
/** Something to learn that is not linear. */
const curved = (i: number): number => Math.abs(row(i)[0] ?? 0) + 0.5 * (row(i)[1] ?? 0);

type Y = { readonly width: number; readonly type: '<f4' | '<i8'; value(i: number, column: number): number };

/** A two-layer network with random weights, and a data set for it, beside each other. */
async function setting(outputs: number, y: Y | null, head?: 'Sigmoid' | 'Softmax', seed = 5) {
  const folder = await temporaryFolder();
  const graph = untrainedNetwork('tiny', seed, [features], outputs, (layers: Layers, input) => {
    const hidden = layers.op('relu', 'Relu', [layers.dense('hidden', input, features, 16)]);
    const out = layers.dense('out', hidden, 16, outputs);
    return head === undefined ? out : layers.op('head', head, [out]);
  });
  const model = join(folder, 'tiny.onnx');
  await writeFile(model, Buffer.concat(encodeModel(graph.model)));
  const data = join(folder, 'data.npz');
  const arrays: Record<string, Uint8Array> = { 'x.npy': npyBytes('<f4', [count, features], littleEndian.float32(x)) };
  if (y !== null) {
    const values = samples.flatMap((i) => Array.from({ length: y.width }, (_, column) => y.value(i, column)));
    const bytes = y.type === '<f4' ? littleEndian.float32(values) : littleEndian.int64(values);
    arrays['y.npy'] = npyBytes(y.type, y.width === 1 ? [count] : [count, y.width], bytes);
  }
  await writeFile(data, zipBytes(arrays));
  return { model, data };
}

const run = (at: { model: string; data: string }, changes: Partial<MigrateOptions> = {}): Promise<MigrateResult> =>
  migrate(
    optionsFor(at.model, at.data, {
      training: { ...training, batchSize: 16, epochs: 8, learningRate: 0.05 },
      dryRun: true,
      ...changes,
    }),
    hooks(),
  );

const losses = ({ arms }: MigrateResult) => arms.frelu.curve.map(({ validationLoss }) => validationLoss ?? Number.NaN);

describe('tasks that are told from the data and the model', () => {
  it('regression: mean squared error, judged by errors that are better when smaller', async () => {
    const result = await run(await setting(1, { width: 1, type: '<f4', value: curved }));
    expect(result).toMatchObject({
      task: 'regression',
      settings: { loss: 'mse' },
      delta: { vsBefore: { higherIsBetter: false } },
    });
    expect(result.arms.frelu.test.rmse?.value).toBeLessThan(0.5 * (result.arms.before.test.rmse?.value ?? 0));
    expect(result.perClass).toEqual([]);
  });

  it('a regression on whole numbers, where it is named', async () => {
    const y: Y = { width: 1, type: '<i8', value: (i) => Math.round(3 * (curved(i) + 3)) };
    const result = await run(await setting(1, y), {
      task: { task: 'regression', loss: null, metric: null },
      training: { ...training, epochs: 8, learningRate: 0.003 },
    });
    expect(result).toMatchObject({ task: 'regression', settings: { loss: 'mse' } });
    expect(result.arms.frelu.test.rmse?.value).toBeLessThan(0.5 * (result.arms.before.test.rmse?.value ?? 0));
  });

  it('several labels a sample: a binary cross-entropy for each output', async () => {
    const y: Y = { width: 3, type: '<i8', value: (i, column) => Number((row(i)[column] ?? 0) + curved(i) > 0.7) };
    const result = await run(await setting(3, y));
    expect(result).toMatchObject({ task: 'multilabel', settings: { loss: 'binary-cross-entropy' } });
    expect(result.arms.frelu.test.auroc?.value).toBeGreaterThan(0.85);
    expect(losses(result).at(-1)).toBeLessThan(0.8 * (losses(result)[0] ?? 0));
  });

  it.each(['Sigmoid', undefined] as const)('two classes by one output: %s', async (head) => {
    const y: Y = { width: 1, type: '<i8', value: (i) => Number(curved(i) > 0.8) };
    const result = await run(await setting(1, y, head));
    expect(result).toMatchObject({
      task: 'classification',
      settings: { loss: 'binary-cross-entropy', metric: 'accuracy' },
    });
    expect(result.arms.frelu.test.accuracy?.value).toBeGreaterThan(0.85);
    expect(result.arms.frelu.test.auroc?.value).toBeGreaterThan(0.9);
    expect(result.perClass).toHaveLength(2);
  });

  it('three classes behind a Softmax, which is not trained through', async () => {
    const y: Y = { width: 1, type: '<i8', value: (i) => (curved(i) > 1 ? 2 : curved(i) > 0.4 ? 1 : 0) };
    const result = await run(await setting(3, y, 'Softmax'));
    expect(result).toMatchObject({ task: 'classification', settings: { loss: 'cross-entropy' } });
    expect(losses(result).at(-1)).toBeLessThan(0.7 * (losses(result)[0] ?? 0));
  });
});

describe('distillation', () => {
  it.each([
    ['logits', undefined, 'mse'],
    ['probabilities', 'Softmax', 'cross-entropy'],
  ] as const)('needs no labels: another model teaches %s', async (_, head, loss) => {
    const teacher = await setting(3, null, head, 6);
    const result = await run(await setting(3, null, head), {
      task: { task: 'distill', loss: null, metric: null },
      distill: { teacher: teacher.model, distillWeight: null, temperature: null },
      training: { ...training, epochs: 4, learningRate: 0.01 },
    });
    expect(result).toMatchObject({ task: 'distill', settings: { loss } });
    expect(losses(result).at(-1)).toBeLessThan(0.9 * (losses(result)[0] ?? 0));
  });

  it('without labels and without --task distill says what to do', async () => {
    await expect(run(await setting(3, null))).rejects.toMatchObject({ kind: 'input' });
  });
});
