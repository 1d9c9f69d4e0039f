import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Layers, untrainedNetwork } from '../../fixtures/layers.js';
import { cutSubset } from '../../fixtures/subset.js';
import type { MigrateResult } from '../../src/contract/result.js';
import { createRandom } from '../../src/math/random.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import type { RunHooks } from '../../src/run/hooks.js';
import { migrate } from '../../src/run/migrate.js';
import type { MigrateOptions } from '../../src/run/spec.js';
import { littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { parseGraph } from '../transforms/notation.js';
import { type Files, rows } from './rows.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';

const count = 120;
const random = createRandom(9);

const varied = { ...training, epochs: 2, batchSize: 32, mixup: 0.2, augment: ['flip', 'crop', 'erase'] } as const;

/** Pictures, and an untrained network of one convolution. */
async function images(): Promise<Files> {
  const [data, model] = [await temporaryFolder(), join(await temporaryFolder(), 'small.onnx')];
  await cutSubset(join(import.meta.dirname, '../../fixtures/data'), data, { train: 20, t10k: 4 });
  const graph = untrainedNetwork('small', 5, [1, 28, 28], 10, (layers: Layers, input) => {
    const inner = layers.op('relu', 'Relu', [layers.conv('conv', input, 1, 4, { stride: 4 })]);
    return layers.dense('out', layers.op('flat', 'Flatten', [inner]), 4 * 7 * 7, 10);
  });
  await writeFile(model, Buffer.concat(encodeModel(graph.model)));
  return { model, data };
}

function run(
  { model, data }: Files,
  changes: Partial<MigrateOptions>,
  listening: Partial<RunHooks> = {},
): Promise<MigrateResult> {
  return migrate(optionsFor(model, data, { training: varied, dryRun: true, ...changes }), hooks(listening));
}

/** What training left, as the test split shows it, with the losses on the way. */
const traces = ({ arms }: MigrateResult) =>
  [arms.control, arms.frelu].map((arm) => ({ curve: arm?.curve, test: arm?.test }));

describe('samples that are varied in training', () => {
  it('are the same in both arms, and in validation as they are', async () => {
    const task = await images();
    // with a = b = 0 both arms compute the same, and at this rate they go on doing so: their losses tell their samples apart
    const still = { ...varied, learningRate: 1e-9 };
    const [plain, mixed, augmented] = [
      await run(task, { training: { ...still, mixup: null, augment: [] } }),
      await run(task, { training: { ...still, augment: [] } }),
      await run(task, { training: { ...still, mixup: null } }),
    ];
    const lossOf = ({ arms }: MigrateResult, name: 'control' | 'frelu', epoch: number): number =>
      arms[name]?.curve[epoch]?.trainLoss ?? Number.NaN;
    const validated = ({ arms }: MigrateResult): number => arms.frelu.curve[1]?.validationLoss ?? Number.NaN;
    for (const other of [mixed, augmented]) {
      for (const epoch of [1, 2]) {
        expect(lossOf(other, 'frelu', epoch)).toBeCloseTo(lossOf(other, 'control', epoch), 5);
        expect(lossOf(other, 'frelu', epoch)).not.toBeCloseTo(lossOf(plain, 'frelu', epoch), 3);
      }
      // every epoch varies them anew
      expect(lossOf(other, 'frelu', 2)).not.toBeCloseTo(lossOf(other, 'frelu', 1), 3);
      expect(validated(other)).toBeCloseTo(validated(plain), 5);
    }
    expect(lossOf(plain, 'frelu', 2)).toBeCloseTo(lossOf(plain, 'frelu', 1), 5);
    expect(mixed.settings).toMatchObject({ mixup: 0.2, augment: [] });
    expect(augmented.settings).toMatchObject({ mixup: null, augment: ['flip', 'crop', 'erase'] });
  });

  it.each([
    ['moved and mixed', varied],
    ['moved', { ...varied, mixup: null }],
    ['as they are', { ...varied, mixup: null, augment: [] }],
  ])('are the same where a run goes on in the middle of an epoch, bit for bit: %s', async (_, own) => {
    const whole = await run(await images(), { training: own });
    const cut = await images();
    const abort = new AbortController();
    let steps = 0;
    const onStep = (): void => {
      if (++steps === 5) abort.abort();
    };
    await expect(run(cut, { training: own }, { onStep, signal: abort.signal })).rejects.toMatchObject({
      kind: 'interrupted',
    });
    expect(traces(await run(cut, { training: own, resume: true }))).toEqual(traces(whole));
  });

  it('give running statistics no part of their variation', async () => {
    const still = { ...varied, augment: [], batchNorm: 'recalibrate', learningRate: 1e-12 } as const;
    const files = await rows(count);
    const [plain, mixed] = [
      await run(files, { training: { ...still, mixup: null } }),
      await run(files, { training: still }),
    ];
    const loss = (arm: MigrateResult['arms']['frelu']): number => arm.test.logLoss?.value ?? Number.NaN;
    // the statistics of the training samples are others than those of the file, which are 0 and 1
    expect(loss(plain.arms.frelu)).not.toBeCloseTo(loss(plain.arms.before), 2);
    expect(loss(mixed.arms.frelu)).toBeCloseTo(loss(plain.arms.frelu), 5);
  });

  it('may be rows of numbers that are mixed', async () => {
    const classes = await rows(count);
    const result = await run(classes, { training: { ...varied, augment: [] } });
    expect(result.settings.mixup).toBe(0.2);
  });
});

it.each(['frozen', 'batch', 'recalibrate'] as const)(
  'samples of 8 bits train as the floats that they become: normalization %s',
  async (batchNorm) => {
    const [height, width, classes] = [6, 5, 3];
    const drawn = createRandom(12);
    const labels = Array.from({ length: count }, () => Math.floor(classes * drawn.uniform()));
    const bytes = labels.flatMap((label) =>
      Array.from({ length: height * width * 3 }, () => Math.floor((128 + 63 * label) * drawn.uniform())),
    );
    const files = async (values: Uint8Array): Promise<Files> => {
      const [data, model] = [join(await temporaryFolder(), 'data.npz'), join(await temporaryFolder(), 'model.onnx')];
      await writeFile(
        data,
        zipBytes({ 'x.npy': values, 'y.npy': npyBytes('<i8', [count], littleEndian.int64(labels)) }),
      );
      const graph = untrainedNetwork('small', 5, [3, height, width], classes, (layers: Layers, input) => {
        const convolved = layers.batchNorm('norm', layers.conv('conv', input, 3, 4, { bias: false }), 4);
        const pooled = layers.op('pool', 'GlobalAveragePool', [layers.op('relu', 'Relu', [convolved])]);
        return layers.dense('out', layers.op('flat', 'Flatten', [pooled]), 4, classes);
      });
      await writeFile(model, Buffer.concat(encodeModel(graph.model)));
      return { model, data };
    };
    const shape = [count, height, width, 3];
    const own = { training: { ...varied, mixup: null, augment: [], batchNorm } };
    const stored = await run(await files(npyBytes('|u1', shape, Buffer.from(bytes))), own);
    const floats = bytes.map((byte) => byte / 255);
    const made = await run(await files(npyBytes('<f4', shape, littleEndian.float32(floats))), own);
    for (const name of ['control', 'frelu'] as const) {
      const [curve = [], expected = []] = [stored.arms[name]?.curve, made.arms[name]?.curve];
      expect(curve.length).toBe(3);
      for (const [i, { trainLoss, validationLoss }] of curve.entries()) {
        expect(validationLoss).toBeCloseTo(expected[i]?.validationLoss ?? Number.NaN, 5);
        if (i > 0) expect(trainLoss).toBeCloseTo(expected[i]?.trainLoss ?? Number.NaN, 5);
      }
    }
  },
);

describe('a variation is refused', () => {
  const mixing = { ...varied, augment: [] };
  const flipping = { ...varied, mixup: null, augment: ['flip'] as const };

  it('of what is no picture, and where the targets are values', async () => {
    const [classes, values] = [await rows(count), await rows(count, 'values')];
    await expect(run(classes, { training: flipping })).rejects.toMatchObject({
      kind: 'usage',
      settings: ['augment'],
      what: expect.stringContaining('no pictures'),
    });
    await expect(run(values, { training: mixing })).rejects.toMatchObject({
      kind: 'usage',
      settings: ['mixup'],
      what: expect.stringContaining('regression'),
    });
  });

  it('beside a teacher, and a loss of the user', async () => {
    const task = await rows(count);
    const combinations: readonly Partial<MigrateOptions>[] = [
      { training: flipping, distill: { teacher: task.model, distillWeight: null, temperature: 1 } },
      { training: mixing, task: { task: 'distill', loss: null, metric: null } },
      { training: mixing, task: { task: null, loss: { file: 'loss.onnx' }, metric: null } },
    ];
    for (const changes of combinations) {
      await expect(run(task, changes)).rejects.toMatchObject({ kind: 'usage', written: 'nothing' });
    }
  });

  it('of ids, between which nothing lies', async () => {
    const folder = await temporaryFolder();
    const graph = parseGraph(`
      ids: int64[N,4]
      table = float[10,6]
      one = int64[1] 1
      v = float[6,8]
      vb = float[8]
      o = float[8,2]
      ob = float[2]
      e = Gather(table, ids) axis=0
      s = ReduceSum(e, one) keepdims=0
      h = Gemm(s, v, vb) name=dense
      r = Relu(h) name=relu
      logits = Gemm(r, o, ob) name=head
      -> logits`);
    const [model, data] = [join(folder, 'ids.onnx'), join(folder, 'ids.npz')];
    await writeFile(model, Buffer.concat(encodeModel(graph.model)));
    const x = Array.from({ length: 4 * count }, () => random.below(10));
    const labels = Array.from({ length: count }, (_, i) => ((x[4 * i] ?? 0) > 4 ? 1 : 0));
    const y = npyBytes('<i8', [count], littleEndian.int64(labels));
    await writeFile(data, zipBytes({ 'x.npy': npyBytes('<i8', [count, 4], littleEndian.int64(x)), 'y.npy': y }));
    await expect(run({ model, data }, { training: mixing })).rejects.toMatchObject({
      kind: 'usage',
      settings: ['mixup'],
      what: expect.stringContaining("'ids'"),
    });
  });
});
