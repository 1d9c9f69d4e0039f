import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Failure, messageOf } from '../contract/failure.js';
import { parseDocument } from '../contract/parse-document.js';
import type { MigrateResult } from '../contract/result.js';
import { teacherFile } from '../contract/settings.js';
import type { Model, ModelFile } from '../model/model.js';
import { errorCode } from '../upgrade/file-errors.js';
import { createFolder } from '../upgrade/files.js';
import { history } from '../upgrade/history.js';
import { checkOwnEntries, checkOwnFolder, readOwn } from '../upgrade/own-files.js';
import { modeOfCopy, type Ownership } from '../upgrade/permissions.js';
import { replaceFile } from '../upgrade/replace.js';
import { artifactsName, recordName, resultName } from './file-names.js';
import { checkNamedFolder } from './named-folder.js';
import { type RunContent, runSha256 } from './run-sha256.js';
import { type MigrateOptions, specOf } from './spec.js';
import { openFolderStore } from './store/folder.js';
import type { Store } from './store.js';

/** What stands in a run's folder about the run itself. */
export interface RunRecord {
  readonly id: string;
  /** the SHA-256 of its settings and data */
  readonly run: string;
  /** ISO 8601, UTC */
  readonly started: string;
  /** the files of the model as the run read them */
  readonly model: readonly ModelFile[];
  /** the SHA-256 of the test split, over samples and targets; left out by earlier versions */
  readonly test?: string;
}

/** Where a run keeps what it computes, and its reports. */
export interface RunPlace extends RunRecord {
  readonly folder: string;
  /** of its files: they hold weights and samples, and are for nobody's eyes for whom the model or the data is not */
  readonly ownership: Ownership;
  readonly store: Store;
}

/** A run as its result names it, which took until now. */
export function describePlace({ id, folder, started }: RunPlace): MigrateResult['run'] {
  return { id, path: folder, started, seconds: (Date.now() - Date.parse(started)) / 1000 };
}

/** in bytes; a record lists the files of a model */
const recordLimit = 2 ** 26;

/**
 * Makes the folder of a new run, or finds the one to go on with.
 * @throws Failure('usage') when there is no interrupted run of the same model, data and settings; Failure('input') when the folder
 *   cannot be written, holds files that no run made, or a record in it is damaged
 * @param warn is told of runs that were passed over since their records are damaged
 */
export async function openPlace(
  options: MigrateOptions,
  model: Model,
  content: RunContent,
  warn: (message: string) => void = () => {},
): Promise<RunPlace> {
  const run = runSha256(specOf(options), content);
  const runs = join(dirname(model.path), '.frelu', 'runs');
  const named = options.runDir === null ? null : resolve(options.runDir);
  const ownership = { mode: await modeOfCopy(sourcesOf(options, model)) };
  if (named === null) await checkOwnEntries(dirname(model.path));
  if (options.resume) {
    const folders = named === null ? await foldersOf(runs) : [named];
    return resumePlace(folders, run, model, ownership, warn);
  }
  if (named !== null) await checkNamedFolder(named, async () => (await readRecord(named)) !== null);
  const started = new Date().toISOString();
  const id = `${started.replace(/[-:]|\..*/g, '')}-${run.slice(0, 6)}${randomBytes(2).toString('hex')}`;
  const folder = named ?? join(runs, id);
  const record: RunRecord = { id, run, started, model: model.files, test: content.testSha256 };
  try {
    await createFolder(folder);
    const place = placeOf(folder, record, ownership);
    // of another run that this folder was named for
    await place.store.clear();
    const text = `${JSON.stringify(record, null, 2)}\n`;
    await replaceFile(join(folder, recordName), Buffer.from(text), ownership);
    return place;
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure(
      'input',
      {
        what: `${folder}: the run's folder cannot be written (${messageOf(cause)}).`,
        cure: 'Name another folder for it.',
        settings: ['runDir'],
        written: 'model-untouched',
      },
      { cause },
    );
  }
}

/**
 * The place of a run that is there already, whatever came of it.
 * @returns null where the folder is not that of a run
 * @throws Failure('input') when its record is damaged
 */
export async function findPlace(folder: string): Promise<RunPlace | null> {
  const record = await readRecord(folder);
  if (record === null) return null;
  // the record was written with the permissions of all the run's files
  return placeOf(folder, record, { mode: await modeOfCopy([join(folder, recordName)]) });
}

function placeOf(folder: string, record: RunRecord, ownership: Ownership): RunPlace {
  const store = openFolderStore(join(folder, artifactsName), { run: record.run, ownership });
  return { ...record, folder, ownership, store };
}

/** What a run's files hold something of: the weights of the models, and samples of the data. */
function sourcesOf({ data, distill }: MigrateOptions, model: Model): readonly string[] {
  const folder = dirname(model.path);
  const named = [data.data, data.test, teacherFile(distill)].filter((path) => path !== null);
  return [...model.files.map(({ path }) => join(folder, path)), ...named];
}

/** The newest of the folders that holds this run unfinished: of the model as it is, or as the run itself has made it. */
async function resumePlace(
  folders: readonly string[],
  run: string,
  model: Model,
  ownership: Ownership,
  warn: (message: string) => void,
): Promise<RunPlace> {
  const damaged: Failure[] = [];
  for (const folder of folders) {
    // one that cannot be read may be of any run: it does not stand in the way of those that can
    const record = await readRecord(folder).catch((cause: unknown) => {
      if (!(cause instanceof Failure)) throw cause;
      damaged.push(cause);
      return null;
    });
    if (record === null || record.run !== run) continue;
    if (await isFinished(folder)) continue;
    if (isSame(record.model, model.files) || (await isMadeBy(record.id, model.path))) {
      for (const { what } of damaged) warn(`${what} It is passed over.`);
      await checkOwnFolder(join(folder, artifactsName));
      return placeOf(folder, record, ownership);
    }
  }
  const [first] = damaged;
  if (first !== undefined) throw first;
  throw new Failure('usage', {
    what: 'There is no interrupted run of this model with this data and these settings to resume.',
    cure: "Start a new one, or name the run's folder.",
    settings: ['runDir'],
    written: 'nothing',
  });
}

/**
 * How many other runs beside the model were judged on this test split. What cannot be read is not counted: it may be of any run.
 */
export async function otherLooks({ id }: RunPlace, modelPath: string, testSha256: string): Promise<number> {
  let looks = 0;
  for (const folder of await foldersOf(join(dirname(modelPath), '.frelu', 'runs'))) {
    const record = await readRecord(folder).catch(() => null);
    if (record?.test === testSha256 && record.id !== id && (await isFinished(folder))) looks += 1;
  }
  return looks;
}

async function isFinished(folder: string): Promise<boolean> {
  try {
    await stat(join(folder, resultName));
    return true;
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return false;
    throw cause;
  }
}

function isSame(a: readonly ModelFile[], b: readonly ModelFile[]): boolean {
  const of = (files: readonly ModelFile[]) =>
    files
      .map(({ path, sha256 }) => `${sha256} ${path}`)
      .toSorted()
      .join('\n');
  return of(a) === of(b);
}

/** Whether the model is what a run has committed. */
async function isMadeBy(id: string, modelPath: string): Promise<boolean> {
  return (await history(modelPath)).some((entry) => entry.run?.runId === id && entry.state === 'current');
}

/** @returns null for a folder without a record */
async function readRecord(folder: string): Promise<RunRecord | null> {
  const path = join(folder, recordName);
  const damaged = (why: string, cause?: unknown): Failure =>
    new Failure(
      'input',
      {
        what: `${path}: this record of a run ${why}.`,
        cure: 'Delete the folder of that run, or name that of another one.',
        settings: ['runDir'],
        written: 'nothing',
      },
      { cause },
    );
  const read = await readOwn(path, recordLimit).catch((cause: unknown) => {
    throw damaged(`cannot be read (${messageOf(cause)})`, cause);
  });
  if (read === null) return null;
  let parsed: unknown;
  try {
    parsed = parseDocument(read.text);
  } catch (cause) {
    throw damaged('is no valid JSON', cause);
  }
  if (!isRecord(parsed)) throw damaged('is not one that this version writes');
  return parsed;
}

function isRecord(value: unknown): value is RunRecord {
  if (typeof value !== 'object' || value === null) return false;
  const texts = ['id', 'run', 'started'].every(
    (key) => typeof Object.entries(value).find(([name]) => name === key)?.[1] === 'string',
  );
  return texts && 'model' in value && Array.isArray(value.model) && value.model.every(isModelFile);
}

function isModelFile(value: unknown): value is ModelFile {
  return (
    typeof value === 'object' &&
    value !== null &&
    'path' in value &&
    typeof value.path === 'string' &&
    'sha256' in value &&
    typeof value.sha256 === 'string'
  );
}

/** The runs of a folder, newest first: their names begin with the time. A link is not one: what it leads to is not this model's. */
async function foldersOf(runs: string): Promise<string[]> {
  try {
    return (await readdir(runs, { withFileTypes: true }))
      .filter((each) => each.isDirectory())
      .map(({ name }) => name)
      .toSorted()
      .toReversed()
      .map((name) => join(runs, name));
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return [];
    throw cause;
  }
}
