import { describe, expect, it } from 'vitest';
import { computedBy, type Fleet, fleetOf, killAll, preloading, several, standstill, weights } from './program.js';
import { isThere, ownRedis, serverAt } from './servers.js';

/** The clock of a process, and of those that it starts. */
const anHourAhead = `
  const Real = Date, hour = 3_600_000;
  globalThis.Date = class extends Real {
    constructor(...words) { super(...(words.length === 0 ? [Real.now() + hour] : words)); }
    static now() { return Real.now() + hour; }
  };`;

const servers = (['FRELU_REDIS', 'FRELU_POSTGRES'] as const).map((name) => ({ name, url: serverAt(name) ?? '' }));

const plan = async (fleet: Fleet): Promise<void> => {
  const { code, stderr } = await fleet.run('plan', 'fleet.json', '--out', 'plan');
  expect(code, stderr).toBe(0);
};

const from = (url: string) => ['work', 'plan', '--local', '1', '--json', '--queue', url, '--silence', '2s'];

describe.each(servers)('a queue at $name', ({ url }) => {
  it.skipIf(url === '')(
    'gives each unit to one of its workers; one that is asked to stop hands its own back',
    async () => {
      const fleet = await fleetOf({ models: 3, settings: several });
      await plan(fleet);
      const stands = await standstill();
      const [first, second] = [fleet.start(from(url), stands.env), fleet.start(from(url))];
      await stands.came(first);
      first.child.kill('SIGTERM');
      await first.says('Stopping');
      await stands.goOn();
      const stopped = await first.ended;
      expect(stopped.code, stopped.stderr).toBe(130);
      expect(stopped.stderr).toContain('Stopping where others can go on');
      const other = await second.ended;
      expect(other.code, other.stderr).toBe(0);
      expect((await weights(fleet)).size).toBe(3);
      const done = stopped.stderr.match(/: computed$/gm)?.length ?? 0;
      expect(done + computedBy(other)).toBe(3);
      expect(other.stderr).not.toContain('tried again');
    },
  );

  it.skipIf(url === '')(
    'gives the unit of a worker that was killed in training to another, which goes on to the same weights',
    async () => {
      const [undisturbed, fleet] = [await fleetOf({ settings: several }), await fleetOf({ settings: several })];
      for (const each of [undisturbed, fleet]) await plan(each);
      const reference = undisturbed.run('work', 'plan', '--local', '1', '--json');
      const stands = await standstill();
      const killed = fleet.start(from(url), stands.env);
      await stands.came(killed);
      await killAll(killed);
      const next = await fleet.start(from(url)).ended;
      expect(computedBy(next), next.stderr).toBe(1);
      expect(computedBy(await reference)).toBe(1);
      expect(await weights(fleet)).toEqual(await weights(undisturbed));
    },
  );
});

const hasRedis = isThere('redis-server', '--version');

/** Starts two workers, lets something happen to their queue while both train, and sees that each unit was computed once. */
async function throughout(happen: (redis: Awaited<ReturnType<typeof ownRedis>>) => Promise<void>): Promise<void> {
  const redis = await ownRedis();
  const fleet = await fleetOf({ models: 3, settings: several });
  await plan(fleet);
  const stands = [await standstill(), await standstill()];
  const workers = stands.map(({ env }) => fleet.start(from(redis.url), env));
  for (const [i, worker] of workers.entries()) await stands[i]?.came(worker);
  await happen(redis);
  for (const { goOn } of stands) await goOn();
  const ended = await Promise.all(workers.map((each) => each.ended));
  for (const { code, stderr } of ended) expect(code, stderr).toBe(0);
  expect(ended.map(computedBy).reduce((sum, each) => sum + each, 0)).toBe(3);
  expect((await weights(fleet)).size).toBe(3);
}

it.skipIf(!hasRedis)('goes on when its Redis was restarted, and has forgotten all', () =>
  throughout((redis) => redis.restart()),
);

// longer than a worker may be silent
it.skipIf(!hasRedis)('goes on when its Redis answered nobody for a while', () => throughout((redis) => redis.pause(3)));

const redis = serverAt('FRELU_REDIS') ?? '';

it.skipIf(redis === '')('does not mind that the clock of one worker is an hour ahead', async () => {
  const fleet = await fleetOf({ models: 3 });
  await plan(fleet);
  const workers = [fleet.start(from(redis), preloading(anHourAhead)), fleet.start(from(redis))];
  const ended = await Promise.all(workers.map((each) => each.ended));
  for (const { code, stderr } of ended) expect(code, stderr).toBe(0);
  expect(ended.map(computedBy).reduce((sum, each) => sum + each, 0)).toBe(3);
  const { counts } = JSON.parse((await fleet.run('status', 'plan', '--json')).stdout);
  expect(counts).toEqual({ waiting: 0, running: 0, done: 3, failed: 0 });
});

it.skipIf(redis === '')('takes a unit up that a worker with another clock left behind', async () => {
  const fleet = await fleetOf({ settings: several });
  await plan(fleet);
  const stands = await standstill('', [anHourAhead]);
  const killed = fleet.start(from(redis), stands.env);
  await stands.came(killed);
  await killAll(killed);
  const status = JSON.parse((await fleet.run('status', 'plan', '--json')).stdout);
  // heard of a moment ago, whatever its clock said
  expect(status.counts).toMatchObject({ running: 1, waiting: 0 });
  const next = await fleet.start(from(redis)).ended;
  expect(computedBy(next), next.stderr).toBe(1);
});
