import { hostname } from 'node:os';
import { exitCodes, Failure, messageOf } from '../contract/failure.js';
import { findEntry } from '../model/load.js';
import { systemCode } from '../upgrade/file-errors.js';
import { type Attempted, runChild } from './child.js';
import type { Given } from './compute.js';
import type { PartResult, UnitResult } from './result.js';
import { gathered, layIn } from './search/gather.js';
import { lookIn, searchState } from './search/state.js';
import { costOfParts, removeParts } from './search/tidy.js';
import type { Sources } from './sources.js';
import type { FleetStore } from './store/store.js';
import { tellProgress } from './telling.js';
import { isSpread, type Unit } from './unit.js';
import { whileLocked } from './unit-lock.js';

/** What a worker works with. */
export interface Worker {
  readonly store: FleetStore;
  readonly sources: Sources;
  /** the words that start this program: node, its flags, the script */
  readonly executable: readonly string[];
  /** of the processor, for each unit; null: all */
  readonly threads: number | null;
  /** attempts after which a unit is left alone */
  readonly tries: number;
  /** asked to stop: what is under way is kept for whoever goes on */
  readonly signal: AbortSignal;
  readonly hooks: WorkHooks;
}

export interface WorkHooks {
  onProgress(unit: Unit, phase: string, share: number): void;
  onOutcome(unit: Unit, outcome: Outcome): void;
  warn(message: string): void;
}

/** What came of a unit at one worker. */
export type Outcome =
  | { readonly kind: 'computed' }
  /** another worker had published it */
  | { readonly kind: 'there' }
  /** another process is at it */
  | { readonly kind: 'busy' }
  /** what it goes on from is not there */
  | { readonly kind: 'early' }
  /** this worker was asked to stop */
  | { readonly kind: 'interrupted' }
  /** it may succeed another time */
  | { readonly kind: 'retry'; readonly why: string }
  /** it will not, or has failed as often as it may */
  | { readonly kind: 'failed'; readonly why: string }
  /** this machine is the cause: others may succeed */
  | { readonly kind: 'unable'; readonly failure: Failure };

/** Sees to a unit: computes it, where it has no result yet, and publishes what comes of it. */
export async function workOn(unit: Unit, worker: Worker): Promise<Outcome> {
  const outcome = await tryUnit(unit, worker).catch((error: unknown): Outcome => {
    const failure = localFailure(error);
    if (failure === null) throw error;
    return { kind: 'unable', failure };
  });
  worker.hooks.onOutcome(unit, outcome);
  return outcome;
}

async function tryUnit(unit: Unit, worker: Worker): Promise<Outcome> {
  const { store, signal } = worker;
  if (signal.aborted) return { kind: 'interrupted' };
  if (await isThere(unit, store)) return { kind: 'there' };
  const known = await store.failure(unit.id);
  if (known?.final === true) return { kind: 'failed', why: known.attempts.at(-1)?.why ?? 'It failed before.' };
  await worker.sources.verify(unit);
  const model = await findEntry(await worker.sources.local(unit.model));
  const paths: Record<string, string> = {};
  for (const input of unit.inputs) paths[input.uri] = await worker.sources.local(input);
  const begun = await begin(unit, store);
  if ('kind' in begun) return begun;
  const { folder, given } = begun;
  const earlier = (await store.told(unit.id))?.seconds ?? 0;
  const teller = tellProgress(unit, earlier, worker);
  const attempt = await runChild(worker.executable, { unit, folder, model, paths, given }, worker.threads, {
    signal,
    onEvent: teller.tell,
  });
  const isBusy = attempt.kind === 'failed' && attempt.exit === exitCodes.locked;
  await teller.end(attempt.kind === 'failed' && !isBusy);
  if (isBusy) return { kind: 'busy' };
  if (attempt.kind === 'failed') {
    // another worker has published it meanwhile, and taken its folder away
    if (await isThere(unit, store)) return { kind: 'there' };
    return failed(unit, attempt, worker);
  }
  return publish(unit, folder, attempt, { failures: known?.attempts.length ?? 0, seconds: earlier }, store);
}

/** A unit's folder, with what the unit goes on from. */
async function begin(
  unit: Unit,
  store: FleetStore,
): Promise<{ readonly folder: string; readonly given: Given | null } | Outcome> {
  if (unit.part === undefined && !isSpread(unit)) return { folder: await store.begin(unit.id), given: null };
  try {
    const found = await gathered(unit, store);
    if (found === null) return { kind: 'early' };
    const folder = await store.begin(unit.id);
    if (found === 'nothing') return { folder, given: null };
    await whileLocked(unit, folder, () => layIn(folder, found, store));
    return { folder, given: found.given };
  } catch (error) {
    if (error instanceof Failure && error.kind === 'locked') return { kind: 'busy' };
    // the parts of a search are gone once its unit has a result
    if (await isThere(unit, store)) return { kind: 'there' };
    throw error;
  }
}

/** Whether a unit has a result, or of a part its unit; what it needed on the way goes then. */
async function isThere(unit: Unit, store: FleetStore): Promise<boolean> {
  const { id, part } = unit;
  const isPublished =
    part === undefined
      ? (await store.result(id)) !== null
      : (await store.part(id)) !== null || (await store.result(part.of)) !== null;
  if (!isPublished) return false;
  await store.end(id);
  // whoever published it may have been lost over that
  if (isSpread(unit)) await removeParts(unit, store);
  return true;
}

async function publish(
  unit: Unit,
  folder: string,
  { computed, seconds, cpuSeconds, peakBytes }: Extract<Attempted, { kind: 'computed' }>,
  earlier: { readonly failures: number; readonly seconds: number },
  store: FleetStore,
): Promise<Outcome> {
  const attempt = {
    format: 1,
    unit: unit.id,
    version: unit.version,
    host: hostname(),
    finished: new Date().toISOString(),
    seconds,
    earlierSeconds: earlier.seconds,
    cpuSeconds,
    peakBytes,
    attempts: earlier.failures + 1,
  } as const;
  const parts = async () => (isSpread(unit) ? costOfParts(await searchState(unit, lookIn(store)), store) : []);
  const result: UnitResult | PartResult =
    'made' in computed ? { ...attempt, ...computed } : { ...attempt, ...computed, parts: await parts() };
  let isOurs: boolean;
  try {
    // another worker's process may come to the folder now, and lay the result out anew
    isOurs = await whileLocked(unit, folder, () => store.publish(result));
  } catch (error) {
    if (error instanceof Failure && error.kind === 'locked') return { kind: 'busy' };
    // published by another, which took the folder away
    if (await isThere(unit, store)) return { kind: 'there' };
    throw error;
  }
  await store.forgetFailure(unit.id);
  await store.end(unit.id);
  if (isSpread(unit)) await removeParts(unit, store);
  return { kind: isOurs ? 'computed' : 'there' };
}

async function failed(
  unit: Unit,
  { exit, why, local }: Extract<Attempted, { kind: 'failed' }>,
  { store, signal, tries }: Worker,
): Promise<Outcome> {
  if (signal.aborted) {
    await store.save(unit.id);
    return { kind: 'interrupted' };
  }
  if (local) {
    await store.save(unit.id).catch(() => undefined);
    const cure = 'Cure that, and start this worker again: the unit is kept for whoever goes on with it.';
    return { kind: 'unable', failure: new Failure('input', { what: why, cure, written: 'model-untouched' }) };
  }
  const earlier = (await store.failure(unit.id))?.attempts ?? [];
  const attempts = [...earlier, { when: new Date().toISOString(), host: hostname(), exit, why }];
  const final = isFinal(
    attempts.map((each) => each.exit),
    tries,
  );
  await store.putFailure({ unit: unit.id, attempts, final });
  await store.save(unit.id);
  return final ? { kind: 'failed', why } : { kind: 'retry', why };
}

/** Input and usage do not get better; a defect may be one of the moment, once; what was killed or interrupted is tried again. */
function isFinal(exits: readonly (number | null)[], tries: number): boolean {
  const last = exits.at(-1) ?? null;
  if (last === exitCodes.usage || last === exitCodes.input) return true;
  if (last === 1 && exits.filter((each) => each === 1).length > 1) return true;
  return exits.length >= tries;
}

/** What the machine that works is the cause of; null for anything else. */
export function localFailure(error: unknown): Failure | null {
  if (error instanceof Failure) return error;
  const code = systemCode(error);
  if (code === null) return null;
  return new Failure(
    'input',
    { what: `${messageOf(error)}.`, cure: 'Cure that, and start this worker again.', written: 'model-untouched' },
    { cause: error },
  );
}
