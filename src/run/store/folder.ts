import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, messageOf } from '../../contract/failure.js';
import { parseDocument } from '../../contract/parse-document.js';
import { openRegular } from '../../contract/regular-file.js';
import { errorCode, explainFileError } from '../../upgrade/file-errors.js';
import { createFolder } from '../../upgrade/files.js';
import type { Ownership } from '../../upgrade/permissions.js';
import { replaceFile } from '../../upgrade/replace.js';
import type { Artifact } from '../artifact.js';
import type { Store } from '../store.js';
import { type ArrayEntry, bytesOfArray, decode, emptyArray, encode, entryOf, isArrayEntry } from './codec.js';

/*
 * One file an artifact: a line of JSON that says what it is and how long its parts are, the value as JSON, its arrays one
 * after another as they lie in memory, and the SHA-256 of all that. Files of any size are read and written in pieces.
 */

interface Header {
  readonly format: typeof format;
  /** which run it belongs to: one of another run is not gone on with */
  readonly run: string;
  readonly stage: string;
  readonly key: string;
  readonly jsonBytes: number;
  readonly arrays: readonly ArrayEntry[];
}

const format = 'frelu-migrate artifact 1';
const digestBytes = 32;
/** a header lists arrays: a thousand tensors take some 50 kB */
const headerLimit = 2 ** 26;
/** Node refuses single reads of 2 GiB and more */
const pieceBytes = 2 ** 24;

export interface FolderStoreOptions {
  /** the SHA-256 that names the run */
  readonly run: string;
  /** of the files: artifacts hold weights, and are for nobody's eyes for whom the model is not */
  readonly ownership?: Ownership;
}

/** A store in a folder, which is made with the first artifact. */
export function openFolderStore(folder: string, { run, ownership }: FolderStoreOptions): Store {
  const pathOf = ({ stage, key }: Artifact<unknown>): string =>
    join(folder, `${stage}${key === '' ? '' : `.${encodeURIComponent(key)}`}.artifact`);
  return {
    async get(artifact) {
      const path = pathOf(artifact);
      const value = await readArtifact(path, run, artifact);
      if (value === null) return null;
      if (!artifact.is(value)) throw damaged(path, 'it holds something else');
      const refusal = artifact.refusal?.(value) ?? null;
      if (refusal !== null) throw useless(path, refusal);
      return value;
    },
    async put(artifact, value) {
      try {
        await createFolder(folder);
      } catch (cause) {
        throw explainFileError(cause, folder, 'model-untouched');
      }
      await replaceFile(pathOf(artifact), pieces(run, artifact, value), ownership);
    },
    remove: (artifact) => rm(pathOf(artifact), { force: true }),
    async clear() {
      // a folder that is named for a run may hold files of others
      for (const name of await namesIn(folder)) if (/\.artifact(\.new)?$/.test(name)) await rm(join(folder, name));
    },
  };
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((cause: unknown) => {
    if (errorCode(cause) === 'ENOENT') return [];
    throw cause;
  });
}

async function* pieces(run: string, { stage, key }: Artifact<unknown>, value: unknown): AsyncGenerator<Uint8Array> {
  const { json, arrays } = encode(value);
  const text = Buffer.from(json);
  const header: Header = { format, run, stage, key, jsonBytes: text.length, arrays: arrays.map(entryOf) };
  const hash = createHash('sha256');
  for (const part of [Buffer.from(`${JSON.stringify(header)}\n`), text, ...arrays.map(bytesOfArray)]) {
    hash.update(part);
    yield part;
  }
  yield hash.digest();
}

async function readArtifact(path: string, run: string, { stage, key }: Artifact<unknown>): Promise<unknown> {
  let handle: FileHandle;
  try {
    handle = await openRegular(path);
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return null;
    throw unreadable(path, cause);
  }
  try {
    const reader = new HashedReader(handle, (await handle.stat()).size);
    const header = parseHeader(await reader.line(headerLimit));
    if (header === null) throw damaged(path, 'its first line is not that of a checkpoint');
    if (header.run !== run || header.stage !== stage || header.key !== key) {
      throw damaged(path, 'it belongs to another run');
    }
    const arrays = header.arrays.map(emptyArraySafely(reader.left));
    const expected = header.jsonBytes + arrays.reduce((sum, { byteLength }) => sum + byteLength, 0) + digestBytes;
    if (reader.left !== expected) throw damaged(path, `${reader.left} bytes follow its header instead of ${expected}`);
    const json = Buffer.alloc(header.jsonBytes);
    for (const part of [json, ...arrays.map(bytesOfArray)]) await reader.fill(part);
    const found = reader.digest();
    const told = Buffer.alloc(digestBytes);
    await reader.fill(told);
    if (!told.equals(found)) throw damaged(path, 'its checksum is wrong');
    return decode(json.toString('utf8'), arrays);
  } catch (cause) {
    throw cause instanceof Failure ? cause : unreadable(path, cause);
  } finally {
    await handle.close();
  }
}

/** Lengths come from a file: none is believed that the file itself is too short for. */
function emptyArraySafely(available: number) {
  return (entry: ArrayEntry) => emptyArray(entry.length > available ? { ...entry, length: 0 } : entry);
}

/** Reads a file from its start, and hashes what it reads. */
class HashedReader {
  readonly #hash: Hash = createHash('sha256');
  #at = 0;

  constructor(
    private readonly handle: FileHandle,
    private readonly size: number,
  ) {}

  /** bytes that were not read yet */
  get left(): number {
    return this.size - this.#at;
  }

  /** The text up to a line feed, without it; '' where there is none within `limit` bytes. */
  async line(limit: number): Promise<string> {
    const parts: Buffer[] = [];
    for (let at = 0; at < Math.min(this.size, limit); ) {
      const part = Buffer.alloc(Math.min(2 ** 16, this.size - at));
      const { bytesRead } = await this.handle.read(part, 0, part.length, at);
      if (bytesRead === 0) break;
      const end = part.subarray(0, bytesRead).indexOf(0x0a);
      parts.push(part.subarray(0, end < 0 ? bytesRead : end + 1));
      at += bytesRead;
      if (end < 0) continue;
      const line = Buffer.concat(parts);
      this.#hash.update(line);
      this.#at = line.length;
      return line.toString('utf8', 0, line.length - 1);
    }
    return '';
  }

  async fill(into: Uint8Array): Promise<void> {
    for (let done = 0; done < into.length; ) {
      const length = Math.min(pieceBytes, into.length - done);
      const { bytesRead } = await this.handle.read(into, done, length, this.#at);
      if (bytesRead === 0) throw new RangeError('it ends too early');
      this.#hash.update(into.subarray(done, done + bytesRead));
      done += bytesRead;
      this.#at += bytesRead;
    }
  }

  /** of what was read so far */
  digest(): Buffer {
    return this.#hash.copy().digest();
  }
}

function parseHeader(line: string): Header | null {
  try {
    const value = parseDocument(line);
    return isHeader(value) ? value : null;
  } catch {
    return null;
  }
}

function isHeader(value: unknown): value is Header {
  return (
    typeof value === 'object' &&
    value !== null &&
    'format' in value &&
    value.format === format &&
    'jsonBytes' in value &&
    Number.isSafeInteger(value.jsonBytes) &&
    Number(value.jsonBytes) >= 0 &&
    Number(value.jsonBytes) < 2 ** 29 &&
    'arrays' in value &&
    Array.isArray(value.arrays) &&
    value.arrays.every(isArrayEntry)
  );
}

function damaged(path: string, why: string): Failure {
  return new Failure('input', {
    what: `${path}: this checkpoint of the run is damaged: ${why}.`,
    cure: 'Delete the file: resumed, the run computes that part of it again. Or start a new run.',
    settings: ['resume'],
    written: 'model-untouched',
  });
}

function useless(path: string, why: string): Failure {
  return new Failure('input', {
    what: `${path}: this checkpoint of the run is of no use here: ${why}.`,
    cure: 'Delete the file: resumed, the run computes that part of it again. Or go on with the build that wrote it.',
    settings: ['resume'],
    written: 'model-untouched',
  });
}

function unreadable(path: string, cause: unknown): Failure {
  return new Failure(
    'input',
    {
      what: `${path}: this checkpoint of the run cannot be read (${messageOf(cause)}).`,
      cure: 'Make it readable, or delete it: resumed, the run computes that part of it again.',
      settings: ['resume'],
      written: 'model-untouched',
    },
    { cause },
  );
}
