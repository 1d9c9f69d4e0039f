import { deflateSync } from 'node:zlib';
import type { Reading } from '../../src/contract/reading.js';
import type {
  ArmResult,
  CurvePoint,
  Delta,
  Example,
  LatencyComparison,
  Metrics,
  MigrateResult,
  RunSettings,
  SiteResult,
} from '../../src/contract/result.js';
import { judgeAcceptance } from '../../src/evaluation/acceptance.js';
import { classDeltas, pairedDelta } from '../../src/evaluation/compare.js';
import { convergenceOf } from '../../src/evaluation/convergence.js';
import { monitoringBaseline } from '../../src/evaluation/drift.js';
import { guardedMetrics } from '../../src/evaluation/guards.js';
import {
  calibrationBins,
  confusionCells,
  confusionMatrix,
  evaluateMetrics,
  predictedClasses,
  type Scores,
  type Truth,
} from '../../src/evaluation/metrics.js';
import { parseAcceptanceRule } from '../../src/evaluation/rule.js';
import { sliceDeltas } from '../../src/evaluation/slices.js';
import { judge } from '../../src/evaluation/verdict.js';
import { createRandom } from '../../src/math/random.js';

/** A run as its report sees it, made from scores by the project's own statistics, so that its figures belong together. */
export interface ResultOptions {
  readonly classes?: number;
  readonly count?: number;
  /** the share of samples that each arm gets right */
  readonly right?: { readonly before: number; readonly control: number | null; readonly frelu: number };
  /** answers that are the same in all arms: identical predictions */
  readonly identical?: boolean;
  readonly nan?: boolean;
  readonly sites?: number;
  readonly skipped?: number;
  readonly rule?: string;
  readonly written?: boolean;
  /** with attribution, activations and monitoring, as after a run that measured everything */
  readonly measured?: boolean;
  /** the only class that the test split holds */
  readonly onlyClass?: number;
  /** training has seen seven of eight test samples */
  readonly seen?: boolean;
  readonly seed?: number;
  readonly started?: string;
  readonly path?: string;
}

const fashion = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
];

/** Samples in turn of three places, and a handful of a fourth. */
function sitesOf(count: number) {
  const all = Array.from({ length: count }, (_, i) => (i < 5 ? 'harbour' : (['north', 'south', 'east'][i % 3] ?? '')));
  return [...new Set(all)].map((value) => ({
    column: 'site',
    value,
    positions: Int32Array.from(all.flatMap((each, i) => (each === value ? [i] : []))),
  }));
}

/** Convolutions with a ReLU each, every third with a way around it. */
function makeDiagram(relus: number): MigrateResult['diagram'] {
  return Array.from({ length: relus }, (_, i) => ({
    id: `conv${i}`,
    parts: [
      { text: 'Conv 3x3, 64', site: null },
      { text: 'Relu', site: siteName(i) },
    ],
    inputs: i === 0 ? [] : i % 3 === 2 ? [`conv${i - 1}`, `conv${i - 2}`] : [`conv${i - 1}`],
  }));
}

const made = new Map<string, MigrateResult>();

/** The result that the options say, which is made once. */
export function makeResult(options: ResultOptions = {}): MigrateResult {
  const key = JSON.stringify(options);
  const known = made.get(key) ?? resultOf(options);
  made.set(key, known);
  return known;
}

function resultOf({
  classes = 10,
  count = 2000,
  right = { before: 0.88, control: 0.89, frelu: 0.915 },
  identical = false,
  nan = false,
  sites = 7,
  skipped = 1,
  rule = 'established',
  written = true,
  measured = true,
  onlyClass,
  seen = false,
  seed = 1,
  started = '2025-06-03T09:15:00.000Z',
  path = 'models/resnet8.onnx',
}: ResultOptions): MigrateResult {
  const random = createRandom(seed);
  const names = Array.from({ length: classes }, (_, i) => (classes <= 10 ? fashion[i] : undefined) ?? `class ${i}`);
  const labels = Int32Array.from({ length: count }, () => onlyClass ?? random.below(classes));
  const truth: Truth = { kind: 'class', labels, classes };
  const difficulty = Float64Array.from({ length: count }, () => random.uniform());
  const alternative = Int32Array.from(
    labels,
    (label) => (label + 1 + random.below(Math.min(3, classes - 1))) % classes,
  );
  // a sample is right where it is easier than the arm's share; the arms agree on all but the hard ones
  const scoresOf = (share: number, noise: number): Scores => {
    const values = new Float32Array(count * classes);
    for (let i = 0; i < count; i++) {
      const jitter = identical ? 0 : (random.uniform() - 0.5) * noise;
      const isRight = (difficulty[i] ?? 0) + jitter < share;
      const margin = 1 + 3 * Math.abs(share - (difficulty[i] ?? 0)) + random.uniform();
      values[i * classes + ((isRight ? labels[i] : alternative[i]) ?? 0)] = identical ? 2 : margin;
    }
    if (nan) values[0] = Number.NaN;
    return { values, width: classes, kind: 'logits' };
  };
  const before = scoresOf(right.before, 0);
  const control = right.control === null ? null : scoresOf(identical ? right.before : right.control, 0.1);
  const frelu = scoresOf(identical ? right.before : right.frelu, 0.1);

  const arm = (scores: Scores, curve: readonly CurvePoint[]): ArmResult => ({
    test: evaluateMetrics(scores, truth),
    validation: { accuracy: { value: 0.9, higherIsBetter: true }, logLoss: { value: 0.3, higherIsBetter: false } },
    seed: curve.length === 0 ? null : seed,
    epochs: curve.length === 0 ? 0 : curve.length - 1,
    bestEpoch: curve.length === 0 ? null : curve.length - 2,
    seconds: curve.length === 0 ? 0 : 94.25,
    samplesPerSecond: curve.length === 0 ? null : 3183.5,
    retreats: [],
    curve,
    ablation: null,
  });
  const vsBefore = pairedDelta('accuracy', before, frelu, truth);
  const vsControl = control === null ? null : pairedDelta('accuracy', control, frelu, truth);
  const perClass = classDeltas(names, labels, { before, control, frelu });
  const slices = sliceDeltas('accuracy', sitesOf(count), { before, control, frelu }, truth);
  const latency: LatencyComparison | null = measured
    ? { before: 1.84, after: 1.85, ratio: 1.85 / 1.84, ci95: [0.99, 1.02], runs: 50, batchSize: 64 }
    : null;
  const size = { before: 314_159, after: 314_415 };
  const guarded = guardedMetrics.map((metric) => pairedDelta(metric, before, frelu, truth));
  // an eighth of the test samples, where training has seen some
  const unseen = seen
    ? pairedDelta(
        'accuracy',
        before,
        frelu,
        truth,
        {},
        Int32Array.from(labels.keys()).filter((i) => i % 8 === 0),
      )
    : null;
  const delta = { vsBefore, vsControl };
  const evidence = { delta, metrics: guarded, unseen, perClass, slices, latency, size, memory: null };
  const acceptance = judgeAcceptance(parseAcceptanceRule(rule), evidence);
  const { verdict, reasons, why } = judge({ vsBefore, vsControl }, acceptance);
  const isWritten = written && acceptance.met;
  const matrix = (scores: Scores) => confusionCells(confusionMatrix(scores, labels, classes));
  const siteResults = Array.from({ length: sites }, (_, i) => makeSite(i, measured));
  const relu = sites + skipped;

  return {
    run: { id: '20250603-091500-a1b2', path: '.frelu/runs/20250603-091500-a1b2', started, seconds: 231.5 },
    model: {
      path,
      format: 'onnx',
      sha256: 'b'.repeat(64),
      opset: 17,
      inputs: [{ name: 'input', dtype: 'float32', shape: ['N', 1, 28, 28] }],
      outputs: [{ name: 'logits', dtype: 'float32', shape: ['N', classes] }],
      parameters: 77_850,
      bytes: 314_159,
    },
    device: { requested: 'auto', used: 'cpu', adapter: null },
    computedOn: { evaluation: 'cpu', latency: 'cpu', activations: 'cpu', attribution: 'cpu' },
    task: 'classification',
    reading,
    data: {
      train: { path: 'data/train', part: null, format: 'idx', count: 54_000, classes, sha256: 'c'.repeat(64) },
      validation: { path: 'data/train', part: null, format: 'idx', count: 6000, classes, sha256: 'd'.repeat(64) },
      test: { path: 'data/test', part: null, format: 'idx', count, classes, sha256: 'e'.repeat(64) },
      duplicates: { withinTest: 2, testInTraining: unseen === null ? 0 : count - unseen.count },
    },
    settings,
    budget: null,
    environment: {
      version: '0.1.0',
      node: 'v20.20.2',
      onnxruntime: '1.30.0',
      platform: 'linux x64',
      cpu: null,
      threads: 2,
    },
    plan: {
      model: {
        path,
        format: 'onnx',
        sha256: 'b'.repeat(64),
        opset: 17,
        inputs: [],
        outputs: [],
        parameters: 77_850,
        bytes: 314_159,
      },
      sites: Array.from({ length: relu }, (_, i) => ({
        id: siteName(i),
        op: 'Relu',
        kind: 'relu',
        status: i < sites ? 'migrate' : 'skip',
        reason: i < sites ? null : `the shift has nowhere to go: the tensor before it has ${2 + (i % 3)} consumers`,
        shift: i < sites ? { into: `conv${i}.bias`, rule: 'Conv bias' } : null,
        form: i < sites ? 'folded' : null,
        consumers: [`conv${i + 1}`],
        adds: i < sites && i % 2 === 0 ? ['borders'] : [],
      })),
      summary: { relu, migrate: sites, skip: skipped },
    },
    tfjs: null,
    parity: { maxAbsDiff: 9.5367431640625e-7, samples: 64 },
    start: null,
    arms: {
      before: arm(before, []),
      control: control === null ? null : arm(control, makeCurve(0.34, 0.87)),
      frelu: arm(frelu, makeCurve(0.3, 0.88)),
    },
    delta,
    guarded,
    unseen,
    outputs: [],
    perClass,
    slices,
    looks: { look: 1, planned: 1 },
    diagram: makeDiagram(relu),
    confusion: { before: matrix(before), frelu: matrix(frelu) },
    calibration: { before: calibrationBins(before, labels), frelu: calibrationBins(frelu, labels) },
    examples: {
      fixed: makeExamples(names, labels, before, frelu, 'fixed'),
      broken: makeExamples(names, labels, before, frelu, 'broken'),
    },
    sites: siteResults,
    latency,
    size,
    memory: measured ? { before: 21_400_000, after: 21_450_000 } : null,
    elementwise: measured ? { before: 65_432, after: 81_790 } : null,
    operations: measured ? { before: 12_345_678, after: 12_350_000 } : null,
    search: null,
    convergence: control === null ? [] : [convergenceOf(seed, trainedAs(0.34, 0.87), trainedAs(0.3, 0.88))],
    spread: [],
    attribution: measured ? makeAttribution(names) : null,
    monitoring: measured ? makeMonitoring(names, frelu, siteResults) : null,
    acceptance,
    verdict,
    reasons,
    why,
    written: isWritten,
    files: isWritten ? [{ path, sha256: 'f'.repeat(64) }] : [],
    kept: [],
    report: [],
    rollback: isWritten ? `frelu-migrate rollback ${path}` : null,
  };
}

export const win = () => makeResult();
export const loss = () => makeResult({ right: { before: 0.9, control: 0.905, frelu: 0.87 }, written: false });
/** A win of two outputs, of which the second is a regression that got worse. */
export function twoOutputs(): MigrateResult {
  const result = win();
  const { before, control, frelu } = result.arms;
  const rmse = (value: number): Metrics => ({
    rmse: { value, higherIsBetter: false },
    mae: { value: value / 2, higherIsBetter: false },
  });
  const worse: Delta = {
    ...result.delta.vsBefore,
    metric: 'rmse',
    higherIsBetter: false,
    value: 1.25,
    ci95: [0.5, 2],
    pValue: 0.002,
    fixed: null,
    broken: null,
    test: 'bootstrap-bca',
    interval: 'bootstrap-bca',
  };
  const classes = { before: before.test, control: control?.test ?? null, frelu: frelu.test, delta: result.delta };
  const amounts = { before: rmse(40), control: rmse(40.5), frelu: rmse(41.25) };
  return {
    ...result,
    outputs: [
      { name: 'logits', task: 'classification', loss: 'cross-entropy', weight: 1, ...classes },
      {
        name: 'amount',
        task: 'regression',
        loss: 'mse',
        weight: 2,
        ...amounts,
        delta: { vsBefore: worse, vsControl: { ...worse, value: 0.75 } },
      },
    ],
  };
}

export const draw = () => makeResult({ right: { before: 0.9, control: 0.9, frelu: 0.902 }, measured: false });

/** A greyscale PNG of a few shapes, standing for a test image. */
function makePng(size: number, shade: (x: number, y: number) => number): string {
  const rows = Buffer.alloc((size + 1) * size);
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) rows[y * (size + 1) + 1 + x] = shade(x, y);
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const result = Buffer.alloc(body.length + 8);
    result.writeUInt32BE(data.length, 0);
    body.copy(result, 4);
    result.writeUInt32BE(crc32(body), body.length + 4);
    return result;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header[8] = 8;
  const png = Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
  return `data:image/png;base64,${png.toString('base64')}`;
}

function crc32(data: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

const siteName = (i: number) => `layer${1 + Math.floor(i / 3)}.${i % 3}.relu`;

function makeCurve(finalLoss: number, start: number): CurvePoint[] {
  return Array.from({ length: 6 }, (_, epoch) => ({
    epoch,
    step: epoch * 844,
    samples: epoch * 54_000,
    trainLoss: epoch === 0 ? null : finalLoss + 0.2 / epoch,
    validationLoss: finalLoss + 0.12 / (epoch + 1),
    validationMetric: start + 0.03 * (1 - 1 / (epoch + 1)),
  }));
}

const trainedAs = (finalLoss: number, start: number) => ({ curve: makeCurve(finalLoss, start), bestEpoch: 4 });

function makeSite(i: number, measured: boolean): SiteResult {
  const histogram = (shift: number) => {
    const edges = Array.from({ length: 41 }, (_, k) => -4 + 0.2 * k);
    const counts = edges.slice(1).map((edge) => Math.round(1000 * Math.exp(-0.5 * (edge - 0.1 + shift) ** 2)));
    return { edges, counts };
  };
  const shift = 0.05 - 0.02 * (i % 5);
  return {
    id: siteName(i),
    form: 'folded',
    shift: i % 4 === 3 ? null : shift,
    offset: i % 6 === 5 ? [-0.1, -0.02, 0.01, -0.05] : -0.11 + 0.013 * (i % 7),
    before: measured ? { inputs: histogram(0), floored: 0.4602, samples: 1000 } : null,
    after: measured ? { inputs: histogram(0.2), floored: 0.4207, samples: 1000 } : null,
  };
}

function makeExamples(
  names: readonly string[],
  labels: Int32Array,
  before: Scores,
  frelu: Scores,
  kind: 'fixed' | 'broken',
): Example[] {
  const a = predictedClasses(before);
  const b = predictedClasses(frelu);
  return [...labels]
    .flatMap((label, index) => {
      const isKind =
        kind === 'fixed' ? a[index] !== label && b[index] === label : a[index] === label && b[index] !== label;
      return isKind
        ? [
            {
              index,
              actual: names[label] ?? '',
              before: { predicted: names[a[index] ?? -1] ?? '–', confidence: 0.512 },
              frelu: { predicted: names[b[index] ?? -1] ?? '–', confidence: 0.634 },
              thumbnail: makePng(28, (x, y) => ((x - 14) ** 2 + (y - 14) ** 2 < 20 + ((index * 13) % 120) ? 230 : 20)),
              row: null,
            },
          ]
        : [];
    })
    .slice(0, 16);
}

function makeAttribution(names: readonly string[]): MigrateResult['attribution'] {
  return (['integrated-gradients', 'input-x-gradient'] as const).map((method, m) => ({
    method,
    samples: 256,
    steps: m === 0 ? 32 : null,
    spearman: { mean: 0.91, p05: 0.71, median: 0.934 - 0.1 * m, p95: 0.98 },
    topK: { k: 50, overlap: { mean: 0.8, p05: 0.62, median: 0.82, p95: 0.94 } },
    control: {
      spearman: { mean: 0.94, p05: 0.8, median: 0.957, p95: 0.99 },
      topK: { k: 50, overlap: { mean: 0.85, p05: 0.7, median: 0.86, p95: 0.96 } },
      difference: { mean: -0.031, ci95: [-0.044, m === 0 ? -0.019 : 0.002] },
    },
    examples: [0, 1, 2].map((index) => ({
      index,
      actual: names[index % names.length] ?? '',
      input: makePng(28, (x, y) => (x + y + index) * 4),
      before: makePng(28, (x, y) => (x * y) % 255),
      control: makePng(28, (x, y) => (x * y + 10) % 255),
      frelu: makePng(28, (x, y) => (x * y + 20) % 255),
      row: null,
      spearman: 0.93 - 0.05 * index,
    })),
  }));
}

function makeMonitoring(
  names: readonly string[],
  frelu: Scores,
  sites: readonly SiteResult[],
): MigrateResult['monitoring'] {
  const random = createRandom(5);
  const values = Float64Array.from({ length: 500 }, () => random.normal());
  const floorRates = sites.flatMap(({ id, after }) =>
    after === null ? [] : [{ site: id, share: after.floored, value: id, floor: 0 }],
  );
  return monitoringBaseline([{ name: 'channel 0', values }], frelu, names, floorRates);
}

const settings: RunSettings = {
  seed: 0,
  train: 'all',
  stages: [],
  epochs: 5,
  budgetSeconds: null,
  batchSize: 64,
  patience: 2,
  learningRate: 0.01,
  learningRateFound: true,
  offsetLearningRate: 0.01,
  learningRateScales: [],
  schedule: 'cosine',
  warmup: 0,
  optimizer: 'sgd',
  momentum: 0.9,
  weightDecay: 1e-4,
  weightDecayScales: [],
  clipNorm: null,
  clipNormFound: true,
  average: null,
  dropout: 0,
  labelSmoothing: 0,
  mixup: null,
  augment: [],
  batchNorm: 'frozen',
  teacher: null,
  distillWeight: 0,
  temperature: 1,
  metric: 'accuracy',
  loss: 'cross-entropy',
  epochKeptBy: 'validation loss',
  form: 'auto',
  padding: 'zero',
  granularity: 'layer',
  init: 0,
  maxOffset: null,
  include: [],
  exclude: [],
  revertHarmful: false,
  seeds: 1,
  seedKept: 0,
  control: true,
  validationFraction: 0.1,
  testFraction: null,
  preprocessing: 'Samples of 28x28 (uint8) are multiplied by 1/255.',
  scale: null,
  mean: null,
  std: null,
  layout: null,
};

const reading: Reading = {
  inputs: [
    {
      name: 'input',
      dtype: 'float',
      shape: [1, 28, 28],
      preprocessing: 'Samples of 28x28 (uint8) are multiplied by 1/255.',
      scale: 1 / 255,
      mean: [0],
      std: [1],
      layout: 'NCHW',
      range: [0, 1],
      source: 'default',
      settings: ['scale', 'mean', 'std', 'layout', 'preprocess'],
    },
  ],
  outputs: [
    {
      name: 'logits',
      dtype: 'float',
      width: 10,
      judged: true,
      meaning: 'logits',
      evidence: 'its numbers lie between -12.3 and 15.1',
      lossAt: 'logits',
    },
  ],
  choice: "'logits' (float, 10 wide) is read: the only output.",
  loss: 'cross-entropy',
  classes: { names: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'], origin: 'data/train', source: 'data' },
  sanity: {
    status: 'fine',
    samples: 1000,
    metric: 'accuracy',
    asGiven: 0.9,
    chance: 0.1,
    better: null,
    alternatives: [],
    sentence: 'accuracy 90.0 % on 1000 labelled samples, against 10.0 % by chance.',
  },
  untrained: [],
  runtime: null,
  data: [],
  trusted: false,
};
