import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { present } from '../../src/contract/present.js';
import {
  checkpoints,
  computedBy,
  type Ended,
  type Environment,
  type Fleet,
  fleetOf,
  killAll,
  killing,
  preloading,
  type Started,
  standstill,
  weights,
} from './program.js';
import { makeBucket, s3Environment, serverAt } from './servers.js';

/** with few recipes: what is said is tried in no other way */
const few = {
  search: true,
  mixup: 0.2,
  average: 'ema:0.9',
  dropout: 0.1,
  labelSmoothing: 0.05,
  granularity: 'channel',
};
const searching = { ...few, epochs: 3 };
/** of one arm, with still fewer, and two epochs in each rung but the first */
const alone = { ...few, epochs: 5, patience: 5, train: 'biases', dropout: 0, control: false };

type Settings = typeof searching | typeof alone;

const rateOf = (settings: Settings) => (settings === searching ? 'auto' : 0.05);

async function planned(
  settings: Settings = alone,
  more: Omit<NonNullable<Parameters<typeof fleetOf>[0]>, 'settings'> = {},
): Promise<Fleet> {
  const fleet = await fleetOf({ lr: rateOf(settings), ...more, settings });
  const { code, stderr } = await fleet.run('plan', 'fleet.json', '--out', 'plan');
  expect(code, stderr).toBe(0);
  return fleet;
}

/** What a search found, and the hash of the model that it made. */
interface Found {
  readonly search: unknown;
  readonly model: string;
}

/** What one machine finds by itself. */
async function foundByMigrate(settings: Settings): Promise<Found> {
  const fleet = await fleetOf({ lr: rateOf(settings), settings });
  const description = JSON.parse(await readFile(join(fleet.folder, 'fleet.json'), 'utf8'));
  const config = { ...description.settings, data: 'data.csv', lr: rateOf(settings) };
  await writeFile(join(fleet.folder, 'migrate.json'), JSON.stringify(config));
  const run = await fleet.command(
    ...['migrate', 'net.onnx', '--config', 'migrate.json', '--out', 'migrated.onnx', '--yes', '--json'],
  );
  expect(run.code, run.stderr).toBe(0);
  const model = createHash('sha256').update(await readFile(join(fleet.folder, 'migrated.onnx')));
  return { search: JSON.parse(run.stdout).search, model: model.digest('hex') };
}

const known = new Map<object, Promise<Found>>();

/** The same, once for all tests. */
function reference(settings: Settings): Promise<Found> {
  const found = known.get(settings) ?? foundByMigrate(settings);
  known.set(settings, found);
  return found;
}

/** What a fleet of one search found; of a store in a folder. */
async function foundBy(fleet: Fleet): Promise<Found> {
  // parts of a search are gone once its unit has a result
  const [unit = '', ...others] = await readdir(fleet.results);
  expect(others).toEqual([]);
  const report = JSON.parse(await readFile(join(fleet.results, unit, 'report.json'), 'utf8'));
  return { search: report.search, model: (await weights(fleet)).get(unit) ?? '' };
}

const partsBy = ({ stdout }: Ended): number => JSON.parse(stdout).parts;
const work = ['work', 'plan', '--local', '1', '--json'];

/** A trial that goes on from a trial has a checkpoint. */
const isInSecondRung = 'stage-2';

/** Two workers, of which the second comes while the first is at a trial of the second rung, and has computed another one before that goes on. */
async function besideEachOther([first, second]: readonly ((env?: Environment) => Started)[]): Promise<
  readonly Ended[]
> {
  const stands = await standstill(isInSecondRung);
  const early = present(first, 'a worker')(stands.env);
  await stands.came(early);
  const late = present(second, 'another worker')();
  await late.says('computed');
  await stands.goOn();
  return Promise.all([early.ended, late.ended]);
}

it('finds by two workers beside each other what one machine finds by itself: the same table, the same weights', async () => {
  const fleet = await planned(searching);
  const worked = await fleet.run('work', 'plan', '--local', '2', '--json');
  expect(worked.code, worked.stderr).toBe(0);
  expect(JSON.parse(worked.stdout)).toMatchObject({ units: 1, computed: 1, failed: 0 });
  expect(partsBy(worked)).toBeGreaterThan(15);
  expect(await foundBy(fleet)).toEqual(await reference(searching));
  const { cost, models } = JSON.parse((await fleet.run('collect', 'plan', '--json')).stdout);
  expect(models[0].reason).toBe('rule-met');
  const [unit = ''] = await readdir(fleet.results);
  const { seconds, parts } = JSON.parse(await readFile(join(fleet.results, unit, 'result.json'), 'utf8'));
  expect(parts).toMatchObject([{ parts: partsBy(worked) }]);
  expect(cost.seconds).toBeCloseTo(seconds + parts[0].seconds, 6);
  expect(await readdir(join(fleet.plan, 'store', 'work'))).toEqual([]);
  // nothing is computed again
  expect(JSON.parse((await fleet.run(...work)).stdout)).toMatchObject({ computed: 0, parts: 0, elsewhere: 1 });
  const committed = await fleet.run('commit', 'plan', '--yes', '--json');
  expect(JSON.parse(committed.stdout).models).toMatchObject([{ outcome: 'committed' }]);
});

it('loses nothing of a rung in which a worker is killed: another goes on, to the same table', async () => {
  const fleet = await planned();
  const stands = await standstill(isInSecondRung);
  const killed = fleet.start(work, stands.env);
  await stands.came(killed);
  const other = fleet.start(work);
  await killAll(killed);
  const ended = await other.ended;
  expect(ended.code, ended.stderr).toBe(0);
  expect(computedBy(ended)).toBe(1);
  expect(await foundBy(fleet)).toEqual(await reference(alone));
});

it('computes a trial again whose checkpoint is damaged', async () => {
  const fleet = await planned();
  const stands = await standstill(isInSecondRung);
  const killed = fleet.start(work, stands.env);
  await stands.came(killed);
  await killAll(killed);
  const below = join(fleet.plan, 'store', 'work');
  for (const name of await checkpoints(below)) await writeFile(join(below, name), 'damaged');
  const next = await fleet.run(...work);
  expect(computedBy(next), next.stderr).toBe(1);
  expect(next.stderr).toContain('tried again');
  expect(await foundBy(fleet)).toEqual(await reference(alone));
});

it('goes on without a trial that fails its tries, and has it in the table', async () => {
  const fleet = await planned();
  // the second process is that of the first trial
  const dying = killing(join(fleet.folder, 'opened'), join(fleet.folder, 'died'));
  const worked = await fleet.start([...work, '--tries', '1'], preloading(dying)).ended;
  expect(worked.code, worked.stderr).toBe(0);
  expect(JSON.parse(worked.stdout)).toMatchObject({ computed: 1, failed: 0 });
  const { search } = await foundBy(fleet);
  const arms = (search as { tried: { frelu: { outcome: string; why: string | null } | null }[] }).tried;
  const failed = arms.filter(({ frelu }) => frelu?.outcome === 'failed');
  expect(failed).toMatchObject([{ frelu: { why: expect.stringContaining('SIGKILL'), rungs: [] } }]);
  expect(await readdir(join(fleet.plan, 'store', 'failures'))).toEqual([]);
});

it('waits for nobody among the parts of an array: one that is there alone takes all trials, and leaves the unit to its own', async () => {
  const fleet = await planned();
  const second = await fleet.run('work', 'plan', '--shard', '2/2', '--local', '1', '--json');
  expect(second.code, second.stderr).toBe(0);
  expect(JSON.parse(second.stdout)).toMatchObject({ units: 0, computed: 0 });
  expect(partsBy(second)).toBeGreaterThan(5);
  const status = JSON.parse((await fleet.run('status', 'plan', '--json')).stdout);
  expect(status).toMatchObject({ counts: { waiting: 1 }, models: [{ share: 1 }], searches: [{ arms: [{ rung: 3 }] }] });
  const first = await fleet.run('work', 'plan', '--shard', '1/2', '--local', '1', '--json');
  expect(JSON.parse(first.stdout), first.stderr).toMatchObject({ units: 1, computed: 1, parts: 0 });
  expect(await foundBy(fleet)).toEqual(await reference(alone));
});

it('shares the trials among the parts of an array that are there', async () => {
  const fleet = await planned();
  const ended = await besideEachOther(
    ['1/2', '2/2'].map((shard) => (env) => fleet.start([...work, '--shard', shard], env)),
  );
  for (const { code, stderr } of ended) expect(code, stderr).toBe(0);
  expect(Math.min(...ended.map(partsBy))).toBeGreaterThan(0);
  expect(await foundBy(fleet)).toEqual(await reference(alone));
});

it('is one unit within a budget, which planning says', async () => {
  const fleet = await fleetOf({ settings: { ...alone, budget: '20s' } });
  const plan = await fleet.run('plan', 'fleet.json', '--out', 'plan');
  expect(plan.stderr).toContain('a search within a budget is computed by one worker');
  const worked = await fleet.run(...work);
  expect(JSON.parse(worked.stdout), worked.stderr).toMatchObject({ computed: 1, parts: 0 });
});

const queues = (['FRELU_REDIS', 'FRELU_POSTGRES'] as const).map((name) => ({ name, url: serverAt(name) ?? '' }));

it.skipIf(queues[0]?.url === '').each(queues)(
  'is shared by the workers of a queue at $name, one of which is killed',
  async ({ url }) => {
    if (url === '') return;
    const fleet = await planned();
    const from = [...work, '--queue', url, '--silence', '2s'];
    const stands = await standstill(isInSecondRung);
    const killed = fleet.start(from, stands.env);
    await stands.came(killed);
    const other = fleet.start(from);
    await killAll(killed);
    const ended = await other.ended;
    expect(ended.code, ended.stderr).toBe(0);
    expect(partsBy(ended)).toBeGreaterThan(0);
    expect(await foundBy(fleet)).toEqual(await reference(alone));
  },
);

const s3 = serverAt('FRELU_S3') ?? '';

it.skipIf(s3 === '')('is shared by machines that have nothing in common but a store in S3', async () => {
  const bucket = await makeBucket(s3);
  const fleet = await planned(alone, { store: `s3://${bucket.name}/fleet`, env: s3Environment(s3) });
  const machines = ['one', 'two'].map((name) => fleet.run(...work, '--cache', join(fleet.folder, name)));
  const ended = await Promise.all(machines);
  for (const { code, stderr } of ended) expect(code, stderr).toBe(0);
  expect(Math.min(...ended.map(partsBy))).toBeGreaterThan(0);
  const [record = '', ...others] = await bucket.keys('fleet/results/');
  expect(others).toEqual([]);
  const { unit, files } = JSON.parse(await bucket.text(record));
  const hashes = new Map(files.map(({ path, sha256 }: { path: string; sha256: string }) => [path, sha256]));
  const report = JSON.parse(await bucket.text(`fleet/files/${unit}/${hashes.get('report.json')}`));
  const { search, model } = await reference(alone);
  expect(report.search).toEqual(search);
  expect(hashes.get('model/net.onnx')).toBe(model);
  expect(await bucket.keys('fleet/work/')).toEqual([]);
  expect(await bucket.keys('fleet/progress/')).toEqual([]);
  expect((await bucket.keys('fleet/files/')).every((key) => key.includes(unit))).toBe(true);
});
