import type { FleetCounts, FleetStatus, FleetUnitState } from '../contract/fleet.js';
import { type OpenPlan, storeOf } from './plan.js';
import { lookIn, searchState } from './search/state.js';
import { partOfUnit, type SearchStanding, searchStanding } from './search/status.js';
import type { FleetStore, Told, UnitFailure } from './store/store.js';
import { isUnderWay, stopped } from './telling.js';
import { byModel, distinct, isSpread, type Unit } from './unit.js';

/** What the store says of a plan's units. */
export interface Standing extends Known {
  readonly stateOf: (unit: Unit) => FleetUnitState;
  readonly status: FleetStatus;
}

interface Known {
  /** of units that have no result, and of parts of their searches, by their ids */
  readonly told: ReadonlyMap<string, Told>;
  /** the searches of units that have no result, by the units' ids */
  readonly searches: ReadonlyMap<string, SearchStanding>;
  readonly published: ReadonlySet<string>;
  /** for good */
  readonly failed: ReadonlyMap<string, UnitFailure>;
}

export async function statusOf(plan: OpenPlan, store: FleetStore): Promise<Standing> {
  const known = await knownOf(plan, store);
  const stateOf = (unit: Unit): FleetUnitState => stateIn(known, unit);
  const count = (units: readonly Unit[]): FleetCounts => countsOf(units.map(stateOf));
  const unitsOf = byModel(plan.units, (unit) => unit);
  const status: FleetStatus = {
    plan: plan.folder,
    store: storeOf(plan),
    units: plan.units.length,
    counts: count(plan.units),
    models: plan.models.map(({ name }) => {
      const own = unitsOf(name);
      const share = own.reduce((sum, unit) => sum + shareIn(known, unit), 0) / Math.max(1, own.length);
      return { name, counts: count(own), share };
    }),
    ...attemptsAt(
      plan.units.filter((unit) => isOpenIn(known, unit)),
      known,
    ),
    failed: plan.units.flatMap((unit) => {
      const failure = known.failed.get(unit.id);
      return failure === undefined || stateOf(unit) !== 'failed'
        ? []
        : [{ ...nameOf(unit), attempts: failure.attempts }];
    }),
  };
  return { ...known, stateOf, status };
}

async function knownOf({ units }: OpenPlan, store: FleetStore): Promise<Known> {
  const [published, failures, progress] = await Promise.all([store.published(), store.failures(), store.progress()]);
  const failed = new Map(failures.filter(({ final }) => final).map((each) => [each.unit, each]));
  const told = new Map(progress.map((each) => [each.unit, each]));
  const searches = new Map<string, SearchStanding>();
  const look = lookIn(store);
  for (const unit of distinct(units).filter((each) => isSpread(each) && !published.has(each.id))) {
    const state = await searchState(unit, look);
    searches.set(
      unit.id,
      searchStanding(state, (part) => shareUnderWay(told, part), countsOf),
    );
  }
  return { told, searches, published, failed };
}

/** The share that a unit has come to which somebody is at; null: nobody is. */
function shareUnderWay(told: Known['told'], { id }: Unit): number | null {
  const last = told.get(id);
  return last !== undefined && isUnderWay(last) ? last.share : null;
}

const isOpenIn = ({ published, failed }: Known, { id }: Unit): boolean => !published.has(id) && !failed.has(id);

const withParts = ({ searches }: Known, unit: Unit): readonly Unit[] => [unit, ...(searches.get(unit.id)?.parts ?? [])];

function stateIn(known: Known, unit: Unit): FleetUnitState {
  if (known.published.has(unit.id)) return 'done';
  if (known.failed.has(unit.id)) return 'failed';
  const isRunning = withParts(known, unit).some((part) => shareUnderWay(known.told, part) !== null);
  return isRunning ? 'running' : 'waiting';
}

function shareIn(known: Known, unit: Unit): number {
  const state = stateIn(known, unit);
  if (state === 'done') return 1;
  // what was interrupted is gone on with from where it stands
  return state === 'failed' ? 0 : (known.searches.get(unit.id)?.share ?? known.told.get(unit.id)?.share ?? 0);
}

/** Who is at units that have neither a result nor failed, and who was; and how far their searches are. */
function attemptsAt(open: readonly Unit[], known: Known): Pick<FleetStatus, 'running' | 'silent' | 'searches'> {
  const heardOf = open
    .flatMap((unit) => withParts(known, unit))
    .flatMap((unit) => {
      const last = known.told.get(unit.id);
      if (last === undefined || last.phase === stopped) return [];
      return [{ isLost: !isUnderWay(last), ...nameOf(unit), part: partOfUnit(unit), ...last }];
    });
  return {
    running: heardOf.flatMap(({ isLost, silentSeconds: _, ...attempt }) => (isLost ? [] : [attempt])),
    silent: heardOf.flatMap(({ isLost, ...attempt }) => (isLost ? [attempt] : [])),
    searches: open.flatMap((unit) => {
      const search = known.searches.get(unit.id);
      return search === undefined ? [] : [{ ...nameOf(unit), ...search.status }];
    }),
  };
}

export function nameOf({ id, name, candidate, spec }: Unit) {
  return { unit: id, model: name, candidate, seed: spec.seed };
}

export function countsOf(states: readonly FleetUnitState[]): FleetCounts {
  const count = (state: FleetUnitState): number => states.filter((each) => each === state).length;
  return { waiting: count('waiting'), running: count('running'), done: count('done'), failed: count('failed') };
}
