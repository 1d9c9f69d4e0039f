import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutSubset } from '../../fixtures/subset.js';
import type { MigrateResult } from '../../src/contract/result.js';
import { loadModel } from '../../src/model/load.js';
import { readFloats } from '../../src/model/tensor.js';
import { migrate } from '../../src/run/migrate.js';
import type { MigrateOptions } from '../../src/run/spec.js';
import { rollback } from '../../src/upgrade/rollback.js';
import { rows } from './rows.js';
import { bytesBelow, hooks, optionsFor, temporaryFolder, training } from './runs.js';

const fixtures = join(import.meta.dirname, '../../fixtures');
const perClass = { train: 20, t10k: 10 };
let data = '';

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'frelu-subset-'));
  await cutSubset(join(fixtures, 'data'), data, perClass);
});
afterAll(() => rm(data, { recursive: true, force: true }));

/** A copy of a fixture alone in a folder, and a run on it. */
async function modelCopy(name = 'plain.onnx'): Promise<{ folder: string; model: string }> {
  const folder = await temporaryFolder();
  const model = join(folder, name);
  await copyFile(join(fixtures, name), model);
  return { folder, model };
}

const run = (model: string, changes: Partial<MigrateOptions> = {}, on = data): Promise<MigrateResult> =>
  migrate(optionsFor(model, on, changes), hooks());

/** A small network with its data in a folder of their own, and a run on it. */
async function small() {
  const { model, data } = await rows(300);
  return { model, data, run: (changes: Partial<MigrateOptions> = {}) => run(model, changes, data) };
}

/** A result without what the clock and the place decide. */
function timeless(result: MigrateResult): unknown {
  const dropped = new Set([
    'run',
    'looks',
    'seconds',
    'samplesPerSecond',
    'latency',
    'report',
    'rollback',
    'path',
    'origin',
  ]);
  return JSON.parse(JSON.stringify(result, (key, value: unknown) => (dropped.has(key) ? undefined : value)));
}

/** The accuracy of a file, by ONNX Runtime alone: none of this project's code between the pixels and the figure. */
async function accuracyOf(model: string): Promise<number> {
  const pixels = gunzipSync(await readFile(join(data, 't10k-images-idx3-ubyte.gz'))).subarray(16);
  const labels = gunzipSync(await readFile(join(data, 't10k-labels-idx1-ubyte.gz'))).subarray(8);
  const session = await InferenceSession.create(model);
  const input = Float32Array.from(pixels, (pixel) => pixel / 255);
  const { logits } = await session.run({ input: new Tensor('float32', input, [labels.length, 1, 28, 28]) });
  await session.release();
  const values = Array.from(logits?.data ?? [], Number);
  const right = labels.filter((label, i) => {
    const row = values.slice(10 * i, 10 * i + 10);
    return row.indexOf(Math.max(...row)) === label;
  });
  return right.length / labels.length;
}

describe('migrate', () => {
  it.each(['plain.onnx', 'residual.onnx'])('writes %s such that it has the reported accuracy exactly', async (name) => {
    const { model } = await modelCopy(name);
    const before = await accuracyOf(model);
    // at this rate one epoch makes either fixture better: else what is written is the model as it came
    const result = await run(model, { training: { ...training, learningRate: 0.002 } });

    expect(result.arms.before.test.accuracy?.value).toBe(before);
    expect(result.arms.frelu.test.accuracy?.value).toBe(await accuracyOf(model));
    expect(result.delta.vsBefore).toMatchObject({ metric: 'accuracy', baseline: before });
    expect(result.parity.maxAbsDiff).toBeLessThan(1e-4);
    expect(result.written).toBe(true);
    expect(result.sites.some(({ offset }) => offset !== 0)).toBe(true);
    expect(result.files.map(({ path }) => path)).toEqual([name]);
    expect(result.rollback).toBe(`frelu-migrate rollback ${model}`);
  });

  it.each(['batch', 'recalibrate'] as const)(
    'writes the running statistics that --batch-norm %s gave',
    async (batchNorm) => {
      const { model } = await modelCopy('residual.onnx');
      // from an offset that does harm at first, so that the epoch is kept
      const result = await run(model, { training: { ...training, batchNorm, initialOffset: -0.1 } });
      expect(result.arms.frelu.test.accuracy?.value).toBe(await accuracyOf(model));
      const statistics = async (path: string) => {
        const tensor = (await loadModel(path)).graph.initializer('stem/norm/variance');
        return tensor === undefined ? [] : [...readFloats(tensor)];
      };
      const original = await statistics(join(fixtures, 'residual.onnx'));
      const written = await statistics(model);
      expect(written).not.toEqual(original);
      // of images of the same kind: they have not gone far
      written.forEach((variance, i) => {
        expect(Math.abs(Math.log(variance / (original[i] ?? 0)))).toBeLessThan(0.5);
      });
    },
  );

  it('is undone by a rollback, byte for byte', async () => {
    const { model, run } = await small();
    const original = await readFile(model);
    await run();
    expect(await readFile(model)).not.toEqual(original);
    await rollback(model);
    expect(await readFile(model)).toEqual(original);
  });

  it('feeds both arms the same batches: with no learning rate to speak of, each step has the same loss', async () => {
    const { model } = await modelCopy();
    const losses = { control: [] as number[], frelu: [] as number[] };
    const onStep: Parameters<typeof hooks>[0] = { onStep: (arm, { loss }) => losses[arm].push(loss) };
    const standing = { ...training, learningRate: 1e-12, epochs: 2 };
    await migrate(optionsFor(model, data, { training: standing, dryRun: true }), hooks(onStep));

    expect(losses.control).toHaveLength(2 * Math.ceil((0.9 * 10 * perClass.train) / training.batchSize));
    expect(new Set(losses.control.map((loss) => loss.toFixed(4))).size).toBe(losses.control.length);
    losses.control.forEach((loss, i) => {
      expect(losses.frelu[i]).toBeCloseTo(loss, 5);
    });
  });

  it('gives the same result for the same seed, and another for another', async () => {
    const { run } = await small();
    const first = timeless(await run({ dryRun: true }));
    expect(timeless(await run({ dryRun: true }))).toEqual(first);
    expect(timeless(await run({ dryRun: true, seed: 8 }))).not.toEqual(first);
  });

  it('leaves the model alone where the acceptance rule is not met, and reports all the same', async () => {
    const { model, run } = await small();
    const original = await readFile(model);
    const result = await run({ accept: 'delta>=0.9', languages: ['en'] });

    expect(result.acceptance).toMatchObject({
      rule: 'delta>=0.9',
      met: false,
      goals: [{ code: 'said', subject: 'delta>=0.9', met: false, bound: 0.9 }],
    });
    expect(result).toMatchObject({ written: false, files: [], rollback: null });
    expect(await readFile(model)).toEqual(original);
    for (const path of result.report) expect((await readFile(path)).length).toBeGreaterThan(1000);
  });

  it('writes nothing of the model in a dry run, and the report all the same', async () => {
    const { model, run } = await small();
    const folder = dirname(model);
    const before = await bytesBelow(folder);
    const result = await run({ dryRun: true, languages: ['en'] });
    expect(result).toMatchObject({ written: false, files: [], acceptance: { met: true } });
    const runs = join(folder, '.frelu', 'runs');
    const after = [...(await bytesBelow(folder))].filter(([path]) => !path.startsWith(runs));
    expect(new Map(after)).toEqual(before);
    expect(result.report.map((path) => basename(path))).toEqual(['report.html', 'report.md', 'report.json']);
    for (const path of result.report) expect((await readFile(path)).length).toBeGreaterThan(1000);
  });

  it('writes elsewhere, and leaves the model as it is', async () => {
    const { folder, model } = await modelCopy();
    const original = await readFile(model);
    const out = join(folder, 'out.onnx');
    const result = await run(model, { out });
    expect(await accuracyOf(out)).toBe(result.arms.frelu.test.accuracy?.value);
    expect(await readFile(model)).toEqual(original);
  });

  it.each([2, 3])('goes on after an interruption at step %i of the frelu arm as if there had been none', async (at) => {
    const changes = { training: { ...training, epochs: 2 }, accept: 'delta>=0.9' };
    const { run } = await small();
    const uninterrupted = await run(changes);

    const interrupted = await small();
    const abort = new AbortController();
    let steps = 0;
    const stopping = hooks({
      signal: abort.signal,
      onStep: (arm) => {
        if (arm === 'frelu' && ++steps === at) abort.abort();
      },
    });
    const options = optionsFor(interrupted.model, interrupted.data, changes);
    await expect(migrate(options, stopping)).rejects.toMatchObject({ kind: 'interrupted' });

    const resumed = await migrate({ ...options, resume: true }, hooks());
    expect(timeless(resumed)).toEqual(timeless(uninterrupted));
  });

  it('refuses to go on where nothing was interrupted', async () => {
    const { run } = await small();
    await run({ accept: 'delta>=0.9' });
    await expect(run({ accept: 'delta>=0.9', resume: true })).rejects.toMatchObject({ kind: 'usage' });
  });

  it('trains biases or offsets alone, in the control arm the biases that offsets act through', async () => {
    const { run } = await small();
    for (const scope of ['biases', 'offsets'] as const) {
      const result = await run({ dryRun: true, training: { ...training, scope } });
      expect(result.sites.some(({ offset }) => offset !== 0)).toBe(true);
      const [first, last] = [result.arms.control?.curve[0], result.arms.control?.curve.at(-1)];
      expect(last?.validationLoss).not.toBe(first?.validationLoss);
    }
  });

  it('repeats both arms by seeds, and keeps the one that validated best', async () => {
    const { run } = await small();
    const result = await run({ dryRun: true, training: { ...training, seeds: 2 } });
    expect(result.spread.map(({ seed }) => seed)).toEqual([7, 8]);
    const kept = result.spread.find(({ seed }) => seed === result.settings.seedKept);
    expect(kept?.frelu).toBeCloseTo(result.arms.frelu.test.accuracy?.value ?? Number.NaN, 10);
  });
});
