import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, chown, copyFile, type FileHandle, link, mkdir, open, stat, unlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, sep } from 'node:path';
import { Failure, type Fault, type Written } from '../contract/failure.js';
import { hashFile, RangeReader } from '../model/file-pieces.js';

/** The bytes of another file, named by its absolute path. */
interface CopyOf {
  readonly copyOf: string;
}

/** What a file shall hold. A stream is consumed once; weights beyond 2 GiB come as a stream or as `CopyOf`. */
export type FileContent = Uint8Array | AsyncIterable<Uint8Array> | CopyOf;

/** A file to write: `path` is relative to the model's folder, with '/' between its parts. */
export interface NewFile {
  readonly path: string;
  readonly bytes: FileContent;
}

/**
 * Called with the name of each step that was just made durable. Tests stop or fail a run there;
 * a user interface may show progress.
 */
export type Checkpoint = (name: string) => void | Promise<void>;

/** Node refuses single writes of 2 GiB and more; and while one piece is written, it is hashed. */
const pieceBytes = 1 << 22;

/** How much may be written before it is sent to the disk: so that the end need not wait for all of it. */
const flushBytes = 1 << 25;

/** The `code` of a system error ('ENOSPC'), or null for anything else that is thrown. */
export function errorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  const code = errorCode(error);
  return code !== null && codes.includes(code);
}

/** Why a file system refuses, and what to do about it. */
const refusals: ReadonlyMap<string, Pick<Fault, 'cure' | 'settings'> & { readonly why: string }> = new Map([
  ['ENOSPC', { why: 'the disk is full', cure: 'Free some space, or write to another disk.', settings: ['out'] }],
  [
    'EDQUOT',
    { why: 'the disk quota is used up', cure: 'Free some space, or write to another disk.', settings: ['out'] },
  ],
  [
    'EFBIG',
    { why: 'the file is larger than this file system allows', cure: 'Write to another disk.', settings: ['out'] },
  ],
  [
    'EACCES',
    { why: 'this user may not write there', cure: 'Change the permissions, or write elsewhere.', settings: ['out'] },
  ],
  [
    'EPERM',
    { why: 'this user may not write there', cure: 'Change the permissions, or write elsewhere.', settings: ['out'] },
  ],
  ['EROFS', { why: 'the file system is read-only', cure: 'Mount it writable, or write elsewhere.', settings: ['out'] }],
  ['EIO', { why: 'the disk reports an input/output error', cure: 'Check the disk.' }],
  ['EBUSY', { why: 'the file is in use by another program', cure: 'Close it there and run again.' }],
  ['EMFILE', { why: 'too many files are open', cure: 'Raise the limit (ulimit -n) and run again.' }],
  ['ENFILE', { why: 'too many files are open on this machine', cure: 'Close some programs and run again.' }],
  ['ENAMETOOLONG', { why: 'the name is too long for this file system', cure: 'Move the model to a shorter path.' }],
]);

/**
 * Says in a user's terms why the file system refused, and with `written` what is on the disk now; a Failure that does not say
 * what was written is told it. Any other error that is not the environment's fault comes back as it is: it is a defect and
 * must look like one.
 * @param more a sentence on what became of the files, where `written` does not say it all
 */
export function explainFileError(error: unknown, path: string, written: Written | null, more?: string): unknown {
  const known = written === null ? {} : { written };
  if (error instanceof Failure && error.written === null) {
    const { kind, what, cure, settings } = error;
    return new Failure(kind, { what, cure, settings, ...known }, { cause: error });
  }
  const code = errorCode(error);
  const refusal = code === null ? undefined : refusals.get(code);
  if (refusal === undefined) return error;
  const { why, ...remedy } = refusal;
  const what = [`${path} cannot be written: ${why}.`, ...(more === undefined ? [] : [more])].join(' ');
  return new Failure('input', { what, ...remedy, ...known }, { cause: error });
}

/** Whether something stands at `path`. Throws what `stat` throws for any other reason than absence. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

export function isAbsence(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Removes a file; its absence is what was wanted. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isAbsence(error)) throw error;
  }
}

/** SHA-256 (lower-case hexadecimal) and size of what a file holds. */
export interface Fingerprint {
  readonly sha256: string;
  readonly bytes: number;
}

/** The fingerprint of a file of any size; null when there is no such file. */
export async function fingerprint(path: string): Promise<Fingerprint | null> {
  try {
    return await hashFile(path);
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

/**
 * Makes a folder's entries (names created, renamed, removed) durable. Systems that cannot open a folder,
 * Windows among them, journal their folders themselves.
 */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!hasCode(error, 'EPERM', 'EISDIR', 'EINVAL', 'EACCES', 'ENOTSUP')) throw error;
  }
}

/** Creates a folder with its parents, each made durable in the one above. Returns those that were new, outermost first. */
export async function createFolder(folder: string): Promise<readonly string[]> {
  const created = await missingFolders(folder);
  for (const each of created) {
    // one by one: of several at once Node says of a full disk that there is no such folder
    await mkdir(each).catch((error: unknown) => {
      // somebody else was faster
      if (errorCode(error) !== 'EEXIST') throw error;
    });
  }
  for (const each of created) await syncFolder(dirname(each));
  return created;
}

/** Those of a folder and its parents that do not exist yet, outermost first. */
export async function missingFolders(folder: string): Promise<readonly string[]> {
  const missing: string[] = [];
  for (let at = folder; !(await exists(at)); at = dirname(at)) missing.unshift(at);
  return missing;
}

/** Permission bits and, on systems that have them, the owner that a written file shall have. */
export interface Ownership {
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * Writes a new file and returns once its bytes are on the disk, with the fingerprint of what was written; the file's name is durable
 * only after `syncFolder`. `path` must not exist. The owner is set where this user may.
 */
export async function writeFileDurably(
  path: string,
  content: FileContent,
  ownership?: Ownership,
): Promise<Fingerprint> {
  const written = isCopy(content) ? await copyDurably(content.copyOf, path) : await writePieces(path, pieces(content));
  if (ownership === undefined) return written;
  if (ownership.uid !== undefined && ownership.gid !== undefined) {
    await chown(path, ownership.uid, ownership.gid).catch(ignoreForbidden);
  }
  await chmod(path, ownership.mode & 0o7777).catch(ignoreForbidden);
  return written;
}

/** A copy shares its blocks with the original on file systems that can (Btrfs, XFS, APFS), and is written on all others. */
async function copyDurably(from: string, to: string): Promise<Fingerprint> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw error;
    // a file system that cannot share refuses in one way or another; what hinders a copy hinders the writing too, and is said there
    const { mode, size } = await stat(from);
    const reader = new RangeReader(from);
    try {
      return await writePieces(to, reader.read({ offset: 0, byteLength: size }), mode & 0o7777);
    } finally {
      await reader.close();
    }
  }
  await syncFile(to);
  return hashFile(to);
}

/** Hashes each piece while it is written, and sends what was written on its way to the disk while there is more to write. */
async function writePieces(path: string, content: AsyncIterable<Uint8Array>, mode?: number): Promise<Fingerprint> {
  const hash = createHash('sha256');
  let bytes = 0;
  const handle = await open(path, 'wx');
  try {
    let flushed = 0;
    let flushing: Promise<void> | null = null;
    for await (const piece of content) {
      const writing = writeFully(handle, piece);
      hash.update(piece);
      await writing;
      bytes += piece.byteLength;
      if (bytes - flushed < flushBytes) continue;
      flushed = bytes;
      // in turn, since a system tells of a failed write but once: it must be heard here
      await flushing;
      flushing = handle.datasync();
      flushing.catch(() => {});
    }
    await flushing;
    if (mode !== undefined) await handle.chmod(mode).catch(ignoreForbidden);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** A single write may be cut short; the remainder must follow. */
async function writeFully(handle: FileHandle, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.byteLength; ) at += (await handle.write(piece, at, piece.byteLength - at)).bytesWritten;
}

/** Gives a file a second name. The two share their bytes: use it only where neither is ever written in place. */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!isLinkRefusal(error)) throw error;
    await writeFileDurably(to, { copyOf: from });
  }
}

/** Whether the file system cannot make this hard link (FAT, some network shares, across mounts, too many links). */
export function isLinkRefusal(error: unknown): boolean {
  return hasCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EMLINK', 'EACCES');
}

/**
 * The place of a model's side file. Models name their weights by relative paths; one that leads out of the folder
 * could make an upgrade write anywhere.
 * @throws Failure('input') for absolute paths, paths through '..' and paths into `.frelu`
 */
export function resolveInside(folder: string, path: string): string {
  const normal = normalize(path);
  const first = normal.split(sep)[0];
  if (path === '' || isAbsolute(path) || first === '..' || first === '.' || first === '.frelu') {
    throw new Failure('input', {
      what: `The model names a file ${JSON.stringify(path)} that lies outside of its folder ${folder}.`,
      cure: 'Move the file into the folder and correct the model, or write elsewhere.',
      settings: ['out'],
      written: 'model-untouched',
    });
  }
  return join(folder, normal);
}

function isCopy(content: FileContent): content is CopyOf {
  return 'copyOf' in content;
}

async function* pieces(content: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (!(content instanceof Uint8Array)) {
    for await (const part of content) yield* pieces(part);
    return;
  }
  // Views of other element types would be counted in elements; bytes are what is written.
  const bytes = new Uint8Array(content.buffer, content.byteOffset, content.byteLength);
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

async function syncFile(path: string): Promise<void> {
  // Windows flushes only through a handle that may write; elsewhere a write-protected copy must be flushable too.
  const handle = await open(path, process.platform === 'win32' ? 'r+' : 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function ignoreForbidden(error: unknown): void {
  if (!hasCode(error, 'EPERM', 'ENOTSUP', 'ENOSYS', 'EINVAL')) throw error;
}
