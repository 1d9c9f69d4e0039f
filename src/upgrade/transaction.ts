import { randomBytes } from 'node:crypto';
import { lstat, rename, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { Failure } from '../contract/failure.js';
import {
  type Checkpoint,
  createFolder,
  exists,
  explainFileError,
  type FileContent,
  fingerprint,
  isAbsence,
  linkOrCopy,
  missingFolders,
  type Ownership,
  removeFile,
  resolveInside,
  syncFolder,
  writeFileDurably,
} from './files.js';
import { type Change, type FileState, type RunRecord, readJournal, sha256Of } from './journal.js';
import { backupFolder, backupPath, type ModelLocation } from './location.js';
import type { Lock } from './lock.js';
import { draftPath, finish, type Recovery, replaceChange, settle } from './recover.js';

const findWriter = 'See who else writes there, and run again.';

/** A file of the model as it was found: what it held and what tells cheaply that it was not touched since. */
export interface Sighting extends FileState {
  readonly uid: number;
  readonly gid: number;
  readonly inode: bigint;
  readonly modifiedNs: bigint;
}

/** A file that the new model shall have. `sha256` and `mode` where they are known beforehand. */
export interface PlannedFile {
  readonly path: string;
  readonly content: FileContent;
  readonly sha256?: string;
  readonly mode?: number;
}

export interface Plan {
  readonly location: ModelLocation;
  readonly kind: Change['kind'];
  readonly from: string;
  /** null: the version is the change's own id */
  readonly to: string | null;
  readonly run: RunRecord | null;
  readonly before: readonly Sighting[];
  /** the entry file, and every side file that is new; those of `before` that are neither here nor obsolete stay */
  readonly files: readonly PlannedFile[];
  readonly obsolete: readonly string[];
}

/**
 * Reads what the files hold. `mismatches` says in words which of them do not hold what `expected` (path -> SHA-256) says;
 * they are missing from `sightings`.
 */
export async function sight(
  folder: string,
  expected: ReadonlyMap<string, string>,
): Promise<{ readonly sightings: readonly Sighting[]; readonly mismatches: readonly string[] }> {
  const sightings: Sighting[] = [];
  const mismatches: string[] = [];
  for (const [path, sha256] of expected) {
    const place = resolveInside(folder, path);
    const before = await stat(place, { bigint: true }).catch((error: unknown) => {
      if (isAbsence(error)) return null;
      throw error;
    });
    const found = before === null ? null : await fingerprint(place);
    if (before === null || found === null) {
      mismatches.push(`${path} is missing`);
    } else if (found.sha256 !== sha256) {
      mismatches.push(`${path} has SHA-256 ${found.sha256}, not ${sha256}`);
    } else {
      sightings.push({
        path,
        ...found,
        mode: Number(before.mode) & 0o7777,
        uid: Number(before.uid),
        gid: Number(before.gid),
        inode: before.ino,
        modifiedNs: before.mtimeNs,
      });
    }
  }
  return { sightings, mismatches };
}

/**
 * Replaces the old model by the new one so that a reader and a crash at any moment find one of them whole:
 *
 * 1. the journal announces the change; the old bytes go into the backup
 * 2. new side files are written under names that nothing refers to yet
 * 3. the new entry file is written beside the old one; the journal says `prepared`
 * 4. ONE rename puts the new entry file in place: the commit
 * 5. the journal says `committed`; files no longer used are removed; the journal says `complete`
 *
 * Each step is on the disk before the next begins. What fails before 4 is undone; what fails after is finished by
 * `recover`. A reader that opened the old entry file before 4 and comes for its side files after 5 finds them missing,
 * never mixed with new ones.
 *
 * The caller holds `lock`, and has just made sure of `before` with `sight`.
 * @throws Failure saying whether the old model stands or the new one
 */
export async function transact(plan: Plan, lock: Lock, checkpoint: Checkpoint = () => {}): Promise<Change> {
  const { folder, entry } = plan.location;
  const id = `${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}-${randomBytes(3).toString('hex')}`;
  let change = await announce(plan, id);
  let renamed = false;
  try {
    await replaceChange(folder, change);
    await checkpoint('journal preparing');
    await backUp(plan, id, checkpoint);

    const written: FileState[] = [];
    for (const file of plan.files.filter((each) => each.path !== entry)) {
      written.push(await writeSideFile(plan, file, id));
      await checkpoint(`wrote ${file.path}`);
    }
    const entryFile = plan.files.find((each) => each.path === entry);
    if (entryFile === undefined) throw new Error(`the entry file ${entry} is not among the files to write`);
    written.push(await writeDraft(plan, entryFile, id));
    await checkpoint('entry drafted');

    // Whoever took the lock over may have begun a journal entry of its own.
    await lock.assertHeld();
    change = { ...change, state: 'prepared', after: filesAfter(plan, written) };
    await replaceChange(folder, change);
    await checkpoint('journal prepared');

    await lock.assertHeld();
    await refuseTouched(plan);
    await rename(draftPath(folder, entry, id), join(folder, entry));
    renamed = true;
    await checkpoint('entry renamed');
    await syncFolder(folder);
    await checkpoint('entry durable');
    return await finish(folder, change, checkpoint);
  } catch (error) {
    return await endAfterFailure(plan, lock, change.id, renamed, error);
  }
}

async function endAfterFailure(plan: Plan, lock: Lock, id: string, renamed: boolean, error: unknown): Promise<Change> {
  const { folder } = plan.location;
  let outcome: Recovery['outcome'] | null = null;
  try {
    // A run that lost its lock must not touch what its successor may be recovering.
    if (await lock.isHeld()) {
      const left = (await readJournal(folder)).find((each) => each.id === id);
      if (left === undefined) outcome = 'discarded';
      else if (left.state !== 'complete' && left.state !== 'abandoned') outcome = await settle(folder, left);
      if (left !== undefined && (outcome === 'finished' || left.state === 'complete')) {
        return { ...left, state: 'complete' };
      }
    }
  } catch {
    // What caused the failure persists. The first error tells the user more than the second.
  }
  throw explainFileError(
    error,
    folder,
    renamed ? 'model-replaced' : outcome === 'discarded' ? 'removed-again' : 'left-beside',
  );
}

async function announce(plan: Plan, id: string): Promise<Change> {
  const { folder, entry } = plan.location;
  const created: string[] = [];
  const createdFolders = new Set<string>();
  for (const { path } of plan.files) {
    const place = resolveInside(folder, path);
    if (path === entry || (await exists(place))) continue;
    created.push(path);
    for (const each of await missingFolders(dirname(place)))
      createdFolders.add(relative(folder, each).replaceAll(sep, '/'));
  }
  return {
    id,
    kind: plan.kind,
    entry,
    when: new Date().toISOString(),
    state: 'preparing',
    from: plan.from,
    to: plan.to ?? id,
    run: plan.run,
    before: plan.before.map(withoutInode),
    after: [],
    writes: plan.files.map((each) => each.path),
    created,
    createdFolders: [...createdFolders],
    obsolete: await removable(plan),
  };
}

/** A symbolic link among the side files stays: what it leads to belongs to somebody else, and an unused link harms nobody. */
async function removable({ location, obsolete }: Plan): Promise<readonly string[]> {
  const kinds = await Promise.all(obsolete.map(async (path) => lstat(resolveInside(location.folder, path))));
  return obsolete.filter((_, index) => kinds[index]?.isSymbolicLink() === false);
}

/**
 * A file that is going to be replaced or removed is linked into the backup where it has no other name: once the model's folder
 * has let go of it, the backup's name is its only one, and nobody can write to it in place by another. A file that
 * stays in use is copied: programs that save by truncating would overwrite the backup through a link.
 */
async function backUp(plan: Plan, id: string, checkpoint: Checkpoint): Promise<void> {
  const { folder, entry } = plan.location;
  const root = backupFolder(folder, id);
  const earlier = (await readJournal(folder)).filter((each) => each.id !== id && each.state !== 'preparing');
  const folders = new Set<string>([root]);
  await createFolder(root);
  for (const { path, sha256 } of plan.before) {
    const place = resolveInside(folder, path);
    const target = backupPath(folder, id, path);
    await createFolder(dirname(target));
    folders.add(dirname(target));
    const standing = await lstat(place);
    const leaves = path === entry || plan.obsolete.includes(path);
    const kept = await findBackup(folder, earlier, sha256);
    if (kept !== null) await linkOrCopy(kept, target);
    else if (leaves && standing.isFile() && standing.nlink === 1) await linkOrCopy(place, target);
    else await writeFileDurably(target, { copyOf: place });
    if ((await fingerprint(target))?.sha256 !== sha256) {
      throw new Failure('locked', { what: `${place} changed while it was being backed up.`, cure: findWriter });
    }
    await checkpoint(`backed up ${path}`);
  }
  // For people without this tool at hand: `sha256sum -c SHA256SUMS`, then copy files/ back.
  const sums = plan.before.map(({ path, sha256 }) => `${sha256}  files/${path}\n`).join('');
  await writeFileDurably(join(root, 'SHA256SUMS'), new TextEncoder().encode(sums));
  for (const each of folders) await syncFolder(each);
  await checkpoint('backup complete');
}

/** A kept copy of the bytes with this hash, or null. */
export async function findBackup(folder: string, changes: readonly Change[], sha256: string): Promise<string | null> {
  for (const { id, before } of changes) {
    for (const file of before) {
      if (file.sha256 !== sha256) continue;
      const place = backupPath(folder, id, file.path);
      if ((await fingerprint(place))?.sha256 === sha256) return place;
    }
  }
  return null;
}

async function writeSideFile(plan: Plan, file: PlannedFile, id: string): Promise<FileState> {
  const { folder } = plan.location;
  const place = resolveInside(folder, file.path);
  const copiesItself = 'copyOf' in file.content && file.content.copyOf === place;
  const known = plan.before.find((each) => each.path === file.path);
  if (copiesItself && known !== undefined) return withoutInode(known);
  await createFolder(dirname(place));
  const state = await writeDraft(plan, file, id);
  const draft = draftPath(folder, file.path, id);
  const standing = await fingerprint(place);
  if (standing === null) {
    await rename(draft, place);
    await syncFolder(dirname(place));
    return state;
  }
  await removeFile(draft);
  if (standing.sha256 === state.sha256) return state;
  if (known !== undefined) {
    // Overwriting it would change the old model before the commit.
    throw new Error(`the side file ${file.path} gets new content under its old name; it needs a name of its own`);
  }
  throw new Failure('input', {
    what: `${place} is in the way: it is no part of the model and holds something else than what must be written there.`,
    cure: 'Move it away and run again.',
  });
}

/** Writes a file beside its future place, and reads it back: what is committed is what the disk returned. */
async function writeDraft(plan: Plan, file: PlannedFile, id: string): Promise<FileState> {
  const { folder, entry } = plan.location;
  const draft = draftPath(folder, file.path, id);
  const owner = plan.before.find((each) => each.path === entry);
  const mode = file.mode ?? owner?.mode ?? 0o644;
  const ownership: Ownership = owner === undefined ? { mode } : { mode, uid: owner.uid, gid: owner.gid };
  await writeFileDurably(draft, file.content, ownership);
  const found = await fingerprint(draft);
  if (found === null) throw new Error(`the draft ${draft} has vanished`);
  if (file.sha256 !== undefined && found.sha256 !== file.sha256) {
    throw new Failure('locked', {
      what: `The kept bytes of ${file.path} in ${folder} are damaged: SHA-256 ${found.sha256}, not ${file.sha256}.`,
      cure: 'Restore .frelu/backups from a backup of your own.',
    });
  }
  return { path: file.path, ...found, mode };
}

function filesAfter(plan: Plan, written: readonly FileState[]): readonly FileState[] {
  const names = new Set([...written.map((each) => each.path), ...plan.obsolete]);
  return [...plan.before.filter((each) => !names.has(each.path)).map(withoutInode), ...written].toSorted((a, b) =>
    a.path < b.path ? -1 : 1,
  );
}

/** The last look before the commit. Hashing again would take long and leave a gap as wide; the time stamps leave next to none. */
async function refuseTouched(plan: Plan): Promise<void> {
  for (const { path, inode, modifiedNs, bytes } of plan.before) {
    const place = resolveInside(plan.location.folder, path);
    const now = await stat(place, { bigint: true }).catch(() => null);
    if (now !== null && now.ino === inode && now.mtimeNs === modifiedNs && now.size === BigInt(bytes)) continue;
    throw new Failure('locked', { what: `${place} changed while the run was going on.`, cure: findWriter });
  }
}

function withoutInode({ path, sha256, bytes, mode }: FileState): FileState {
  return { path, sha256, bytes, mode };
}

/** The files that a change wrote, with what they hold now. */
export function writtenFiles(change: Change): readonly { readonly path: string; readonly sha256: string }[] {
  return change.after
    .filter(({ path, sha256 }) => sha256Of(change.before, path) !== sha256)
    .map(({ path, sha256 }) => ({ path, sha256 }));
}
