import { rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Failure } from '../../contract/failure.js';
import { hashFile } from '../../model/file-pieces.js';
import { hasCode } from '../../upgrade/file-errors.js';
import { createFolder, exists, linkOrCopy } from '../../upgrade/files.js';
import { resolveInside } from '../../upgrade/places.js';
import { addressOf } from '../address.js';
import { sha256Of } from '../digest.js';
import type { Input, InputFile } from '../unit.js';
import { type Bucket, openBucket } from './bucket.js';
import { download } from './download.js';

/** Objects of S3 on this machine, by their hashes: each is fetched once. */
export class ObjectCache {
  readonly #buckets = new Map<string, Promise<Bucket>>();
  /** inputs that stand ready, or are being fetched */
  readonly #ready = new Map<string, Promise<string>>();

  constructor(private readonly folder: string) {}

  /**
   * What lies at an address: an object, or all objects below it.
   * @throws Failure('input') where there is nothing
   */
  async describe(uri: string): Promise<Input> {
    const { bucket, key } = await this.#at(uri);
    const found: string[] = [];
    for await (const each of bucket.list(key)) {
      if (each.key === key || each.key.startsWith(`${key}/`)) found.push(each.key);
    }
    const isObject = found.includes(key);
    const keys = isObject ? [key] : found.filter((each) => !each.endsWith('/')).toSorted();
    if (keys.length === 0) throw absent(uri);
    const files: InputFile[] = [];
    for (const each of keys) {
      const draft = join(this.folder, 'drafts', sha256Of(`${uri} ${each}`));
      const written = await download(bucket, each, draft);
      if (written === null) throw absent(`${uri} (${each})`);
      await createFolder(dirname(this.#object(written.sha256)));
      await rename(draft, this.#object(written.sha256));
      files.push({ path: isObject ? basename(key) : each.slice(key.length + 1), ...written });
    }
    return { uri, entry: isObject ? basename(key) : null, files };
  }

  /**
   * The path of an input on this machine, a file or a folder.
   * @throws Failure('input') where an object is missing, or another than was planned for
   */
  fetch(input: Input): Promise<string> {
    const name = sha256Of(JSON.stringify([input.entry, input.files]));
    const ready = this.#ready.get(name) ?? this.#assemble(input, join(this.folder, 'inputs', name));
    this.#ready.set(name, ready);
    ready.catch(() => this.#ready.delete(name));
    return ready;
  }

  async #assemble(input: Input, folder: string): Promise<string> {
    const { bucket, key } = await this.#at(input.uri);
    const prefix = input.entry === null ? key : key.split('/').slice(0, -1).join('/');
    for (const { path, sha256 } of input.files) {
      const object = this.#object(sha256);
      const has = (await exists(object)) && (await hashFile(object)).sha256 === sha256;
      if (!has) await this.#fetchObject(bucket, prefix === '' ? path : `${prefix}/${path}`, input.uri, sha256);
      const place = resolveInside(folder, path);
      if ((await exists(place)) && (await hashFile(place)).sha256 === sha256) continue;
      await createFolder(dirname(place));
      await linkOrCopy(object, place).catch((error: unknown) => {
        // another process of this machine was faster
        if (!hasCode(error, 'EEXIST')) throw error;
      });
    }
    return input.entry === null ? folder : join(folder, input.entry);
  }

  async #fetchObject(bucket: Bucket, key: string, uri: string, sha256: string): Promise<void> {
    const written = await download(bucket, key, this.#object(sha256));
    if (written?.sha256 === sha256) return;
    throw new Failure('input', {
      what: `${uri} (${key}): this object ${written === null ? 'is not there' : 'is another than the one that was planned for'}.`,
      cure: 'Bring it back, or plan the fleet again.',
      written: 'model-untouched',
    });
  }

  #object(sha256: string): string {
    return join(this.folder, 'objects', sha256);
  }

  async #at(uri: string): Promise<{ readonly bucket: Bucket; readonly key: string }> {
    const address = addressOf(uri);
    if (address.kind !== 's3') throw new Error(`${uri} is no address in S3`);
    const opened = this.#buckets.get(address.bucket) ?? openBucket(address.bucket);
    this.#buckets.set(address.bucket, opened);
    return { bucket: await opened, key: address.key };
  }
}

function absent(uri: string): Failure {
  return new Failure('input', {
    what: `${uri}: there is no such object.`,
    cure: 'Check the address in the description of the fleet.',
    written: 'nothing',
  });
}
