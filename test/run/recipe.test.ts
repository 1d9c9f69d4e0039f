import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Layers, untrainedNetwork } from '../../fixtures/layers.js';
import { present } from '../../src/contract/present.js';
import type { MigrateResult } from '../../src/contract/result.js';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { createRandom } from '../../src/math/random.js';
import type { Graph } from '../../src/model/graph.js';
import { loadModel } from '../../src/model/load.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { migrate } from '../../src/run/migrate.js';
import type { TrainingOptions } from '../../src/run/spec.js';
import { littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { parseGraph } from '../transforms/notation.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';

const [count, features] = [300, 6];

/** Three classes, curved in two of six features. */
async function dataset(): Promise<string> {
  const random = createRandom(3);
  const x = Array.from({ length: count * features }, () => random.normal());
  const labels = Array.from({ length: count }, (_, i) => {
    const curved = Math.abs(x[i * features] ?? 0) + 0.5 * (x[i * features + 1] ?? 0);
    return curved > 1 ? 2 : curved > 0.4 ? 1 : 0;
  });
  const path = join(await temporaryFolder(), 'data.npz');
  const arrays = {
    'x.npy': npyBytes('<f4', [count, features], littleEndian.float32(x)),
    'y.npy': npyBytes('<i8', [count], littleEndian.int64(labels)),
  };
  await writeFile(path, zipBytes(arrays));
  return path;
}

/** Two hidden layers, the first normalized. */
const normalized = (): Graph =>
  untrainedNetwork('tiny', 5, [features], 3, (layers: Layers, input) => {
    const first = layers.batchNorm('norm', layers.dense('first', input, features, 12), 12);
    const second = layers.dense('second', layers.op('first/relu', 'Relu', [first]), 12, 8);
    return layers.dense('out', layers.op('second/relu', 'Relu', [second]), 8, 3);
  });

const recurrent = (): Graph =>
  parseGraph(`
    x: float[N,6]
    steps = int64[3] -1 2 3
    W = float[1,16,3]
    R = float[1,16,4]
    axes = int64[1] 0
    w = float[4,3]
    b = float[3] 0
    s = Reshape(x, steps)
    t = Transpose(s) perm=[1,0,2]
    y, h = LSTM(t, W, R) hidden_size=4
    l = Squeeze(h, axes)
    r = Relu(l) name=relu
    o = Gemm(r, w, b)
    -> o`);

async function saved(graph: Graph): Promise<string> {
  const path = join(await temporaryFolder(), 'network.onnx');
  await writeFile(path, Buffer.concat(encodeModel(graph.model)));
  return path;
}

const usual: TrainingOptions = { ...training, batchSize: 32, epochs: 3, learningRate: 0.05, patience: 9 };

async function run(model: string, data: string, own: Partial<TrainingOptions>, more = {}, listening = {}) {
  return migrate(optionsFor(model, data, { training: { ...usual, ...own }, dryRun: true, ...more }), hooks(listening));
}

function timeless(result: MigrateResult): unknown {
  const dropped = new Set(['run', 'looks', 'seconds', 'samplesPerSecond', 'latency', 'report', 'rollback', 'path']);
  return JSON.parse(JSON.stringify(result, (key, value: unknown) => (dropped.has(key) ? undefined : value)));
}

const lossOf = (result: MigrateResult, arm: 'control' | 'frelu'): number =>
  result.arms[arm]?.test.logLoss?.value ?? Number.NaN;

const ema = { kind: 'ema', decay: 0.9 } as const;
const ingredients: readonly {
  readonly name: string;
  readonly own: Partial<TrainingOptions>;
  readonly shows: object;
}[] = [
  { name: 'an exponential average', own: { average: ema }, shows: { average: 'ema:0.9' } },
  {
    name: 'an average with statistics of its own',
    own: {
      average: ema,
      batchNorm: 'batch',
      optimizer: { kind: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
      learningRate: 0.005,
    },
    shows: { average: 'ema:0.9', batchNorm: 'batch' },
  },
  { name: 'a mean over epochs', own: { average: { kind: 'swa' }, batchNorm: 'batch' }, shows: { average: 'swa' } },
  { name: 'dropout', own: { dropout: 0.3 }, shows: { dropout: 0.3 } },
  {
    name: 'stages',
    own: {
      stages: [
        { scope: 'offsets', epochs: 1 },
        { scope: 'all', epochs: null },
      ],
      batchNorm: 'recalibrate',
    },
    shows: { stages: ['offsets:1', 'all'] },
  },
  { name: 'a warm-up', own: { warmup: 0.3 }, shows: { warmup: 0.3 } },
  {
    name: 'rates and decay of their own',
    own: { rateScales: { offsets: 5, biases: 2, head: 0.5 }, decayScales: { offsets: 0, biases: 0, head: 1 } },
    shows: {
      learningRateScales: ['offsets=5', 'biases=2', 'head=0.5'],
      weightDecayScales: ['offsets=0', 'biases=0'],
      offsetLearningRate: 0.25,
    },
  },
];

describe('an ingredient of the fine-tune', () => {
  it.each(ingredients)('changes both arms, and is resumed to the same bits: $name', async ({ own, shows }) => {
    const data = await dataset();
    const [plain, whole] = [
      await run(await saved(normalized()), data, {}),
      await run(await saved(normalized()), data, own),
    ];
    expect(whole.settings).toMatchObject(shows);
    for (const arm of ['control', 'frelu'] as const) {
      expect(lossOf(whole, arm), arm).not.toBe(lossOf(plain, arm));
      expect(lossOf(whole, arm), arm).toBeLessThan(lossOf(whole, 'control') + 0.5);
    }
    // a step of the first arm with an epoch averaged already, one of the second arm
    for (const at of [16, 9 + 21]) {
      const model = await saved(normalized());
      const abort = new AbortController();
      let steps = 0;
      const stopping = { signal: abort.signal, onStep: () => void (++steps === at && abort.abort()) };
      await expect(run(model, data, own, {}, stopping)).rejects.toMatchObject({ kind: 'interrupted' });
      expect(timeless(await run(model, data, own, { resume: true })), `step ${at}`).toEqual(timeless(whole));
    }
  });
});

describe('stages', () => {
  const own: Partial<TrainingOptions> = {
    stages: [
      { scope: 'offsets', epochs: 1 },
      { scope: 'all', epochs: 2 },
    ],
  };

  it('follow each other in one curve, and none is trained twice by a run that is resumed', async () => {
    const [data, model] = [await dataset(), await saved(normalized())];
    const abort = new AbortController();
    const epochs: string[] = [];
    const stopping = {
      signal: abort.signal,
      onEpoch: (arm: string, { epoch }: { epoch: number }) => void epochs.push(`${arm} ${epoch}`),
      onStep: (arm: string, { epoch, step, epochs: all }: { epoch: number; step: number; epochs: number }) => {
        expect(all).toBe(3);
        if (arm === 'control' && epoch === 2 && step === 2) abort.abort();
      },
    };
    await expect(run(model, data, own, {}, stopping)).rejects.toMatchObject({ kind: 'interrupted' });
    expect(epochs).toEqual(['control 0', 'control 1']);
    const trained = new Set<string>();
    const listening = { onStep: (arm: string, { epoch }: { epoch: number }) => void trained.add(`${arm} ${epoch}`) };
    const { arms } = await run(model, data, own, { resume: true }, listening);
    expect([...trained]).toEqual(['control 2', 'control 3', 'frelu 1', 'frelu 2', 'frelu 3']);
    for (const arm of [arms.control, arms.frelu]) {
      expect(arm?.curve.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 3]);
      const steps = arm?.curve.map(({ step }) => step) ?? [];
      expect(steps).toEqual(steps.map((_, i) => (i * present(steps.at(-1), 'the last step')) / 3));
      // biases alone learn in the first
      expect(arm?.curve[1]?.validationLoss).not.toBe(arm?.curve[0]?.validationLoss);
    }
  });
});

describe('the bound of offsets', () => {
  it('is exceeded by none, and reached', async () => {
    const data = await dataset();
    const offsets = async (own: Partial<TrainingOptions>): Promise<number[]> => {
      const plan = { ...defaultPlanOptions, granularity: 'channel' } as const;
      const { sites } = await run(await saved(normalized()), data, { ...own, control: false, epochs: 6 }, { plan });
      return sites.flatMap(({ offset }) => offset ?? []);
    };
    const free = Math.max(...(await offsets({})));
    expect(free).toBeGreaterThan(0);
    const bound = Math.fround(free / 2);
    expect(Math.max(...(await offsets({ maxOffset: bound })))).toBe(bound);
    expect(Math.max(...(await offsets({ maxOffset: bound, average: ema })))).toBeLessThanOrEqual(bound);
  });
});

describe('dropout', () => {
  it('is not in the model that is written', async () => {
    const [data, model] = [await dataset(), await saved(normalized())];
    const out = join(await temporaryFolder(), 'migrated.onnx');
    await run(model, data, { dropout: 0.5 }, { out, dryRun: false });
    const [before, after] = [(await loadModel(model)).graph, (await loadModel(out)).graph];
    expect(after.feeds().map(({ name }) => name)).toEqual(before.feeds().map(({ name }) => name));
    expect(after.nodes.map(({ opType }) => opType)).toEqual(before.nodes.map(({ opType }) => opType));
  });
});

describe('the gradient of a recurrent network', () => {
  it('is limited where nobody says otherwise, and that is told', async () => {
    const data = await dataset();
    const notes: string[] = [];
    const note = (message: string): void => void notes.push(message);
    const limited = await run(await saved(recurrent()), data, { clipNorm: 'auto' }, {}, { note });
    expect(limited.settings).toMatchObject({ clipNorm: 1, clipNormFound: true });
    expect(notes).toEqual([expect.stringContaining('the norm of gradients is limited to 1')]);
    const free = await run(await saved(recurrent()), data, { clipNorm: null }, {}, { note });
    expect(free.settings).toMatchObject({ clipNorm: null, clipNormFound: false });
    const plain = await run(await saved(normalized()), data, { clipNorm: 'auto', epochs: 1 }, {}, { note });
    expect(plain.settings).toMatchObject({ clipNorm: null, clipNormFound: true });
    expect(notes).toHaveLength(1);
  });
});

describe('settings that contradict each other', () => {
  it.each<readonly [Partial<TrainingOptions>, readonly string[]]>([
    [{ scope: 'head', stages: [{ scope: 'all', epochs: null }] }, ['train', 'stages']],
    [
      { offsetLearningRate: 0.1, rateScales: { offsets: 2, biases: 1, head: 1 } },
      ['offsetLearningRate', 'learningRateScale'],
    ],
    [{ initialOffset: 0.1, maxOffset: 0 }, ['init', 'maxOffset']],
  ])('are refused before anything is read: %j', async (own, settings) => {
    await expect(run('no/such/model.onnx', 'no/such/data', own)).rejects.toMatchObject({ kind: 'usage', settings });
  });
});
