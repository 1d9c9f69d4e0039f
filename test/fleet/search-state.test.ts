import { expect, it } from 'vitest';
import { readPlan } from '../../src/fleet/plan.js';
import type { PartMade } from '../../src/fleet/result.js';
import { type Known, type Look, searchState, trialsOf } from '../../src/fleet/search/state.js';
import type { Unit } from '../../src/fleet/unit.js';
import type { Lineup } from '../../src/run/search/bracket.js';
import { rungsOf } from '../../src/run/search/halving.js';
import { planOf } from './plans.js';

const recipe = (name: string, own: object) => ({ name, options: `--${name}`, ...own });
const recipes = [
  recipe('as given', {}),
  recipe('dropout', { training: { dropout: 0.2 } }),
  recipe('smoothing', { training: { labelSmoothing: 0.05 } }),
  recipe('mixup', { training: { mixup: 0.2 } }),
  recipe('channel', { plan: { granularity: 'channel' } }),
];
const lineup: Lineup = {
  recipes,
  // smoothed labels and mixed ones do not go together here
  pairs: [
    [1, 2],
    [1, 3],
    [1, 4],
    [2, 4],
    [3, 4],
  ],
  rungs: rungsOf(5, recipes.length),
  criterion: { by: 'loss' },
};

function known(unit: Unit, made: PartMade): Known {
  const published = { format: 1, version: '', host: '', finished: '', seconds: 1, earlierSeconds: 0 } as const;
  const result = { ...published, unit: unit.id, cpuSeconds: 1, peakBytes: 1, attempts: 1, files: [], made };
  return { kind: 'made', result };
}

/** @param losses of the recipes by their names; a combination has the sum of both, and what is not named is not there yet */
const looking =
  (losses: Readonly<Record<string, number | 'failed'>>, arms: readonly ('control' | 'frelu')[] = ['frelu']): Look =>
  async (unit) => {
    const { part } = unit;
    if (part?.kind !== 'trial') return known(unit, { kind: 'opened', lineup, arms });
    const found = part.name.split(' + ').map((name) => losses[name]);
    if (found.includes('failed')) return { kind: 'failed', why: 'killed' };
    const loss = found.reduce<number>((sum, each) => sum + (typeof each === 'number' ? each : Number.NaN), 0);
    if (Number.isNaN(loss)) return null;
    return known(unit, {
      kind: 'tried',
      standing: { epochs: part.rung + 1, validation: { loss, metric: null }, failed: null },
    });
  };

const searching = async (): Promise<Unit> => {
  const [unit] = (await readPlan(await planOf(1))).units;
  if (unit === undefined) throw new Error('a plan without units');
  return unit;
};

const all = { 'as given': 5, dropout: 2, smoothing: 3, mixup: 4, channel: 6 };
const names = (units: readonly Unit[]) => units.map(({ part }) => (part?.kind === 'trial' ? part.name : part?.kind));

it('opens, then has every recipe tried in every arm', async () => {
  const unit = await searching();
  expect(names((await searchState(unit, async () => null)).open)).toEqual(['opening']);
  const { open } = await searchState(unit, looking({}, ['control', 'frelu']));
  expect(open.map(({ part }) => part?.kind === 'trial' && part.arm)).toEqual([
    ...recipes.map(() => 'control'),
    ...recipes.map(() => 'frelu'),
  ]);
  expect(new Set(open.map(({ id }) => id)).size).toBe(2 * recipes.length);
});

it('comes to the next rung when all of one are there, and waits for none of the other arm', async () => {
  const unit = await searching();
  const { mixup: _, ...some } = all;
  expect(names((await searchState(unit, looking(some))).open)).toEqual(['mixup']);
  const state = await searchState(unit, looking(all));
  const [first = [], second = [], third = []] = state.arms[0]?.rungs ?? [];
  expect(first).toHaveLength(5);
  // the better half, with the two best that go together in the last place
  expect(second.map(({ part }) => part.name)).toEqual(['dropout', 'smoothing', 'dropout + smoothing']);
  expect(third.map(({ part }) => part.name)).toEqual(['dropout', 'smoothing']);
  expect(state.arms[0]?.winner?.part.name).toBe('dropout');
  expect(state.open).toEqual([unit]);
  const idOf = (trials: typeof first, name: string) => trials.find(({ part }) => part.name === name)?.unit.id;
  expect(second.map(({ part }) => part.from)).toEqual([
    idOf(first, 'dropout'),
    idOf(first, 'smoothing'),
    idOf(first, 'dropout'),
  ]);
  expect(third[0]?.part.from).toBe(idOf(second, 'dropout'));
});

it('is the same wherever it is derived', async () => {
  const unit = await searching();
  const ids = async () => trialsOf(await searchState(unit, looking(all))).map((trial) => trial.unit.id);
  expect(await ids()).toEqual(await ids());
  const other = { ...unit, id: 'f'.repeat(64) };
  const others = trialsOf(await searchState(other, looking(all))).map((trial) => trial.unit.id);
  expect((await ids()).filter((id) => others.includes(id))).toEqual([]);
});

it('goes on without trials that fail; where all do, or the opening does, the unit tells why by itself', async () => {
  const unit = await searching();
  const state = await searchState(unit, looking({ ...all, dropout: 'failed' }));
  expect(state.arms[0]?.rungs[1]?.map(({ part }) => part.name)).toEqual(['smoothing', 'mixup', 'smoothing + channel']);
  const none = Object.fromEntries(Object.keys(all).map((name) => [name, 'failed' as const]));
  const ended = await searchState(unit, looking(none));
  expect(ended).toMatchObject({ open: [unit], arms: [{ winner: null }] });
  const unopened = await searchState(unit, async () => ({ kind: 'failed', why: 'no data' }));
  expect(unopened).toMatchObject({ open: [unit], opened: null });
});
