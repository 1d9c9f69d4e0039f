import { basename, posix } from 'node:path';
import { currentVersion, effective, original, type RunRecord } from './change.js';
import type { Checkpoint, NewFile } from './files.js';
import { readJournal } from './journal.js';
import { locateModel } from './location.js';
import { type Lock, withLock } from './lock.js';
import { recover, refuseMismatch } from './recover.js';
import { sight } from './sighting.js';
import { transact, writtenFiles } from './transaction.js';

export interface Upgrade {
  /** the model's entry file: model.onnx, model.json */
  readonly modelPath: string;
  /**
   * The entry file and the side files (weight shards, external data) that the new model adds. A side file with new content needs a new name,
   * best one that holds its hash: under an old name it would change the old model before the commit.
   */
  readonly files: readonly NewFile[];
  /** which of `files` is the entry file: the name of `modelPath`'s real file */
  readonly entry: string;
  /**
   * side files that the new model no longer uses, among those of `expected`. They are removed and stay in the backup, but for those
   * that another model of the folder uses too
   */
  readonly obsolete: readonly string[];
  readonly record: RunRecord;
  /** path -> SHA-256 of every file of the model, as it was when the run read it */
  readonly expected: Readonly<Record<string, string>>;
}

export interface CommitOptions {
  /** the lock of the folder where the caller holds it already; otherwise it is taken for the while */
  readonly lock?: Lock;
  readonly checkpoint?: Checkpoint;
}

export interface CommittedUpgrade {
  /** names this version in `history` and `rollback` */
  readonly id: string;
  /** the real file that was replaced */
  readonly model: string;
  /** the path as given, when it led to `model` through a symbolic link; otherwise null */
  readonly followed: string | null;
  /** what was written, relative to the model's folder */
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
}

/**
 * Replaces a model in place. The old bytes stay under `.frelu/backups/<id>/`; see `transact` for the protocol.
 * Paths are relative to the folder of the model's real file, with '/' between their parts.
 *
 * @throws Failure('locked') when another run holds the lock, or the files are no longer what was read: nothing is written
 * @throws Failure('input') when the disk is full, a path leads out of the folder, or writing is not permitted; the message
 *   says which model stands
 */
export async function commitUpgrade(upgrade: Upgrade, options: CommitOptions = {}): Promise<CommittedUpgrade> {
  const location = await locateModel(upgrade.modelPath);
  const { folder, entry } = location;
  // A model that is reached through a link may have another name than its real file, which is the one to replace.
  const named = (path: string): string => (path === upgrade.entry ? entry : posix.normalize(path));
  const files = upgrade.files.map(({ path, bytes }) => ({ path: named(path), content: bytes }));
  const expected = new Map(Object.entries(upgrade.expected).map(([path, sha256]) => [named(path), sha256]));
  const obsolete = upgrade.obsolete.map(named);
  for (const path of obsolete) {
    if (!expected.has(path) || files.some((each) => each.path === path)) {
      throw new Error(`the obsolete file ${path} is not a file of the old model alone`);
    }
  }
  if (!expected.has(entry)) throw new Error(`the entry file ${entry} is not among the files that were read`);

  return withLock(upgrade.modelPath, options.lock, async (lock) => {
    await recover(upgrade.modelPath, { lock });
    const { sightings, mismatches } = await sight(folder, expected);
    refuseMismatch(
      folder,
      mismatches,
      `The model ${basename(location.path)} changed while the run was going on`,
      location.followed === null
        ? { cure: 'Run again to upgrade it as it is now.' }
        : {
            cure:
              `${location.followed} is a link to ${location.path}: its side files must lie beside that file. ` +
              'Run again, or write elsewhere.',
            settings: ['out'],
          },
    );
    const changes = effective(await readJournal(folder), entry);
    const last = changes.at(-1);
    // A model that somebody replaced by other means, or a side file of it, begins a history of its own: what it is now is no version of
    // the old one, and a rollback leads back to it.
    const goesOn = last?.after.every(({ path, sha256 }) => (expected.get(path) ?? sha256) === sha256) ?? false;
    const change = await transact(
      {
        location,
        kind: 'upgrade',
        from: goesOn ? currentVersion(changes) : original,
        to: null,
        run: upgrade.record,
        before: sightings,
        files,
        obsolete,
      },
      lock,
      options.checkpoint,
    );
    return { id: change.id, model: location.path, followed: location.followed, files: writtenFiles(change) };
  });
}
