import { join } from 'node:path';
import { expect, it } from 'vitest';
import { present } from '../../src/contract/present.js';
import { evaluateModel } from '../../src/run/evaluate.js';
import { migrate } from '../../src/run/migrate.js';
import { hooks, optionsFor } from './runs.js';
import { tableSetting } from './table.js';

it('counts the runs that were judged on one test split, and takes no more than were planned', async () => {
  const { model, data } = await tableSetting();
  const usual = optionsFor(model, data);
  const slices = { columns: ['site'], file: null };
  const options = { ...usual, data: { ...usual.data, slices }, accept: 'established', dryRun: true };
  const first = await migrate(options, hooks());
  expect(first.looks).toEqual({ look: 1, planned: 1 });
  const second = await migrate({ ...options, looks: 2, training: { ...options.training, epochs: 2 } }, hooks());
  expect(second.looks).toEqual({ look: 2, planned: 2 });
  // each of two looks is asked for more than one alone: its interval is wider than the 95 % that the report shows
  const [goal] = second.acceptance.goals;
  const [low] = present(second.delta.vsBefore.ci95, 'an interval');
  expect(goal).toMatchObject({ code: 'established' });
  expect(goal?.value).toBeLessThan(low);
  await expect(migrate({ ...options, looks: 2 }, hooks())).rejects.toThrow('2 runs were judged on this test split');
  // another split is another test
  const other = await migrate({ ...options, seed: 8 }, hooks());
  expect(other.looks.look).toBe(1);
});

it('keeps the control arm beside the reports, where that is asked for', async () => {
  const { model, data } = await tableSetting();
  const usual = optionsFor(model, data);
  const slices = { columns: ['site'], file: null };
  const options = { ...usual, data: { ...usual.data, slices }, dryRun: true, keepControl: true };
  const result = await migrate(options, hooks());
  const [kept] = result.kept;
  expect(kept?.path).toBe(join(result.run.path, 'control', 'net.onnx'));
  // it is the arm that was judged
  const { metrics } = await evaluateModel({ model: present(kept?.path, 'a path'), data: options.data });
  expect(metrics.accuracy?.value).toBeGreaterThan(0);
  const without = { ...options, training: { ...options.training, control: false } };
  await expect(migrate(without, hooks())).rejects.toThrow('The control arm is to be kept, and is left out.');
});
