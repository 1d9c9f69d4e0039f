import { mkdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readPlan } from '../../src/fleet/plan.js';
import { statusOf } from '../../src/fleet/status.js';
import { openFolderStore } from '../../src/fleet/store/folder.js';
import { planOf } from './plans.js';

it('tells what runs from what was lost, and from what was stopped, whatever the clocks of workers say', async () => {
  const plan = await readPlan(await planOf(4));
  const folder = join(plan.folder, 'store');
  const store = openFolderStore(folder);
  const ids = plan.units.map(({ id }) => id);
  const [running = '', lost = '', stopped = ''] = ids;
  for (const unit of [running, lost, stopped]) {
    await mkdir(join(folder, 'work', unit), { recursive: true });
    const phase = unit === stopped ? 'stopped' : 'train';
    const share = 0.25;
    // by a clock that is years behind
    await store.putProgress({ unit, host: 'here', phase, share, when: '2001-01-01T00:00:00.000Z', seconds: 10 });
  }
  const longAgo = new Date(Date.now() - 600_000);
  await utimes(join(folder, 'work', lost, 'progress.json'), longAgo, longAgo);

  const { status, told } = await statusOf(plan, store);
  expect(status.counts).toEqual({ waiting: 3, running: 1, done: 0, failed: 0 });
  expect(status.running.map(({ unit }) => unit)).toEqual([running]);
  expect(status.silent.map(({ unit }) => unit)).toEqual([lost]);
  expect(status.silent[0]?.silentSeconds).toBeGreaterThan(590);
  // what was done is kept
  expect(status.models[0]?.share).toBeCloseTo((3 * 0.25) / 4, 9);
  expect(told.get(stopped)?.seconds).toBe(10);
});
