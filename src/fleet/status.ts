import type { FleetCounts, FleetStatus, FleetUnitState } from '../contract/fleet.js';
import { type OpenPlan, storeOf } from './plan.js';
import type { FleetStore, Told } from './store/store.js';
import { silence, stopped } from './telling.js';
import { byModel, type Unit } from './unit.js';

/** What the store says of a plan's units. */
export interface Standing {
  /** of units that have no result, by their ids */
  readonly told: ReadonlyMap<string, Told>;
  readonly stateOf: (unit: Unit) => FleetUnitState;
  readonly status: FleetStatus;
}

export async function statusOf(plan: OpenPlan, store: FleetStore): Promise<Standing> {
  const [published, failures, progress] = await Promise.all([store.published(), store.failures(), store.progress()]);
  const failed = new Map(failures.filter(({ final }) => final).map((each) => [each.unit, each]));
  const told = new Map(progress.map((each) => [each.unit, each]));
  const isRunning = (unit: string): boolean => {
    const last = told.get(unit);
    return last !== undefined && last.phase !== stopped && last.silentSeconds < silence;
  };
  const stateOf = ({ id }: Unit): FleetUnitState => {
    if (published.has(id)) return 'done';
    if (failed.has(id)) return 'failed';
    return isRunning(id) ? 'running' : 'waiting';
  };
  const shareOf = (unit: Unit): number => {
    const state = stateOf(unit);
    if (state === 'done') return 1;
    // what was interrupted is gone on with from where it stands
    return state === 'failed' ? 0 : (told.get(unit.id)?.share ?? 0);
  };
  const unitsOf = byModel(plan.units, (unit) => unit);
  const models = plan.models.map(({ name }) => {
    const own = unitsOf(name);
    const share = own.reduce((sum, unit) => sum + shareOf(unit), 0) / Math.max(1, own.length);
    return { name, counts: countsOf(own.map(stateOf)), share };
  });
  const status: FleetStatus = {
    plan: plan.folder,
    store: storeOf(plan),
    units: plan.units.length,
    counts: countsOf(plan.units.map(stateOf)),
    models,
    running: plan.units.flatMap((unit) => {
      const last = told.get(unit.id);
      if (last === undefined || stateOf(unit) !== 'running') return [];
      const { silentSeconds: _, ...progress } = last;
      return [{ ...nameOf(unit), ...progress }];
    }),
    silent: plan.units.flatMap((unit) => {
      const last = told.get(unit.id);
      const isLost = last !== undefined && last.phase !== stopped && stateOf(unit) === 'waiting';
      return isLost ? [{ ...nameOf(unit), ...last }] : [];
    }),
    failed: plan.units.flatMap((unit) => {
      const failure = failed.get(unit.id);
      return failure === undefined || stateOf(unit) !== 'failed'
        ? []
        : [{ ...nameOf(unit), attempts: failure.attempts }];
    }),
  };
  return { told, stateOf, status };
}

export function nameOf({ id, name, candidate, spec }: Unit) {
  return { unit: id, model: name, candidate, seed: spec.seed };
}

export function countsOf(states: readonly FleetUnitState[]): FleetCounts {
  const count = (state: FleetUnitState): number => states.filter((each) => each === state).length;
  return { waiting: count('waiting'), running: count('running'), done: count('done'), failed: count('failed') };
}
