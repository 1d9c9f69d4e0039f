import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import * as tf from '@tensorflow/tfjs';
import { ValueInfoProtoSchema } from 'onnx-buf';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type Layers, untrainedNetwork } from '../../fixtures/layers.js';
import { createRandom } from '../../src/math/random.js';
import type { Graph } from '../../src/model/graph.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { floatTensor } from '../../src/model/tensor.js';
import type { TaskOptions } from '../../src/reading/options.js';
import { compareModels } from '../../src/run/compare.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { migrate } from '../../src/run/migrate.js';
import { monitor } from '../../src/run/monitor.js';
import { completeData } from '../../src/run/spec.js';
import { littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { randomize, save as saveLayers } from '../model/tfjs-layers/compare.js';
import { interceptRuns } from '../training/networks.js';
import { parseGraph } from '../transforms/notation.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';

const [height, width] = [12, 16];
const pixels = height * width;

type Head = 'logits' | 'Softmax' | 'LogSoftmax' | 'channels last';

/**
 * A network that tells dark, middling and bright pixels apart by thresholds, of which that of the middling ones is too high: hidden
 * units are relu(x - t), the logits are linear in them.
 */
function thresholds(head: Head, classes: 1 | 3): Graph {
  const graph = untrainedNetwork('thresholds', 1, [1, height, width], 1, (layers: Layers, input) => {
    const hidden = layers.op('relu', 'Relu', [layers.conv('hidden', input, 1, 3, { kernel: 1 })]);
    const logits = layers.conv('logits', hidden, 3, classes, { kernel: 1 });
    if (head === 'channels last') return layers.op('maps', 'Transpose', [logits], { perm: { ints: [0, 2, 3, 1] } });
    if (head === 'logits') return logits;
    return classes === 1 ? layers.op('p', 'Sigmoid', [logits]) : layers.op('p', head, [logits], { axis: { int: 1 } });
  });
  const set = (name: string, shape: readonly number[], values: readonly number[]): void => {
    graph.removeInitializer(name);
    graph.addInitializer(floatTensor(name, shape, Float32Array.from(values)));
  };
  set('hidden/weight', [3, 1, 1, 1], [1, 1, 1]);
  set('hidden/bias', [3], [0, -0.3, -0.55]);
  // 3 units: x, relu(x - 0.3), relu(x - 0.55)
  if (classes === 1) {
    set('logits/weight', [1, 3, 1, 1], [0, 8, 8]);
    set('logits/bias', [1], [-1.6]);
  } else {
    set('logits/weight', [3, 3, 1, 1], [-8, 0, 0, 0, 8, -32, 0, 0, 24]);
    set('logits/bias', [3], [2.4, -1.3, 0]);
  }
  // the shape that the file declares is that of a row
  graph.proto.output = graph.proto.output.map(({ name }) => create(ValueInfoProtoSchema, { name }));
  return graph;
}

/** The share of an image's pixels that are answered with their class. */
const rightShare = `
  opset 13
  logits: float[N,3,12,16]
  y: int64[N,12,16]
  answer = ArgMax(logits) axis=1 keepdims=0
  same = Equal(answer, y)
  right = Cast(same) to=1
  share = ReduceMean(right) axes=[1,2] keepdims=0
  -> share`;

const pixelLoss = `
  opset 13
  logits: float[N,3,12,16]
  y: int64[N,12,16]
  loss = SoftmaxCrossEntropyLoss(logits, y)
  -> loss`;

const levels = [40, 110, 200] as const;

interface Picture {
  readonly grey: Uint8Array;
  readonly labels: Uint8Array;
}

/** Pictures of rectangles in three levels of grey, with noise: what a pixel is of is its level. */
function pictures(count: number, seed = 1): readonly Picture[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const labels = new Uint8Array(pixels);
    for (const label of [1, 2]) {
      const [top, left] = [random.below(height - 4), random.below(width - 5)];
      for (let y = top; y < top + 4; y++) for (let x = left; x < left + 5; x++) labels[y * width + x] = label;
    }
    const grey = Uint8Array.from(labels, (label) => {
      const level = levels[label === 2 ? 2 : label === 1 ? 1 : 0];
      return Math.max(0, Math.min(255, Math.round(level + 18 * random.normal())));
    });
    return { grey, labels };
  });
}

async function save(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

async function model(graph: Graph, folder: string, name = 'model.onnx'): Promise<string> {
  const path = join(folder, name);
  await save(path, Buffer.concat(encodeModel(graph.model)));
  return path;
}

const png = (values: Uint8Array): Promise<Buffer> =>
  sharp(values, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();

/** images/ and masks/ below a folder; `coded` are the values that masks are saved with. */
async function imageFolder(
  folder: string,
  all: readonly Picture[],
  coded: (label: number) => number = (label) => label,
): Promise<string> {
  const data = join(folder, 'data');
  for (const [i, { grey, labels }] of all.entries()) {
    await save(join(data, 'images', `${i}.png`), await png(grey));
    await save(join(data, 'masks', `${i}.png`), await png(labels.map(coded)));
  }
  return data;
}

async function archive(folder: string, all: readonly Picture[], shape: readonly number[]): Promise<string> {
  const path = join(folder, 'data.npz');
  const x = Buffer.concat(all.map(({ grey }) => grey));
  const y = littleEndian.int64(all.flatMap(({ labels }) => [...labels]));
  await save(
    path,
    zipBytes({
      'x.npy': npyBytes('|u1', [all.length, 1, height, width], x),
      'y.npy': npyBytes('<i8', [all.length, ...shape], y),
    }),
  );
  return path;
}

/** Mean IoU, pixel accuracy and log loss of the network above by plain loops, in another order than the program's. */
function byHand(all: readonly Picture[], classes: 1 | 3, counts: (label: number) => boolean = () => true) {
  const seen: { label: number; answer: number; loss: number }[] = [];
  for (const { grey, labels } of all) {
    grey.forEach((level, at) => {
      const label = labels[at] ?? 0;
      if (!counts(label)) return;
      const x = level / 255;
      const h = [Math.max(0, x), Math.max(0, x - 0.3), Math.max(0, x - 0.55)] as const;
      if (classes === 1) {
        const z = 8 * h[1] + 8 * h[2] - 1.6;
        const p = 1 / (1 + Math.exp(-z));
        const own = label > 0 ? p : 1 - p;
        seen.push({ label: Number(label > 0), answer: Number(z >= 0), loss: -Math.log(own) });
        return;
      }
      const z = [2.4 - 8 * h[0], 8 * h[1] - 32 * h[2] - 1.3, 24 * h[2]];
      const sum = z.reduce((total, each) => total + Math.exp(each), 0);
      seen.push({
        label,
        answer: z.indexOf(Math.max(...z)),
        loss: Math.log(sum) - (z[label] ?? 0),
      });
    });
  }
  const ious = [...Array(Math.max(2, classes)).keys()].flatMap((c) => {
    const both = seen.filter(({ label, answer }) => label === c && answer === c).length;
    const either = seen.filter(({ label, answer }) => label === c || answer === c).length;
    return either === 0 ? [] : [both / either];
  });
  const mean = (of: (each: (typeof seen)[number]) => number) =>
    seen.reduce((sum, each) => sum + of(each), 0) / seen.length;
  return {
    miou: ious.reduce((sum, iou) => sum + iou, 0) / ious.length,
    pixelAccuracy: mean(({ label, answer }) => Number(label === answer)),
    logLoss: mean(({ loss }) => loss),
  };
}

const valuesOf = ({ metrics }: Awaited<ReturnType<typeof evaluateModel>>) => ({
  miou: metrics.miou?.value ?? Number.NaN,
  pixelAccuracy: metrics.pixelAccuracy?.value ?? Number.NaN,
  logLoss: metrics.logLoss?.value ?? Number.NaN,
});

function expectClose(found: ReturnType<typeof byHand>, expected: ReturnType<typeof byHand>): void {
  expect(found.miou).toBeCloseTo(expected.miou, 6);
  expect(found.pixelAccuracy).toBeCloseTo(expected.pixelAccuracy, 6);
  expect(found.logLoss).toBeCloseTo(expected.logLoss, 4);
}

const onCpu = { device: 'cpu' } as const;

const refused = (work: Promise<unknown>, kind: 'input' | 'usage', message: RegExp) =>
  expect(work).rejects.toMatchObject({
    kind,
    message: expect.stringMatching(message),
    cure: expect.stringMatching(/./),
  });

describe('the figures of a segmentation', () => {
  it.each(['logits', 'Softmax', 'LogSoftmax', 'channels last'] as const)(
    'from a folder of images and masks: %s',
    async (head) => {
      const folder = await temporaryFolder();
      const all = pictures(24);
      const path = await model(thresholds(head, 3), folder);
      const result = await evaluateModel({ model: path, data: await imageFolder(folder, all), ...onCpu });
      expectClose(valuesOf(result), byHand(all, 3));
      expect(result.data).toMatchObject({ format: 'masks', count: 24, classes: 3 });
      expect(result.confusion?.flat().reduce((sum, count) => sum + count, 0)).toBe(24 * pixels);
      expect(result.reading.masks).toMatchObject({ classes: 3, columns: 3, ignored: 255, foreground: null });
      expect(result.reading.masks?.axis).toBe(head === 'channels last' ? 'last' : 'first');
      expect(result.reading.sanity?.status).toBe('fine');
    },
  );

  it.each([[[height, width]], [[1, height, width]], [[height, width, 1]]])(
    'from an archive of masks %j',
    async (shape) => {
      const folder = await temporaryFolder();
      const all = pictures(24);
      const path = await model(thresholds('logits', 3), folder);
      expectClose(
        valuesOf(await evaluateModel({ model: path, data: await archive(folder, all, shape), ...onCpu })),
        byHand(all, 3),
      );
    },
  );

  it.each(['logits', 'Softmax'] as const)('of two classes in one column, masks black and white: %s', async (head) => {
    const folder = await temporaryFolder();
    const all = pictures(24);
    const path = await model(thresholds(head, 1), folder);
    const data = await imageFolder(folder, all, (label) => (label > 0 ? 255 : 0));
    const result = await evaluateModel({ model: path, data, ...onCpu });
    expectClose(valuesOf(result), byHand(all, 1));
    expect(result.reading.masks).toMatchObject({ classes: 2, columns: 1, ignored: null, foreground: 255 });
  });

  it('count no pixel of 255', async () => {
    const folder = await temporaryFolder();
    const all = pictures(24);
    const path = await model(thresholds('logits', 3), folder);
    const data = await imageFolder(folder, all, (label) => (label === 1 ? 255 : label));
    const result = await evaluateModel({ model: path, data, ...onCpu });
    expectClose(
      valuesOf(result),
      byHand(all, 3, (label) => label !== 1),
    );
  });

  it('are compared image by image', async () => {
    const folder = await temporaryFolder();
    const [a, b] = [
      await model(thresholds('logits', 3), folder, 'a.onnx'),
      await model(thresholds('channels last', 3), folder, 'b.onnx'),
    ];
    const data = await imageFolder(folder, pictures(24));
    const result = await compareModels({ a, b, data, ...onCpu });
    expect(result.delta).toMatchObject({ metric: 'miou', value: 0, test: 'bootstrap-bca', count: 24, fixed: null });
    expect(result.maxAbsDiff).toBeLessThan(1e-5);
    expect(result.perClass.map(({ delta }) => delta)).toEqual([0, 0, 0]);
  });
});

describe('a segmentation', () => {
  it.each(['folder', 'archive'] as const)('is migrated, judged and reported: %s', async (kind) => {
    const folder = await temporaryFolder();
    const all = pictures(60);
    const path = await model(thresholds('logits', 3), folder);
    const data = kind === 'folder' ? await imageFolder(folder, all) : await archive(folder, all, [height, width]);
    const options = optionsFor(path, data, {
      training: { ...training, batchSize: 4, epochs: 8, learningRate: 0.006 },
      languages: ['en', 'ja'],
    });
    const result = await migrate({ ...options, reading: { ...options.reading, trustReading: false } }, hooks());
    expect(result).toMatchObject({
      task: 'segmentation',
      settings: { loss: 'cross-entropy', metric: 'miou' },
      written: true,
    });
    const { before, control, frelu } = result.arms;
    expect(frelu.test.miou?.value).toBeGreaterThan((before.test.miou?.value ?? 1) + 0.05);
    expect(control?.test.miou?.value).toBeGreaterThan(before.test.miou?.value ?? 1);
    expect(result.delta.vsBefore).toMatchObject({ metric: 'miou', test: 'bootstrap-bca', count: 12, fixed: null });
    expect(result.delta.vsBefore.ci95?.[0]).toBeGreaterThan(0);
    expect(result.perClass.map(({ name }) => name)).toEqual(['0', '1', '2']);
    expect(result.examples.masks?.length).toBeGreaterThan(0);
    expect(result.examples.masks?.[0]?.masks.actual).toMatch(/^data:image\/png;base64,/);
    expect(result.monitoring?.predicted?.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
    expect(result.parity.maxAbsDiff).toBeLessThan(1e-4);
    // the written model does as well on all images
    const again = await evaluateModel({ model: path, data, ...onCpu });
    expect(again.metrics.miou?.value).toBeGreaterThan(0.8);
    const [page = '', , japanese = ''] = await Promise.all(result.report.map((report) => readFile(report, 'utf8')));
    expect(page).toContain('Mean IoU');
    expect(page).toContain('Masks that changed');
    expect(page.match(/<img src="data:image/g)?.length).toBe(4 * (result.examples.masks?.length ?? 0));
    expect(japanese).toContain('平均IoU');
    expect(japanese).toContain('マスクが変わった例');
  });

  it('is trained by a loss of the user and judged by a metric of the user, which read the masks of an array', async () => {
    const folder = await temporaryFolder();
    const path = await model(thresholds('logits', 3), folder);
    const data = await archive(folder, pictures(40), [1, height, width]);
    const metric = {
      file: await model(parseGraph(rightShare), folder, 'right-share.onnx'),
      direction: 'higher',
    } as const;
    const loss = { file: await model(parseGraph(pixelLoss), folder, 'pixel-loss.onnx') };
    const judged = await evaluateModel({ model: path, data, task: { metric }, ...onCpu });
    // of images of one size the mean share is that of all pixels
    expect(judged.metrics['right-share']?.value).toBeCloseTo(judged.metrics.pixelAccuracy?.value ?? -1, 6);
    expect(judged.metrics.miou?.value).toBeGreaterThan(0);
    const task = { task: 'segmentation', loss, metric } as const;
    const trained = { ...training, batchSize: 4, epochs: 4, learningRate: 0.006, control: false };
    const changes = { training: trained, task, dryRun: true, accept: 'established' };
    const result = await migrate(optionsFor(path, data, changes), hooks());
    expect(result).toMatchObject({ task: 'segmentation', settings: { loss: loss.file, metric: 'right-share' } });
    expect(result.reading).toMatchObject({ loss: loss.file, masks: { classes: 3 } });
    const { before, frelu } = result.arms;
    expect(frelu.test['right-share']?.value).toBeGreaterThan(before.test['right-share']?.value ?? 1);
    expect(frelu.test.miou?.value).toBeGreaterThan(before.test.miou?.value ?? 1);
    expect(result.delta.vsBefore).toMatchObject({ metric: 'right-share', test: 'bootstrap-bca' });
  });

  it('is guarded by the log loss of its pixels, and by no class', async () => {
    const folder = await temporaryFolder();
    const path = await model(thresholds('logits', 3), folder);
    const data = await imageFolder(folder, pictures(40));
    const trained = { ...training, batchSize: 8, control: false };
    const options = optionsFor(path, data, { training: trained, dryRun: true, accept: 'established' });
    const { guarded, acceptance } = await migrate(options, hooks());
    expect(guarded.map(({ metric }) => metric)).toEqual(['logLoss']);
    const subjects = acceptance.goals.flatMap(({ code, subject }) => (code === 'guard' ? [subject] : []));
    expect(subjects).toContain('logLoss');
    expect(subjects.filter((subject) => subject.startsWith('class '))).toEqual([]);
    const named = migrate({ ...options, accept: 'miou>=-0.5' }, hooks());
    await expect(named).resolves.toMatchObject({ acceptance: { met: true } });
    await refused(migrate({ ...options, accept: 'classes>=-0.05' }, hooks()), 'usage', /recall of classes/);
    await refused(migrate({ ...options, accept: 'accuracy>=0.5' }, hooks()), 'usage', /metric|accuracy/);
  });

  it('is migrated in TensorFlow.js, whose maps have the classes last', async () => {
    const folder = await temporaryFolder();
    const all = pictures(40);
    const network = tf.sequential({
      layers: [
        tf.layers.conv2d({
          inputShape: [height, width, 1],
          filters: 8,
          kernelSize: 3,
          padding: 'same',
          activation: 'relu',
        }),
        tf.layers.conv2d({ filters: 8, kernelSize: 1, activation: 'relu' }),
        tf.layers.conv2d({ filters: 3, kernelSize: 1, activation: 'softmax' }),
      ],
    });
    randomize(network, 3);
    for (const [name, bytes] of await saveLayers(network)) await save(join(folder, 'model', name), bytes);
    const path = join(folder, 'model', 'model.json');
    const data = await imageFolder(folder, all);
    const result = await migrate(
      optionsFor(path, data, { training: { ...training, batchSize: 8, epochs: 8, learningRate: 0.02 }, dryRun: true }),
      hooks(),
    );
    expect(result.reading).toMatchObject({
      masks: { axis: 'last', classes: 3 },
      outputs: [{ meaning: 'probabilities' }],
    });
    expect(result.arms.frelu.test.miou?.value).toBeGreaterThan(0.1 + (result.arms.before.test.miou?.value ?? 1));
    expect(result.tfjs?.after).toBeLessThan(1e-4);
  });

  it('is watched by images without masks, and alarms where they have moved', async () => {
    const folder = await temporaryFolder();
    const all = pictures(40);
    const path = await model(thresholds('logits', 3), folder);
    const data = await imageFolder(folder, all);
    const run = await migrate(
      optionsFor(path, data, { training: { ...training, batchSize: 8, learningRate: 0.001, control: false } }),
      hooks(),
    );
    const watch = (name: string) =>
      monitor({
        run,
        model: null,
        data: completeData(join(folder, name)),
        device: 'cpu',
        thresholds: { psiWarning: 0.1, psiAlarm: 0.25, confidenceFall: 0.05, floorRateChange: 0.1 },
      });
    for (const [i, { grey }] of all.entries()) {
      await save(join(folder, 'same', `${i}.png`), await png(grey));
      await save(join(folder, 'bright', `${i}.png`), await png(grey.map((level) => Math.min(255, level + 70))));
    }
    // with masks, whatever is in them, and without
    for (const name of ['data', 'same']) {
      const { level, checks } = await watch(name);
      expect(level).not.toBe('alarm');
      expect(checks.map(({ quantity }) => quantity)).toEqual(['input', 'predicted', 'confidence', 'floor-rate']);
      expect(checks.every(({ value }) => value !== null)).toBe(true);
    }
    const { checks } = await watch('bright');
    expect(checks.filter(({ level }) => level === 'alarm').map(({ quantity }) => quantity)).toContain('predicted');
  });

  it('takes the same steps where memory suffices for parts of a batch alone', async () => {
    const folder = await temporaryFolder();
    const path = await model(thresholds('logits', 3), folder);
    // most pixels of some images are of no class: parts do not count alike
    const data = await imageFolder(
      folder,
      pictures(30).map(({ grey, labels }, i) => ({
        grey,
        labels: i % 3 === 0 ? labels.map((at) => at || 255) : labels,
      })),
    );
    const options = optionsFor(path, data, {
      training: { ...training, batchSize: 8, epochs: 2, learningRate: 0.006, control: false },
      dryRun: true,
    });
    const whole = await migrate(options, hooks());
    await interceptRuns((feeds, run) => {
      if ((feeds.targets?.dims[0] ?? 0) > 3) throw new Error('Failed to allocate memory for requested buffer');
      return run();
    });
    const warnings: string[] = [];
    const inParts = await migrate(options, hooks({ warn: (message) => warnings.push(message) }));
    expect(warnings).toContainEqual(expect.stringContaining('parts of 2'));
    inParts.arms.frelu.curve.forEach(({ trainLoss, validationLoss }, i) => {
      const point = whole.arms.frelu.curve[i];
      if (trainLoss !== null) expect(trainLoss).toBeCloseTo(point?.trainLoss ?? Number.NaN, 4);
      expect(validationLoss).toBeCloseTo(point?.validationLoss ?? Number.NaN, 4);
    });
  });
});

describe('what does not fit is refused', () => {
  it('a mask with a value beyond the classes', async () => {
    const folder = await temporaryFolder();
    const path = await model(thresholds('logits', 3), folder);
    const data = await imageFolder(folder, pictures(12), (label) => label + 5);
    await refused(evaluateModel({ model: path, data, ...onCpu }), 'input', /8 classes|the value [567]/);
  });

  it('maps that are smaller than the masks, with the factor', async () => {
    const folder = await temporaryFolder();
    const graph = untrainedNetwork('strided', 1, [1, height, width], 1, (layers: Layers, input) => {
      const hidden = layers.op('relu', 'Relu', [layers.conv('hidden', input, 1, 3, { stride: 4 })]);
      return layers.conv('logits', hidden, 3, 3, { kernel: 1 });
    });
    graph.proto.output = [create(ValueInfoProtoSchema, { name: 'logits' })];
    const data = await imageFolder(folder, pictures(12));
    const work = evaluateModel({ model: await model(graph, folder), data, ...onCpu });
    await refused(work, 'input', /\[3, 3, 4\].*smaller than the masks by a factor of 4/);
  });

  it.each([
    ['a softmax along another axis', 'Softmax', { axis: { int: -1 } }, /softmax, but not over the classes/],
    ['a sigmoid for each class', 'Sigmoid', {}, /sigmoid for each class/],
    ['the class alone', 'ArgMax', { axis: { int: 1 } }, /numbers that can be trained.*not with the class alone/],
  ] as const)('maps of %s', async (_, opType, attributes, message) => {
    const folder = await temporaryFolder();
    const graph = untrainedNetwork('network', 1, [1, height, width], 1, (layers: Layers, input) => {
      const hidden = layers.op('relu', 'Relu', [layers.conv('hidden', input, 1, 3)]);
      return layers.op('out', opType, [layers.conv('logits', hidden, 3, 3, { kernel: 1 })], attributes);
    });
    graph.proto.output = [create(ValueInfoProtoSchema, { name: 'out' })];
    const data = await imageFolder(folder, pictures(12));
    await refused(evaluateModel({ model: await model(graph, folder), data, ...onCpu }), 'input', message);
  });

  it('another task, loss or metric than that of masks; a teacher; a segmentation without masks', async () => {
    const folder = await temporaryFolder();
    const path = await model(thresholds('logits', 3), folder);
    const data = await imageFolder(folder, pictures(12));
    const evaluate = (task: Partial<TaskOptions>) => evaluateModel({ model: path, data, task, ...onCpu });
    await refused(evaluate({ task: 'classification' }), 'usage', /masks.*no classification/);
    await refused(evaluate({ task: 'distill' }), 'usage', /masks.*no distill/);
    await refused(evaluate({ loss: 'mse' }), 'usage', /loss mse/);
    await refused(evaluate({ metric: 'accuracy' }), 'usage', /accuracy/);
    await evaluate({ task: 'segmentation', metric: 'pixelAccuracy' });
    const taught = optionsFor(path, data, {
      distill: { teacher: path, distillWeight: null, temperature: 1 },
      dryRun: true,
    });
    await refused(migrate(taught, hooks()), 'usage', /teacher/);
    const classes = join(folder, 'classes');
    for (const [i, { grey }] of pictures(4).entries())
      await save(join(classes, `${i % 2}`, `${i}.png`), await png(grey));
    const unmasked = { model: path, data: classes, task: { task: 'segmentation' }, ...onCpu } as const;
    await refused(evaluateModel(unmasked), 'input', /no masks/);
  });

  it('masks that are files, where a metric of the user reads them', async () => {
    const folder = await temporaryFolder();
    const path = await model(thresholds('logits', 3), folder);
    const metric = {
      file: await model(parseGraph(rightShare), folder, 'right-share.onnx'),
      direction: 'higher',
    } as const;
    const data = await imageFolder(folder, pictures(12));
    await refused(evaluateModel({ model: path, data, task: { metric }, ...onCpu }), 'input', /masks are files/);
  });

  it('a model that does no better than one class everywhere, unless it is trusted', async () => {
    const folder = await temporaryFolder();
    const all = pictures(40);
    const path = await model(thresholds('logits', 3), folder);
    // masks of other pictures
    const data = await imageFolder(
      folder,
      all.map(({ grey }, i) => ({ grey, labels: all[(i + 7) % all.length]?.labels ?? grey })),
    );
    const options = optionsFor(path, data, { dryRun: true });
    const strict = { ...options, reading: { ...options.reading, trustReading: false } };
    await refused(migrate(strict, hooks()), 'input', /no better than a guess/);
    const { reading } = await evaluateModel({ model: path, data, ...onCpu });
    expect(reading.sanity).toMatchObject({ status: 'suspect', metric: 'miou' });
  });

  it('images that are prepared otherwise than in training, with what cures it', async () => {
    const folder = await temporaryFolder();
    const path = await model(thresholds('logits', 3), folder);
    const data = await imageFolder(folder, pictures(40));
    const { reading } = await evaluateModel({ model: path, data: { data, preprocessing: { scale: 1 } }, ...onCpu });
    expect(reading.sanity).toMatchObject({
      status: 'suspect',
      better: { name: 'pixels scaled to [0, 1]', metric: 'miou' },
    });
  });
});
