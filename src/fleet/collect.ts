import { Failure } from '../contract/failure.js';
import type { FleetCost, FleetResult } from '../contract/fleet.js';
import { decideModels, type JudgedUnit } from './decide.js';
import { type OpenPlan, storeOf } from './plan.js';
import { secondsOf, type UnitResult } from './result.js';
import { costOfParts } from './search/tidy.js';
import { statusOf } from './status.js';
import type { FleetStore } from './store/store.js';

/** What a fleet has come to, with the results that it rests on, by unit. */
export interface Collected {
  readonly result: FleetResult;
  readonly results: ReadonlyMap<string, UnitResult>;
}

/** How many results are read at once: a store may be far away. */
const together = 16;

/**
 * Reads all results of a plan, and decides.
 * @throws Failure('input') naming the results that are damaged: nothing is concluded from the others meanwhile
 */
export async function collect(plan: OpenPlan, store: FleetStore): Promise<Collected> {
  const { status, stateOf, told, searches } = await statusOf(plan, store);
  const done = [...new Set(plan.units.filter((unit) => stateOf(unit) === 'done').map(({ id }) => id))];
  const results = await readAll(done, store);
  const units = plan.units.map(
    (unit): JudgedUnit => ({ unit, state: stateOf(unit), result: results.get(unit.id) ?? null }),
  );
  const open = new Set(plan.units.map(({ id }) => id).filter((id) => !results.has(id)));
  const parts = await Promise.all([...searches.values()].map(({ state }) => costOfParts(state, store)));
  const unfinished =
    [...open].reduce((sum, id) => sum + (told.get(id)?.seconds ?? 0), 0) +
    parts.flat().reduce((sum, { seconds }) => sum + seconds, 0);
  const models = decideModels(
    plan.models.map(({ name }) => name),
    units,
  );
  const result: FleetResult = {
    plan: plan.folder,
    store: storeOf(plan),
    version: plan.version,
    counts: status.counts,
    models,
    cost: costOf([...results.values()], unfinished, plan.price),
    failed: status.failed,
    report: [],
  };
  return { result, results };
}

async function readAll(ids: readonly string[], store: FleetStore): Promise<ReadonlyMap<string, UnitResult>> {
  const results = new Map<string, UnitResult>();
  const damaged: Failure[] = [];
  const queue = [...ids];
  const read = async (): Promise<void> => {
    for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
      try {
        const found = await store.result(id);
        if (found !== null) results.set(id, found);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        damaged.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: together }, read));
  const [first] = damaged;
  if (first === undefined) return results;
  throw new Failure(
    'input',
    { what: damaged.map(({ what }) => what).join('\n'), cure: first.cure, written: 'nothing' },
    { cause: first },
  );
}

/** @param unfinished seconds of attempts at units that have no result */
function costOf(results: readonly UnitResult[], unfinished: number, price: OpenPlan['price']): FleetCost {
  const sum = <T>(of: readonly T[], value: (each: T) => number): number =>
    of.reduce((total, each) => total + value(each), 0);
  const seconds = unfinished + sum(results, secondsOf);
  const parts = results.flatMap((each) => each.parts);
  const hosts = [...new Set([...results, ...parts].map(({ host }) => host))].toSorted();
  return {
    seconds,
    unfinishedSeconds: unfinished,
    cpuSeconds: sum([...results, ...parts], (each) => each.cpuSeconds),
    price: price === null ? null : (price.perHour * seconds) / 3600,
    currency: price?.currency ?? null,
    hosts: hosts.map((host) => {
      const own = results.filter((each) => each.host === host);
      const computed = [...own, ...parts.filter((each) => each.host === host)];
      return { host, units: own.length, seconds: sum(computed, (each) => each.seconds) };
    }),
  };
}
