import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { present } from '../../contract/present.js';
import { recordName } from '../../run/file-names.js';
import { createFolder, exists, linkOrCopy } from '../../upgrade/files.js';
import { resolveInside } from '../../upgrade/places.js';
import type { Given } from '../compute.js';
import type { PartResult } from '../result.js';
import { type FleetStore, workParts } from '../store/store.js';
import type { Unit } from '../unit.js';
import { lookIn, type SearchState, searchState, toldStandingOf, trialsOf } from './state.js';

/** What a unit begins with that goes on from parts of a search. */
export interface Gathered {
  readonly given: Given;
  /** whose files its run's folder begins with, the opening first */
  readonly from: readonly PartResult[];
}

/**
 * What a unit goes on from.
 * @returns null where something of it is not there; 'nothing' for a unit that begins by itself
 */
export async function gathered(unit: Unit, store: FleetStore): Promise<Gathered | 'nothing' | null> {
  const { part } = unit;
  if (part?.kind === 'opening') return 'nothing';
  if (part === undefined) return gatheredForLast(unit, await searchState(unit, lookIn(store)));
  const opening = await store.part(part.opening);
  const from = part.from === part.opening ? null : await store.part(part.from);
  if (opening === null || (from === null && part.from !== part.opening)) return null;
  return { given: givenBy(opening, []), from: [opening, ...(from === null ? [] : [from])] };
}

function gatheredForLast(unit: Unit, state: SearchState): Gathered | 'nothing' | null {
  if (state.open[0] !== unit) return null;
  if (state.opened === null) return 'nothing';
  const winners = state.arms.flatMap(({ winner }) => (winner?.known?.kind === 'made' ? [winner.known.result] : []));
  const trials = trialsOf(state).flatMap(({ part: { arm, entrant, rung }, known }) => {
    return known === null ? [] : [{ arm, entrant, rung, standing: toldStandingOf(known) }];
  });
  return { given: givenBy(state.opened.result, trials), from: [state.opened.result, ...winners] };
}

const givenBy = ({ files }: PartResult, trials: Given['trials']): Given => ({
  files: files.map(({ path }) => path),
  trials,
});

/** Lays out in a unit's folder what its run goes on from; the record of the run last, by which a folder is told that has all. */
export async function layIn(folder: string, { from }: Gathered, store: FleetStore): Promise<void> {
  const run = join(folder, workParts.run);
  if (await exists(join(run, recordName))) return;
  await rm(run, { recursive: true, force: true });
  const files = new Map<string, PartResult>();
  // what trials of one recipe keep in common, both arms have
  for (const result of from) for (const { path } of result.files) if (!files.has(path)) files.set(path, result);
  const paths = [...files.keys()].filter((path) => path !== recordName);
  for (const path of [...paths, recordName]) {
    const into = resolveInside(run, path);
    await createFolder(dirname(into));
    const at = await store.file(present(files.get(path), `the part that ${path} is of`), path, into);
    if (at !== into) await linkOrCopy(at, into);
  }
}
