import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  computedBy,
  type Environment,
  type Fleet,
  fleetOf,
  killAll,
  several,
  standstill,
  until,
  weights,
} from './program.js';
import { isThere, makeBucket, s3Environment, serverAt, troubled } from './servers.js';

type Bucket = Awaited<ReturnType<typeof makeBucket>>;

const server = serverAt('FRELU_S3') ?? '';

/** A fleet with its store in a bucket of its own, planned. */
async function fleetInS3(options: Omit<NonNullable<Parameters<typeof fleetOf>[0]>, 'store' | 'env'> = {}) {
  const bucket = await makeBucket(server);
  const fleet = await fleetOf({ ...options, store: `s3://${bucket.name}/fleet`, env: s3Environment(server) });
  const { code, stderr } = await fleet.run('plan', 'fleet.json', '--out', 'plan');
  expect(code, stderr).toBe(0);
  return { fleet, bucket };
}

/** A worker on a machine of its own: what it fetched and has under way lies in its cache. */
function work(fleet: Fleet, machine: string, env: Environment = {}) {
  return fleet.start(['work', 'plan', '--local', '1', '--json', '--cache', join(fleet.folder, machine)], env);
}

/** The hashes of the model that was published of each unit, by its record. */
async function published({ keys, text }: Bucket): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  for (const key of await keys('fleet/results/')) {
    const { unit, files } = JSON.parse(await text(key));
    const models = files.filter(({ path }: { path: string }) => path.startsWith('model/'));
    const hashes = models.map(({ sha256 }: { sha256: string }) => sha256);
    found.set(unit, hashes);
  }
  return found;
}

/** Time passes so fast that whatever a worker does at intervals is due at once. */
const hasteful = `
  const now = performance.now.bind(performance);
  performance.now = () => 1e4 * now();`;

it.skipIf(server === '')(
  'goes on, on another machine, from what a worker sent before its machine was lost, to the same weights',
  async () => {
    const { fleet, bucket } = await fleetInS3({ settings: several });
    const reference = await fleetInS3({ settings: several });
    const stands = await standstill('', [hasteful]);
    const killed = work(fleet, 'lost', stands.env);
    await stands.came(killed);
    await until(async () => (await bucket.keys('fleet/work/')).some((key) => key.includes('checkpoint')));
    await killAll(killed);
    const undisturbed = work(reference.fleet, 'machine');
    const next = await work(fleet, 'next').ended;
    expect(computedBy(next), next.stderr).toBe(1);
    expect(computedBy(await undisturbed.ended)).toBe(1);
    expect(await published(bucket)).toEqual(await published(reference.bucket));
    // what was needed on the way is gone
    expect(await bucket.keys('fleet/work/')).toEqual([]);
    expect(await bucket.keys('fleet/progress/')).toEqual([]);
    expect(next.stderr).not.toContain('Warning');
  },
);

it.skipIf(server === '')('publishes a unit once that two machines have computed', async () => {
  const { fleet, bucket } = await fleetInS3();
  const ended = await Promise.all([work(fleet, 'one').ended, work(fleet, 'two').ended]);
  for (const { code, stderr } of ended) expect(code, stderr).toBe(0);
  expect(ended.map(computedBy).toSorted()).toEqual([0, 1]);
  expect((await published(bucket)).size).toBe(1);
});

it.skipIf(server === '')('gets its way with a server that is slow, and answers with 503, and breaks off', async () => {
  const { fleet, bucket } = await fleetInS3({ seeds: 2 });
  const { endpoint, trouble } = await troubled(server, 10);
  const ended = await work(fleet, 'machine', s3Environment(endpoint)).ended;
  expect(ended.code, ended.stderr).toBe(0);
  expect(computedBy(ended)).toBe(2);
  expect((await published(bucket)).size).toBe(2);
  expect(Math.min(...Object.values(trouble))).toBeGreaterThan(0);
  const { code, stderr } = await fleet.start(['collect', 'plan'], s3Environment(endpoint)).ended;
  expect(code, stderr).toBe(0);
});

it.skipIf(server === '')('tells of a result that is damaged, and of a model that is', async () => {
  const { fleet, bucket } = await fleetInS3();
  expect((await work(fleet, 'machine').ended).code).toBe(0);
  const [record = ''] = await bucket.keys('fleet/results/');
  const original = await bucket.text(record);
  await bucket.put(record, original.replace('"met": true', '"met": false'));
  const damaged = await fleet.run('collect', 'plan');
  expect(damaged.code).toBe(3);
  expect(damaged.stderr).toContain(`s3://${bucket.name}/${record}: this result is damaged`);

  await bucket.put(record, original);
  const [hashes = []] = (await published(bucket)).values();
  const files = await bucket.keys('fleet/files/');
  for (const key of files) if (hashes.some((hash) => key.endsWith(hash))) await bucket.put(key, 'x');
  const before = await readFile(join(fleet.folder, 'net.onnx'));
  const refused = await fleet.run('commit', 'plan', '--yes');
  expect(refused.code).toBe(3);
  expect(refused.stderr).toContain('is not as it was written');
  expect(await readFile(join(fleet.folder, 'net.onnx'))).toEqual(before);
});

/** A disk of one command's own, of 100 kB, over its folder `disk`. */
const onSmallDisk = [
  'unshare',
  '--map-root-user',
  '--mount',
  'sh',
  '-c',
  'mkdir -p disk && mount -t tmpfs -o size=100k none disk && exec "$@"',
  'sh',
];
const mayMount = isThere('unshare', '--map-root-user', '--mount', 'true');

it.skipIf(server === '' || !mayMount)(
  'says that the disk of one machine is full, and leaves its unit to others',
  async () => {
    const { fleet, bucket } = await fleetInS3();
    const full = await fleet.behind(onSmallDisk, ['work', 'plan', '--local', '1', '--cache', 'disk']).ended;
    expect(full.code).toBe(3);
    expect(full.stderr).toContain('full');
    expect(full.stderr).toContain('start this worker again');
    const other = await work(fleet, 'roomy').ended;
    expect(computedBy(other), other.stderr).toBe(1);
    expect((await published(bucket)).size).toBe(1);
  },
);

it.skipIf(!mayMount)('does so where the disk is that of the store, and goes on once there is room', async () => {
  const fleet = await fleetOf({ store: 'file:disk/store' });
  expect((await fleet.run('plan', 'fleet.json', '--out', 'plan')).code).toBe(0);
  const full = await fleet.behind(onSmallDisk, ['work', 'plan', '--local', '1']).ended;
  expect(full.code).toBe(3);
  expect(full.stderr).toContain('full');
  const roomy = await fleet.run('work', 'plan', '--local', '1', '--json');
  expect(computedBy(roomy), roomy.stderr).toBe(1);
  expect((await weights({ ...fleet, results: join(fleet.folder, 'disk', 'store', 'results') })).size).toBe(1);
});
