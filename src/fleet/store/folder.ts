import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type * as v from 'valibot';
import { readText } from '../../contract/regular-file.js';
import { absentIsNull, explainFileError, hasCode } from '../../upgrade/file-errors.js';
import { createFolder, exists, fingerprint, syncFolder } from '../../upgrade/files.js';
import { isLocked } from '../../upgrade/lock.js';
import { replaceFile } from '../../upgrade/replace.js';
import { decodePart, decodeResult, encodeResult, resultFile } from '../result.js';
import { damagedResult, failureSchema, parseRecord, parseResult, progressSchema } from './records.js';
import { type FleetStore, type FleetWork, type Records, type Results, type Told, workParts } from './store.js';

/**
 * A store in a folder that all machines of the fleet see under the same path. A result is a folder that is renamed into place: it is there
 * whole, or not at all, and a folder is never renamed over one that holds something.
 */
export function openFolderStore(folder: string): FleetStore {
  const root = resolve(folder);
  const work = join(root, 'work');
  return {
    uri: `file:${root}`,
    ...resultsIn(root, work),
    ...workIn(root, work),
    ...recordsIn(join(root, 'failures'), work),
  };
}

function resultsIn(root: string, work: string): Results {
  const results = join(root, 'results');
  const resultOf = (unit: string): string => join(results, unit);
  return {
    published: async () => new Set(await namesIn(results)),
    result: (unit) => readResult(resultOf(unit), unit, decodeResult),
    part: (id) => readResult(resultOf(id), id, decodePart),
    async file(result, path) {
      const place = join(resultOf(result.unit), path);
      const expected = result.files.find((each) => each.path === path);
      const found = await fingerprint(place);
      if (expected !== undefined && found?.sha256 === expected.sha256) return place;
      const why = `${path} ${found === null ? 'is missing' : 'is not as it was written'}`;
      throw damagedResult(resultOf(result.unit), why);
    },
    publish: (result) =>
      explained(root, async () => {
        const draft = join(work, result.unit, workParts.result);
        await replaceFile(join(draft, resultFile), Buffer.from(encodeResult(result)));
        await createFolder(results);
        try {
          await rename(draft, resultOf(result.unit));
        } catch (cause) {
          if (hasCode(cause, 'ENOTEMPTY', 'EEXIST', 'EPERM') && (await exists(resultOf(result.unit)))) return false;
          throw cause;
        }
        await syncFolder(results);
        return true;
      }),
    async discard({ unit }) {
      await createFolder(work);
      await removeAtOnce(resultOf(unit), work);
    },
  };
}

/** Units are computed in the store itself, so that what is saved is there for all. */
function workIn(root: string, work: string): FleetWork {
  return {
    begin: (unit) =>
      explained(root, async () => {
        await mkdir(join(work, unit), { recursive: true });
        return join(work, unit);
      }),
    save: async () => {},
    end: (unit) => removeAtOnce(join(work, unit), work),
    isTaken: (unit) => isLocked(join(work, unit)),
  };
}

/** Removes a folder in which others may write or which they may remove meanwhile: it is out of their way before its files go one by one. */
async function removeAtOnce(folder: string, work: string): Promise<void> {
  const out = join(work, `.${basename(folder)}.${randomUUID()}`);
  await rename(folder, out).catch(absentIsNull);
  await rm(out, { recursive: true, force: true });
}

function recordsIn(failures: string, work: string): Records {
  const failureOf = (unit: string): string => join(failures, `${unit}.json`);
  const progressOf = (unit: string): string => join(work, unit, 'progress.json');
  return {
    async failures() {
      const names = await namesIn(failures);
      const found = await Promise.all(
        names.map((name) => readRecord(join(failures, name), failureSchema).catch(() => null)),
      );
      return found.filter((each) => each !== null);
    },
    failure: (unit) => readRecord(failureOf(unit), failureSchema),
    async putFailure(failure) {
      await createFolder(failures);
      // two workers may tell of one unit at the same time
      const draft = join(failures, `.${failure.unit}.${randomUUID()}`);
      await replaceFile(draft, Buffer.from(`${JSON.stringify(failure, null, 2)}\n`));
      await rename(draft, failureOf(failure.unit));
    },
    forgetFailure: (unit) => rm(failureOf(unit), { force: true }),
    async progress() {
      const found = await Promise.all((await namesIn(work)).map((unit) => readProgress(progressOf(unit))));
      return found.filter((each) => each !== null);
    },
    told: (unit) => readRecord(progressOf(unit), progressSchema).catch(() => null),
    putProgress: (progress) =>
      replaceFile(progressOf(progress.unit), Buffer.from(`${JSON.stringify(progress)}\n`)).catch((error: unknown) => {
        // the unit may have ended meanwhile
        if (!hasCode(error, 'ENOENT')) throw error;
      }),
  };
}

/** By the clock of whoever keeps the files: those of workers may differ by hours. null for what is damaged, or gone. */
async function readProgress(path: string): Promise<Told | null> {
  const progress = await readRecord(path, progressSchema).catch(() => null);
  const found = progress === null ? null : await stat(path).catch(absentIsNull);
  if (progress === null || found === null) return null;
  return { ...progress, silentSeconds: Math.max(0, (Date.now() - found.mtimeMs) / 1000) };
}

async function namesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder).catch(absentIsNull)) ?? [];
  return names.filter((name) => !name.startsWith('.')).toSorted();
}

async function readResult<Result>(
  folder: string,
  unit: string,
  decode: (text: string, unit: string) => Result,
): Promise<Result | null> {
  const read = () => readText(join(folder, resultFile)).catch(absentIsNull);
  let text = await read();
  if (text === null) {
    if (!(await exists(folder))) return null;
    // published since it was looked for
    text = await read();
  }
  if (text !== null) return parseResult(text, unit, decode, folder, `${resultFile}: `);
  // discarded meanwhile
  if (!(await exists(folder))) return null;
  throw damagedResult(folder, `${resultFile} is missing`);
}

async function readRecord<const Schema extends v.GenericSchema>(
  path: string,
  schema: Schema,
): Promise<v.InferOutput<Schema> | null> {
  const text = await readText(path).catch(absentIsNull);
  return text === null ? null : parseRecord(text, schema, path);
}

async function explained<T>(place: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw explainFileError(error, place, 'model-untouched');
  }
}
