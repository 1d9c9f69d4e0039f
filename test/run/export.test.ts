import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { MigrateResult } from '../../src/contract/result.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { exportArm } from '../../src/run/export.js';
import { migrate } from '../../src/run/migrate.js';
import { frelu, smallData, smallModel } from '../cli/command-line.js';
import { hooks, optionsFor, temporaryFolder, training } from './runs.js';

const twoSeeds = { ...training, learningRate: 0.05, epochs: 2, seeds: 2 };

async function finished(dryRun: boolean): Promise<{ model: string; data: string; result: MigrateResult; run: string }> {
  const [model, data] = [await smallModel(), await smallData()];
  const result = await migrate(optionsFor(model, data, { dryRun, training: twoSeeds }), hooks());
  return { model, data, result, run: join(dirname(model), '.frelu', 'runs', result.run.id) };
}

describe.each([
  { where: 'upgraded in place: the original is in the backup', dryRun: false },
  { where: 'left as it was', dryRun: true },
])('of a run whose model was $where', ({ dryRun }) => {
  it('each arm is written as it was judged', async () => {
    const { model, data, result, run } = await finished(dryRun);
    const before = await readFile(model);
    for (const arm of ['control', 'frelu'] as const) {
      const out = join(await temporaryFolder(), `${arm}.onnx`);
      const exported = await exportArm({ run, arm, out });
      expect(exported).toMatchObject({ run: result.run.id, arm, seed: result.arms[arm]?.seed });
      expect(exported.files.map(({ path }) => path)).toEqual([out]);
      // on the data that both were judged on, and those that they were trained on: the same numbers as the run's own model gives
      const ours = await evaluateModel({ model: out, data: { data }, device: 'cpu', reading: { trustReading: true } });
      expect(ours.metrics.accuracy?.value).toBeGreaterThan(0.3);
      if (arm === 'frelu' && !dryRun) expect(exported.files[0]?.sha256).toBe(result.files[0]?.sha256);
    }
    expect(await readFile(model)).toEqual(before);
  });
});

it('the control arm is the original with other weights, and scores on the test split what the report says', async () => {
  const [model, data, test] = [await smallModel(), await smallData(), await smallData(90)];
  const base = optionsFor(model, data, { dryRun: true, training: twoSeeds });
  const result = await migrate({ ...base, data: { ...base.data, test } }, hooks());
  const out = join(await temporaryFolder(), 'control.onnx');
  const run = join(dirname(model), '.frelu', 'runs', result.run.id);
  await exportArm({ run, arm: 'control', out });
  const said = await evaluateModel({
    model: out,
    data: { data: test },
    device: 'cpu',
    reading: { trustReading: true },
  });
  expect(said.metrics.logLoss?.value).toBeCloseTo(result.arms.control?.test.logLoss?.value ?? Number.NaN, 6);
  expect(said.metrics.logLoss?.value).not.toBeCloseTo(result.arms.before.test.logLoss?.value ?? Number.NaN, 4);
});

it('is refused where there is no such arm, no run, or no original any more; nothing is written', async () => {
  const [model, data] = [await smallModel(), await smallData()];
  const alone = { ...training, learningRate: 0.05, control: false };
  const result = await migrate(optionsFor(model, data, { dryRun: true, training: alone }), hooks());
  const run = join(dirname(model), '.frelu', 'runs', result.run.id);
  const out = join(await temporaryFolder(), 'out.onnx');
  await expect(exportArm({ run, arm: 'control', out })).rejects.toMatchObject({ kind: 'usage', settings: ['control'] });
  await expect(exportArm({ run: dirname(model), arm: 'frelu', out })).rejects.toMatchObject({ kind: 'input' });
  await writeFile(model, 'something else');
  await expect(exportArm({ run, arm: 'frelu', out })).rejects.toMatchObject({
    kind: 'input',
    what: expect.stringContaining('is not what the run was made of'),
  });
  await expect(readFile(out)).rejects.toMatchObject({ code: 'ENOENT' });
});

it('on the command line says which seed it is, and asks for what is missing', async () => {
  const { result, run } = await finished(true);
  const out = join(await temporaryFolder(), 'control.onnx');
  const { code, stdout } = await frelu(['export', run, '--arm', 'control', '--out', out]);
  expect(code).toBe(0);
  expect(stdout).toMatch(`The model of the arm control (seed ${result.arms.control?.seed}) of run ${result.run.id}:`);
  expect((await frelu(['export', run, '--out', out])).stderr).toContain('--arm is missing');
  expect((await frelu(['export', run, '--arm', 'frelu', '--out', out])).code).toBe(2);
  expect((await frelu(['export', run, '--arm', 'frelu', '--out', out, '--overwrite', '--json'])).code).toBe(0);
});
