import type { PartsCost } from '../result.js';
import type { FleetStore } from '../store/store.js';
import type { Unit } from '../unit.js';
import { type Known, lookIn, type SearchState, searchState, trialsOf } from './state.js';

/** What the parts of a unit's search took, by the machines that computed them; of those that failed, what was told of them. */
export async function costOfParts(state: SearchState, store: Pick<FleetStore, 'told'>): Promise<readonly PartsCost[]> {
  const hosts = new Map<string, PartsCost>();
  const add = (cost: PartsCost): void => {
    const known = hosts.get(cost.host);
    hosts.set(cost.host, {
      host: cost.host,
      parts: (known?.parts ?? 0) + cost.parts,
      seconds: (known?.seconds ?? 0) + cost.seconds,
      cpuSeconds: (known?.cpuSeconds ?? 0) + cost.cpuSeconds,
    });
  };
  for (const { id, known } of partsOf(state)) {
    if (known?.kind === 'made') {
      const { host, seconds, earlierSeconds, cpuSeconds } = known.result;
      add({ host, parts: 1, seconds: seconds + earlierSeconds, cpuSeconds });
      continue;
    }
    const told = await store.told(id);
    if (told !== null) add({ host: told.host, parts: 0, seconds: told.seconds, cpuSeconds: 0 });
  }
  return [...hosts.values()];
}

/** Removes what there is of the parts of a search whose unit has a result. */
export async function removeParts(unit: Unit, store: FleetStore): Promise<void> {
  const state = await searchState(unit, lookIn(store));
  // the opening last: as long as it is there, the others are found
  for (const { id, known } of partsOf(state).toReversed()) {
    if (known?.kind === 'made') await store.discard(known.result);
    if (known?.kind === 'failed') await store.forgetFailure(id);
    await store.end(id);
  }
}

/** The ids of the parts of a search that have failed for good. */
export async function failedParts(unit: Unit, store: FleetStore): Promise<readonly string[]> {
  const known = lookIn(store);
  const failed: string[] = [];
  await searchState(unit, async (part) => {
    const found = await known(part);
    if (found?.kind === 'failed') failed.push(part.id);
    return found;
  });
  return failed;
}

interface Part {
  readonly id: string;
  readonly known: Known | null;
}

function partsOf(state: SearchState): readonly Part[] {
  const { opened, opening } = state;
  const first = opened === null ? null : ({ kind: 'made', result: opened.result } as const);
  return [{ id: opening.id, known: first }, ...trialsOf(state).map(({ unit, known }) => ({ id: unit.id, known }))];
}
