import { rmdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Failure, type Fault } from '../contract/failure.js';
import { findBackup, removeBackup } from './backup.js';
import { type Change, isPending, sha256Of } from './change.js';
import { explainFileError } from './file-errors.js';
import { type Checkpoint, exists, fingerprint, removeFile, syncFolder } from './files.js';
import { readJournal, writeJournal } from './journal.js';
import { locateModel } from './location.js';
import { type Lock, withLock } from './lock.js';
import { draftPath, linkOnTheWay, refuseLinkedFolders, resolveInside } from './places.js';
import { usedByOthers } from './shared.js';

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
 *
 * The journal came with the folder, and who wrote it is not known. So nothing is removed whose bytes are not known to be this
 * program's work: a new side file has what the journal says it wrote, under a name that holds its hash, or is kept in a backup; an old
 * one is kept in a backup; all of them lie in the model's folder itself.
 * @throws Failure('locked') when another run holds the lock: what looks half done may be that run's work; or the journal is not
 *   one that this program wrote
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
    const named = [...change.writes, ...change.obsolete, ...change.createdFolders];
    await refuseLinkedFolders(folder, named, 'locked');
    await removeDrafts(folder, change);
    if (change.state === 'preparing') {
      await discard(folder, change, checkpoint);
      return 'discarded';
    }
    const found = (await fingerprint(resolveInside(folder, change.entry)))?.sha256;
    if (change.state === 'prepared' && found !== sha256Of(change.after, change.entry)) {
      if (found === sha256Of(change.before, change.entry)) {
        await discard(folder, change, checkpoint);
        return 'discarded';
      }
      await replaceChange(folder, { ...change, state: 'abandoned' });
      return 'abandoned';
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
  for (const place of await removableAfter(folder, change)) {
    await removeFile(place.absolute);
    await syncFolder(dirname(place.absolute));
    await checkpoint(`removed ${place.path}`);
  }
  // A rollback leaves no empty folders of the upgrades that it undoes.
  const changes = await readJournal(folder);
  await removeEmptyFolders(
    folder,
    changes.filter(({ entry }) => entry === change.entry).flatMap((each) => each.createdFolders),
  );
  const complete: Change = { ...change, state: 'complete' };
  await replaceChange(folder, complete);
  await checkpoint('journal complete');
  return complete;
}

/**
 * The obsolete files that are to go: as they were, kept in a backup, and named by no other model. None where somebody put another
 * entry file in the place of the new one since: it may name the old files.
 */
async function removableAfter(folder: string, change: Change) {
  const entry = resolveInside(folder, change.entry);
  const going: { readonly path: string; readonly absolute: string }[] = [];
  if ((await fingerprint(entry))?.sha256 !== sha256Of(change.after, change.entry)) return going;
  const changes = (await readJournal(folder)).filter(({ state }) => state !== 'preparing');
  for (const path of change.obsolete) {
    const absolute = resolveInside(folder, path);
    const sha256 = sha256Of(change.before, path);
    // Whoever put something else there since wants to keep it.
    if (sha256 === null || (await fingerprint(absolute))?.sha256 !== sha256) continue;
    if (await isSameFile(absolute, entry)) continue;
    if ((await findBackup(folder, changes, sha256)) !== null) going.push({ path, absolute });
  }
  const shared = await usedByOthers(
    entry,
    going.map(({ absolute }) => absolute),
  );
  return going.filter(({ absolute }) => !shared.has(absolute));
}

async function discard(folder: string, change: Change, checkpoint: Checkpoint): Promise<void> {
  const changes = (await readJournal(folder)).filter(({ state }) => state !== 'preparing');
  for (const path of change.created) {
    const place = resolveInside(folder, path);
    const sha256 = sha256Of(change.after, path);
    if (sha256 === null || (await fingerprint(place))?.sha256 !== sha256) continue;
    if (await isSameFile(place, resolveInside(folder, change.entry))) continue;
    if (!isNamedByContent(path, sha256) && (await findBackup(folder, changes, sha256)) === null) continue;
    await removeFile(place);
    if (await exists(dirname(place))) await syncFolder(dirname(place));
    await checkpoint(`discarded ${path}`);
  }
  await removeEmptyFolders(folder, change.createdFolders);
  await removeBackup(folder, change);
  await checkpoint('discarded backup');
  await writeJournal(
    folder,
    (await readJournal(folder)).filter((each) => each.id !== change.id),
  );
  await checkpoint('journal discarded');
}

/** Whether two paths name one file: on a disk without case 'MODEL.ONNX' would be the model itself. */
async function isSameFile(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([a, b].map((path) => stat(path, { bigint: true }).catch(() => null)));
  return one != null && other != null && one.dev === other.dev && one.ino === other.ino;
}

/** Whether a file has a name as the models' writers give to new side files: one that holds the beginning of its hash. */
function isNamedByContent(path: string, sha256: string): boolean {
  return basename(path).includes(sha256.slice(0, 12));
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

async function removeDrafts(folder: string, change: Change): Promise<void> {
  for (const path of change.writes) await removeFile(draftPath(folder, path, change.id));
}

async function removeEmptyFolders(folder: string, paths: readonly string[]): Promise<void> {
  for (const path of paths.toReversed()) {
    const place = resolveInside(folder, path);
    if ((await linkOnTheWay(folder, place)) !== null) continue;
    // Not empty, or gone already: either is as it should be. (What is a link is no folder to remove.)
    await rmdir(place).catch(() => undefined);
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
