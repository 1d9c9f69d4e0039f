import { keptCopies, removeBackup } from './backup.js';
import { type Change, currentVersion, effective, isPending, original } from './change.js';
import { explainFileError, withoutElsewhere } from './file-errors.js';
import { readJournal, writeJournal } from './journal.js';
import { locateModel } from './location.js';
import { withLock } from './lock.js';
import { recover } from './recover.js';

export interface Pruning {
  /** the real file of the model */
  readonly model: string;
  /** the versions that can be restored still, the newest first; the present one is not among them */
  readonly kept: readonly string[];
  /** the changes whose backups were freed, oldest first: the version before each is given up, unless it is among `kept` */
  readonly pruned: readonly { readonly id: string; readonly bytes: number }[];
  /** what the disk has more, in bytes */
  readonly freed: number;
}

/**
 * Frees the backups of a model that are not needed to restore the last `keep` versions before the present one. Backups of other
 * models of the folder, and what those share with this one's, stay. Only what the journal lists is removed, and the journal says so
 * first: cut short, it is finished by the next call.
 * @param keep how many versions, 0 or more
 * @throws Failure('locked') when another run holds the lock, or the journal is not one that this program wrote
 * @throws Failure('input') when there is no such model, or the disk refuses
 */
export async function prune(modelPath: string, keep: number): Promise<Pruning> {
  const { folder, entry, path: model } = await locateModel(modelPath);
  const pruning = withLock(modelPath, undefined, async (lock) => {
    await recover(modelPath, { lock });
    const journal = await readJournal(folder);
    const changes = effective(journal, entry);
    const kept = (await restorable(folder, journal, changes)).slice(0, keep);
    const needed = neededBytes(journal, changes, entry, kept);
    const own = journal.filter((each) => each.entry === entry && !isPending(each));
    const going = own.filter(({ before }) => before.some(({ sha256 }) => !needed.has(sha256)));
    const ids = new Set(going.map(({ id }) => id));
    try {
      const marked = journal.map((each) => (ids.has(each.id) ? { ...each, pruned: true } : each));
      if (going.some((each) => !each.pruned)) await writeJournal(folder, marked);
      const pruned: { readonly id: string; readonly bytes: number }[] = [];
      for (const change of going) {
        const bytes = await removeBackup(folder, change, needed);
        if (bytes > 0 || !change.pruned) pruned.push({ id: change.id, bytes });
      }
      return { model, kept, pruned, freed: pruned.reduce((sum, { bytes }) => sum + bytes, 0) };
    } catch (error) {
      throw explainFileError(error, folder, 'model-untouched');
    }
  });
  return pruning.catch((error: unknown) => {
    throw withoutElsewhere(error);
  });
}

/** The versions before the present one of which all files are kept, by when they were last left, the newest first. */
async function restorable(
  folder: string,
  journal: readonly Change[],
  changes: readonly Change[],
): Promise<readonly string[]> {
  const standing = new Set(changes.at(-1)?.after.map(({ sha256 }) => sha256));
  const versions = new Map<string, Change['before']>();
  for (const { from, before } of changes.toReversed()) if (!versions.has(from)) versions.set(from, before);
  versions.delete(currentVersion(changes));
  const whole: string[] = [];
  for (const [version, files] of versions) {
    const there = await Promise.all(
      files.map(async ({ sha256 }) => standing.has(sha256) || (await keptCopies(folder, journal, sha256)).length > 0),
    );
    if (!there.includes(false)) whole.push(version);
  }
  return whole;
}

/** The hashes of what must stay in backups: the files of the kept versions of this model, and of every version of the others. */
function neededBytes(
  journal: readonly Change[],
  changes: readonly Change[],
  entry: string,
  kept: readonly string[],
): ReadonlySet<string> {
  const versions = new Set(kept);
  const states = [
    ...changes.flatMap(({ from, before }) => (versions.has(from) ? before : [])),
    ...changes.flatMap(({ to, after }) => (versions.has(to) && to !== original ? after : [])),
    ...journal.flatMap((each) => (each.entry === entry ? [] : each.before)),
  ];
  return new Set(states.map(({ sha256 }) => sha256));
}
