import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exists } from '../../src/upgrade/files.js';
import {
  checkpoints,
  computedBy,
  fleetOf,
  killAll,
  killing,
  preloading,
  publishingSlowly,
  several,
  standstill,
  until,
  weights,
} from './program.js';

const work = ['work', 'plan', '--local', '1', '--json'];

it('loses nothing of a unit whose worker was killed in training: the next one goes on from its checkpoint, to the same weights', async () => {
  const [undisturbed, fleet] = [await fleetOf({ settings: several }), await fleetOf({ settings: several })];
  for (const each of [undisturbed, fleet]) expect((await each.run('plan', 'fleet.json', '--out', 'plan')).code).toBe(0);
  const reference = undisturbed.run(...work);

  // the second arm is under way
  const stands = await standstill('frelu');
  const killed = fleet.start(work, stands.env);
  await stands.came(killed);
  await killAll(killed);
  const below = join(fleet.plan, 'store', 'work');
  const [unit = ''] = await readdir(below);
  const kept = await readFile(join(below, unit, 'progress.json'), 'utf8');
  expect(JSON.parse(kept).share).toBeLessThan(1);
  const shares: number[] = [];
  const next = fleet.start(work);
  next.ended.then(() => shares.push(1));
  while (!shares.includes(1)) {
    const text = await readFile(join(below, unit, 'progress.json'), 'utf8').catch(() => kept);
    if (text !== kept) shares.push(JSON.parse(text).share);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(computedBy(await next.ended)).toBe(1);
  // the first arm was not trained again
  expect(shares.filter((share) => share > 0).every((share) => share >= 0.5)).toBe(true);
  expect(computedBy(await reference)).toBe(1);
  expect(await weights(fleet)).toEqual(await weights(undisturbed));

  const { cost } = JSON.parse((await fleet.run('collect', 'plan', '--json')).stdout);
  const record = JSON.parse(await readFile(join(fleet.results, unit, 'result.json'), 'utf8'));
  expect(record.earlierSeconds).toBeGreaterThan(0);
  expect(cost.seconds).toBeCloseTo(record.seconds + record.earlierSeconds, 6);
});

it('computes a unit once that two workers are given', async () => {
  const fleet = await fleetOf({});
  await fleet.run('plan', 'fleet.json', '--out', 'plan');
  const ended = await Promise.all([fleet.run(...work), fleet.run(...work)]);
  for (const { code, stderr } of ended) expect(code, stderr).toBe(0);
  expect(ended.map(computedBy).toSorted()).toEqual([0, 1]);
  expect((await weights(fleet)).size).toBe(1);
});

it('publishes a unit whole that another worker comes to between its computation and its publication', async () => {
  const fleet = await fleetOf({});
  await fleet.run('plan', 'fleet.json', '--out', 'plan');
  const mark = join(fleet.folder, 'publishes');
  const first = fleet.start(work, preloading(publishingSlowly(mark)));
  await until(() => exists(mark));
  const second = await fleet.run(...work);
  expect(second.code, second.stderr).toBe(0);
  const { code, stderr } = await first.ended;
  expect(code, stderr).toBe(0);
  const ended = [await first.ended, second];
  expect(ended.map(computedBy).toSorted()).toEqual([0, 1]);
  expect((await weights(fleet)).size).toBe(1);
});

it('leaves a unit alone that fails its tries, and tells why; the others have their results', async () => {
  const fleet = await fleetOf({ models: 2 });
  await fleet.run('plan', 'fleet.json', '--out', 'plan');
  const worked = await fleet.start([...work, '--tries', '1'], preloading(killing(join(fleet.folder, 'died')))).ended;
  expect(worked.code).toBe(3);
  expect(JSON.parse(worked.stdout)).toMatchObject({ computed: 1, failed: 1 });
  const { counts, failed } = JSON.parse((await fleet.run('status', 'plan', '--json')).stdout);
  expect(counts).toEqual({ waiting: 0, running: 0, done: 1, failed: 1 });
  expect(failed[0].attempts).toMatchObject([{ exit: null, why: expect.stringContaining('SIGKILL') }]);
  const { cost } = JSON.parse((await fleet.run('collect', 'plan', '--json')).stdout);
  expect(cost.unfinishedSeconds).toBeGreaterThan(0);
  expect(JSON.parse((await fleet.run(...work)).stdout)).toMatchObject({ computed: 0, failed: 1 });
  const again = await fleet.run(...work, '--retry');
  expect(computedBy(again), again.stderr).toBe(1);
});

it('stops where a model is another than was planned for, and goes on once it is back', async () => {
  const fleet = await fleetOf({ models: 2 });
  await fleet.run('plan', 'fleet.json', '--out', 'plan');
  const data = await readFile(join(fleet.folder, 'data.csv'), 'utf8');
  await rename(join(fleet.folder, 'net1.onnx'), join(fleet.folder, 'kept.onnx'));
  await writeFile(join(fleet.folder, 'net1.onnx'), data);
  const refused = await fleet.run(...work);
  expect(refused.code).toBe(3);
  expect(refused.stderr).toContain('net1.onnx');
  await rename(join(fleet.folder, 'kept.onnx'), join(fleet.folder, 'net1.onnx'));
  const cured = await fleet.run(...work);
  expect(cured.code, cured.stderr).toBe(0);
  expect((await weights(fleet)).size).toBe(2);
});

it('says so where a clean start is of use: a checkpoint that is damaged costs its training, not the unit', async () => {
  const fleet = await fleetOf({ settings: several });
  await fleet.run('plan', 'fleet.json', '--out', 'plan');
  const below = join(fleet.plan, 'store', 'work');
  const stands = await standstill();
  const killed = fleet.start(work, stands.env);
  await stands.came(killed);
  await killAll(killed);
  for (const name of await checkpoints(below)) await writeFile(join(below, name), 'damaged');
  await mkdir(join(below, 'empty'), { recursive: true });
  const next = await fleet.run(...work);
  expect(computedBy(next), next.stderr).toBe(1);
  expect(next.stderr).toContain('computed from its beginning');
});
