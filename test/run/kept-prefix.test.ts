import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type Layers, untrainedNetwork } from '../../fixtures/layers.js';
import type { MigrateResult } from '../../src/contract/result.js';
import { defaultPlanOptions } from '../../src/contract/settings.js';
import { createRandom } from '../../src/math/random.js';
import { encodeModel } from '../../src/model/onnx/write.js';
import { migrate } from '../../src/run/migrate.js';
import type { TrainingOptions } from '../../src/run/spec.js';
import { littleEndian, npyBytes, zipBytes } from '../data/readers/bytes.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';

const keeping = vi.hoisted(() => ({ isOff: false }));
vi.mock('../../src/training/frozen-prefix.js', async (original) => {
  const real = await original<typeof import('../../src/training/frozen-prefix.js')>();
  const findFrozenPrefix: typeof real.findFrozenPrefix = async (...args) =>
    keeping.isOff ? null : real.findFrozenPrefix(...args);
  return { ...real, findFrozenPrefix };
});

const [count, features] = [200, 12];

/** Three classes of samples of twelve features, as float32 or as bytes. */
async function dataset(bytes = false): Promise<string> {
  const random = createRandom(3);
  const x = Array.from({ length: count * features }, () => random.normal());
  const stored = Uint8Array.from(x, (value) => Math.min(255, Math.max(0, 128 + 40 * value)));
  const labels = Array.from({ length: count }, (_, i) => {
    const curved = Math.abs(x[i * features] ?? 0) + 0.5 * (x[i * features + 1] ?? 0);
    return curved > 1 ? 2 : curved > 0.4 ? 1 : 0;
  });
  const path = join(await temporaryFolder(), 'data.npz');
  const arrays = {
    'x.npy': bytes
      ? npyBytes('|u1', [count, features], stored)
      : npyBytes('<f4', [count, features], littleEndian.float32(x)),
    'y.npy': npyBytes('<i8', [count], littleEndian.int64(labels)),
  };
  await writeFile(path, zipBytes(arrays));
  return path;
}

/** Of three hidden layers the last alone is migrated: with the last layer, it is all that is trained. */
async function network(): Promise<string> {
  const graph = untrainedNetwork('tiny', 5, [features], 3, (layers: Layers, input) => {
    const first = layers.op('first/relu', 'Relu', [
      layers.batchNorm('norm', layers.dense('first', input, features, 24), 24),
    ]);
    const second = layers.op('second/relu', 'Relu', [layers.dense('second', first, 24, 16)]);
    const third = layers.op('third/relu', 'Relu', [layers.dense('third', second, 16, 8)]);
    return layers.dense('out', third, 8, 3);
  });
  const path = join(await temporaryFolder(), 'network.onnx');
  await writeFile(path, Buffer.concat(encodeModel(graph.model)));
  return path;
}

const usual: Partial<TrainingOptions> = { scope: 'head', batchSize: 32, epochs: 3, learningRate: 0.05, patience: 9 };

async function run(own: Partial<TrainingOptions> = {}, { bytes = false } = {}) {
  const notes: string[] = [];
  const note = (message: string): void => {
    notes.push(message);
  };
  const result = await migrate(
    optionsFor(await network(), await dataset(bytes), {
      training: { ...training, ...usual, ...own },
      plan: { ...defaultPlanOptions, include: ['third/relu'] },
      dryRun: true,
    }),
    hooks({ note }),
  );
  return { result, kept: notes.filter((message) => message.includes('computed once')) };
}

const lossesOf = ({ arms }: MigrateResult): readonly number[] =>
  [arms.control, arms.frelu].map((arm) => arm?.test.logLoss?.value ?? Number.NaN);

beforeEach(() => {
  keeping.isOff = false;
});

describe('what is computed alike in every epoch', () => {
  it.each([
    { batchNorm: 'frozen' },
    { batchNorm: 'batch' },
    { batchNorm: 'recalibrate' },
    { dropout: 0.2 },
    { seeds: 2 },
  ] as const)('is computed once for all arms and seeds, which learn what they would have without: %o', async (own) => {
    const { result, kept } = await run(own);
    expect(kept).toHaveLength(1);
    keeping.isOff = true;
    const whole = await run(own);
    expect(whole.kept).toEqual([]);
    expect(lossesOf(result)).toEqual(lossesOf(whole.result).map((loss) => expect.closeTo(loss, 5)));
    expect(result.arms.frelu.bestEpoch).toBe(whole.result.arms.frelu.bestEpoch);
  });

  it('is computed of samples that wait as bytes, too', async () => {
    const { result, kept } = await run({}, { bytes: true });
    expect(kept).toHaveLength(1);
    keeping.isOff = true;
    const whole = await run({}, { bytes: true });
    expect(lossesOf(result)).toEqual(lossesOf(whole.result).map((loss) => expect.closeTo(loss, 5)));
  });

  it.each([{ mixup: 0.2 }, { epochs: 1 }, { scope: 'all' }] as const)(
    'is not there, or not worth keeping: %o',
    async (own) => {
      const { kept } = await run(own);
      expect(kept).toEqual([]);
    },
  );

  it('is computed again by a run that goes on, to the same bits', async () => {
    const { result } = await run();
    const [model, data] = [await network(), await dataset()];
    const abort = new AbortController();
    let steps = 0;
    const onStep = (): void => {
      if (++steps === 7) abort.abort();
    };
    const options = optionsFor(model, data, {
      training: { ...training, ...usual },
      plan: { ...defaultPlanOptions, include: ['third/relu'] },
      dryRun: true,
    });
    await expect(migrate(options, hooks({ onStep, signal: abort.signal }))).rejects.toMatchObject({
      kind: 'interrupted',
    });
    const resumed = await migrate({ ...options, resume: true }, hooks());
    expect(lossesOf(resumed)).toEqual(lossesOf(result));
  });
});
