import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { batches } from '../../src/data/batches.js';
import { createRandom } from '../../src/math/random.js';
import type { Graph } from '../../src/model/graph.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { readFloats } from '../../src/model/tensor.js';
import { findDuplicates, openEvaluationData, openRunData, sampleShapesOf } from '../../src/reading/data.js';
import { defaultReadingOptions } from '../../src/reading/options.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { migrate } from '../../src/run/migrate.js';
import type { MigrateOptions } from '../../src/run/spec.js';
import { signatureOf, tensorsFor } from '../../src/runtime/predictor.js';
import { makeTrainable, prepareStep } from '../../src/training/prepare.js';
import { Stepper } from '../../src/training/stepper.js';
import { littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { parseGraph } from '../transforms/notation.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';

const count = 400;
const random = createRandom(5);
const samples = [...Array(count).keys()];
const normals = (width: number) => samples.map(() => Array.from({ length: width }, () => Math.fround(random.normal())));

/** Two towers that meet: an amount that depends on both inputs. */
const towers = `
  user: float[N,3]
  item: float[N,2]
  v = float[3,8]
  vb = float[8]
  w = float[2,8]
  wb = float[8]
  o = float[16,1]
  ob = float[1]
  hu = Gemm(user, v, vb) name=user/dense
  ru = Relu(hu) name=user/relu
  hi = Gemm(item, w, wb) name=item/dense
  ri = Relu(hi) name=item/relu
  c = Concat(ru, ri) axis=1
  score = Gemm(c, o, ob) name=head
  -> score`;
const user = normals(3);
const item = normals(2);
const score = samples.map((i) => Math.fround(Math.abs(user[i]?.[0] ?? 0) - 0.5 * Math.abs(item[i]?.[1] ?? 0)));

/** A mean of embeddings under a mask, which class it belongs to. */
const words = `
  ids: int64[N,5]
  mask: float[N,5]
  table = float[12,6]
  last = int64[1] -1
  one = int64[1] 1
  v = float[6,16]
  vb = float[16]
  o = float[16,2]
  ob = float[2]
  e = Gather(table, ids) axis=0
  m = Unsqueeze(mask, last)
  k = Mul(e, m)
  s = ReduceSum(k, one) keepdims=0
  h = Gemm(s, v, vb) name=dense
  r = Relu(h) name=relu
  logits = Gemm(r, o, ob) name=head
  -> logits`;
const ids = samples.map(() => Array.from({ length: 5 }, () => Math.floor(12 * random.uniform())));
const mask = samples.map((i) => Array.from({ length: 5 }, (_, at) => Number(at <= i % 5)));
/** Whether more of the tokens that are not masked are of the upper half. */
const label = samples.map((i) => {
  const shown = (ids[i] ?? []).filter((_, at) => mask[i]?.[at] === 1);
  return Number(shown.filter((id) => id >= 6).length * 2 > shown.length);
});

const { float32, int64 } = littleEndian;
const floats = (rows: readonly (readonly number[])[]) =>
  npyBytes('<f4', [rows.length, rows[0]?.length ?? 0], float32(rows.flat()));
const integers = (rows: readonly (readonly number[])[]) =>
  npyBytes('<i8', [rows.length, rows[0]?.length ?? 0], int64(rows.flat()));

async function modelFile(text: string): Promise<string> {
  const path = join(await temporaryFolder(), 'model.onnx');
  await writeFile(path, Buffer.concat(encodeModel(parseGraph(text).model)));
  return path;
}

async function archive(arrays: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const path = join(await temporaryFolder(), 'data.npz');
  await writeFile(path, zipBytes(Object.fromEntries(Object.entries(arrays).map(([name, a]) => [`${name}.npy`, a]))));
  return path;
}

async function table(columns: Readonly<Record<string, (i: number) => number | undefined>>): Promise<string> {
  const path = join(await temporaryFolder(), 'data.csv');
  const rows = samples.map((i) => Object.values(columns).map((at) => at(i)));
  await writeFile(path, [Object.keys(columns), ...rows].map((row) => row.join(',')).join('\n'));
  return path;
}

const towerArrays = () => ({ user: floats(user), item: floats(item), score: npyBytes('<f4', [count], float32(score)) });
const wordArrays = () => ({ ids: integers(ids), mask: floats(mask), y: npyBytes('<i8', [count], int64(label)) });

const trusted = { ...defaultReadingOptions, trustReading: true };
const run = (model: string, data: string, changes: Partial<MigrateOptions> = {}) =>
  migrate(
    optionsFor(model, data, {
      training: { ...training, batchSize: 16, epochs: 6, learningRate: 0.05 },
      reading: trusted,
      dryRun: true,
      ...changes,
    }),
    hooks(),
  );

/** What the two towers say, in float64. */
function scoreOf(weights: (name: string) => Float64Array, u: readonly number[], t: readonly number[]) {
  const dense = (x: readonly number[], w: Float64Array, b: Float64Array) =>
    Array.from(b, (bias, j) => x.reduce((sum, value, i) => sum + value * (w[i * b.length + j] ?? 0), bias));
  const before = [...dense(u, weights('v'), weights('vb')), ...dense(t, weights('w'), weights('wb'))];
  const joined = before.map((value) => Math.max(0, value));
  const [said = Number.NaN] = dense(joined, weights('o'), weights('ob'));
  return { before, joined, said };
}

describe('two inputs of floats', () => {
  it('are evaluated by name from arrays, and from groups of columns', async () => {
    const model = await modelFile(towers);
    const graph = parseGraph(towers);
    const weights = float64Weights(graph);
    const errors = samples.map((i) => scoreOf(weights, user[i] ?? [], item[i] ?? []).said - (score[i] ?? 0));
    const rmse = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / count);
    const byArray = await evaluateModel({ model, data: await archive(towerArrays()), device: 'cpu' });
    expect(byArray.metrics.rmse?.value).toBeCloseTo(rmse, 5);
    expect(byArray.reading.inputs.map(({ name, shape }) => [name, shape])).toEqual([
      ['user', [3]],
      ['item', [2]],
    ]);
    const columns = {
      score: (i: number) => score[i],
      item_0: (i: number) => item[i]?.[0],
      item_1: (i: number) => item[i]?.[1],
      age: (i: number) => user[i]?.[0],
      income: (i: number) => user[i]?.[1],
      visits: (i: number) => user[i]?.[2],
    };
    const byColumn = await evaluateModel({
      model,
      data: await table(columns),
      reading: { inputs: [{ name: 'user', key: 'age,income,visits' }] },
      device: 'cpu',
    });
    expect(byColumn.metrics.rmse?.value).toBeCloseTo(rmse, 5);
    expect(byColumn.reading.inputs.map(({ key }) => key)).toEqual(['age,income,visits', undefined]);
  });

  it('are trained as a plain computation in float64 trains them: the loss of ten steps', async () => {
    const graph = parseGraph(towers);
    const signature = signatureOf(graph);
    const model = { format: 'onnx', path: 'model.onnx', files: [], graph } as const;
    const { data } = optionsFor('', await archive(towerArrays()));
    const part = await openEvaluationData({ model, signature, classNames: null }, data, null);
    const trainable = makeTrainable('model.onnx', graph, 'all');
    const optimizer = { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 } as const;
    const settings = { provider: 'cpu', loss: 'mse', optimizer, batchNorm: 'frozen', clipNorm: null } as const;
    const sampleShapes = sampleShapesOf(part);
    const stepper = new Stepper(
      (size, kind) => prepareStep(trainable, size, { ...settings, sampleShapes }, kind),
      trainable.graph,
    );
    onTestFinished(() => stepper.release());
    const weights = float64Weights(graph);
    const rate = 0.1;
    let steps = 0;
    for await (const batch of batches(part, { batchSize: 16, shuffle: { seed: 1, epoch: 1 } })) {
      const inputs = tensorsFor(signature, batch.inputs, batch.count);
      const feed = { inputs, targets: batch.targets, count: batch.count };
      const loss = await stepper.run(feed, { weights: rate, sites: rate });
      expect(loss, `step ${steps}`).toBeCloseTo(plainStep(weights, [...batch.indices], rate), 5);
      steps += 1;
      if (steps === 10) break;
    }
    expect(steps).toBe(10);
  });

  it('are migrated: both towers get their FReLU, and the result speaks of both inputs', async () => {
    const result = await run(await modelFile(towers), await archive(towerArrays()));
    expect(result.sites.map(({ id }) => id)).toEqual(['user/relu', 'item/relu']);
    expect(result.parity.maxAbsDiff).toBeLessThan(1e-5);
    expect(result.arms.frelu.test.rmse?.value).toBeLessThan(0.5 * (result.arms.before.test.rmse?.value ?? 0));
    expect(result.reading.inputs.map(({ name }) => name)).toEqual(['user', 'item']);
    expect(result.monitoring?.inputs.map(({ name }) => name)).toEqual([
      'user/x1',
      'user/x2',
      'user/x3',
      'item/x1',
      'item/x2',
    ]);
    expect(result.attribution).toBeNull();
    expect(result.operations?.before).toBe(3 * 8 + 2 * 8 + 16);
    expect(result.data.duplicates).toEqual({ withinTest: 0, testInTraining: 0 });
  });

  it('count as one sample: a repeated user with another item is none that repeats', async () => {
    const duplicates = async (arrays: Readonly<Record<string, Uint8Array>>) => {
      const graph = parseGraph(towers);
      const model = { format: 'onnx', path: 'model.onnx', files: [], graph } as const;
      const { data } = optionsFor('', await archive(arrays));
      const fed = { model, signature: signatureOf(graph), classNames: null };
      return findDuplicates(await openRunData(fed, data, null, 7));
    };
    const repeated = { ...towerArrays(), user: floats(samples.map(() => user[0] ?? [])) };
    expect(await duplicates(repeated)).toEqual({ withinTest: 0, testInTraining: 0 });
    const both = { ...repeated, item: floats(samples.map(() => item[0] ?? [])) };
    expect(await duplicates(both)).toEqual({ withinTest: 79, testInTraining: 80 });
  });

  it('are refused where one is not in the data, naming what there is', async () => {
    const { user: own, score: target } = towerArrays();
    const data = await archive({ user: own, things: floats(item), score: target });
    const model = await modelFile(towers);
    await expect(evaluateModel({ model, data, device: 'cpu' })).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(/nothing for the model's input "item".*user, things, score/),
    });
    const reading = { inputs: [{ name: 'item', key: 'things' }] };
    expect((await evaluateModel({ model, data, reading, device: 'cpu' })).data.count).toBe(count);
    const unknown = { inputs: [{ name: 'goods', key: 'things' }] };
    await expect(evaluateModel({ model, data, reading: unknown, device: 'cpu' })).rejects.toThrow(
      /no input 'goods'. Its inputs are user, item/,
    );
  });
});

describe('token ids and a mask', () => {
  it('are trained from arrays and from columns alike', async () => {
    const model = await modelFile(words);
    const byArray = await run(model, await archive(wordArrays()));
    expect(byArray.task).toBe('classification');
    expect(byArray.reading.inputs.map(({ name, dtype }) => [name, dtype])).toEqual([
      ['ids', 'int64'],
      ['mask', 'float'],
    ]);
    expect(byArray.arms.frelu.test.accuracy?.value).toBeGreaterThan(0.8);
    const group = (name: string, rows: readonly (readonly number[])[]) =>
      Object.fromEntries(Array.from({ length: 5 }, (_, at) => [`${name}_${at}`, (i: number) => rows[i]?.[at]]));
    const data = await table({ ...group('ids', ids), ...group('mask', mask), y: (i) => label[i] });
    const byColumn = await run(model, data);
    expect(byColumn.arms.frelu.curve).toEqual(byArray.arms.frelu.curve);
  });

  it('a mask of bytes is fed as it is', async () => {
    const model = await modelFile(words);
    const plain = await evaluateModel({ model, data: await archive(wordArrays()), reading: trusted, device: 'cpu' });
    const bytes = { ...wordArrays(), mask: npyBytes('|u1', [count, 5], Uint8Array.from(mask.flat())) };
    const masked = await evaluateModel({ model, data: await archive(bytes), reading: trusted, device: 'cpu' });
    expect(masked.metrics).toEqual(plain.metrics);
  });

  it('an id that float32 would round is refused', async () => {
    const model = await modelFile(words);
    const large = ids.map((row, i) => (i === 7 ? [2 ** 24 + 1, ...row.slice(1)] : row));
    const data = await archive({ ...wordArrays(), ids: integers(large) });
    await expect(evaluateModel({ model, data, device: 'cpu' })).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(/input 'ids' takes whole numbers, and 16777217 is beyond/),
    });
  });

  it('the preparation of pictures is refused where there is none', async () => {
    const data = { ...optionsFor('', await archive(wordArrays())).data, preprocessing: { scale: 0.5 } };
    await expect(evaluateModel({ model: await modelFile(words), data, device: 'cpu' })).rejects.toMatchObject({
      kind: 'usage',
    });
  });
});

function float64Weights(graph: Graph): (name: string) => Float64Array {
  const weights = new Map(
    graph.proto.initializer.map((tensor) => [tensor.name, Float64Array.from(readFloats(tensor))] as const),
  );
  return (name) => weights.get(name) ?? new Float64Array();
}

/** One step of gradient descent on the mean squared error, in place; gives the loss before it. */
function plainStep(weights: (name: string) => Float64Array, indices: readonly number[], rate: number): number {
  const steps = new Map<Float64Array, Float64Array>();
  const add = (name: string, at: number, value: number): void => {
    const own = weights(name);
    const step = steps.get(own) ?? new Float64Array(own.length);
    steps.set(own, step);
    step[at] = (step[at] ?? 0) + value;
  };
  let loss = 0;
  for (const index of indices) {
    const [u, t] = [user[index] ?? [], item[index] ?? []];
    const { before, joined, said } = scoreOf(weights, u, t);
    const error = said - (score[index] ?? 0);
    loss += error ** 2 / indices.length;
    const slope = (2 * error) / indices.length;
    add('ob', 0, slope);
    for (const [j, value] of joined.entries()) {
      add('o', j, slope * value);
      if ((before[j] ?? 0) <= 0) continue;
      const inner = slope * (weights('o')[j] ?? 0);
      const [x, w, b] = j < 8 ? ([u, 'v', 'vb'] as const) : ([t, 'w', 'wb'] as const);
      add(b, j % 8, inner);
      for (const [i, feature] of x.entries()) add(w, i * 8 + (j % 8), inner * feature);
    }
  }
  for (const [own, step] of steps) for (const [i, value] of step.entries()) own[i] = (own[i] ?? 0) - rate * value;
  return loss;
}
