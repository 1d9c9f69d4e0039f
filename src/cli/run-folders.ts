import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Failure } from '../contract/failure.js';
import type { MigrateResult } from '../contract/result.js';

const resultName = 'report.json';
const recordName = 'run.json';
/** large, and never a place for runs */
const foreign: ReadonlySet<string> = new Set(['node_modules', '.git']);

/** A run's result with the file that it was read from. */
export interface StoredRun {
  readonly path: string;
  readonly result: MigrateResult;
}

/**
 * The run that an argument names: a report.json, a run's folder, or the id of a run somewhere below `folder`.
 * @throws Failure('input') when there is none, or it is not readable
 */
export async function findRun(named: string, folder: string): Promise<StoredRun> {
  const found = await stat(named).catch(() => null);
  if (found?.isFile()) return readRun(named);
  if (found?.isDirectory()) return readFolder(named);
  const path = (await findResults(folder)).find((each) => basename(dirname(each)) === named);
  if (path !== undefined) return readRun(path);
  throw new Failure(
    'input',
    `${named}: there is no such file or folder, and no finished run of this id below ${folder}. ` +
      'Name the run by its folder (.frelu/runs/ID beside the model). Nothing was written.',
  );
}

/** Every finished run below a folder, in the order of their paths. */
export async function findRuns(folder: string): Promise<StoredRun[]> {
  const found = await stat(folder).catch(() => null);
  if (found?.isDirectory() !== true) {
    throw new Failure('input', `${folder}: there is no such folder. Nothing was written.`);
  }
  return Promise.all((await findResults(folder)).map(readRun));
}

/** The results below a folder that lie beside a run's record: in `.frelu/runs/ID`, or in a folder of their own (--run-dir). */
async function findResults(folder: string): Promise<string[]> {
  // a folder that may not be read holds no runs of this user
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const files = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name));
  const own = files.has(resultName) && files.has(recordName) ? [join(folder, resultName)] : [];
  const below = entries
    .filter((entry) => entry.isDirectory() && !foreign.has(entry.name))
    .map(({ name }) => name)
    .toSorted();
  for (const name of below) own.push(...(await findResults(join(folder, name))));
  return own;
}

/** A run's report.json; where the run was cut short before that was written, what its folder keeps. */
async function readFolder(folder: string): Promise<StoredRun> {
  const path = join(folder, resultName);
  if ((await stat(path).catch(() => null)) === null) {
    const { storedResult } = await import('../run/stored-result.js');
    const result = await storedResult(folder);
    if (result !== null) return { path, result };
  }
  return readRun(path);
}

async function readRun(path: string): Promise<StoredRun> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new Failure(
      'input',
      `${path}: cannot be read. A run that was interrupted has no report yet (--resume goes on with it). Nothing was written.`,
      { cause },
    );
  });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new Failure('input', `${path}: this is not valid JSON. Nothing was written.`, { cause });
  }
  if (!isResult(parsed)) {
    throw new Failure('input', `${path}: this is not the report.json of a run. Name a run. Nothing was written.`);
  }
  return { path, result: parsed };
}

/** Whether a document has the parts that only a run's result has together. */
function isResult(value: unknown): value is MigrateResult {
  if (typeof value !== 'object' || value === null) return false;
  const parts = ['run', 'model', 'plan', 'arms', 'delta', 'verdict', 'reasons', 'sites'];
  return parts.every((part) => part in value);
}
