import type { FleetCounts, FleetStatus, FleetUnitState } from '../contract/fleet.js';
import { type OpenPlan, storeOf } from './plan.js';
import type { FleetStore } from './store/store.js';
import { byModel, type Unit } from './unit.js';

/** What the store says of a plan's units. */
export interface Standing {
  readonly stateOf: (unit: Unit) => FleetUnitState;
  readonly status: FleetStatus;
}

export async function statusOf(plan: OpenPlan, store: FleetStore): Promise<Standing> {
  const [published, failures, progress] = await Promise.all([store.published(), store.failures(), store.progress()]);
  const failed = new Map(failures.filter(({ final }) => final).map((each) => [each.unit, each]));
  const running = new Map(progress.map((each) => [each.unit, each]));
  const stateOf = ({ id }: Unit): FleetUnitState => {
    if (published.has(id)) return 'done';
    if (failed.has(id)) return 'failed';
    return running.has(id) ? 'running' : 'waiting';
  };
  const shareOf = (unit: Unit): number => {
    const state = stateOf(unit);
    return state === 'done' ? 1 : state === 'running' ? (running.get(unit.id)?.share ?? 0) : 0;
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
      const told = running.get(unit.id);
      return told === undefined || stateOf(unit) !== 'running' ? [] : [{ ...nameOf(unit), ...told }];
    }),
    failed: plan.units.flatMap((unit) => {
      const failure = failed.get(unit.id);
      return failure === undefined || stateOf(unit) !== 'failed'
        ? []
        : [{ ...nameOf(unit), attempts: failure.attempts }];
    }),
  };
  return { stateOf, status };
}

export function nameOf({ id, name, candidate, spec }: Unit) {
  return { unit: id, model: name, candidate, seed: spec.seed };
}

export function countsOf(states: readonly FleetUnitState[]): FleetCounts {
  const count = (state: FleetUnitState): number => states.filter((each) => each === state).length;
  return { waiting: count('waiting'), running: count('running'), done: count('done'), failed: count('failed') };
}
