import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { present } from '../../src/contract/present.js';
import type { EvaluateResult, MigrateResult } from '../../src/contract/result.js';
import { createRandom } from '../../src/math/random.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { migrate } from '../../src/run/migrate.js';
import type { MigrateRequest } from '../../src/run/spec.js';
import { littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { parseGraph } from '../transforms/notation.js';
import { temporaryFolder } from './runs.js';

/*
 * A network whose function is known, y = W x: relu(x) and relu(-x) side by side, then [W, -W]. Its data are labelled by
 * W x plus noise, so that what a right reading reports is known, and what a wrong one does is far from it.
 */

const count = 400;
const features = 6;
const classes = 3;
const random = createRandom(11);
const weights = Array.from({ length: classes * features }, () => random.normal());
const x = Array.from({ length: count * features }, () => random.normal());
const scores = (i: number): number[] =>
  Array.from({ length: classes }, (_, k) =>
    Array.from(
      { length: features },
      (_, j) => present(weights[k * features + j], 'w') * present(x[i * features + j], 'x'),
    ).reduce((sum, value) => sum + value, 0),
  );
const argmax = (row: readonly number[]): number => row.indexOf(Math.max(...row));
const labels = Array.from({ length: count }, (_, i) => argmax(scores(i).map((score) => score + 0.5 * random.normal())));
const accuracy = labels.filter((label, i) => argmax(scores(i)) === label).length / count;

const list = (values: readonly number[]): string => values.map((value) => value.toFixed(6)).join(' ');
const identity = Array.from({ length: features * features }, (_, i) => (i % (features + 1) === 0 ? 1 : 0));
const mirrored = list([...identity, ...identity.map((value) => -value)]);

/** W, or some rows of it scaled, as the weights of the last layer: [rows, 2 * features]. */
function lastLayer(rows: readonly number[], scale = 1): string {
  return list(
    rows.flatMap((k) => {
      const own = weights.slice(k * features, (k + 1) * features).map((value) => value * scale);
      return [...own, ...own.map((value) => -value)];
    }),
  );
}

/** `tail` goes from the logits `z` [N, 3] to the outputs. */
const classifier = (tail: string, type = 'float'): string => `
  x: ${type}[N,${features}]
  w1 = ${type}[${2 * features},${features}] ${mirrored}
  w2 = ${type}[${classes},${2 * features}] ${lastLayer([0, 1, 2])}
  b2 = ${type}[${classes}] 0
  h = Gemm(x, w1) transB=1
  r = Relu(h) name=act
  z = Gemm(r, w2, b2) transB=1
  ${tail}`;

const npz = (y: Uint8Array, input: Uint8Array = npyBytes('<f4', [count, features], littleEndian.float32(x))) =>
  zipBytes({ 'x.npy': input, 'y.npy': y });
const classLabels = npyBytes('<i8', [count], littleEndian.int64(labels));

/** A model and its data in a folder. */
async function setting(graph: string, data: Uint8Array = npz(classLabels)) {
  const folder = await temporaryFolder();
  const at = { model: join(folder, 'model.onnx'), data: join(folder, 'data.npz') };
  await writeFile(at.model, toBinary(ModelProtoSchema, parseGraph(graph).model));
  await writeFile(at.data, data);
  return at;
}

type Setting = Awaited<ReturnType<typeof setting>>;

const evaluated = (at: Setting, more: Partial<MigrateRequest> = {}): Promise<EvaluateResult> =>
  evaluateModel({ ...at, ...more, device: 'cpu' });

const migrated = (at: Setting, { training, ...more }: Partial<MigrateRequest> = {}): Promise<MigrateResult> =>
  migrate({
    ...at,
    dryRun: true,
    accept: 'always',
    seed: 3,
    training: { device: 'cpu', epochs: 1, learningRate: 0.01, ...training },
    ...more,
  });

describe('the output that is judged', () => {
  it.each([
    ['logits', '-> z'],
    ['a label first, as scikit-learn writes it', 'k = ArgMax(z) axis=-1\np = Softmax(z) axis=-1\n-> k, p'],
    ['features first', '-> r, z'],
    ['log-probabilities', 'p = LogSoftmax(z) axis=-1\n-> p'],
    ['softmax written out', 'e = Exp(z)\naxis = int64[1] 1\ns = ReduceSum(e, axis)\np = Div(e, s)\n-> p'],
    [
      'a mean of probabilities, which no operator shows',
      'p = Softmax(z) axis=-1\nhalf = float[1] 0.5\na = Mul(p, half)\nm = Add(a, a)\n-> m',
    ],
  ])('is found and read: %s', async (_, tail) => {
    const result = await evaluated(await setting(classifier(tail)));
    expect(result.metrics.accuracy?.value).toBeCloseTo(accuracy, 10);
    const plain = await evaluated(await setting(classifier('-> z')));
    expect(result.metrics.logLoss?.value).toBeCloseTo(plain.metrics.logLoss?.value ?? Number.NaN, 4);
    expect(result.reading.sanity?.status).toBe('fine');
    expect(result.reading.outputs.filter(({ judged }) => judged)).toHaveLength(1);
  });

  it('is trained before its softmax, whatever stands after that', async () => {
    const shape = 'shape = int64[2] 0 -1';
    const [plain, ...others] = await Promise.all(
      [
        '-> z',
        'p = Softmax(z) axis=-1\n-> p',
        'p = Softmax(z) axis=-1\ni = Identity(p)\n-> i',
        `p = Softmax(z) axis=-1\n${shape}\nf = Reshape(p, shape)\n-> f`,
        'k = ArgMax(z) axis=-1\np = Softmax(z) axis=-1\n-> k, p',
      ].map(async (tail) => migrated(await setting(classifier(tail)))),
    );
    const curve = (result: MigrateResult | undefined) =>
      result?.arms.frelu.curve.flatMap(({ trainLoss, validationLoss }) => [trainLoss ?? 0, validationLoss ?? 0]);
    for (const other of others) {
      curve(other)?.forEach((loss, i) => {
        expect(loss).toBeCloseTo(present(curve(plain)?.[i], 'a loss'), 5);
      });
    }
  });

  it('is asked for where several fit, and taken where it is named', async () => {
    const at = await setting(classifier('two = float[1] 2\nd = Mul(z, two)\n-> z, d'));
    await expect(evaluated(at)).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringMatching(/'z' \(float, 3 wide\).*'d' \(float, 3 wide\)/),
      settings: ['output'],
    });
    const { metrics, reading } = await evaluated(at, { reading: { outputs: [{ name: 'd', key: null }] } });
    expect(metrics.accuracy?.value).toBeCloseTo(accuracy, 10);
    expect(reading.outputs.map(({ name, judged }) => [name, judged])).toEqual([
      ['z', false],
      ['d', true],
    ]);
  });

  it('refuses labels beyond its classes, as the tool that trains does', async () => {
    const at = await setting(
      classifier('-> z'),
      npz(npyBytes('<i8', [count], littleEndian.int64(labels.map((label) => label + 1)))),
    );
    await expect(evaluated(at)).rejects.toMatchObject({ kind: 'input', what: expect.stringContaining('3 classes') });
  });
});

describe('a sigmoid', () => {
  /** logit = row 0 of W x - row 1; the label says whether it is positive, noise aside */
  const binary = (tail: string) => `
    x: float[N,${features}]
    w1 = float[${2 * features},${features}] ${mirrored}
    w2 = float[1,${2 * features}] ${lastLayer([0])}
    b2 = float[1] 0
    h = Gemm(x, w1) transB=1
    r = Relu(h) name=act
    z = Gemm(r, w2, b2) transB=1
    ${tail}`;
  const positive = Array.from({ length: count }, (_, i) =>
    Number(present(scores(i)[0], 'a score') + 0.5 * random.normal() > 0),
  );
  const data = npz(npyBytes('<i8', [count], littleEndian.int64(positive)));

  it.each([
    ['squeezed', 'axis = int64[1] 1\np = Sigmoid(z)\ny = Squeeze(p, axis)\n-> y'],
    ['cast and cast again', 'p = Sigmoid(z)\nq = Cast(p) to=10\ny = Cast(q) to=1\n-> y'],
    ['written out', 'one = float[1] 1\nn = Neg(z)\ne = Exp(n)\nd = Add(e, one)\ny = Div(one, d)\n-> y'],
    ['as two columns', 'one = float[1] 1\np = Sigmoid(z)\nq = Sub(one, p)\ny = Concat(q, p) axis=1\n-> y'],
  ])('is a probability, %s', async (_, tail) => {
    const logits = await evaluated(await setting(binary('-> z'), data));
    const at = await setting(binary(tail), data);
    const { metrics } = await evaluated(at);
    expect(metrics.accuracy?.value).toBeCloseTo(present(logits.metrics.accuracy?.value, 'accuracy'), 2);
    expect(metrics.logLoss?.value).toBeCloseTo(present(logits.metrics.logLoss?.value, 'log loss'), 2);
    const trained = await migrated(at);
    const before = present(trained.arms.before.validation.logLoss?.value, 'log loss');
    expect(trained.arms.control?.validation.logLoss?.value).toBeLessThan(before + 0.02);
  });
});

describe('what the model is fed with', () => {
  const side = 5;
  const pixels = 3 * side * side;
  const [mean, std] = [
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ] as const;
  const stored = Array.from({ length: count * pixels }, () => Math.floor(256 * random.uniform()));
  const rows = Array.from({ length: 4 * pixels }, () => random.normal());
  /** The four scores of image i, of pixels normalised as ImageNet's. */
  const imageScores = (i: number) =>
    [0, 1, 2, 3].map((k) => {
      let sum = 0;
      for (let j = 0; j < pixels; j++) {
        const channel = Math.floor(j / (side * side));
        const value =
          (present(stored[i * pixels + j], 'a pixel') / 255 - present(mean[channel], 'mean')) /
          present(std[channel], 'std');
        sum += present(rows[k * pixels + j], 'a weight') * value;
      }
      return sum + (k === 0 ? 12 : 0);
    });
  const imageLabels = Array.from({ length: count }, (_, i) =>
    argmax(imageScores(i).map((score) => score + 2 * random.normal())),
  );
  const truth = imageLabels.filter((label, i) => argmax(imageScores(i)) === label).length / count;
  const images = npyBytes('|u1', [count, 3, side, side], Uint8Array.from(stored));
  const unit = Array.from({ length: pixels * pixels }, (_, i) => (i % (pixels + 1) === 0 ? 1 : 0));
  const network = (input: string, before: string, order = [0, 1, 2, 3]) => `
    ${input}
    ${before}
    f = Flatten(n) axis=1
    w1 = float[${2 * pixels},${pixels}] ${list([...unit, ...unit.map((value) => -value)])}
    w2 = float[4,${2 * pixels}] ${list(
      order.flatMap((k) => {
        const own = rows.slice(k * pixels, (k + 1) * pixels);
        return [...own, ...own.map((value) => -value)];
      }),
    )}
    b2 = float[4] ${list(order.map((k) => (k === 0 ? 12 : 0)))}
    h = Gemm(f, w1) transB=1
    r = Relu(h) name=act
    y = Gemm(r, w2, b2) transB=1
    -> y`;
  const plain = network(`x: float[N,3,${side},${side}]`, 'n = Identity(x)');
  const data = npz(npyBytes('<i8', [count], littleEndian.int64(imageLabels)), images);
  const told = { data: { data: '', preprocessing: { mean: [...mean], std: [...std] } } };

  it('8-bit data go into an 8-bit input as they are', async () => {
    const scaled = `
      c = Cast(x) to=1
      k = float[1] 255
      u = Div(c, k)
      mean = float[3,1,1] ${list([...mean])}
      std = float[3,1,1] ${list([...std])}
      s = Sub(u, mean)
      n = Div(s, std)`;
    const at = await setting(network(`x: uint8[N,3,${side},${side}]`, scaled), data);
    const { metrics, reading } = await evaluated(at);
    expect(metrics.accuracy?.value).toBeCloseTo(truth, 10);
    expect(reading.inputs[0]).toMatchObject({ dtype: 'uint8', scale: 1, source: 'dtype' });
  });

  it('a forgotten mean and standard deviation are named, and stop what would train on them', async () => {
    const at = await setting(plain, data);
    const right = await evaluated({ ...at }, { data: { ...told.data, data: at.data } });
    expect(right.metrics.accuracy?.value).toBeCloseTo(truth, 10);
    expect(right.reading.sanity?.status).toBe('fine');

    const { reading, metrics } = await evaluated(at);
    expect(metrics.accuracy?.value).toBeLessThan(truth - 0.1);
    expect(reading.sanity).toMatchObject({ status: 'suspect' });
    const names = reading.sanity?.better?.settings.map((setting) =>
      typeof setting === 'string' ? setting : setting[0],
    );
    expect(names).toEqual(expect.arrayContaining(['mean', 'std']));
    await expect(migrated(at)).rejects.toMatchObject({
      kind: 'input',
      settings: expect.arrayContaining([['mean', '0.485,0.456,0.406'], 'trustReading']),
    });
    const trusted = await migrated(at, { reading: { trustReading: true } });
    expect(trusted.reading).toMatchObject({ trusted: true, sanity: { status: 'suspect' } });
  });

  it('classes in another order than the model has them are noticed, and put right by a list of them', async () => {
    const order = [2, 0, 3, 1];
    const at = await setting(network(`x: float[N,3,${side},${side}]`, 'n = Identity(x)', order), data);
    const options = { data: { ...told.data, data: at.data } };
    const wrong = await evaluated(at, options);
    expect(wrong.reading.sanity).toMatchObject({ status: 'suspect', better: { settings: ['classes'] } });
    expect(wrong.reading.sanity?.sentence).toContain(order.join(', '));
    await expect(migrated(at, options)).rejects.toMatchObject({ kind: 'input' });
    const classes = join(await temporaryFolder(), 'classes.txt');
    await writeFile(classes, order.join('\n'));
    const right = await evaluated(at, { ...options, reading: { classes } });
    expect(right.metrics.accuracy?.value).toBeCloseTo(truth, 10);
    expect(right.reading.classes).toMatchObject({ names: order.map(String), source: 'option' });
  });

  it('a float16 input is fed float16, and trained', async () => {
    const at = await setting(classifier('-> z', 'float16'));
    expect((await evaluated(at)).metrics.accuracy?.value).toBeCloseTo(accuracy, 2);
    expect((await migrated(at)).arms.control?.epochs).toBe(1);
  });
});

describe('a regression', () => {
  const amounts = Array.from({ length: count }, (_, i) => present(scores(i)[0], 'a score') + 0.3 * random.normal());
  const regression = (scale: number, by = 0.9) => `
    x: float[N,${features}]
    w1 = float[${2 * features},${features}] ${mirrored}
    w2 = float[1,${2 * features}] ${lastLayer([0], scale * by)}
    b2 = float[1] 0
    h = Gemm(x, w1) transB=1
    r = Relu(h) name=act
    y = Gemm(r, w2, b2) transB=1
    -> y`;

  it('is one where the targets are whole numbers and the model gives one', async () => {
    const whole = amounts.map((amount) => Math.round(20 * amount) + 100);
    const graph = regression(20, 1).replace('b2 = float[1] 0', 'b2 = float[1] 100');
    const at = await setting(graph, npz(npyBytes('<i8', [count], littleEndian.int64(whole))));
    const errors = whole.map((amount, i) => amount - (20 * present(scores(i)[0], 'a score') + 100));
    const rmse = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / count);
    expect((await evaluated(at)).metrics.rmse?.value).toBeCloseTo(rmse, 3);
    expect((await migrated(at)).task).toBe('regression');
  });

  it('trains the same whatever its targets are counted in', async () => {
    const curves = await Promise.all(
      [1, 100, 10_000].map(async (scale) => {
        const y = npyBytes('<f4', [count], littleEndian.float32(amounts.map((amount) => scale * amount)));
        const { arms, settings } = await migrated(await setting(regression(scale), npz(y)), {
          training: { epochs: 3, learningRate: 'auto' },
        });
        const curve = arms.frelu.curve.map(({ validationLoss }) => (validationLoss ?? Number.NaN) / scale ** 2);
        return { curve, rate: settings.learningRate };
      }),
    );
    const [one, ...rest] = curves;
    for (const { curve, rate } of rest) {
      expect(rate).toBe(one?.rate);
      curve.forEach((loss, i) => {
        expect(loss / present(one?.curve[i], 'a loss')).toBeCloseTo(1, 3);
      });
    }
    expect(present(one?.curve.at(-1), 'a loss')).toBeLessThan(present(one?.curve[0], 'a loss'));
  });

  it('has nothing to learn from itself', async () => {
    const at = await setting(
      regression(1),
      zipBytes({ 'x.npy': npyBytes('<f4', [count, features], littleEndian.float32(x)) }),
    );
    await expect(migrated(at, { task: { task: 'distill' } })).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringContaining('nothing to learn'),
    });
  });
});

it('says that training brought nothing where no epoch is better than the model as it came', async () => {
  const at = await setting(classifier('-> z'));
  const result = await migrated(at, { training: { learningRate: 1e-30, epochs: 2 } });
  expect(result.arms.frelu.bestEpoch).toBe(0);
  expect(result.reasons).toContainEqual({ code: 'training-brought-nothing' });
  expect(result.arms.frelu.test).toEqual(result.arms.before.test);
});
