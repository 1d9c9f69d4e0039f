import { Failure } from '../contract/failure.js';
import { findBackup } from './backup.js';
import { type Change, currentVersion, effective, type FileState, lineage, original, sha256Of } from './change.js';
import type { PlannedFile } from './drafts.js';
import { withoutElsewhere } from './file-errors.js';
import type { Checkpoint } from './files.js';
import { readJournal } from './journal.js';
import { locateModel, type ModelLocation } from './location.js';
import { type Lock, withLock } from './lock.js';
import { noWiderThan } from './permissions.js';
import { resolveInside } from './places.js';
import { recover, refuseMismatch } from './recover.js';
import { type Sighting, sight } from './sighting.js';
import { transact, writtenFiles } from './transaction.js';

export interface RollbackOptions {
  /** the version to restore: the id of an upgrade, or 'original'; without it, the version before the present one */
  readonly to?: string;
  /** the lock of the folder where the caller holds it already; otherwise it is taken for the while */
  readonly lock?: Lock;
  readonly checkpoint?: Checkpoint;
}

export interface Rollback {
  /** the real file that was restored */
  readonly model: string;
  /** the files that were written, with the hash that was read back from the disk; [] when the version stood already */
  readonly restored: readonly { readonly path: string; readonly sha256: string }[];
  /** the versions before and after: 'original' or the id of an upgrade */
  readonly from: string;
  readonly to: string;
}

/**
 * Restores an earlier version of a model byte for byte, with the protocol of an upgrade. The rollback is itself a change in
 * the history, and the version that it leaves stays in the backup: `to` may name it later.
 *
 * @throws Failure('locked') when another run holds the lock, the files are not what the journal says, or a
 *   backup is damaged: all named, nothing written
 * @throws Failure('input') when there is nothing to roll back, or writing fails
 * @throws Failure('usage') when `to` is no version of this model
 */
export async function rollback(modelPath: string, options: RollbackOptions = {}): Promise<Rollback> {
  const location = await locateModel(modelPath);
  try {
    return await withLock(modelPath, options.lock, async (lock) => {
      await recover(modelPath, { lock });
      return restore(location, lock, options);
    });
  } catch (error) {
    throw withoutElsewhere(error);
  }
}

async function restore(location: ModelLocation, lock: Lock, options: RollbackOptions): Promise<Rollback> {
  const { folder, entry, path: model } = location;
  const journal = await readJournal(folder);
  const changes = effective(journal, entry);
  const last = changes.at(-1);
  const from = currentVersion(changes);
  const to = options.to ?? lineage(changes, from)[0]?.from;
  if (last === undefined || to === undefined) {
    throw new Failure('input', {
      what: `There is nothing to roll back: ${model} is ${last === undefined ? 'not a model that was upgraded here' : 'the original already'}.`,
      cure: 'Check the path to the model, or name the version to restore.',
      settings: ['version'],
    });
  }
  const wanted = filesOf(changes, from, to);
  if (wanted === null) {
    const known = [original, ...changes.filter((each) => each.kind === 'upgrade').map((each) => each.id)];
    throw new Failure('usage', {
      what: `${JSON.stringify(to)} is no version of ${model}.`,
      cure: `Name one of its versions: ${known.join(', ')}.`,
      settings: ['version'],
    });
  }

  const { sightings, mismatches } = await sight(folder, new Map(last.after.map((each) => [each.path, each.sha256])));
  refuseMismatch(folder, mismatches, `The files of ${entry} are not what the journal says`, {
    cure:
      `Somebody changed them after the last ${last.kind}. Restore them, or, to go back nevertheless, ` +
      `copy the old files from .frelu/backups by hand.`,
  });
  if (from === to) return { model, restored: [], from, to };
  refuseRewritten(folder, wanted, last);

  const change = await transact(
    {
      location,
      kind: 'rollback',
      from,
      to,
      run: null,
      before: sightings,
      files: await sources(folder, journal, permitted(wanted, last.after, sightings), last.after, entry),
      obsolete: last.after.map((each) => each.path).filter((path) => sha256Of(wanted, path) === null),
    },
    lock,
    options.checkpoint,
  );
  const after = await sight(folder, new Map(wanted.map((each) => [each.path, each.sha256])));
  if (after.mismatches.length > 0) {
    throw new Failure('locked', {
      what: `The restored files of ${model} do not read back as they were written: ${after.mismatches.join('; ')}.`,
      cure: 'Check the disk, and that nobody else writes there.',
      written: 'model-restored',
    });
  }
  return { model, restored: writtenFiles(change), from, to };
}

/** The files of a version, or null where there is no such version. */
function filesOf(changes: readonly Change[], from: string, version: string): readonly FileState[] | null {
  if (version === from) return changes.at(-1)?.after ?? null;
  // Of several originals, where a model was replaced by other means in between, the one that led to the present version is meant.
  if (version === original) return lineage(changes, from).at(-1)?.before ?? null;
  return changes.find((each) => each.kind === 'upgrade' && each.id === version)?.after ?? null;
}

/**
 * The files of a version with the permissions that they had; where those of the model were changed since the journal last saw
 * them, no wider than they are now: who closed a model to others did not mean its newest version alone.
 */
function permitted(
  wanted: readonly FileState[],
  last: readonly FileState[],
  standing: readonly Sighting[],
): readonly FileState[] {
  const changed = standing.filter(({ path, mode }) => last.find((each) => each.path === path)?.mode !== mode);
  return wanted.map((file) => ({ ...file, mode: noWiderThan(file, changed) }));
}

/**
 * A side file that the wanted version has with other bytes under its present name: no rename of the entry file can restore both at
 * once, and no upgrade makes such a thing. Somebody wrote into that file between two upgrades.
 * @throws Failure('locked') naming it
 */
function refuseRewritten(folder: string, wanted: readonly FileState[], { entry, after }: Change): void {
  const rewritten = wanted.filter(
    ({ path, sha256 }) => path !== entry && ![sha256, null].includes(sha256Of(after, path)),
  );
  refuseMismatch(
    folder,
    rewritten.map(({ path }) => `${path} was overwritten since`),
    'That version cannot be restored while the present one stands',
    {
      cure: 'Name another version, or copy the old files from .frelu/backups by hand.',
      settings: ['version'],
    },
  );
}

/**
 * Where the bytes of each file to write come from: a backup, found by hash. Files that stand already are left out, but for the entry
 * file: of two versions with the same bytes, as two runs of one seed write them, its rename is what changes the one into the other.
 */
async function sources(
  folder: string,
  journal: readonly Change[],
  wanted: readonly FileState[],
  standing: readonly FileState[],
  entry: string,
): Promise<readonly PlannedFile[]> {
  const files: PlannedFile[] = [];
  const lost: string[] = [];
  for (const { path, sha256, mode } of wanted) {
    if (sha256Of(standing, path) === sha256) {
      if (path === entry) files.push({ path, content: { copyOf: resolveInside(folder, path) }, sha256, mode });
      continue;
    }
    const kept = await findBackup(folder, journal, sha256);
    if (kept === null) lost.push(path);
    else files.push({ path, content: { copyOf: kept }, sha256, mode });
  }
  const pruned = journal.some((each) => each.pruned && lost.some((path) => sha256Of(each.before, path) !== null));
  refuseMismatch(
    folder,
    lost.map((path) => `the kept bytes of ${path} are missing or damaged`),
    `The version cannot be restored${pruned ? ', since old backups were freed' : ''}`,
    {
      cure: 'Restore the folder .frelu/backups from a backup of your own, or choose another version.',
      settings: ['version'],
    },
  );
  return files;
}
