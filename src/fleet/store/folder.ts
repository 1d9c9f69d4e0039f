import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type * as v from 'valibot';
import { Failure, messageOf } from '../../contract/failure.js';
import type { FleetProgress } from '../../contract/fleet.js';
import { parseJson } from '../../contract/parse-json.js';
import { readText } from '../../contract/regular-file.js';
import { hashFile } from '../../model/file-pieces.js';
import { explainFileError, hasCode, isAbsence } from '../../upgrade/file-errors.js';
import { createFolder, syncFolder } from '../../upgrade/files.js';
import { replaceFile } from '../../upgrade/replace.js';
import { decodeResult, encodeResult, resultFile, type UnitResult } from '../result.js';
import { failureSchema, progressSchema } from './records.js';
import { type FleetStore, type UnitFailure, workParts } from './store.js';

/**
 * A store in a folder that all machines of the fleet see under the same path. A result is a folder that is renamed into place: it is there
 * whole, or not at all, and a folder is never renamed over one that holds something.
 */
export function openFolderStore(folder: string): FleetStore {
  const root = resolve(folder);
  const places = { results: join(root, 'results'), work: join(root, 'work'), failures: join(root, 'failures') };
  const workOf = (unit: string): string => join(places.work, unit);
  const resultOf = (unit: string): string => join(places.results, unit);
  const failureOf = (unit: string): string => join(places.failures, `${unit}.json`);
  const progressOf = (unit: string): string => join(workOf(unit), 'progress.json');

  return {
    uri: `file:${root}`,
    published: async () => new Set(await namesIn(places.results)),
    result: (unit) => readResult(resultOf(unit), unit),
    async file(result, path) {
      const place = join(resultOf(result.unit), path);
      const expected = result.files.find((each) => each.path === path);
      const found = await hashFile(place).catch((error: unknown) => {
        if (isAbsence(error)) return null;
        throw error;
      });
      if (expected !== undefined && found?.sha256 === expected.sha256) return place;
      throw damaged(resultOf(result.unit), `${path} ${found === null ? 'is missing' : 'is not as it was written'}`);
    },
    publish: (result) =>
      explained(root, async () => {
        const draft = join(workOf(result.unit), workParts.result);
        await replaceFile(join(draft, resultFile), Buffer.from(encodeResult(result)));
        await createFolder(places.results);
        try {
          await rename(draft, resultOf(result.unit));
        } catch (cause) {
          if (hasCode(cause, 'ENOTEMPTY', 'EEXIST', 'EPERM') && (await isThere(resultOf(result.unit)))) return false;
          throw cause;
        }
        await syncFolder(places.results);
        return true;
      }),

    begin: (unit) =>
      explained(root, async () => {
        await mkdir(workOf(unit), { recursive: true });
        return workOf(unit);
      }),
    save: async () => {},
    end: (unit) => rm(workOf(unit), { recursive: true, force: true }),

    async failures() {
      const names = await namesIn(places.failures);
      const found = await Promise.all(
        names.map((name) => readRecord(join(places.failures, name), failureSchema).catch(() => null)),
      );
      return found.filter((each) => each !== null);
    },
    failure: (unit) => readRecord(failureOf(unit), failureSchema),
    putFailure: (failure: UnitFailure) =>
      explained(root, async () => {
        await createFolder(places.failures);
        await replaceFile(failureOf(failure.unit), Buffer.from(`${JSON.stringify(failure, null, 2)}\n`));
      }),
    forgetFailure: (unit) => rm(failureOf(unit), { force: true }),
    async progress() {
      const units = await namesIn(places.work);
      const found = await Promise.all(
        units.map((unit) => readRecord(progressOf(unit), progressSchema).catch(() => null)),
      );
      return found.filter((each) => each !== null);
    },
    putProgress: (progress: FleetProgress) =>
      replaceFile(progressOf(progress.unit), Buffer.from(`${JSON.stringify(progress)}\n`)),
  };
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => !name.startsWith('.')).toSorted();
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

async function readResult(folder: string, unit: string): Promise<UnitResult | null> {
  let text: string;
  try {
    text = await readText(join(folder, resultFile));
  } catch (error) {
    if (!isAbsence(error)) throw error;
    if (!(await isThere(folder))) return null;
    throw damaged(folder, `${resultFile} is missing`);
  }
  try {
    return decodeResult(text, unit);
  } catch (cause) {
    if (cause instanceof SyntaxError) throw damaged(folder, `${resultFile}: ${cause.message}`, cause);
    throw cause;
  }
}

async function readRecord<const Schema extends v.GenericSchema>(
  path: string,
  schema: Schema,
): Promise<v.InferOutput<Schema> | null> {
  try {
    return parseJson(await readText(path), schema);
  } catch (cause) {
    if (isAbsence(cause)) return null;
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new Failure(
      'input',
      {
        what: `${path}: this record of the fleet is damaged (${messageOf(cause)}).`,
        cure: 'Delete it: the unit is tried again.',
      },
      { cause },
    );
  }
}

function damaged(place: string, why: string, cause?: unknown): Failure {
  return new Failure(
    'input',
    {
      what: `${place}: this result is damaged: ${why}.`,
      cure: 'Delete it, and have its unit computed again.',
      written: 'model-untouched',
    },
    { cause },
  );
}

async function explained<T>(place: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw explainFileError(error, place, 'model-untouched');
  }
}
