import { readlinkSync } from 'node:fs';
import { type FileHandle, readdir, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { pipeline, Readable, Transform } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip, gunzip } from 'node:zlib';
import { Failure, messageOf } from '../../contract/failure.js';
import { largestRead, openRegular, readRegular } from '../../contract/regular-file.js';

const imageExtensions = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif']);

/** By its name: files of these formats are decoded. */
export const isImageFile = (file: string): boolean => imageExtensions.has(extname(file).toLowerCase());

const gunzipBytes = promisify(gunzip);

const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b;

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** What a link names, as it is written in it; null for what is no link. */
function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

/** What a failed access to a file means to the user. */
function accessFailure(path: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  switch (codeOf(error)) {
    case 'ELOOP':
      return new Failure(
        'input',
        { what: `${path}: it is a link that leads back to itself.`, cure: 'Remove it.' },
        { cause: error },
      );
    case 'ENOENT': {
      const target = linkTarget(path);
      if (target !== null) {
        const what = `${path}: it is a link to ${target}, and nothing is there.`;
        return new Failure('input', { what, cure: 'Put back what it names, or remove the link.' }, { cause: error });
      }
      return new Failure(
        'input',
        { what: `${path}: there is no such file or folder.`, cure: 'Check the path.' },
        { cause: error },
      );
    }
    case 'EACCES':
    case 'EPERM':
      return new Failure(
        'input',
        { what: `${path}: reading it is not permitted.`, cure: 'Change its permissions.' },
        { cause: error },
      );
    case 'ERR_FS_FILE_TOO_LARGE':
      return new Failure(
        'input',
        { what: `${path}: it is larger than 2 GiB.`, cure: 'Split it, or export the data as image folders.' },
        {
          cause: error,
        },
      );
    default:
      return new Failure(
        'input',
        { what: `${path}: cannot be read (${messageOf(error)}).`, cure: 'Check the file and the disk that holds it.' },
        {
          cause: error,
        },
      );
  }
}

/** @throws Failure('input') when nothing is at `path` */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw accessFailure(path, error);
  }
}

/** The size of a file in bytes; null for anything that is not a file. */
export async function fileSize(path: string): Promise<number | null> {
  const found = await stat(path).catch(() => null);
  return found?.isFile() ? found.size : null;
}

/** The files and the folders in a folder, sorted by name; hidden ones are left out. */
export async function listFolder(path: string): Promise<{ files: string[]; folders: string[] }> {
  try {
    const entries = (await readdir(path, { withFileTypes: true })).filter((entry) => !entry.name.startsWith('.'));
    const files: string[] = [];
    const folders: string[] = [];
    for (const entry of entries) {
      // data sets are often assembled from links, which only stat can tell apart
      const folder = entry.isSymbolicLink() ? await isFolder(`${path}/${entry.name}`) : entry.isDirectory();
      (folder ? folders : files).push(entry.name);
    }
    // by code unit, so that the order, and with it the class indices, is the same in every locale
    return { files: files.sort(), folders: folders.sort() };
  } catch (error) {
    throw error instanceof Failure ? error : accessFailure(path, error);
  }
}

/** A file as a stream of text, UTF-8, decompressed if it is gzip. An error of either is the stream's, and so is text in another encoding. */
export async function openText(path: string): Promise<Readable> {
  const raw = await rawHead(path, 2);
  const handle = await openFile(path);
  const { size } = await handle.stat();
  const file = handle.createReadStream();
  if (!isGzip(raw)) return Readable.from(decoded(path, file));
  const text = createGunzip();
  const bounded = upTo(unpackLimit(size, 2 ** 25));
  // what ends one of them, the reader's leaving among it, ends them all; its error is that of the last
  pipeline(file, text, bounded, () => {});
  return Readable.from(decoded(path, bounded));
}

/**
 * Bytes as text. Other encodings are not taken for UTF-8 with some marks that stand for what was not understood: different words would be one then.
 * @throws Failure('input') for what is not UTF-8
 */
async function* decoded(path: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let read = 0;
  for await (const chunk of bytes) {
    yield textOf(path, () => decoder.decode(chunk, { stream: true }), read);
    read += chunk.length;
  }
  yield textOf(path, () => decoder.decode(), read);
}

/** The text that bytes are. @throws Failure('input') for what is not UTF-8 */
export const textIn = (path: string, bytes: Uint8Array): string =>
  textOf(path, () => new TextDecoder('utf-8', { fatal: true }).decode(bytes), 0);

function textOf(path: string, decode: () => string, from: number): string {
  try {
    return decode();
  } catch (cause) {
    throw new Failure(
      'input',
      {
        what: `${path}: its text is not in UTF-8 (at byte ${from} or after it).`,
        cure: 'Save it in that encoding: a spreadsheet calls it "CSV UTF-8", pandas encoding="utf-8".',
      },
      { cause },
    );
  }
}

/**
 * What an archive of `size` bytes may unpack to: data do not compress to a hundredth, and what was made to burst does to a thousandth.
 * @param least what any archive may unpack to
 */
export const unpackLimit = (size: number, least = 2 ** 27): number =>
  Math.min(largestRead, Math.max(least, 100 * size));

/** Passes bytes on, and ends in an error beyond `limit` of them. */
function upTo(limit: number): Transform {
  let passed = 0;
  return new Transform({
    transform(chunk: Uint8Array, _, done) {
      passed += chunk.length;
      if (passed > limit) done(new Error(`it unpacks to more than ${limit} bytes`));
      else done(null, chunk);
    },
  });
}

/** What an error of `openText`'s stream means. */
export const unreadableText = (path: string, error: unknown): Failure =>
  error instanceof Failure
    ? error
    : new Failure(
        'input',
        { what: `${path}: cannot be read to its end (${messageOf(error)}).`, cure: 'Write or download it again.' },
        { cause: error },
      );

/** Of one row, in characters: a quote that nothing closes makes all that follows one. */
const longestRow = 2 ** 24;

/** Counts how much of a text was read since a row of it ended. */
export interface RowMeter {
  sinceRow: number;
}

/**
 * The pieces of a text as they are.
 * @param isEnd where in a piece a row is known to have ended; -1: nowhere. Whoever finds out later sets `meter` back itself
 * @throws Failure('input') for a row without end
 */
export async function* rowsBounded(
  path: string,
  input: AsyncIterable<string>,
  meter: RowMeter,
  isEnd: (piece: string) => number = () => -1,
): AsyncGenerator<string> {
  for await (const piece of input) {
    const end = isEnd(piece);
    meter.sinceRow = end < 0 ? meter.sinceRow + piece.length : piece.length - end;
    if (meter.sinceRow > longestRow) {
      const what = `${path}: a row of it is longer than ${longestRow} characters, as when a quote is not closed.`;
      throw new Failure('input', { what, cure: 'Correct the quotes, or write the rows on lines of their own.' });
    }
    yield piece;
  }
}

/**
 * The lines of a text, without their ends. Whoever leaves it early leaves the text too.
 * @throws Failure('input') for a line without end
 */
export async function* linesOf(path: string, input: AsyncIterable<string>): AsyncGenerator<string> {
  let begun: string[] = [];
  for await (const piece of rowsBounded(path, input, { sinceRow: 0 }, (each) => each.lastIndexOf('\n'))) {
    const [first = '', ...others] = piece.split('\n');
    begun.push(first);
    for (const next of others) {
      yield withoutReturn(begun.join(''));
      begun = [next];
    }
  }
  yield withoutReturn(begun.join(''));
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);

/** Tables have tens of columns, those of genes tens of thousands. */
const mostColumns = 2 ** 17;

/**
 * Tells a table that holds its values from one that is made to burst: columns that are missing in most rows, rows that say nothing.
 * @param cells as many as the size of the file lets it have
 * @throws Failure('input')
 */
export function refuseCells(path: string, rows: number, columns: number, cells: number): void {
  if (columns <= mostColumns && rows * columns <= cells) return;
  throw new Failure('input', {
    what: `${path}: its ${rows} rows and ${columns} columns come to far more cells than it holds values.`,
    cure: 'Write the columns that the model takes, with a value in every row.',
  });
}

/**
 * A whole file, decompressed if it is gzip.
 * @param limit how many bytes it may unpack to, where its header says it; never more than `unpackLimit`
 * @throws Failure('input')
 */
export async function readBytes(path: string, limit = largestRead): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readRegular(path);
  } catch (error) {
    throw accessFailure(path, error);
  }
  if (!isGzip(bytes)) return bytes;
  const most = Math.min(limit, unpackLimit(bytes.length));
  try {
    return await gunzipBytes(bytes, { maxOutputLength: most });
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') {
      const size = limit === most ? `the ${limit} bytes that its header announces` : `${most} bytes`;
      throw new Failure(
        'input',
        { what: `${path}: it unpacks to more than ${size}.`, cure: 'Download it again, or unpack it.' },
        { cause: error },
      );
    }
    const cause = messageOf(error);
    throw new Failure(
      'input',
      { what: `${path}: its gzip data is damaged or cut short (${cause}).`, cure: 'Download it again.' },
      {
        cause: error,
      },
    );
  }
}

/** Opens a file to be read. @throws Failure('input') */
export async function openFile(path: string): Promise<FileHandle> {
  try {
    return await openRegular(path);
  } catch (error) {
    throw accessFailure(path, error);
  }
}

/** The first bytes of a file as they stand in it; fewer, or none, where there are no more. */
export async function rawHead(path: string, length: number): Promise<Uint8Array> {
  let file: FileHandle | null = null;
  try {
    file = await openRegular(path);
    const head = new Uint8Array(length);
    const { bytesRead } = await file.read(head, 0, length, 0);
    return head.subarray(0, bytesRead);
  } catch {
    return new Uint8Array(0);
  } finally {
    await file?.close();
  }
}

/** The first bytes of a file, decompressed if it is gzip; fewer, or none, where the file has no more. */
export async function readHead(path: string, length: number): Promise<Uint8Array> {
  const raw = await rawHead(path, length);
  return isGzip(raw) ? gunzipHead(path, length) : raw;
}

async function gunzipHead(path: string, length: number): Promise<Uint8Array> {
  const file = await openRegular(path);
  const stream = file.createReadStream().pipe(createGunzip());
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of stream) {
      if (!(chunk instanceof Uint8Array)) break;
      chunks.push(chunk);
      size += chunk.length;
      if (size >= length) break;
    }
  } catch {
    // a damaged archive is recognised by what could be read of it, and refused when it is read whole
  } finally {
    await file.close();
  }
  return Buffer.concat(chunks).subarray(0, length);
}
