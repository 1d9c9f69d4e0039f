import { copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exitCodes, Failure } from '../../src/contract/failure.js';
import { createRandom } from '../../src/math/random.js';
import type { Graph } from '../../src/model/graph.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import type { TaskOptions } from '../../src/reading/options.js';
import { compareModels } from '../../src/run/compare.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { migrate } from '../../src/run/migrate.js';
import type { MigrateOptions } from '../../src/run/spec.js';
import { idxBytes, littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { parseGraph } from '../transforms/notation.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';

/** Two points for each row. */
const network = `
  x: float[N,4]
  v = float[4,16]
  vb = float[16]
  p = float[16,4]
  pb = float[4]
  shape = int64[3] 0 2 2
  h = Gemm(x, v, vb) name=hidden
  r = Relu(h) name=relu
  flat = Gemm(r, p, pb) name=head
  points = Reshape(flat, shape) name=rows
  -> points`;

/** The squared distance to each point that can be seen; the names of its values are those of the network. */
const visibleError = `
  opset 12
  points: float[N,2,2]
  where: float[N,2,2]
  visible: float[N,2]
  one = float[] 1
  h = Sub(points, where) name=head
  r = Mul(h, h) name=relu
  p = ReduceSum(r) axes=[2] keepdims=0
  seen = Mul(p, visible)
  sum = ReduceSum(seen) keepdims=0
  count = ReduceSum(visible) keepdims=0
  safe = Max(count, one)
  loss = Div(sum, safe)
  -> loss`;

/** Of each row, how far off its first point is. */
const distance = `
  opset 12
  points: float[N,2,2]
  where: float[N,2,2]
  starts = int64[1] 0
  ends = int64[1] 1
  axes = int64[1] 1
  d = Sub(points, where)
  first = Slice(d, starts, ends, axes)
  off = ReduceL2(first) axes=[1,2] keepdims=0
  -> off`;

const count = 300;
const random = createRandom(4);
const x = Array.from({ length: 4 * count }, () => Math.fround(random.normal()));
const rows = Array.from({ length: count }, (_, i) => x.slice(4 * i, 4 * i + 4));
const where = rows.flatMap(([a = 0, b = 0, c = 0, d = 0]) => [Math.abs(a), b, Math.abs(c), d].map(Math.fround));
const visible = rows.flatMap(([a = 0]) => [1, a > 0 ? 1 : 0]);
const label = rows.map(([a = 0, b = 0]) => (a > 0 ? 2 : b > 0 ? 1 : 0));

async function write(folder: string, name: string, graph: Graph): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, Buffer.concat(encodeModel(graph.model)));
  return path;
}

/** A folder with the network, the data, and what is given of a loss and a metric. */
async function setting(graphs: Readonly<Record<string, string>>, model = network) {
  const folder = await temporaryFolder();
  const files = Object.entries(graphs).map(async ([name, text]) => {
    return [name, await write(folder, `${name}.onnx`, parseGraph(text))] as const;
  });
  const data = join(folder, 'data.npz');
  const arrays = {
    'x.npy': npyBytes('<f4', [count, 4], littleEndian.float32(x)),
    'where.npy': npyBytes('<f4', [count, 2, 2], littleEndian.float32(where)),
    'visible.npy': npyBytes('<f4', [count, 2], littleEndian.float32(visible)),
    'label.npy': npyBytes('<i8', [count], littleEndian.int64(label)),
  };
  await writeFile(data, zipBytes(arrays));
  const path = await write(folder, 'model.onnx', parseGraph(model));
  return { folder, model: path, data, files: Object.fromEntries(await Promise.all(files)) };
}

const trained = { ...training, batchSize: 32, epochs: 3, learningRate: 0.05, control: false };
const run = (model: string, data: string, task: TaskOptions, changes: Partial<MigrateOptions> = {}) =>
  migrate(optionsFor(model, data, { training: trained, task, dryRun: true, ...changes }), hooks());

/** What a call is refused with. */
async function refusal(call: Promise<unknown>): Promise<Failure> {
  const thrown = await call.then(
    () => null,
    (cause: unknown) => cause,
  );
  if (thrown instanceof Failure) return thrown;
  throw new Error(`it was not refused: ${String(thrown)}`);
}

describe('a loss and a metric of the user', () => {
  it('train and judge a network of which nothing else is known', async () => {
    const { model, data, files } = await setting({ 'visible-error': visibleError, distance });
    const task = {
      task: null,
      loss: { file: files['visible-error'] ?? '' },
      metric: { file: files.distance ?? '', direction: 'lower' },
    } as const;
    const result = await run(model, data, task, { accept: 'frelu>before', languages: ['en', 'ja'] });
    expect(result.task).toBe('own');
    expect(result.settings).toMatchObject({
      metric: 'distance',
      loss: task.loss.file,
      epochKeptBy: 'validation metric',
    });
    const { vsBefore } = result.delta;
    expect(vsBefore).toMatchObject({ metric: 'distance', higherIsBetter: false, test: 'bootstrap-bca', count: 60 });
    expect(vsBefore.ci95?.[1]).toBeLessThan(0);
    expect(result.acceptance.met).toBe(true);
    expect(Object.keys(result.arms.frelu.test)).toEqual(['distance', 'visible-error']);
    // what is minimised falls, and training and validation speak of the same number
    const losses = result.arms.frelu.curve.map(({ validationLoss }) => validationLoss ?? Number.NaN);
    expect(losses.at(-1)).toBeLessThan(0.7 * (losses[0] ?? 0));
    expect(result.arms.frelu.curve.at(-1)?.trainLoss).toBeCloseTo(losses.at(-1) ?? 0, 0);
    expect(result.reading.choice).toContain("What is judged is the metric 'distance' of each sample.");
  });

  it('without a metric, the loss of each sample alone judges; the validation loss is that of batches', async () => {
    const { model, data, files } = await setting({ loss: visibleError });
    const task = { task: null, loss: { file: files.loss ?? '' }, metric: null };
    const { metrics, reading } = await evaluateModel({ model, data, task, device: 'cpu' });
    const points = await pointsOf(model);
    const error = (i: number): number => {
      const own = visible.slice(2 * i, 2 * i + 2);
      const sums = own.map((seen, k) => {
        const at = 4 * i + 2 * k;
        return (
          seen * (((points[at] ?? 0) - (where[at] ?? 0)) ** 2 + ((points[at + 1] ?? 0) - (where[at + 1] ?? 0)) ** 2)
        );
      });
      return sums.reduce((a, b) => a + b) / own.reduce((a, b) => a + b);
    };
    const mean = rows.reduce((sum, _, i) => sum + error(i), 0) / count;
    expect(metrics.loss?.higherIsBetter).toBe(false);
    expect(metrics.loss?.value).toBeCloseTo(mean, 4);
    expect(reading.choice).toContain('of each sample alone, fed as a batch of one');
    expect(reading.choice).toMatch(/On 64 samples its mean is \S+, and the loss of them together \S+:/);
    const result = await run(model, data, task);
    expect(result.settings).toMatchObject({ metric: 'loss', epochKeptBy: 'validation loss' });
    const [untrained] = result.arms.frelu.curve;
    // a mean over what is visible in a batch is not the mean over its samples
    expect(untrained?.validationLoss).not.toBeCloseTo(untrained?.validationMetric ?? 0, 3);
  });

  it('compare two models, and stand beside what a task knows', async () => {
    const { folder, model, data, files } = await setting({ distance });
    const other = await write(
      folder,
      'other.onnx',
      parseGraph(network.replace('p = float[16,4]', 'p = float[16,4] 0.1')),
    );
    const metric = { file: files.distance ?? '', direction: 'lower' } as const;
    const { delta, a } = await compareModels({
      a: model,
      b: other,
      data: { data, target: null },
      task: { task: 'regression', metric },
      reading: { trustReading: true, outputs: [{ name: 'points', key: 'where' }] },
      device: 'cpu',
    });
    expect(Object.keys(a.metrics)).toEqual(['rmse', 'mae', 'r2', 'distance']);
    expect(delta).toMatchObject({ metric: 'distance', higherIsBetter: false, count });
    expect(delta.value).toBeCloseTo((delta.candidate ?? 0) - (delta.baseline ?? 0), 6);
    expect(delta.ci95?.[0]).toBeLessThan(delta.ci95?.[1] ?? Number.NaN);
  });
});

/** What the network says, by the same graph in float64. */
async function pointsOf(model: string): Promise<readonly number[]> {
  const { graph } = await (await import('../../src/model/load.js')).loadModel(model);
  const { readFloats } = await import('../../src/model/tensor.js');
  const [v, vb, p, pb] = ['v', 'vb', 'p', 'pb'].map((name) => {
    const tensor = graph.initializer(name);
    if (tensor === undefined) throw new Error(`no ${name}`);
    return readFloats(tensor);
  });
  return rows.flatMap((row) => {
    const hidden = Array.from({ length: 16 }, (_, j) =>
      Math.max(
        0,
        row.reduce((sum, value, i) => sum + value * (v?.[16 * i + j] ?? 0), vb?.[j] ?? 0),
      ),
    );
    return Array.from({ length: 4 }, (_, k) =>
      hidden.reduce((sum, value, j) => sum + value * (p?.[4 * j + k] ?? 0), pb?.[k] ?? 0),
    );
  });
}

describe('classes by a loss of the user', () => {
  const classifier = network.replace('p = float[16,4]', 'p = float[16,3]').replace('pb = float[4]', 'pb = float[3]');
  const logits = classifier.replace('shape = int64[3] 0 2 2', 'shape = int64[2] 0 3').replaceAll('points', 'logits');
  const weighted = `
    logits: float[N,3]
    label: int64[N]
    weights = float[3] 1 2 3
    loss = SoftmaxCrossEntropyLoss(logits, label, weights)
    -> loss`;

  it('whole numbers are fed as they are, and the task that is named judges', async () => {
    const { model, data, files } = await setting({ weighted }, logits);
    const task = { task: 'classification', loss: { file: files.weighted ?? '' }, metric: null } as const;
    const result = await run(model, data, task);
    expect(result.settings).toMatchObject({ metric: 'accuracy', loss: files.weighted });
    const [before, after] = [result.arms.before.test, result.arms.frelu.test];
    expect(after.accuracy?.value).toBeGreaterThan(before.accuracy?.value ?? 1);
    expect(after.weighted?.value).toBeLessThan(before.weighted?.value ?? 0);
  });

  it('an input called target reads the one target of a table, and its other columns are the features', async () => {
    const { folder, model, files } = await setting({ weighted: weighted.replaceAll('label', 'target') }, logits);
    const data = join(folder, 'data.csv');
    const lines = rows.map((row, i) => [...row, label[i]].join(','));
    await writeFile(data, ['a,b,c,d,y', ...lines].join('\n'));
    const task = { task: null, loss: { file: files.weighted ?? '' }, metric: null };
    const { metrics, data: about } = await evaluateModel({ model, data, task, device: 'cpu' });
    expect(about.count).toBe(count);
    expect(metrics.weighted?.value).toBeGreaterThan(0);
  });

  it('and that of a format without names, in training and in a test set of its own', async () => {
    const plain = weighted.replaceAll('label', 'target').replace(', weights)', ')');
    const { folder, model, files } = await setting({ plain }, logits);
    const parts = [
      ['train', 200],
      ['t10k', 100],
    ] as const;
    for (const [part, size] of parts) {
      const pixels = Array.from({ length: 4 * size }, () => random.below(256));
      await writeFile(join(folder, `${part}-images-idx3-ubyte`), idxBytes([size, 2, 2], pixels));
      const classes = Array.from({ length: size }, (_, i) =>
        (pixels[4 * i] ?? 0) > 127 ? 2 : Number((pixels[4 * i + 1] ?? 0) > 127),
      );
      await writeFile(join(folder, `${part}-labels-idx1-ubyte`), idxBytes([size], classes));
    }
    const result = await run(model, folder, { task: null, loss: { file: files.plain ?? '' }, metric: null });
    expect([result.data.test.count, result.data.test.part]).toEqual([100, 'test']);
    expect(result.arms.frelu.test.plain?.value).toBeLessThan(result.arms.before.test.plain?.value ?? 0);
  });
});

describe('is refused, and told why', () => {
  const cases: readonly (readonly [string, string, string, Partial<TaskOptions>])[] = [
    [
      'an input that is nowhere',
      visibleError.replaceAll('where', 'elsewhere'),
      "nothing for the input 'elsewhere'",
      {},
    ],
    [
      'no output of the model',
      'a: float[N,2]\n b = ReduceMean(a) keepdims=0\n -> b',
      'reads no output of the model',
      {},
    ],
    ['a loss of each row', distance, 'not one number', {}],
    [
      'a shape that does not fit',
      `points: float[N,2,2]
       visible: float[N,3]
       a = ReduceMean(points) keepdims=0
       b = ReduceMean(visible) keepdims=0
       loss = Add(a, b)
       -> loss`,
      "it cannot be run on 30 samples, 'points' float [30, 2, 2], 'visible' float [30, 2]",
      {},
    ],
    ['a fixed batch size', visibleError.replaceAll('[N,', '[8,'), 'its batch size is fixed at 8', {}],
    [
      'no gradient',
      `points: float[N,2,2]
       f = Floor(points)
       loss = ReduceMean(f) keepdims=0
       -> loss`,
      'no gradient arrives',
      {},
    ],
    [
      'an operator without a gradient',
      `points: float[N,2,2]
       f = Det(points)
       loss = ReduceMean(f) keepdims=0
       -> loss`,
      "node 'f' (Det) cannot be differentiated",
      {},
    ],
    [
      'samples that are compared with each other',
      `points: float[N,2,2]
       axes = int64[1] 0
       m = ReduceMean(points) axes=[0] keepdims=1
       d = Sub(points, m)
       q = Mul(d, d)
       loss = ReduceMean(q) keepdims=0
       -> loss`,
      'it gives 0 for every sample alone',
      {},
    ],
  ];
  it.each(cases)('%s', async (_, text, says, others) => {
    const { model, data, files } = await setting({ loss: text });
    const failure = await refusal(
      run(model, data, { task: null, metric: null, loss: { file: files.loss ?? '' }, ...others }),
    );
    expect(failure.what).toContain(says);
    expect(failure.cure).not.toBe('');
    expect(exitCodes[failure.kind]).toBe(3);
  });

  it('an input that is nowhere, with what there is', async () => {
    const { model, data, files } = await setting({ loss: visibleError.replaceAll('where', 'elsewhere') });
    const task = { task: null, metric: null, loss: { file: files.loss ?? '' } };
    expect((await refusal(run(model, data, task))).what).toMatch(/It has x, where, visible, label/);
    const named = { inputs: [{ name: 'elsewhere', key: 'where' }], outputs: [], classes: null, trustReading: false };
    const { metrics } = await evaluateModel({ model, data, task, reading: named, device: 'cpu' });
    expect(metrics.loss?.value).toBeGreaterThan(0);
  });

  it('a metric without a direction, with our name, or with one number for all samples', async () => {
    const mean = visibleError.replaceAll('loss', 'mean');
    const { model, data, files } = await setting({ loss: visibleError, distance, accuracy: distance, mean });
    const withMetric = (name: string, direction: 'lower' | null) =>
      refusal(
        run(model, data, {
          task: null,
          loss: { file: files.loss ?? '' },
          metric: { file: files[name] ?? '', direction },
        }),
      );
    expect(await withMetric('distance', null)).toMatchObject({
      kind: 'usage',
      settings: [['metric', expect.any(String)]],
    });
    expect(await withMetric('accuracy', 'lower')).toMatchObject({ kind: 'usage' });
    expect((await withMetric('mean', 'lower')).what).toContain('not one number for each');
  });

  it('a name that results have no room for', async () => {
    const { model, data, files } = await setting({ $loss: visibleError });
    const failure = await refusal(run(model, data, { task: null, metric: null, loss: { file: files.$loss ?? '' } }));
    expect(failure).toMatchObject({ kind: 'input', cure: 'Give the file another name.' });
  });

  it('what contradicts it', async () => {
    const { model, data, files } = await setting({ loss: visibleError });
    const task = { task: null, metric: null, loss: { file: files.loss ?? '' } };
    const outputs = [{ name: 'points', key: null }];
    const combinations: readonly Partial<MigrateOptions>[] = [
      { task: { ...task, task: 'distill' } },
      { distill: { teacher: model, distillWeight: null, temperature: 1 } },
      { training: { ...trained, labelSmoothing: 0.1 } },
      { reading: { classes: null, inputs: [], outputs, trustReading: false } },
    ];
    for (const changes of combinations) {
      expect(await refusal(run(model, data, task, changes))).toMatchObject({ kind: 'usage', written: 'nothing' });
    }
  });
});

it('a run that is resumed goes on with what was measured, wherever the loss lies; with another loss it is another run', async () => {
  const { folder, model, data, files } = await setting({ loss: visibleError, distance });
  const moved = join(await temporaryFolder(), 'loss.onnx');
  await copyFile(files.loss ?? '', moved);
  const other = await write(
    await temporaryFolder(),
    'loss.onnx',
    parseGraph(visibleError.replace('one = float[] 1', 'one = float[] 2')),
  );
  const taskOf = (file: string): TaskOptions => {
    return { task: null, loss: { file }, metric: { file: files.distance ?? '', direction: 'lower' } };
  };
  const optionsOf = (file: string, resume: boolean) =>
    optionsFor(model, data, { training: trained, task: taskOf(file), dryRun: true, resume });
  const whole = await migrate(optionsOf(files.loss ?? '', false), hooks());
  await rm(join(folder, '.frelu'), { recursive: true });
  const abort = new AbortController();
  let steps = 0;
  const onStep = (): void => {
    if (++steps === 9) abort.abort();
  };
  const stopped = migrate(optionsOf(files.loss ?? '', false), hooks({ onStep, signal: abort.signal }));
  expect(await refusal(stopped)).toMatchObject({ kind: 'interrupted' });
  expect(await refusal(migrate(optionsOf(other, true), hooks()))).toMatchObject({ kind: 'usage' });
  const resumed = await migrate(optionsOf(moved, true), hooks());
  expect(resumed.arms.frelu.test).toEqual(whole.arms.frelu.test);
  expect(resumed.arms.before.test).toEqual(whole.arms.before.test);
  expect(resumed.delta).toEqual(whole.delta);
});
