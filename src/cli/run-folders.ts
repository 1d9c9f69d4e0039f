import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import * as v from 'valibot';
import { ExecutionError, Failure } from '../contract/failure.js';
import { parseJson } from '../contract/parse-json.js';
import { readText } from '../contract/regular-file.js';
import type { ArmResult, MigrateResult, RunSettings, SpreadPoint } from '../contract/result.js';
import { recordName, resultName } from '../run/file-names.js';

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
  const path = (await findResults(folder, resultName)).find((each) => basename(dirname(each)) === named);
  if (path !== undefined) return readRun(path);
  throw new Failure('input', {
    what: `${named}: there is no such file or folder, and no finished run of this id below ${folder}.`,
    cure: 'Name the run by its folder, .frelu/runs/ID beside the model.',
  });
}

/**
 * Does something with what stored runs hold. Their JSON has no checksum, and of its many fields only those are looked at that tell what
 * it is: one that was edited shows where it is used.
 * @param path of the run, or of the folder of runs
 * @throws Failure('input') where something is not there, or is something else; what `use` throws else
 */
export async function usingStored<Result>(path: string, use: () => Promise<Result>): Promise<Result> {
  try {
    return await use();
  } catch (cause) {
    if (!(cause instanceof Error) || cause instanceof Failure || cause instanceof ExecutionError || 'code' in cause) {
      throw cause;
    }
    const what = `${path}: what it says of the run is not all there, or not as this version writes it (${cause.message}).`;
    throw new Failure('input', { what, cure: 'Name another run, or run the migration again.' }, { cause });
  }
}

/**
 * Every finished run below a folder, in the order of their paths. A report that cannot be read is passed over.
 * @param warn is told which, and why
 * @throws Failure('input') where there is no such folder
 */
export async function findRuns(folder: string, warn: (message: string) => void): Promise<StoredRun[]> {
  const found = await stat(folder).catch(() => null);
  if (found?.isDirectory() !== true) {
    throw new Failure('input', { what: `${folder}: there is no such folder.`, cure: 'Name one that holds runs.' });
  }
  const runs: StoredRun[] = [];
  for (const path of await findResults(folder, resultName)) {
    try {
      runs.push(await readRun(path));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      warn(`${error.what} It is left out.`);
    }
  }
  return runs;
}

/** The results of a name below a folder that lie beside a run's record: in `.frelu/runs/ID`, or in a folder of their own (--run-dir). */
export async function findResults(folder: string, name: string): Promise<string[]> {
  // a folder that may not be read holds no runs of this user
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const files = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name));
  const own = files.has(name) && files.has(recordName) ? [join(folder, name)] : [];
  const below = entries
    .filter((entry) => entry.isDirectory() && !foreign.has(entry.name))
    .map((entry) => entry.name)
    .toSorted();
  for (const each of below) own.push(...(await findResults(join(folder, each), name)));
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

/**
 * What `report.json` is told by, and what the tables read of it; the rest is as `migrate` wrote it.
 * @see MigrateResult
 */
const resultParts = v.looseObject({
  run: v.looseObject({ id: v.string(), path: v.string(), started: v.string() }),
  model: v.looseObject({ path: v.string(), sha256: v.string() }),
  settings: v.looseObject({}),
  environment: v.looseObject({ version: v.string() }),
  plan: v.looseObject({ sites: v.array(v.unknown()) }),
  arms: v.looseObject({ before: v.looseObject({}), frelu: v.looseObject({}) }),
  delta: v.looseObject({
    vsBefore: v.looseObject({ metric: v.string(), higherIsBetter: v.boolean() }),
    vsControl: v.nullable(v.looseObject({})),
  }),
  sites: v.array(v.unknown()),
  acceptance: v.looseObject({ rule: v.string(), met: v.boolean() }),
  verdict: v.picklist(['adopt', 'reject', 'inconclusive']),
  reasons: v.array(v.looseObject({ code: v.string() })),
  written: v.boolean(),
  files: v.array(v.looseObject({ path: v.string(), sha256: v.string() })),
});

const runResult = v.custom<MigrateResult>((value) => v.is(resultParts, value));

/** A result of an earlier version, with what it did not hold yet; the order of its fields is kept. */
function ofThisVersion(result: MigrateResult): MigrateResult {
  const {
    outputs = [],
    guarded = [],
    slices = [],
    diagram = [],
    kept = [],
    unseen = null,
    search = null,
    looks = { look: 1, planned: 1 },
    budget: planned = null,
    convergence = [],
    start = null,
    spread = [],
    settings,
    attribution,
    acceptance,
    reading,
  } = result;
  const { goals = [] } = acceptance;
  // a damaged one may have none: whoever needs it says so
  const { runtime = null } = reading ?? {};
  return {
    ...result,
    outputs,
    guarded,
    slices,
    diagram,
    kept,
    unseen,
    search,
    looks,
    budget: planned && { ...planned, ablations: planned.ablations ?? 0 },
    convergence,
    start,
    spread: spread.map((point) => withDeltas(point, settings)),
    attribution: withControl(attribution),
    acceptance: { ...acceptance, goals },
    arms: withAblation(result.arms),
    settings: withRecipe(settings),
    ...(reading !== undefined && { reading: { ...reading, runtime } }),
  };
}

/** Earlier versions trained without any of these. */
function withRecipe(settings: RunSettings): RunSettings {
  const { stages = [], learningRateScales = [], weightDecayScales = [], warmup = 0, dropout = 0 } = settings;
  const { average = null, maxOffset = null, clipNormFound = settings.clipNorm === null } = settings;
  const { mixup = null, augment = [], revertHarmful = false } = settings;
  const scales = { learningRateScales, weightDecayScales };
  const varied = { mixup, augment };
  return {
    ...settings,
    stages,
    ...scales,
    warmup,
    dropout,
    average,
    maxOffset,
    clipNormFound,
    ...varied,
    revertHarmful,
  };
}

/** Earlier versions took no site back. */
function withAblation({ before, control, frelu }: MigrateResult['arms']): MigrateResult['arms'] {
  const of = (arm: ArmResult): ArmResult => ({ ...arm, ablation: arm.ablation ?? null });
  return { before: of(before), control: control && of(control), frelu: of(frelu) };
}

/** Earlier versions told only the metric of each seed. What an edited file holds in place of a list is left to whoever shows it. */
function withDeltas(point: SpreadPoint, { seedKept }: RunSettings): SpreadPoint {
  return {
    ...point,
    written: point.written ?? point.seed === seedKept,
    vsBefore: point.vsBefore ?? null,
    vsControl: point.vsControl ?? null,
  };
}

/** Earlier versions did not explain the control arm. What an edited file holds in place of a list is left to whoever shows it. */
function withControl(attribution: MigrateResult['attribution'] | undefined): MigrateResult['attribution'] {
  if (!Array.isArray(attribution)) return attribution ?? null;
  return attribution.map((agreement) => ({ ...agreement, control: agreement?.control ?? null }));
}

async function readRun(path: string): Promise<StoredRun> {
  const text = await readText(path).catch((cause: unknown) => {
    throw new Failure(
      'input',
      {
        what: `${path}: cannot be read. A run that was interrupted has no report yet.`,
        cure: 'Name another run, or go on with this one.',
        settings: ['resume'],
      },
      { cause },
    );
  });
  try {
    // the first says what is wrong, the second what it is
    parseJson(text, resultParts);
    return { path, result: ofThisVersion(parseJson(text, runResult)) };
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    const what = `${path}: this is not the report.json of a run, or not all of it (${cause.message}).`;
    throw new Failure('input', { what, cure: 'Name another run, or run the migration again.' }, { cause });
  }
}
