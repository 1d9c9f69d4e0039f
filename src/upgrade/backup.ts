import { chmod, lstat, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Failure } from '../contract/failure.js';
import type { Change } from './change.js';
import { createFolder, exists, fingerprint, linkOrCopy, removeFile, syncFolder, writeFileDurably } from './files.js';
import { backupFolder, backupPath, frelu } from './location.js';
import { noWiderThan } from './permissions.js';
import { linkOnTheWay, resolveInside } from './places.js';
import { findWriter, type Sighting } from './sighting.js';

/**
 * A file that the change leaves as it is, and is larger than this (bytes), is not copied where blocks cannot be shared: its backup is
 * another name of it. This program writes no file in place; who does overwrites the backup too, and a rollback says so by its hash.
 */
const copiedUpTo = 2 ** 26;

/** What is backed up: the files as they were found, and which of them the model's folder lets go of. */
interface Backup {
  readonly folder: string;
  /** of the change */
  readonly id: string;
  readonly files: readonly Sighting[];
  readonly leaving: ReadonlySet<string>;
  readonly earlier: readonly Change[];
}

/**
 * Puts a model's files into the backup of a change, and reads them back from there.
 * @throws Failure('locked') when one is not what was found
 */
export async function backUp(backup: Backup, checkpoint: (name: string) => void | Promise<void>): Promise<void> {
  const { folder, id, files } = backup;
  const root = backupFolder(folder, id);
  await createFolder(root);
  const folders = new Set<string>([root]);
  for (const file of files) {
    const target = backupPath(folder, id, file.path);
    await createFolder(dirname(target));
    folders.add(dirname(target));
    await keep(backup, file, target);
    if ((await fingerprint(target))?.sha256 !== file.sha256) {
      const what = `${resolveInside(folder, file.path)} changed while it was being backed up.`;
      throw new Failure('locked', { what, cure: findWriter });
    }
    await checkpoint(`backed up ${file.path}`);
  }
  await writeSums(root, files);
  for (const each of folders) await syncFolder(each);
  await checkpoint('backup complete');
}

/**
 * A file that is going to be replaced or removed is linked into the backup where no name of it lies outside of the backups then: nobody
 * can write to it in place. A file that stays in use is copied, since programs that save by truncating would overwrite the
 * backup through a link; a large one is not (`copiedUpTo`).
 */
async function keep({ folder, leaving, earlier }: Backup, file: Sighting, target: string): Promise<void> {
  const place = resolveInside(folder, file.path);
  const ownership = { mode: file.mode, uid: file.uid, gid: file.gid };
  const kept = await keptCopies(folder, earlier, file.sha256);
  for (const { path, inode } of kept) {
    if (inode === file.inode || (await fingerprint(path))?.sha256 !== file.sha256) continue;
    await linkOrCopy(path, target, ownership);
    // the model's permissions may have been narrowed since
    const { mode, gid } = await lstat(target);
    const narrowed = noWiderThan({ mode, gid }, [file]);
    if (narrowed !== (mode & 0o777)) await chmod(target, narrowed);
    return;
  }
  const standing = await lstat(place);
  const names = kept.filter(({ inode }) => inode === file.inode).length;
  const isLeft = leaving.has(file.path) && standing.nlink === 1 + names;
  const isLarge = !leaving.has(file.path) && file.bytes > copiedUpTo;
  if (standing.isFile() && (isLeft || isLarge)) await linkOrCopy(place, target, ownership);
  else await writeFileDurably(target, { copyOf: place }, ownership);
}

interface KeptCopy {
  readonly path: string;
  readonly inode: bigint;
}

/** The backups of the bytes with this hash, by name and size alone: whether they still hold them is for the reader to find out. */
export async function keptCopies(
  folder: string,
  changes: readonly Change[],
  sha256: string,
): Promise<readonly KeptCopy[]> {
  const copies: KeptCopy[] = [];
  for (const { id, before } of changes) {
    for (const file of before) {
      if (file.sha256 !== sha256) continue;
      const path = backupPath(folder, id, file.path);
      if ((await linkOnTheWay(frelu(folder), path)) !== null) continue;
      const found = await lstat(path, { bigint: true }).catch(() => null);
      if (found?.isFile() === true && found.size === BigInt(file.bytes)) copies.push({ path, inode: found.ino });
    }
  }
  return copies;
}

/** A kept copy that holds the bytes with this hash, or null. */
export async function findBackup(folder: string, changes: readonly Change[], sha256: string): Promise<string | null> {
  for (const { path } of await keptCopies(folder, changes, sha256)) {
    if ((await fingerprint(path))?.sha256 === sha256) return path;
  }
  return null;
}

/** For people without this tool at hand: `sha256sum -c SHA256SUMS`, then copy files/ back. */
async function writeSums(
  root: string,
  files: readonly { readonly path: string; readonly sha256: string }[],
): Promise<void> {
  const sums = files.map(({ path, sha256 }) => sumLine(sha256, `files/${path}`)).join('');
  await writeFileDurably(join(root, 'SHA256SUMS'), new TextEncoder().encode(sums));
}

/** As coreutils write it: where a name holds what would end the line, a backslash before the line says that it is escaped. */
function sumLine(sha256: string, name: string): string {
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `${escaped === name ? '' : '\\'}${sha256}  ${escaped}\n`;
}

/**
 * Removes from a change's backup what this program put there, but for the files with the hashes in `except`: nothing that somebody
 * else put beside it, and nothing through a link. Returns how many bytes no other name holds.
 */
export async function removeBackup(
  folder: string,
  { id, before }: Change,
  except: ReadonlySet<string> = new Set(),
): Promise<number> {
  const root = backupFolder(folder, id);
  if (!(await exists(root))) return 0;
  const kept = before.filter(({ sha256 }) => except.has(sha256));
  const sums = join(root, 'SHA256SUMS');
  if ((await linkOnTheWay(frelu(folder), sums)) !== null) return 0;
  let freed = 0;
  for (const { path, sha256 } of before) {
    const place = backupPath(folder, id, path);
    if (except.has(sha256) || (await linkOnTheWay(frelu(folder), place)) !== null) continue;
    const found = await lstat(place).catch(() => null);
    if (found?.isFile() !== true) continue;
    await removeFile(place);
    if (found.nlink === 1) freed += found.size;
    await removeEmptyFolders(root, dirname(place));
  }
  await removeFile(sums);
  if (kept.length > 0) await writeSums(root, kept);
  else await removeEmptyFolders(dirname(root), root);
  await syncFolder(dirname(root)).catch(() => undefined);
  return freed;
}

/** Removes a folder and those above it, up to `top`, as far as they are empty. */
async function removeEmptyFolders(top: string, folder: string): Promise<void> {
  for (let at = folder; at !== top && at.startsWith(top); at = dirname(at)) {
    try {
      await rmdir(at);
    } catch {
      // not empty, or gone already
      return;
    }
  }
}
