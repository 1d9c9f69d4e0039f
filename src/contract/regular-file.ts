import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { Failure } from './failure.js';

/*
 * Model and data files are named by users and by other files. A pipe or a device among them would be waited for, or read, without end;
 * and a file is as long as it says, whatever there is to read into.
 */

/** What Node reads at once at most, in bytes. */
export const largestRead = 2 ** 31 - 1;

/** JSON and lists of names are smaller by far; V8 has no text of twice as much. */
const largestText = 2 ** 28;

/**
 * Opens a file to be read.
 * @throws Failure('input') for a pipe, a socket or a device; what `open` throws else
 */
export async function openRegular(path: string): Promise<FileHandle> {
  // a pipe that nobody writes into is opened, too, instead of waited for
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    refuseOthers(path, await file.stat());
    return file;
  } catch (cause) {
    await file.close();
    throw cause;
  }
}

/**
 * All bytes of a file.
 * @param most how many there may be
 * @throws Failure('input') for a pipe, a socket or a device, and where the file is larger; what reading throws else
 */
export async function readRegular(path: string, most = largestRead): Promise<Buffer> {
  const file = await openRegular(path);
  try {
    const { size } = await file.stat();
    if (size > most) {
      const what = `${path}: it is larger (${size} bytes) than can be read at once (${most}).`;
      throw new Failure('input', { what, cure: 'Check that it is the right file.' });
    }
    return await readWhole(file, size);
  } finally {
    await file.close();
  }
}

/** All bytes in one read where the system gives them so: `readFile` asks for half a megabyte at a time, and waits for each. */
async function readWhole(file: FileHandle, size: number): Promise<Buffer> {
  // what the kernel makes up as it is read (/proc) has no size
  if (size === 0) return file.readFile();
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (let last = -1; at < size && last !== 0; at += last) {
    // Node refuses single reads of 2 GiB and more
    last = (await file.read(bytes, at, Math.min(size - at, 1 << 30), at)).bytesRead;
  }
  return bytes.subarray(0, at);
}

/** `readRegular` for threads of their own, where waiting costs less than asking to be called back. */
export function readRegularSync(path: string): Buffer {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    refuseOthers(path, fstatSync(file));
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** Bytes of a file: [offset, offset + byteLength). */
export interface FileRange {
  readonly offset: number;
  readonly byteLength: number;
}

/** @throws Error when the file ends before `bytes` is full */
export async function readFully(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) {
    // Node refuses single reads of 2 GiB and more
    const { bytesRead } = await file.read(bytes, at, Math.min(bytes.byteLength - at, 1 << 30), offset + at);
    if (bytesRead === 0) throw new Error('the file ended while it was read');
    at += bytesRead;
  }
}

/** A file of text, UTF-8. @throws as `readRegular` */
export async function readText(path: string): Promise<string> {
  return (await readRegular(path, largestText)).toString('utf8');
}

/** @throws Failure('input') where something else than a file or a folder is at the path; nothing where there is nothing */
export async function refuseIrregular(path: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found !== null) refuseOthers(path, found);
}

/** A folder is let through: whoever reads it hears so from the system. */
function refuseOthers(path: string, found: Stats): void {
  if (found.isFile() || found.isDirectory()) return;
  const kind = found.isFIFO() ? 'a pipe' : found.isSocket() ? 'a socket' : 'a device';
  throw new Failure('input', {
    what: `${path}: this is ${kind}, not a file.`,
    cure: 'Save its bytes in a file first.',
  });
}
