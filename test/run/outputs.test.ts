import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { BatchPart } from '../../src/autodiff/step.js';
import type { Metrics } from '../../src/contract/result.js';
import { createRandom } from '../../src/math/random.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { readFloats } from '../../src/model/tensor.js';
import { defaultReadingOptions } from '../../src/reading/options.js';
import { compareModels } from '../../src/run/compare.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { migrate } from '../../src/run/migrate.js';
import { float32 } from '../../src/runtime/session.js';
import { makeTrainable, prepareStep } from '../../src/training/prepare.js';
import { Stepper } from '../../src/training/stepper.js';
import { littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { interceptRuns } from '../training/networks.js';
import { parseGraph } from '../transforms/notation.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';

/** A trunk with two heads: which of two classes a row is of, and an amount. */
const heads = `
  x: float[N,4]
  v = float[4,16]
  vb = float[16]
  p = float[16,2]
  pb = float[2]
  q = float[16,1]
  qb = float[1]
  h = Gemm(x, v, vb) name=trunk
  r = Relu(h) name=relu
  logits = Gemm(r, p, pb) name=kind/dense
  kind = Softmax(logits) axis=-1
  amount = Gemm(r, q, qb) name=amount/dense
  -> kind, amount`;
const count = 400;
const random = createRandom(9);
const rows = Array.from({ length: count }, () => Array.from({ length: 4 }, () => Math.fround(random.normal())));
const kinds = rows.map(([a = 0, b = 0]) => Number(Math.abs(a) > Math.abs(b)));
const amounts = rows.map(([a = 0, , c = 0]) => Math.fround(40 * Math.abs(c) + 10 * a));

async function setting() {
  const folder = await temporaryFolder();
  const [model, data] = [join(folder, 'heads.onnx'), join(folder, 'data.npz')];
  await writeFile(model, Buffer.concat(encodeModel(parseGraph(heads).model)));
  const arrays = {
    'x.npy': npyBytes('<f4', [count, 4], littleEndian.float32(rows.flat())),
    'label.npy': npyBytes('<i8', [count], littleEndian.int64(kinds)),
    'price.npy': npyBytes('<f4', [count], littleEndian.float32(amounts)),
  };
  await writeFile(data, zipBytes(arrays));
  return { model, data };
}

const outputs = [
  { name: 'kind', key: 'label' },
  { name: 'amount', key: 'price' },
];
const reading = { ...defaultReadingOptions, trustReading: true, outputs };

it('several outputs are trained together, each with its loss and its metrics; the first one is judged', async () => {
  const { model, data } = await setting();
  const trained = { ...training, batchSize: 16, epochs: 8, learningRate: 0.05 };
  const result = await migrate(optionsFor(model, data, { training: trained, reading, dryRun: true }), hooks());
  expect(result).toMatchObject({ task: 'classification', settings: { loss: 'cross-entropy', metric: 'accuracy' } });
  expect(result.reading.choice).toContain("'amount' is trained beside it.");
  // so the last layer of each is
  expect(result.reading.untrained).toEqual([]);
  const [kind, amount] = result.outputs;
  expect([kind?.name, kind?.task, amount?.name, amount?.task]).toEqual([
    'kind',
    'classification',
    'amount',
    'regression',
  ]);
  expect(kind?.frelu).toEqual(result.arms.frelu.test);
  expect(kind?.frelu.accuracy?.value).toBeGreaterThan((kind?.before.accuracy?.value ?? 1) + 0.1);
  expect(amount?.frelu.rmse?.value).toBeLessThan(0.6 * (amount?.before.rmse?.value ?? 0));
  expect(amount?.control?.rmse?.value).toBeLessThan(0.6 * (amount?.before.rmse?.value ?? 0));
  // the validation loss is that of both: at first about 0.7 of the classes and the square of the amount in its own unit
  const [untrained] = result.arms.frelu.curve;
  expect(untrained?.validationLoss).toBeGreaterThan(1.2);
});

const judgedHeads = [
  { output: 'kind', loss: 'cross-entropy', scores: 'probabilities' },
  { output: 'amount', loss: 'mse', scores: 'values' },
] as const;

const plainDescent = {
  provider: 'cpu',
  loss: 'cross-entropy',
  optimizer: { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 },
  batchNorm: 'frozen',
  clipNorm: null,
  sampleShapes: { x: [4] },
} as const;

/** The first eight rows as a step is fed with them. */
function firstBatch() {
  const samples = [...Array(8).keys()];
  const feed = {
    inputs: { x: float32(Float32Array.from(samples.flatMap((i) => rows[i] ?? [])), [8, 4]) },
    targets: Float32Array.from(samples.flatMap((i) => (kinds[i] === 0 ? [1, 0] : [0, 1]))),
    others: [Float32Array.from(samples, (i) => amounts[i] ?? 0)],
    count: 8,
  };
  return { samples, feed };
}

it('the loss of a step is the sum of what each output has, and reaches what they share', async () => {
  const graph = parseGraph(heads);
  const trainable = makeTrainable('heads.onnx', graph, 'all', [], judgedHeads);
  expect(trainable.parameters.toSorted()).toEqual(['p', 'pb', 'q', 'qb', 'v', 'vb']);
  const settings = { ...plainDescent, others: [{ loss: 'mse', targetScale: [30] }] } as const;
  const build = (size: number, part: BatchPart) => prepareStep(trainable, size, settings, part);
  const stepper = new Stepper(build, trainable.graph);
  onTestFinished(() => stepper.release());
  const weights = new Map(graph.proto.initializer.map((each) => [each.name, Float64Array.from(readFloats(each))]));
  const { samples, feed } = firstBatch();
  const rates = { weights: 0.05, sites: 0.05 };
  const losses: number[] = [];
  for (let step = 0; step < 10; step += 1) {
    losses.push(await stepper.run(feed, rates));
    expect(losses.at(-1), `step ${step}`).toBeCloseTo(plainStep(weights, samples, 0.05, 30), 4);
  }

  const looped = new Stepper(build, trainable.graph, { stepsPerCall: 5 });
  onTestFinished(() => looped.release());
  const again = await looped.runAll(Array(5).fill(feed), Array(5).fill(rates));
  for (const [step, loss] of again.entries()) expect(loss, `step ${step} of a loop`).toBeCloseTo(losses[step] ?? 0, 5);

  // memory that suffices for half the batch: the targets of each output are cut as its samples are
  const limited = new Stepper(build, trainable.graph);
  onTestFinished(() => limited.release());
  await interceptRuns((feeds, run) => {
    if ((feeds.targets?.dims[0] ?? 0) > 4)
      throw new Error('Failed to allocate memory for requested buffer of size 160000000000');
    return run();
  });
  for (const loss of losses.slice(0, 3)) expect(await limited.run(feed, rates)).toBeCloseTo(loss, 5);
});

it('an output counts as much as its weight says, in the loss and in what is learned', async () => {
  const { feed, stepsWith } = weighing();
  const [plain, amountThrice, both] = [
    await stepsWith({}),
    await stepsWith({ amount: 3 }),
    await stepsWith({ kind: 2, amount: 2 }),
  ];
  const once = await plain(feed, 0.02);
  const thrice = await amountThrice(feed, 0.02);
  const double = await both(feed, 0.01);
  // twice both at half the rate is the same step
  expect(double.losses[0]).toBeCloseTo(2 * (once.losses[0] ?? 0), 4);
  expect(double.losses[1]).toBeCloseTo(2 * (once.losses[1] ?? 0), 4);
  expect(thrice.losses[0]).toBeGreaterThan(once.losses[0] ?? Number.NaN);
  expect(thrice.losses[1]).not.toBeCloseTo(once.losses[1] ?? Number.NaN, 3);
});

it('are evaluated and compared together, and each alone as it is beside the others', async () => {
  const { model, data } = await setting();
  const evaluated = await evaluateModel({ model, data, reading, device: 'cpu' });
  expect(evaluated.outputs.map(({ name, task }) => [name, task])).toEqual([
    ['kind', 'classification'],
    ['amount', 'regression'],
  ]);
  expect(evaluated.outputs[0]?.metrics).toEqual(evaluated.metrics);
  const one = { ...reading, outputs: [{ name: 'amount', key: 'price' }] };
  const alone = await evaluateModel({ model, data, reading: one, device: 'cpu' });
  expect(alone.outputs).toEqual([]);
  expect(alone.metrics).toEqual(evaluated.outputs[1]?.metrics);

  const other = join(dirname(model), 'other.onnx');
  await writeFile(
    other,
    Buffer.concat(encodeModel(parseGraph(heads.replace('qb = float[1]', 'qb = float[1] 25')).model)),
  );
  const compared = await compareModels({ a: model, b: other, data: { data }, reading, device: 'cpu' });
  const [kind, amount] = compared.outputs;
  expect(kind?.delta).toEqual(compared.delta);
  expect(kind?.delta.value).toBe(0);
  const rmse = (metrics: Metrics | undefined) => metrics?.rmse?.value ?? Number.NaN;
  expect(rmse(amount?.a)).toBe(rmse(alone.metrics));
  expect(amount?.delta).toMatchObject({ metric: 'rmse' });
  expect(amount?.delta.value).toBeCloseTo(rmse(amount?.b) - rmse(amount?.a), 6);
  expect(amount?.delta.ci95?.[1]).toBeLessThan(0);
});

it('an output beside the first whose classes are in another order is told, and stops a migration', async () => {
  const { model, data } = await swapped();
  const outputs = [
    { name: 'amount', key: 'price' },
    { name: 'kind', key: 'label' },
  ];
  const wrong = { ...defaultReadingOptions, outputs };
  const { reading: read } = await evaluateModel({ model, data, reading: wrong, device: 'cpu' });
  expect(read.sanity?.status).toBe('fine');
  const [, kind] = [...read.outputs].sort((a, b) => Number(b.judged) - Number(a.judged));
  expect(kind).toMatchObject({ name: 'kind', sanity: { status: 'suspect' } });
  const run = migrate(optionsFor(model, data, { training, reading: wrong, dryRun: true }), hooks());
  await expect(run).rejects.toMatchObject({ kind: 'input', what: expect.stringContaining("output 'kind'") });
});

/** Two steps on the network of two heads, with weights for its outputs. */
function weighing() {
  const { feed } = firstBatch();
  const stepsWith = async (weights: { readonly kind?: number; readonly amount?: number }) => {
    const trainable = makeTrainable('heads.onnx', parseGraph(heads), 'all', [], judgedHeads);
    const settings = {
      ...plainDescent,
      ...(weights.kind !== undefined && { weight: weights.kind }),
      others: [{ loss: 'mse', targetScale: [30], ...(weights.amount !== undefined && { weight: weights.amount }) }],
    } as const;
    const stepper = new Stepper((size, part) => prepareStep(trainable, size, settings, part), trainable.graph);
    onTestFinished(() => stepper.release());
    return async (batch: typeof feed, rate: number) => {
      const losses = [];
      for (let step = 0; step < 2; step += 1) losses.push(await stepper.run(batch, { weights: rate, sites: rate }));
      return { losses };
    };
  };
  return { feed, stepsWith };
}

/** A network that tells x0 > x1 and x2, with data whose classes are the other way round. */
async function swapped() {
  const folder = await temporaryFolder();
  const [model, data] = [join(folder, 'swapped.onnx'), join(folder, 'data.npz')];
  const unit = (at: number, sign: number) => Array.from({ length: 4 }, (_, i) => (i === at ? sign : 0));
  const both = (of: readonly number[]) => [...of, ...of.map((value) => -value)];
  const mirrored = [0, 1, 2, 3].flatMap((i) => both(unit(i, 1)));
  const difference = both([1, -1, 0, 0]).flatMap((value) => [value, -value]);
  const graph = parseGraph(`
    x: float[N,4]
    v = float[4,8] ${mirrored.join(' ')}
    p = float[8,2] ${difference.join(' ')}
    q = float[8,1] ${both(unit(2, 1)).join(' ')}
    h = Gemm(x, v) name=trunk
    r = Relu(h) name=relu
    kind = Gemm(r, p) name=kind/dense
    amount = Gemm(r, q) name=amount/dense
    -> kind, amount`);
  await writeFile(model, Buffer.concat(encodeModel(graph.model)));
  const arrays = {
    'x.npy': npyBytes('<f4', [count, 4], littleEndian.float32(rows.flat())),
    'label.npy': npyBytes('<i8', [count], littleEndian.int64(rows.map(([a = 0, b = 0]) => Number(a > b)))),
    'price.npy': npyBytes('<f4', [count], littleEndian.float32(rows.map(([, , c = 0]) => c))),
  };
  await writeFile(data, zipBytes(arrays));
  return { model, data };
}

/**
 * One step of gradient descent in float64 on cross-entropy + ((amount - target) / scale)^2, in place; gives the loss before it.
 * The last layer of the amount is trained divided by the scale: its gradient is multiplied by scale^2.
 */
function plainStep(
  weights: ReadonlyMap<string, Float64Array>,
  indices: readonly number[],
  rate: number,
  scale: number,
): number {
  const of = (name: string): Float64Array => weights.get(name) ?? new Float64Array();
  const gradients = new Map([...weights].map(([name, { length }]) => [name, new Float64Array(length)]));
  const add = (name: string, at: number, value: number): void => {
    const own = gradients.get(name);
    if (own !== undefined) own[at] = (own[at] ?? 0) + value / indices.length;
  };
  const dense = (x: readonly number[], w: string, b: string): number[] =>
    Array.from(of(b), (bias, j) => x.reduce((sum, value, i) => sum + value * (of(w)[i * of(b).length + j] ?? 0), bias));
  let loss = 0;
  for (const index of indices) {
    const x = rows[index] ?? [];
    const before = dense(x, 'v', 'vb');
    const hidden = before.map((value) => Math.max(0, value));
    const powers = dense(hidden, 'p', 'pb').map(Math.exp);
    const sum = powers.reduce((a, b) => a + b, 0);
    const [amount = Number.NaN] = dense(hidden, 'q', 'qb');
    const error = (amount - (amounts[index] ?? 0)) / scale;
    loss += (error ** 2 - Math.log((powers[kinds[index] ?? 0] ?? 0) / sum)) / indices.length;
    const slopes = powers.map((power, k) => power / sum - Number(k === kinds[index]));
    const slope = (2 * error) / scale;
    for (const [k, own] of slopes.entries()) add('pb', k, own);
    add('qb', 0, slope * scale ** 2);
    for (const [j, value] of hidden.entries()) {
      for (const [k, own] of slopes.entries()) add('p', j * 2 + k, own * value);
      add('q', j, slope * scale ** 2 * value);
      if ((before[j] ?? 0) <= 0) continue;
      const inner = slopes.reduce((all, own, k) => all + own * (of('p')[j * 2 + k] ?? 0), slope * (of('q')[j] ?? 0));
      add('vb', j, inner);
      for (const [i, feature] of x.entries()) add('v', i * 16 + j, inner * feature);
    }
  }
  for (const [name, own] of gradients)
    for (const [i, value] of own.entries()) of(name)[i] = (of(name)[i] ?? 0) - rate * value;
  return loss;
}
