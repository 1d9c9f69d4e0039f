import type { FileHandle } from 'node:fs/promises';
import { Failure } from '../contract/failure.js';
import { type FileRange, openRegular } from '../contract/regular-file.js';

/** Large enough that the calls do not count, small enough that what is read is still in the processor's cache when it is used. */
const pieceBytes = 1 << 22;

/** Reads large ranges of one file, one after another, through the same two buffers. The file is opened for the first. */
export class RangeReader {
  #buffers = [new Uint8Array(), new Uint8Array()] as const;
  #file: FileHandle | undefined;

  constructor(readonly path: string) {}

  /**
   * The bytes of a range in pieces. While one is looked at the next is read, into the other buffer: a piece holds what it
   * holds until the next one is asked for.
   * @throws Failure('input') when the file ends before the range does
   */
  async *read({ offset, byteLength }: FileRange): AsyncGenerator<Uint8Array> {
    this.#file ??= await openRegular(this.path);
    const size = Math.min(byteLength, pieceBytes);
    if (this.#buffers[0].byteLength < size) this.#buffers = [new Uint8Array(size), new Uint8Array(size)];
    let [current, next] = this.#buffers;
    const end = offset + byteLength;
    let at = offset;
    let ahead = readAhead(this.#file, current, at, end);
    try {
      while (at < end) {
        const { bytesRead } = await ahead;
        if (bytesRead === 0)
          throw new Failure('input', {
            what: `${this.path}: the file ended while it was being read.`,
            cure: 'See what else writes to it, and run again.',
          });
        const piece = current.subarray(0, bytesRead);
        at += bytesRead;
        [current, next] = [next, current];
        ahead = readAhead(this.#file, current, at, end);
        yield piece;
      }
    } finally {
      // the buffer, and the file, may be used for something else from here on
      await ahead.catch(() => {});
    }
  }

  /** Of the file, in bytes. */
  async size(): Promise<number> {
    this.#file ??= await openRegular(this.path);
    return (await this.#file.stat()).size;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }
}

function readAhead(file: FileHandle, buffer: Uint8Array, at: number, end: number): Promise<{ bytesRead: number }> {
  const reading = file.read(buffer, 0, Math.min(buffer.byteLength, end - at), at);
  // whoever waits for it hears of a failure; where nobody does, the bytes are no longer wanted
  reading.catch(() => {});
  return reading;
}

/** SHA-256 (lower-case hexadecimal) and size of a file of any size. Throws what opening and reading throw. */
export async function hashFile(path: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
  // as long to load as a small model is to read, and `inspect` without JSON hashes nothing
  const { createHash } = await import('node:crypto');
  const hash = createHash('sha256');
  const reader = new RangeReader(path);
  try {
    const size = await reader.size();
    for await (const piece of reader.read({ offset: 0, byteLength: size })) hash.update(piece);
    return { sha256: hash.digest('hex'), bytes: size };
  } finally {
    await reader.close();
  }
}
