import { readdir, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type * as v from 'valibot';
import { Failure } from '../../contract/failure.js';
import type { FleetProgress } from '../../contract/fleet.js';
import { absentIsNull } from '../../upgrade/file-errors.js';
import { createFolder } from '../../upgrade/files.js';
import { resolveInside } from '../../upgrade/places.js';
import type { Address } from '../address.js';
import { sha256Of } from '../digest.js';
import { decodePart, decodeResult, encodeResult } from '../result.js';
import { type Bucket, type Listed, openBucket } from '../s3/bucket.js';
import { download } from '../s3/download.js';
import { isUnderWay } from '../telling.js';
import { damagedResult, failureSchema, parseRecord, parseResult, progressSchema } from './records.js';
import { type FleetStore, type FleetWork, type Records, type Results, type Told, workParts } from './store.js';

/**
 * A store in a bucket. A result's files lie under their hashes, and its record is put once, last: a result is there whole, or not at all, and of two that are
 * published at a time one stands. Checkpoints are sent as they are made; work itself is done in this machine's cache.
 */
export async function openObjectStore(
  { bucket: name, key: root }: Extract<Address, { kind: 's3' }>,
  cache: string,
): Promise<FleetStore> {
  const uri = `s3://${name}/${root}`;
  const at = (...parts: readonly string[]): string => [...(root === '' ? [] : [root]), ...parts].join('/');
  const layout: Layout = {
    bucket: await openBucket(name),
    place: (key) => `s3://${name}/${key}`,
    at,
    folderOf: (unit) => join(cache, 'work', sha256Of(uri).slice(0, 16), unit),
    progressOf: (unit) => at('progress', `${unit}.json`),
  };
  return { uri, ...resultsIn(layout), ...workIn(layout), ...recordsIn(layout) };
}

/** Where things lie, in the bucket and on this machine. */
interface Layout {
  readonly bucket: Bucket;
  /** an object, as messages name it */
  place(key: string): string;
  at(...parts: readonly string[]): string;
  folderOf(unit: string): string;
  progressOf(unit: string): string;
}

function resultsIn({ bucket, place, at, folderOf }: Layout): Results {
  const recordOf = (unit: string): string => at('results', `${unit}.json`);
  const read = async <Result>(unit: string, decode: (text: string, unit: string) => Result): Promise<Result | null> => {
    const text = await bucket.text(recordOf(unit));
    return text === null ? null : parseResult(text, unit, decode, place(recordOf(unit)));
  };
  return {
    async published() {
      return new Set((await keysBelow(bucket, `${at('results')}/`)).map(idIn));
    },
    result: (unit) => read(unit, decodeResult),
    part: (id) => read(id, decodePart),
    async file(result, path, into) {
      const { sha256 = '' } = result.files.find((each) => each.path === path) ?? {};
      const key = at('files', result.unit, sha256);
      const written = await download(bucket, key, into);
      if (written?.sha256 === sha256) return into;
      const why = `${path} ${written === null ? 'is missing' : 'is not as it was written'}`;
      throw damagedResult(place(recordOf(result.unit)), `${why} (${key})`);
    },
    async publish(result) {
      const folder = join(folderOf(result.unit), workParts.result);
      for (const { path, sha256 } of result.files) {
        await bucket.putFile(at('files', result.unit, sha256), join(folder, path));
      }
      return putRecord(bucket, recordOf(result.unit), encodeResult(result));
    },
    async discard({ unit }) {
      await bucket.remove(recordOf(unit));
      // those too of a machine whose result came second
      for (const key of await keysBelow(bucket, `${at('files', unit)}/`)) await bucket.remove(key);
    },
  };
}

/** How often a record is put that another one was just being put beside, and did not come to stand. */
const conflicts = 5;

/** @returns whether it stands there */
async function putRecord(bucket: Bucket, key: string, text: string): Promise<boolean> {
  for (let put = 0; put < conflicts; put++) {
    if (await bucket.putOnce(key, text)) return true;
    // an answer may have been lost on its way after the record was put
    const standing = await bucket.text(key);
    if (standing !== null) return standing === text;
  }
  throw new Failure('input', {
    what: `${key}: the store neither takes this result nor has another.`,
    cure: 'Check the server, and start again.',
    written: 'model-untouched',
  });
}

function workIn({ bucket, at, folderOf, progressOf }: Layout): FleetWork {
  const prefixOf = (unit: string): string => `${at('work', unit)}/`;
  const sent = new Map<string, string>();
  return {
    async begin(unit) {
      const folder = folderOf(unit);
      await createFolder(folder);
      await restore(bucket, prefixOf(unit), folder);
      return folder;
    },
    async save(unit) {
      const folder = folderOf(unit);
      for (const { path, stamp } of await filesByAge(join(folder, workParts.run))) {
        if (sent.get(path) === stamp) continue;
        await bucket.putFile(`${prefixOf(unit)}${relative(folder, path).replaceAll('\\', '/')}`, path);
        sent.set(path, stamp);
      }
    },
    async end(unit) {
      await rm(folderOf(unit), { recursive: true, force: true });
      await bucket.remove(progressOf(unit));
      for (const key of await keysBelow(bucket, prefixOf(unit))) await bucket.remove(key);
    },
    async isTaken(unit) {
      const told = await records(bucket, progressOf(unit), progressSchema);
      return told.map(toldOf).some(isUnderWay);
    },
  };
}

function recordsIn({ bucket, at, progressOf }: Layout): Records {
  const failureOf = (unit: string): string => at('failures', `${unit}.json`);
  return {
    failures: async () => (await records(bucket, `${at('failures')}/`, failureSchema)).map(({ value }) => value),
    failure: (unit) => record(bucket, failureOf(unit), failureSchema),
    putFailure: (failure) => bucket.putText(failureOf(failure.unit), JSON.stringify(failure)),
    forgetFailure: (unit) => bucket.remove(failureOf(unit)),
    async progress() {
      return (await records(bucket, `${at('progress')}/`, progressSchema)).map(toldOf);
    },
    told: (unit) => record(bucket, progressOf(unit), progressSchema).catch(damagedIsNull),
    putProgress: (progress) => bucket.putText(progressOf(progress.unit), JSON.stringify(progress)),
  };
}

/** A record as it was told, and for how long nothing was since. */
function toldOf({ value, modified }: { readonly value: FleetProgress; readonly modified: Listed['modified'] }): Told {
  return { ...value, silentSeconds: modified === null ? 0 : Math.max(0, (Date.now() - modified.getTime()) / 1000) };
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
): Promise<{ readonly value: v.InferOutput<Schema>; readonly modified: Listed['modified'] }[]> {
  const found: { readonly value: v.InferOutput<Schema>; readonly modified: Listed['modified'] }[] = [];
  for await (const { key, modified } of bucket.list(prefix)) {
    const value = await record(bucket, key, schema).catch(damagedIsNull);
    if (value !== null) found.push({ value, modified });
  }
  return found;
}

function damagedIsNull(error: unknown): null {
  if (error instanceof Failure && error.cause instanceof SyntaxError) return null;
  throw error;
}

async function record<const Schema extends v.GenericSchema>(
  bucket: Bucket,
  key: string,
  schema: Schema,
): Promise<v.InferOutput<Schema> | null> {
  const text = await bucket.text(key);
  return text === null ? null : parseRecord(text, schema, key);
}
