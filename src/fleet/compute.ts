import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { MigrateResult } from '../contract/result.js';
import { hashFile } from '../model/file-pieces.js';
import { exportArm } from '../run/export.js';
import { recordName, resultName } from '../run/file-names.js';
import type { RunHooks } from '../run/hooks.js';
import { migrate } from '../run/migrate.js';
import { findPlace } from '../run/place.js';
import type { MigrateOptions } from '../run/spec.js';
import { storedResult } from '../run/stored-result.js';
import { createFolder, exists, linkOrCopy } from '../upgrade/files.js';
import { acquireLock } from '../upgrade/lock.js';
import { replaceFile } from '../upgrade/replace.js';
import { summaryOf, type UnitSummary } from './result.js';
import { mapPaths } from './spec-paths.js';
import { workParts } from './store/store.js';
import type { InputFile, Unit } from './unit.js';

/** A unit, and where on this machine what it needs lies. */
export interface Assignment {
  readonly unit: Unit;
  /** of its own, whose contents an earlier attempt may have left */
  readonly folder: string;
  readonly model: string;
  /** by the addresses that the unit's spec names */
  readonly paths: Readonly<Record<string, string>>;
}

/** What stands in the folder's `result` then. */
export interface Computed {
  readonly entry: string | null;
  readonly files: readonly InputFile[];
  readonly summary: UnitSummary;
}

/**
 * Computes a unit in its folder, from where an earlier attempt was cut short, and lays out what is to be published. One process at a time: the folder's lock is
 * held meanwhile, also against a worker that was given the same unit.
 * @throws Failure('locked') where another process is at it; what `migrate` throws else
 */
export async function computeUnit(assignment: Assignment, hooks: Partial<RunHooks>): Promise<Computed> {
  const { unit, folder } = assignment;
  const place = join(folder, workParts.unit);
  await replaceFile(place, Buffer.from(`${JSON.stringify(unit)}\n`));
  const lock = await acquireLock(place);
  try {
    const run = join(folder, workParts.run);
    return await layOut(folder, await finished(run, () => migrateIn(run, assignment, hooks)));
  } finally {
    await lock.release();
  }
}

/** The result of a run that ended, and was not published; else what `compute` gives. */
async function finished(run: string, compute: () => Promise<MigrateResult>): Promise<MigrateResult> {
  const isFinished = await exists(join(run, resultName));
  const stored = isFinished ? await storedResult(run).catch(() => null) : null;
  if (stored !== null) return stored;
  if (isFinished) await rm(run, { recursive: true, force: true });
  return compute();
}

async function migrateIn(run: string, assignment: Assignment, hooks: Partial<RunHooks>): Promise<MigrateResult> {
  const options = optionsFor(run, assignment);
  if (!(await exists(join(run, recordName)))) return migrate(options, hooks);
  try {
    return await migrate({ ...options, resume: true }, hooks);
  } catch (error) {
    if (!(error instanceof Failure) || !isOfCheckpoints(error)) throw error;
    hooks.warn?.(`${error.what} The unit is computed from its beginning.`);
    await rm(run, { recursive: true, force: true });
    return migrate(options, hooks);
  }
}

/** Whether it is what an earlier attempt left that is of no use, and not the unit. */
function isOfCheckpoints({ kind, settings }: Failure): boolean {
  return (kind === 'input' || kind === 'usage') && settings.some((each) => each === 'resume' || each === 'runDir');
}

function optionsFor(run: string, { unit, model, paths }: Assignment): MigrateOptions {
  const spec = mapPaths(unit.spec, (uri) => paths[uri] ?? uri);
  return {
    ...spec,
    training: { ...spec.training, device: unit.device },
    model,
    out: null,
    // the model is replaced where all models of a fleet are, once all are judged
    dryRun: true,
    runDir: run,
    resume: false,
    keepControl: false,
    // rendered from the results that are looked at
    languages: [],
    command: 'frelu-migrate',
  };
}

/** The run's own record and result, and the migrated model where its rule is met. */
async function layOut(folder: string, result: MigrateResult): Promise<Computed> {
  const run = join(folder, workParts.run);
  if (!(await exists(join(run, resultName)))) {
    throw new Failure('input', {
      what: `${run}: the result could not be written there.`,
      cure: 'Make room on the disk.',
      written: 'model-untouched',
    });
  }
  const published = join(folder, workParts.result);
  await rm(published, { recursive: true, force: true });
  await createFolder(published);
  for (const name of [recordName, resultName]) await linkOrCopy(join(run, name), join(published, name));
  let entry: string | null = null;
  if (result.acceptance.met) {
    const out = join(published, workParts.model, basename(result.model.path));
    await exportArm({ run, arm: 'frelu', out });
    entry = basename(out);
  }
  const place = present(await findPlace(run), `the record of ${run}`);
  const summary = summaryOf(
    result,
    place.model.map(({ path }) => path),
  );
  return { entry, files: await filesIn(published), summary };
}

async function filesIn(folder: string): Promise<InputFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .toSorted();
  const files: InputFile[] = [];
  for (const path of paths) files.push({ path, ...(await hashFile(join(folder, path))) });
  return files;
}
