import { rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Failure, type Fault } from '../contract/failure.js';
import {
  type Checkpoint,
  exists,
  explainFileError,
  fingerprint,
  removeFile,
  resolveInside,
  syncFolder,
} from './files.js';
import { type Change, readJournal, sha256Of, writeJournal } from './journal.js';
import { backupFolder, locateModel } from './location.js';
import { type Lock, withLock } from './lock.js';

/** What became of a change that a crash had cut short. */
export interface Recovery {
  readonly id: string;
  readonly entry: string;
  /**
   * finished: the new model was in place, what remained to be done is done;
   * discarded: the old model was in place, all traces of the new one are removed;
   * abandoned: the entry file is neither, somebody replaced it since; nothing was removed, the backup stays
   */
  readonly outcome: 'finished' | 'discarded' | 'abandoned';
}

export interface RecoverOptions {
  /** the lock of the folder where the caller holds it; otherwise it is taken for the while */
  readonly lock?: Lock;
  readonly checkpoint?: Checkpoint;
}

/**
 * Finishes or discards what a crash left half done in the folder of `modelPath`, for every model of the folder. May itself
 * be cut short at any moment and be repeated. Returns [] and writes nothing where nothing was left.
 * @throws Failure('locked') when another run holds the lock: what looks half done may be that run's work
 */
export async function recover(modelPath: string, options: RecoverOptions = {}): Promise<readonly Recovery[]> {
  const { folder } = await locateModel(modelPath);
  if (!(await readJournal(folder)).some(isPending)) return [];
  return withLock(modelPath, options.lock, async () => {
    const recoveries: Recovery[] = [];
    // Read again: the holder before us may have ended its work meanwhile.
    for (const change of (await readJournal(folder)).filter(isPending)) {
      recoveries.push({
        id: change.id,
        entry: change.entry,
        outcome: await settle(folder, change, options.checkpoint),
      });
    }
    return recoveries;
  });
}

export function isPending({ state }: Change): boolean {
  return state === 'preparing' || state === 'prepared' || state === 'committed';
}

/**
 * Brings one pending change to its end. Which one is decided by the entry file alone: the single rename that put the new one
 * there was the commit. The caller holds the lock.
 */
export async function settle(
  folder: string,
  change: Change,
  checkpoint: Checkpoint = () => {},
): Promise<Recovery['outcome']> {
  try {
    await removeDrafts(folder, change);
    if (change.state === 'preparing') {
      await discard(folder, change, checkpoint);
      return 'discarded';
    }
    if (change.state === 'prepared') {
      const found = (await fingerprint(resolveInside(folder, change.entry)))?.sha256;
      if (found !== sha256Of(change.after, change.entry)) {
        if (found === sha256Of(change.before, change.entry)) {
          await discard(folder, change, checkpoint);
          return 'discarded';
        }
        await replaceChange(folder, { ...change, state: 'abandoned' });
        return 'abandoned';
      }
    }
    await finish(folder, change, checkpoint);
    return 'finished';
  } catch (error) {
    const begun = `What a run had begun on ${change.entry} could not be brought to its end.`;
    throw explainFileError(error, folder, 'model-whole', begun);
  }
}

/** What remains after the new entry file is in place. The caller holds the lock. */
export async function finish(folder: string, change: Change, checkpoint: Checkpoint): Promise<Change> {
  if (change.state !== 'committed') {
    // The rename may not have reached the disk yet, and nothing may be removed before it has.
    await syncFolder(folder);
    await replaceChange(folder, { ...change, state: 'committed' });
    await checkpoint('journal committed');
  }
  for (const path of change.obsolete) {
    const place = resolveInside(folder, path);
    // Whoever put something else there since wants to keep it.
    if ((await fingerprint(place))?.sha256 !== sha256Of(change.before, path)) continue;
    await removeFile(place);
    await syncFolder(dirname(place));
    await checkpoint(`removed ${path}`);
  }
  // A rollback leaves no empty folders of the upgrades that it undoes.
  const changes = await readJournal(folder);
  await removeEmptyFolders(
    folder,
    changes.flatMap((each) => each.createdFolders),
  );
  const complete: Change = { ...change, state: 'complete' };
  await replaceChange(folder, complete);
  await checkpoint('journal complete');
  return complete;
}

async function discard(folder: string, change: Change, checkpoint: Checkpoint): Promise<void> {
  for (const path of change.created) {
    const place = resolveInside(folder, path);
    await removeFile(place);
    if (await exists(dirname(place))) await syncFolder(dirname(place));
    await checkpoint(`discarded ${path}`);
  }
  await removeEmptyFolders(folder, change.createdFolders);
  await rm(backupFolder(folder, change.id), { recursive: true, force: true });
  await checkpoint('discarded backup');
  await writeJournal(
    folder,
    (await readJournal(folder)).filter((each) => each.id !== change.id),
  );
  await checkpoint('journal discarded');
}

/** Puts a change into the journal, in the place of its earlier state. */
export async function replaceChange(folder: string, change: Change): Promise<void> {
  const changes = await readJournal(folder);
  const known = changes.some((each) => each.id === change.id);
  await writeJournal(
    folder,
    known ? changes.map((each) => (each.id === change.id ? change : each)) : [...changes, change],
  );
}

/** Where a file is written before it gets its name: in the same folder, since only there is a rename atomic. */
export function draftPath(folder: string, path: string, id: string): string {
  const place = resolveInside(folder, path);
  return join(dirname(place), `.${basename(place)}.${id}.tmp`);
}

async function removeDrafts(folder: string, change: Change): Promise<void> {
  for (const path of change.writes) await removeFile(draftPath(folder, path, change.id));
}

async function removeEmptyFolders(folder: string, paths: readonly string[]): Promise<void> {
  for (const path of paths.toReversed()) {
    // Not empty, or gone already: either is as it should be.
    await rmdir(resolveInside(folder, path)).catch(() => undefined);
  }
}

/** @throws Failure('locked') naming every file of the model that is not what it should be */
export function refuseMismatch(
  folder: string,
  mismatches: readonly string[],
  why: string,
  remedy: Pick<Fault, 'cure' | 'settings'>,
): void {
  if (mismatches.length === 0) return;
  const what = `${why} (in ${folder}): ${mismatches.join('; ')}.`;
  throw new Failure('locked', { what, ...remedy, written: 'model-untouched' });
}
