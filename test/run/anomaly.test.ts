import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/contract/failure.js';
import { createRandom } from '../../src/math/random.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { readDoubles } from '../../src/model/tensor.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { migrate } from '../../src/run/migrate.js';
import type { MigrateOptions } from '../../src/run/spec.js';
import { littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { parseGraph } from '../transforms/notation.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';

/** Eight numbers through three and back: it can learn what normal rows, which lie in a plane, are made of. */
const autoencoder = `
  x: float[N,8]
  v = float[8,12]
  vb = float[12]
  c = float[12,3]
  cb = float[3]
  d = float[3,8]
  db = float[8]
  h = Gemm(x, v, vb) name=encode
  r = Relu(h) name=relu
  code = Gemm(r, c, cb) name=code
  again = Gemm(code, d, db) name=decode
  -> again`;

const random = createRandom(11);
const plane = Array.from({ length: 2 }, () => Array.from({ length: 8 }, () => random.normal()));
const normalRow = (): number[] => {
  const [a, b] = [random.normal(), random.normal()];
  return Array.from({ length: 8 }, (_, i) => Math.fround(a * (plane[0]?.[i] ?? 0) + b * (plane[1]?.[i] ?? 0)));
};
const strangeRow = (): number[] => Array.from({ length: 8 }, () => Math.fround(1.2 * random.normal()));
const train = Array.from({ length: 400 }, normalRow);
const labels = Array.from({ length: 160 }, (_, i) => Number(i % 4 === 0));
const test = labels.map((label) => (label === 1 ? strangeRow() : normalRow()));

const floats = (rows: readonly (readonly number[])[]) =>
  npyBytes('<f4', [rows.length, 8], littleEndian.float32(rows.flat()));
const numbers = (values: readonly number[]) => npyBytes('<i8', [values.length], littleEndian.int64(values));

async function setting(arrays: Readonly<Record<string, Uint8Array>>) {
  const folder = await temporaryFolder();
  const [model, data] = [join(folder, 'autoencoder.onnx'), join(folder, 'data.npz')];
  await writeFile(model, Buffer.concat(encodeModel(parseGraph(autoencoder).model)));
  await writeFile(data, zipBytes(arrays));
  return { folder, model, data };
}

const given = { 'x_train.npy': floats(train), 'x_test.npy': floats(test), 'y_test.npy': numbers(labels) };
const task = { task: 'anomaly', loss: null, metric: null } as const;
const trained = { ...training, batchSize: 16, epochs: 12, patience: 12, learningRate: 0.05 };
const run = (model: string, data: string, changes: Partial<MigrateOptions> = {}) =>
  migrate(
    optionsFor(model, data, { task, training: trained, dryRun: true, accept: 'frelu>before', ...changes }),
    hooks(),
  );

/** The share of pairs of an anomaly and a normal sample of which the anomaly's error is the larger. */
function auroc(errors: readonly number[]): number {
  let won = 0;
  let pairs = 0;
  errors.forEach((error, i) => {
    errors.forEach((other, j) => {
      if (labels[i] !== 1 || labels[j] !== 0) return;
      pairs += 1;
      won += error > other ? 1 : error === other ? 0.5 : 0;
    });
  });
  return won / pairs;
}

describe('a model that gives its input again', () => {
  it('learns from samples without labels, and is judged by how well its error tells anomalies', async () => {
    const { model, data } = await setting(given);
    const result = await run(model, data);
    expect(result).toMatchObject({ task: 'anomaly', settings: { loss: 'mse', metric: 'auroc' } });
    expect(result.data.test).toMatchObject({ count: 160, part: 'test' });
    const { before, frelu } = result.arms;
    expect(Object.keys(frelu.test)).toEqual(['auroc', 'reconstructionError']);
    expect(frelu.test.auroc?.value).toBeGreaterThan(0.9);
    expect(frelu.test.reconstructionError?.value).toBeLessThan(0.2 * (before.test.reconstructionError?.value ?? 0));
    // nobody labelled what it is validated on
    expect(frelu.validation.auroc?.value).toBeNull();
    expect(frelu.validation.reconstructionError?.value).toBeCloseTo(
      frelu.curve.find(({ epoch }) => epoch === frelu.bestEpoch)?.validationLoss ?? Number.NaN,
      5,
    );
    const { vsBefore } = result.delta;
    expect(vsBefore).toMatchObject({ metric: 'auroc', higherIsBetter: true, test: 'bootstrap-bca', count: 160 });
    expect(result.acceptance.met).toBe(true);
  });

  it('is evaluated as its errors say', async () => {
    const { model, data } = await setting(given);
    const { metrics, reading } = await evaluateModel({ model, data, task, device: 'cpu' });
    expect(reading).toMatchObject({ task: 'anomaly', outputs: [{ judged: true, width: 8 }] });
    const errors = test.map((row) => {
      const again = through(row);
      return row.reduce((sum, value, i) => sum + ((again[i] ?? 0) - value) ** 2, 0) / 8;
    });
    const normal = errors.filter((_, i) => labels[i] === 0);
    expect(metrics.auroc?.value).toBeCloseTo(auroc(errors), 6);
    expect(metrics.reconstructionError?.value).toBeCloseTo(normal.reduce((a, b) => a + b) / normal.length, 4);
  });

  it('learns from a table without labels, and is tested by one that has them', async () => {
    const { folder, model } = await setting(given);
    const names = Array.from({ length: 8 }, (_, i) => `sensor${i}`);
    const [data, own] = [join(folder, 'normal.csv'), join(folder, 'tested.csv')];
    await writeFile(data, [names.join(','), ...train.map((row) => row.join(','))].join('\n'));
    const labelled = test.map((row, i) => [...row, labels[i]].join(','));
    await writeFile(own, [[...names, 'label'].join(','), ...labelled].join('\n'));
    const options = optionsFor(model, data, { task, training: { ...trained, epochs: 4 }, dryRun: true });
    const result = await migrate({ ...options, data: { ...options.data, test: own } }, hooks());
    expect(result.data.test.count).toBe(160);
    expect(result.arms.frelu.test.auroc?.value).toBeGreaterThan(0.8);
  });

  it('is tested by a table of its own, of which training tells the class that is normal', async () => {
    const { folder, model } = await setting(given);
    const names = Array.from({ length: 8 }, (_, i) => `sensor${i}`);
    const [data, own] = [join(folder, 'made.csv'), join(folder, 'tested.csv')];
    const head = [...names, 'label'].join(',');
    await writeFile(data, [head, ...train.map((row) => [...row, 'steady'].join(','))].join('\n'));
    // the words of anomalies come first in the alphabet
    const labelled = test.map((row, i) =>
      [...row, labels[i] === 1 ? (i % 8 === 0 ? 'cracked' : 'dented') : 'steady'].join(','),
    );
    await writeFile(own, [head, ...labelled].join('\n'));
    const options = optionsFor(model, data, { task, training: { ...trained, epochs: 1 }, dryRun: true });
    const result = await migrate({ ...options, data: { ...options.data, test: own } }, hooks());
    const before = await evaluateModel({ model, data: (await setting(given)).data, task, device: 'cpu' });
    expect(result.arms.before.test.auroc?.value).toBeCloseTo(before.metrics.auroc?.value ?? -1, 6);
    expect(result.reading.data).toContain("Samples of 'steady' are normal, all others anomalies.");
  });

  it('is not trained on samples that are labelled as anomalies', async () => {
    const mixed = [...train, ...test];
    const all = [...train.map(() => 0), ...labels];
    const { model, data } = await setting({ ...given, 'x_train.npy': floats(mixed), 'y_train.npy': numbers(all) });
    const result = await run(model, data, { training: { ...trained, epochs: 1 } });
    expect(result.data.train.count + result.data.validation.count).toBe(mixed.length - 40);
  });
});

describe('is refused', () => {
  const refusal = async (call: Promise<unknown>): Promise<Failure> => {
    const thrown = await call.then(
      () => null,
      (cause: unknown) => cause,
    );
    if (thrown instanceof Failure) return thrown;
    throw new Error(`it was not refused: ${String(thrown)}`);
  };

  it('without labels in the test part, or with one kind alone, or others than 0 and 1', async () => {
    const { 'y_test.npy': _, ...unlabelled } = given;
    for (const [arrays, says] of [
      [unlabelled, 'the test part has no labels'],
      [{ ...given, 'y_test.npy': numbers(labels.map(() => 0)) }, '0 are anomalies'],
      [{ ...given, 'y_test.npy': numbers(labels.map((label) => 2 * label)) }, 'not 0 for normal samples'],
    ] as const) {
      const { model, data } = await setting(arrays);
      expect((await refusal(run(model, data))).what).toContain(says);
    }
  });

  it('beside another loss, a metric of another task, a teacher, smoothing or targets', async () => {
    const { model, data } = await setting(given);
    const combinations: readonly Partial<MigrateOptions>[] = [
      { task: { ...task, loss: 'cross-entropy' } },
      { task: { ...task, metric: 'accuracy' } },
      { distill: { teacher: model, distillWeight: null, temperature: 1 } },
      { training: { ...trained, labelSmoothing: 0.1 } },
      { reading: { classes: null, inputs: [], outputs: [{ name: 'again', key: 'y' }], trustReading: false } },
    ];
    for (const changes of combinations) {
      expect(await refusal(run(model, data, changes))).toMatchObject({ kind: 'usage', written: 'nothing' });
    }
  });
});

/** What the network gives of a row, in float64. */
function through(row: readonly number[]): number[] {
  const graph = parseGraph(autoencoder);
  const value = (name: string): Float64Array => {
    const tensor = graph.initializer(name);
    if (tensor === undefined) throw new Error(`there is no ${name}`);
    return readDoubles(tensor);
  };
  const layer = (from: readonly number[], weights: Float64Array, bias: Float64Array): number[] =>
    Array.from(bias, (start, j) =>
      from.reduce((sum, each, i) => sum + each * (weights[bias.length * i + j] ?? 0), start),
    );
  const hidden = layer(row, value('v'), value('vb')).map((each) => Math.max(0, each));
  return layer(layer(hidden, value('c'), value('cb')), value('d'), value('db'));
}
