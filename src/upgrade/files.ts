import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, type FileHandle, link, lstat, mkdir, open, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure } from '../contract/failure.js';
import { hashFile, RangeReader } from '../model/file-pieces.js';
import { errorCode, hasCode, isAbsence, isLinkRefusal } from './file-errors.js';
import { type Ownership, settleOwnership } from './permissions.js';

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

/** Whether anything stands at `path`, be it a link that leads nowhere. Throws what `lstat` throws for any other reason than absence. */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
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

/**
 * The fingerprint of a file of any size; null when there is no such file.
 * @throws Failure('input') for what is no file: a pipe would keep its reader waiting for ever
 */
export async function fingerprint(path: string): Promise<Fingerprint | null> {
  try {
    if (!(await stat(path)).isFile()) {
      throw new Failure('input', { what: `${path} is not a regular file.`, cure: 'Move it away and run again.' });
    }
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

/**
 * Writes a new file and returns once its bytes are on the disk, with the fingerprint of what was written; the file's name is durable
 * only after `syncFolder`. `path` must not exist. With an `ownership` nobody else may read it before it is settled.
 */
export async function writeFileDurably(
  path: string,
  content: FileContent,
  ownership?: Ownership,
): Promise<Fingerprint> {
  return isCopy(content) ? copyDurably(content.copyOf, path, ownership) : writePieces(path, pieces(content), ownership);
}

/**
 * A copy shares its blocks with the original on file systems that can (Btrfs, XFS, APFS), and is written on all others. Without an
 * `ownership` it has the permissions of the original.
 */
async function copyDurably(from: string, to: string, ownership?: Ownership): Promise<Fingerprint> {
  const { mode, size } = await stat(from);
  const settled = ownership ?? { mode };
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw error;
    // a file system that cannot share refuses in one way or another; what hinders a copy hinders the writing too, and is said there
    const reader = new RangeReader(from);
    try {
      return await writePieces(to, reader.read({ offset: 0, byteLength: size }), settled);
    } finally {
      await reader.close();
    }
  }
  await syncFile(to, settled);
  return hashFile(to);
}

/** Hashes each piece while it is written, and sends what was written on its way to the disk while there is more to write. */
async function writePieces(
  path: string,
  content: AsyncIterable<Uint8Array>,
  ownership?: Ownership,
): Promise<Fingerprint> {
  const hash = createHash('sha256');
  let bytes = 0;
  const handle = await open(path, 'wx', ownership === undefined ? 0o666 : 0o600);
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
    if (ownership !== undefined) await settleOwnership(handle, ownership);
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
export async function linkOrCopy(from: string, to: string, ownership?: Ownership): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!isLinkRefusal(error)) throw error;
    await writeFileDurably(to, { copyOf: from }, ownership);
  }
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

async function syncFile(path: string, ownership: Ownership): Promise<void> {
  // Windows flushes only through a handle that may write; elsewhere a write-protected copy must be flushable too.
  const handle = await open(path, process.platform === 'win32' ? 'r+' : 'r');
  try {
    await settleOwnership(handle, ownership);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
