import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { MigrateResult } from '../contract/result.js';
import { hashFile } from '../model/file-pieces.js';
import { exportArm } from '../run/export.js';
import { artifactsName, recordName, resultName } from '../run/file-names.js';
import type { RunHooks } from '../run/hooks.js';
import { isOfKeptState } from '../run/kept-state.js';
import { migrate } from '../run/migrate.js';
import { findPlace } from '../run/place.js';
import { concludeSearch, openSearch, type ToldStanding, type TrialName, takeTrial } from '../run/search/spread.js';
import type { MigrateOptions } from '../run/spec.js';
import { storedResult } from '../run/stored-result.js';
import { createFolder, exists, linkOrCopy } from '../upgrade/files.js';
import { type PartMade, type PartResult, summaryOf, type UnitResult } from './result.js';
import { mapPaths } from './spec-paths.js';
import { workParts } from './store/store.js';
import type { InputFile, Unit } from './unit.js';
import { whileLocked } from './unit-lock.js';

/** A unit, and where on this machine what it needs lies. */
export interface Assignment {
  readonly unit: Unit;
  /** of its own, whose contents an earlier attempt may have left */
  readonly folder: string;
  readonly model: string;
  /** by the addresses that the unit's spec names */
  readonly paths: Readonly<Record<string, string>>;
  /** null where it begins by itself */
  readonly given: Given | null;
}

/** What parts of a search that were computed before have left for a unit that goes on from them. */
export interface Given {
  /** of the opening, relative to the run's folder */
  readonly files: readonly string[];
  /** how trials stood, for the unit that comes last */
  readonly trials: readonly (TrialName & { readonly standing: ToldStanding })[];
}

/** What stands in the folder's `result` then. */
export type Computed = Pick<UnitResult, 'entry' | 'files' | 'summary'> | Pick<PartResult, 'made' | 'files'>;

/**
 * Computes a unit in its folder, from where an earlier attempt was cut short, and lays out what is to be published. One process at a time: the folder's lock is
 * held meanwhile, also against a worker that was given the same unit.
 * @throws Failure('locked') where another process is at it; what `migrate` throws else
 */
export async function computeUnit(assignment: Assignment, hooks: Partial<RunHooks>): Promise<Computed> {
  const { unit, folder } = assignment;
  return whileLocked(unit, folder, async () => {
    const run = join(folder, workParts.run);
    if (unit.part !== undefined) return layOutPart(assignment, await computePart(run, assignment, hooks));
    return layOut(folder, await finished(run, () => migrateIn(run, assignment, hooks)));
  });
}

/** The result of a run that ended, and was not published; else what `compute` gives. */
async function finished(run: string, compute: () => Promise<MigrateResult>): Promise<MigrateResult> {
  const isFinished = await exists(join(run, resultName));
  const stored = isFinished ? await storedResult(run).catch(() => null) : null;
  if (stored !== null) return stored;
  if (isFinished) await rm(run, { recursive: true, force: true });
  return compute();
}

function migrateIn(run: string, assignment: Assignment, hooks: Partial<RunHooks>): Promise<MigrateResult> {
  const { given } = assignment;
  return resuming(run, assignment, hooks, (options) =>
    given === null ? migrate(options, hooks) : concludeSearch(options, given.trials, hooks),
  );
}

async function computePart(run: string, assignment: Assignment, hooks: Partial<RunHooks>): Promise<PartMade> {
  const part = present(assignment.unit.part, 'the part of a search');
  // what all runs of a search warn of, the opening does
  const { warn: _, ...quiet } = hooks;
  return resuming(run, assignment, hooks, async (options) =>
    part.kind === 'opening'
      ? { kind: 'opened', ...(await openSearch(options, hooks)) }
      : { kind: 'tried', standing: await takeTrial(options, part, quiet) },
  );
}

/** Computes in a run's folder, going on with what is there. What is there and of no use is forgotten. */
async function resuming<T>(
  run: string,
  assignment: Assignment,
  { warn }: Partial<RunHooks>,
  compute: (options: MigrateOptions) => Promise<T>,
): Promise<T> {
  const options = optionsFor(run, assignment);
  if (!(await exists(join(run, recordName)))) return compute(options);
  try {
    return await compute({ ...options, resume: true });
  } catch (error) {
    if (!(error instanceof Failure) || !isOfKeptState(error)) throw error;
    await rm(run, { recursive: true, force: true });
    if (assignment.given !== null) throw beginAgain(error);
    warn?.(`${error.what} The unit is computed from its beginning.`);
    return compute(options);
  }
}

/** What the run's folder began with has to be laid in again, which the worker does. */
function beginAgain(cause: Failure): Failure {
  const { what } = cause;
  const cure = 'The unit is computed again from what it goes on from.';
  return new Failure('interrupted', { what, cure, written: 'model-untouched' }, { cause });
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

/** What trials that go on from a part need of its run: the opening's record with all that it keeps, of a trial what it keeps beside that. */
async function layOutPart({ folder, given }: Assignment, made: PartMade): Promise<Computed> {
  const run = join(folder, workParts.run);
  const published = join(folder, workParts.result);
  await rm(published, { recursive: true, force: true });
  await createFolder(join(published, artifactsName));
  const kept = (await readdir(join(run, artifactsName))).map((name) => `${artifactsName}/${name}`);
  const own = [recordName, ...kept].filter((path) => given?.files.includes(path) !== true && !path.endsWith('.new'));
  for (const path of own) await linkOrCopy(join(run, path), join(published, path));
  return { made, files: await filesIn(published) };
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
