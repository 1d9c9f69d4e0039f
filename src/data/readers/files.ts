import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir, readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip, gunzip } from 'node:zlib';
import { Failure, messageOf } from '../../contract/failure.js';

const imageExtensions = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif']);

/** By its name: files of these formats are decoded. */
export const isImageFile = (file: string): boolean => imageExtensions.has(extname(file).toLowerCase());

const gunzipBytes = promisify(gunzip);

const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b;

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** What a failed access to a file means to the user. */
function accessFailure(path: string, error: unknown): Failure {
  switch (codeOf(error)) {
    case 'ENOENT':
      return new Failure(
        'input',
        { what: `${path}: there is no such file or folder.`, cure: 'Check the path.' },
        { cause: error },
      );
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

/** A file as a stream of text, UTF-8, decompressed if it is gzip. An error of either is the stream's. */
export async function openText(path: string): Promise<Readable> {
  const raw = await rawHead(path, 2);
  const file = createReadStream(path);
  if (!isGzip(raw)) return file.setEncoding('utf8');
  const text = createGunzip();
  file.on('error', (error) => text.destroy(error));
  return file.pipe(text).setEncoding('utf8');
}

/** What an error of `openText`'s stream means. */
export const unreadableText = (path: string, error: unknown): Failure =>
  new Failure(
    'input',
    { what: `${path}: cannot be read to its end (${messageOf(error)}).`, cure: 'Write or download it again.' },
    { cause: error },
  );

/** What Node reads of a plain file at most; a compressed one is held to the same. */
const mostBytes = 2 ** 31 - 1;

/**
 * A whole file, decompressed if it is gzip.
 * @param limit how many bytes it may unpack to, where its header says it
 * @throws Failure('input')
 */
export async function readBytes(path: string, limit = mostBytes): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw accessFailure(path, error);
  }
  if (!isGzip(bytes)) return bytes;
  try {
    return await gunzipBytes(bytes, { maxOutputLength: Math.min(limit, mostBytes) });
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') {
      const size = limit < mostBytes ? `the ${limit} bytes that its header announces` : '2 GiB';
      throw new Failure(
        'input',
        { what: `${path}: it unpacks to more than ${size}.`, cure: 'Download it again, or split it.' },
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

/** The first bytes of a file as they stand in it; fewer, or none, where there are no more. */
async function rawHead(path: string, length: number): Promise<Uint8Array> {
  let file: FileHandle | null = null;
  try {
    file = await open(path);
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
  const file = await open(path);
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
