import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type * as v from 'valibot';
import type { FleetProgress } from '../../contract/fleet.js';
import { readText } from '../../contract/regular-file.js';
import { absentIsNull, explainFileError, hasCode } from '../../upgrade/file-errors.js';
import { createFolder, exists, fingerprint, syncFolder } from '../../upgrade/files.js';
import { replaceFile } from '../../upgrade/replace.js';
import { encodeResult, resultFile, type UnitResult } from '../result.js';
import { damagedResult, failureSchema, parseRecord, parseResult, progressSchema } from './records.js';
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
      const found = await fingerprint(place);
      if (expected !== undefined && found?.sha256 === expected.sha256) return place;
      throw damagedResult(
        resultOf(result.unit),
        `${path} ${found === null ? 'is missing' : 'is not as it was written'}`,
      );
    },
    publish: (result) =>
      explained(root, async () => {
        const draft = join(workOf(result.unit), workParts.result);
        await replaceFile(join(draft, resultFile), Buffer.from(encodeResult(result)));
        await createFolder(places.results);
        try {
          await rename(draft, resultOf(result.unit));
        } catch (cause) {
          if (hasCode(cause, 'ENOTEMPTY', 'EEXIST', 'EPERM') && (await exists(resultOf(result.unit)))) return false;
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
  const names = (await readdir(folder).catch(absentIsNull)) ?? [];
  return names.filter((name) => !name.startsWith('.')).toSorted();
}

async function readResult(folder: string, unit: string): Promise<UnitResult | null> {
  const text = await readText(join(folder, resultFile)).catch(absentIsNull);
  if (text !== null) return parseResult(text, unit, folder, `${resultFile}: `);
  if (await exists(folder)) throw damagedResult(folder, `${resultFile} is missing`);
  return null;
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
