import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NamedTask } from '../../src/contract/settings.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { migrate } from '../../src/run/migrate.js';
import { littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { hooks, optionsFor, temporaryFolder } from '../run/runs.js';
import { parseGraph } from '../transforms/notation.js';

const [count, height, width] = [40, 4, 6];
const pixels = height * width;

/** The class of each pixel of each sample, and a picture that shows it: 20, 120 or 220. */
const labels = Array.from({ length: count }, (_, n) =>
  Array.from({ length: pixels }, (_, at) => (n * 7 + at * 5 + ((n * at) % 4)) % 3),
).flat();
const grey = Uint8Array.from(labels, (label) => 20 + 100 * label);

/** Three logits a pixel that are right about grey levels; behind them whatever is asked for. */
const three = (end: string): string => `
  opset 13
  x: float[N,1,4,6]
  w = float[3,1,1,1] -40 0 40
  b = float[3] 10 3 -22
  v = float[3,3,1,1] 1 0 0 0 1 0 0 0 1
  c = float[3] 0 0 0
  h = Conv(x, w, b) name=first
  r = Relu(h) name=relu
  z = Conv(r, v, c) name=last
  ${end}`;

/** One number a pixel: of the brightest ones or not. */
const one = (end: string, factor = 40): string => `
  opset 13
  x: float[N,1,4,6]
  w = float[1,1,1,1] ${factor}
  b = float[1] ${-0.65 * factor}
  v = float[1,1,1,1] 1
  c = float[1] ${factor > 10 ? -4 : 0}
  h = Conv(x, w, b) name=first
  r = Relu(h) name=relu
  z = Conv(r, v, c) name=last
  ${end}`;

const nets = {
  logits: three('-> z'),
  softmax: three('p = Softmax(z) axis=1\n  -> p'),
  sigmoids: three('p = Sigmoid(z)\n  -> p'),
  'channels last': three('p = Transpose(z) perm=[0,2,3,1]\n  -> p'),
  'one logit': one('-> z'),
  'one sigmoid': one('p = Sigmoid(z)\n  -> p'),
  'one amount': one('-> z', 1),
  steps: one('axis = int64[1] 1\n  p = Squeeze(z, axis)\n  -> p'),
};

const oneHot = (columns: number, of: readonly number[] = labels): number[] =>
  of.flatMap((label) => Array.from({ length: columns }, (_, c) => Number(label === c)));

/** [N, H, W, K] as [N, K, H, W]. */
const channelsFirst = (values: readonly number[], columns: number): number[] =>
  values.map((_, i) => {
    const [n, rest] = [Math.floor(i / (columns * pixels)), i % (columns * pixels)];
    return values[(n * pixels + (rest % pixels)) * columns + Math.floor(rest / pixels)] ?? Number.NaN;
  });

const bright = labels.map((label) => Number(label === 2));

interface Targets {
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly type?: '<f4' | '|u1' | '|b1' | '<i8';
}

async function setting(net: keyof typeof nets, { shape, values, type = '<f4' }: Targets) {
  const folder = await temporaryFolder();
  const [model, data] = [join(folder, 'model.onnx'), join(folder, 'data.npz')];
  await writeFile(model, Buffer.concat(encodeModel(parseGraph(nets[net]).model)));
  const bytes =
    type === '<f4'
      ? littleEndian.float32(values)
      : type === '<i8'
        ? littleEndian.int64(values)
        : Uint8Array.from(values);
  const arrays = {
    'x.npy': npyBytes('|u1', [count, 1, height, width], grey),
    'y.npy': npyBytes(type, [count, ...shape], bytes),
  };
  await writeFile(data, zipBytes(arrays));
  return { model, data };
}

async function evaluated(net: keyof typeof nets, targets: Targets, task: NamedTask | null = null) {
  return evaluateModel({ ...(await setting(net, targets)), task: { task }, device: 'cpu' });
}

const refused = (work: Promise<unknown>, message: RegExp, ways: readonly NamedTask[]) =>
  expect(work).rejects.toMatchObject({
    kind: 'input',
    message: expect.stringMatching(message),
    ways: ways.map((task) => ({ settings: [['task', task]] })),
  });

const first = channelsFirst(oneHot(3), 3);

describe('numbers for each pixel are read as masks where nothing else is meant', () => {
  it.each<[keyof typeof nets, string, Targets]>([
    ['logits', 'one-hot, channels first', { shape: [3, height, width], values: first }],
    ['logits', 'one-hot, channels last', { shape: [height, width, 3], values: oneHot(3) }],
    ['softmax', 'one-hot, whole numbers', { shape: [3, height, width], values: first, type: '<i8' }],
    ['channels last', 'one-hot, truths', { shape: [height, width, 3], values: oneHot(3), type: '|b1' }],
    [
      'channels last',
      'one-hot, black and white',
      { shape: [3, height, width], values: first.map((v) => 255 * v), type: '|u1' },
    ],
    ['logits', 'numbers of classes', { shape: [height, width], values: labels }],
    ['softmax', 'numbers of classes, one channel', { shape: [1, height, width], values: labels }],
  ])('%s: %s', async (net, _, targets) => {
    const { metrics, reading } = await evaluated(net, targets);
    expect(metrics.miou?.value).toBe(1);
    expect(reading).toMatchObject({ loss: 'cross-entropy', masks: { classes: 3, columns: 3 } });
    expect(reading.data[0]).toMatch(/^The targets are masks/);
  });

  it.each<[keyof typeof nets, Targets]>([
    ['one sigmoid', { shape: [height, width], values: bright }],
    ['one sigmoid', { shape: [height, width, 1], values: bright.map((value) => 255 * value) }],
    ['one logit', { shape: [1, height, width], values: bright }],
    ['one sigmoid', { shape: [2, height, width], values: channelsFirst(oneHot(2, bright), 2) }],
  ])('of two classes in one column: %s', async (net, targets) => {
    const { metrics, reading } = await evaluated(net, targets);
    expect(metrics.miou?.value).toBe(1);
    expect(reading).toMatchObject({ loss: 'binary-cross-entropy', masks: { classes: 2, columns: 1 } });
  });

  it('in every part of a run', async () => {
    const { model, data } = await setting('logits', { shape: [3, height, width], values: first });
    const other = await setting('logits', { shape: [height, width], values: labels });
    const options = optionsFor(model, data, { dryRun: true });
    const result = await migrate({ ...options, data: { ...options.data, test: other.data } }, hooks());
    expect(result).toMatchObject({ task: 'segmentation', settings: { metric: 'miou' } });
    expect(result.arms.before.test.miou?.value).toBe(1);
    expect(result.data.test.classes).toBe(3);
  });
});

describe('numbers for each pixel that may be something else', () => {
  it('are refused where a class for each pixel meets a sigmoid for each class', () =>
    refused(
      evaluated('sigmoids', { shape: [3, height, width], values: first }),
      /of one class alone, and .* has a sigmoid for each class/,
      ['multilabel'],
    ));

  it('are labels of their own where that is said', async () => {
    const { metrics } = await evaluated('sigmoids', { shape: [3, height, width], values: first }, 'multilabel');
    expect(Object.keys(metrics)).toContain('macroF1');
  });

  it('are labels of their own where several hold at once', async () => {
    const both = first.map((value, i) => (i % (3 * pixels) < 4 ? 1 : value));
    const { reading } = await evaluated('sigmoids', { shape: [3, height, width], values: both });
    expect(reading).toMatchObject({ loss: 'binary-cross-entropy' });
    expect(reading.masks).toBeUndefined();
  });

  it.each([null, 'segmentation'] as const)('are refused where pixels are of no class: task %s', (task) =>
    refused(
      evaluated(
        'logits',
        {
          shape: [3, height, width],
          values: first.map((v, i) => (i === 0 || i === pixels || i === 2 * pixels ? 0 : v)),
        },
        task,
      ),
      /a pixel of sample 0 is of none/,
      ['multilabel'],
    ),
  );

  it('are refused where 0 and 1 may be amounts, and are what is said', async () => {
    const targets = { shape: [height, width], values: bright };
    await refused(evaluated('one amount', targets), /classes or amounts, .* does not tell/, [
      'segmentation',
      'regression',
    ]);
    expect((await evaluated('one amount', targets, 'regression')).reading.loss).toBe('mse');
    expect((await evaluated('one amount', targets, 'segmentation')).reading.loss).toBe('binary-cross-entropy');
  });

  it.each(['steps', 'one logit'] as const)('are refused where they are classes of steps: %s', async (net) => {
    const steps = Array.from({ length: count * height }, (_, row) =>
      Array.from({ length: width }, (_, c) => Number(c === row % width)),
    ).flat();
    const targets = { shape: [height, width], values: steps };
    await refused(evaluated(net, targets), /one number that is not 0, as the classes of the steps/, []);
    expect((await evaluated(net, targets, 'segmentation')).reading.masks).toMatchObject({ classes: 2 });
    const numbers = { shape: [height], values: steps.slice(0, count * height), type: '<i8' as const };
    await expect(evaluated('steps', numbers)).rejects.toMatchObject({
      kind: 'input',
      cure: expect.stringContaining('a class of each step of a sequence'),
      settings: ['loss', 'metric', 'output'],
    });
  });

  it('are amounts where they are no classes', async () => {
    const { reading } = await evaluated('one amount', {
      shape: [height, width],
      values: labels.map((v) => v / 2 + 0.1),
    });
    expect(reading.loss).toBe('mse');
  });

  it('are refused where their axes lie otherwise than those of the output', async () => {
    const amounts = oneHot(3).map((value) => value + 0.5);
    await expect(evaluated('logits', { shape: [height, width, 3], values: amounts })).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringContaining('no output fits the targets of the data, [4, 6, 3] each'),
      cure: expect.stringContaining("in the order of the output's"),
    });
  });
});
