import { readdir, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type * as v from 'valibot';
import { Failure } from '../../contract/failure.js';
import { absentIsNull } from '../../upgrade/file-errors.js';
import { createFolder } from '../../upgrade/files.js';
import { resolveInside } from '../../upgrade/places.js';
import type { Address } from '../address.js';
import { sha256Of } from '../digest.js';
import { encodeResult } from '../result.js';
import { type Bucket, openBucket } from '../s3/bucket.js';
import { download } from '../s3/download.js';
import { damagedResult, failureSchema, parseRecord, parseResult, progressSchema } from './records.js';
import { type FleetStore, workParts } from './store.js';

/**
 * A store in a bucket. A result's files lie under their hashes, and its record is put once, last: a result is there whole, or not at all, and of two that are
 * published at a time one stands. Checkpoints are sent as they are made; work itself is done in this machine's cache.
 */
export async function openObjectStore(
  { bucket: name, key: root }: Extract<Address, { kind: 's3' }>,
  cache: string,
): Promise<FleetStore> {
  const bucket = await openBucket(name);
  const at = (...parts: readonly string[]): string => [...(root === '' ? [] : [root]), ...parts].join('/');
  const uri = `s3://${name}/${root}`;
  const folderOf = (unit: string): string => join(cache, 'work', sha256Of(uri).slice(0, 16), unit);
  const recordOf = (unit: string): string => at('results', `${unit}.json`);
  const failureOf = (unit: string): string => at('failures', `${unit}.json`);
  const progressOf = (unit: string): string => at('progress', `${unit}.json`);
  const work = (unit: string): string => `${at('work', unit)}/`;
  const sent = new Map<string, string>();

  return {
    uri,
    async published() {
      return new Set((await keysBelow(bucket, `${at('results')}/`)).map(idIn));
    },
    async result(unit) {
      const text = await bucket.text(recordOf(unit));
      return text === null ? null : parseResult(text, unit, `s3://${name}/${recordOf(unit)}`);
    },
    async file(result, path, into) {
      const { sha256 = '' } = result.files.find((each) => each.path === path) ?? {};
      const key = at('files', result.unit, sha256);
      const written = await download(bucket, key, into);
      if (written?.sha256 === sha256) return into;
      const why = `${path} ${written === null ? 'is missing' : 'is not as it was written'}`;
      throw damagedResult(`s3://${name}/${recordOf(result.unit)}`, `${why} (${key})`);
    },
    async publish(result) {
      const folder = join(folderOf(result.unit), workParts.result);
      for (const { path, sha256 } of result.files) {
        await bucket.putFile(at('files', result.unit, sha256), join(folder, path));
      }
      const text = encodeResult(result);
      // an answer may have been lost on its way after the record was put
      return (await bucket.putOnce(recordOf(result.unit), text)) || (await bucket.text(recordOf(result.unit))) === text;
    },

    async begin(unit) {
      const folder = folderOf(unit);
      await createFolder(folder);
      await restore(bucket, work(unit), folder);
      return folder;
    },
    async save(unit) {
      const folder = folderOf(unit);
      for (const { path, stamp } of await filesByAge(join(folder, workParts.run))) {
        if (sent.get(path) === stamp) continue;
        await bucket.putFile(`${work(unit)}${relative(folder, path).replaceAll('\\', '/')}`, path);
        sent.set(path, stamp);
      }
    },
    async end(unit) {
      await rm(folderOf(unit), { recursive: true, force: true });
      await bucket.remove(progressOf(unit));
      for (const key of await keysBelow(bucket, work(unit))) await bucket.remove(key);
    },

    failures: () => records(bucket, `${at('failures')}/`, failureSchema),
    failure: (unit) => record(bucket, failureOf(unit), failureSchema),
    putFailure: (failure) => bucket.putText(failureOf(failure.unit), JSON.stringify(failure)),
    forgetFailure: (unit) => bucket.remove(failureOf(unit)),
    progress: () => records(bucket, `${at('progress')}/`, progressSchema),
    putProgress: (progress) => bucket.putText(progressOf(progress.unit), JSON.stringify(progress)),
  };
}

const idIn = (key: string): string => /([^/]+)\.json$/.exec(key)?.[1] ?? '';

async function keysBelow(bucket: Bucket, prefix: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of bucket.list(prefix)) keys.push(key);
  return keys;
}

/** What another machine kept goes before what this one has: that one began later. */
async function restore(bucket: Bucket, prefix: string, folder: string): Promise<void> {
  const keys = await keysBelow(bucket, prefix);
  if (keys.length === 0) return;
  await rm(join(folder, workParts.run), { recursive: true, force: true });
  for (const key of keys) await download(bucket, key, resolveInside(folder, key.slice(prefix.length)));
}

/** The files of a run, the oldest first: what is sent meanwhile never refers to what is not there yet. */
async function filesByAge(folder: string) {
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true }).catch(absentIsNull)) ?? [];
  const files: { readonly path: string; readonly stamp: string; readonly when: number }[] = [];
  for (const entry of entries) {
    // one that is being written has another name, and takes its place whole
    if (!entry.isFile() || entry.name.endsWith('.new')) continue;
    const path = join(entry.parentPath, entry.name);
    const found = await stat(path).catch(() => null);
    if (found !== null) files.push({ path, stamp: `${found.mtimeMs} ${found.size} ${found.ino}`, when: found.mtimeMs });
  }
  return files.toSorted((a, b) => a.when - b.when);
}

/** Those that can be read: what is damaged is told where its unit is asked for. */
async function records<const Schema extends v.GenericSchema>(
  bucket: Bucket,
  prefix: string,
  schema: Schema,
): Promise<v.InferOutput<Schema>[]> {
  const found: v.InferOutput<Schema>[] = [];
  for await (const { key } of bucket.list(prefix)) {
    const read = await record(bucket, key, schema).catch((error: unknown) => {
      if (error instanceof Failure && error.cause instanceof SyntaxError) return null;
      throw error;
    });
    if (read !== null) found.push(read);
  }
  return found;
}

async function record<const Schema extends v.GenericSchema>(
  bucket: Bucket,
  key: string,
  schema: Schema,
): Promise<v.InferOutput<Schema> | null> {
  const text = await bucket.text(key);
  return text === null ? null : parseRecord(text, schema, key);
}
