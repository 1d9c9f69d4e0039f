import { dirname, join } from 'node:path';
import { Failure } from '../contract/failure.js';
import type { FleetCommitResult, FleetModelResult, FleetRollbackResult } from '../contract/fleet.js';
import { present } from '../contract/present.js';
import { findEntry } from '../model/load.js';
import { commitUpgrade } from '../upgrade/commit.js';
import { fingerprint } from '../upgrade/files.js';
import { history } from '../upgrade/history.js';
import { acquireLock } from '../upgrade/lock.js';
import { recover } from '../upgrade/recover.js';
import { rollback } from '../upgrade/rollback.js';
import { makeScratch } from '../upgrade/scratch.js';
import { addressOf } from './address.js';
import type { Collected } from './collect.js';
import type { OpenPlan } from './plan.js';
import type { UnitResult } from './result.js';
import { type FleetStore, workParts } from './store/store.js';
import type { Unit } from './unit.js';

/** How long a commit waits for another one in the same folder, in milliseconds. */
const waitMs = 120_000;

/** A model that is to be replaced, by what. */
interface Upgrade {
  readonly model: FleetModelResult;
  readonly path: string;
  readonly unit: Unit;
  readonly result: UnitResult;
}

type Committed = FleetCommitResult['models'][number];

/**
 * Upgrades models in place, each through its own journal. All are looked at first: a model that changed since it was planned for, or whose new files are damaged, stops
 * the whole before anything is written.
 * @param only names of models; null: all that are to be upgraded
 * @param onCommit is told of each model before it is written
 * @throws Failure('locked') naming the models that are others now; Failure('usage') for a name that is none, or none to upgrade
 */
export async function commitFleet(
  plan: OpenPlan,
  store: FleetStore,
  { result, results }: Collected,
  only: readonly string[] | null,
  onCommitted: (name: string) => void,
): Promise<FleetCommitResult> {
  const chosen = chooseModels(result.models, only);
  const upgrades: Upgrade[] = [];
  for (const model of chosen.filter(({ upgrade }) => upgrade)) upgrades.push(await upgradeOf(model, plan, results));
  const done = new Map<string, Committed>();
  const open: Upgrade[] = [];
  for (const upgrade of upgrades) {
    const files = await standing(upgrade);
    if (files === null) open.push(upgrade);
    else done.set(upgrade.model.name, { ...named(upgrade.model), outcome: 'already', files });
  }
  await refuseChanged(open);
  const scratch = await makeScratch();
  try {
    const fetched = new Map<Upgrade, readonly NewFile[]>();
    for (const upgrade of open) fetched.set(upgrade, await newFiles(upgrade, store, scratch.folder));
    for (const [upgrade, files] of fetched) {
      const written = await commitOne(upgrade, files).catch((error: unknown) => {
        throw afterOthers(error, upgrade, done);
      });
      done.set(upgrade.model.name, { ...named(upgrade.model), outcome: 'committed', files: written });
      onCommitted(upgrade.model.name);
    }
  } finally {
    await scratch.discard();
  }
  return {
    plan: plan.folder,
    models: chosen.map((model) => done.get(model.name) ?? { ...named(model), outcome: 'not-to-upgrade', files: [] }),
  };
}

/** What stopped one model, where others were replaced before it: what was written is more than this failure knows of. */
function afterOthers(error: unknown, { model }: Upgrade, done: ReadonlyMap<string, Committed>): unknown {
  const isFirst = [...done.values()].every(({ outcome }) => outcome !== 'committed');
  if (!(error instanceof Failure) || isFirst) return error;
  const { kind, what, cure, settings } = error;
  return new Failure(kind, { what: `${model.name}: ${what}`, cure, settings }, { cause: error });
}

const named = ({ name, model }: { readonly name: string; readonly model: string }) => ({ name, model });

function chooseModels<Named extends { readonly name: string }>(
  models: readonly Named[],
  only: readonly string[] | null,
): readonly Named[] {
  const unknown = only?.find((name) => models.every((each) => each.name !== name));
  if (unknown === undefined) return models.filter(({ name }) => only?.includes(name) ?? true);
  throw new Failure('usage', {
    what: `There is no model ${unknown} in this fleet.`,
    cure: `Name some of ${models
      .slice(0, 20)
      .map(({ name }) => name)
      .join(', ')}.`,
    written: 'nothing',
  });
}

async function upgradeOf(
  model: FleetModelResult,
  plan: OpenPlan,
  results: ReadonlyMap<string, UnitResult>,
): Promise<Upgrade> {
  const { unit: id } = present(model.chosen, `the unit of ${model.name}`);
  const unit = present(
    plan.units.find((each) => each.id === id && each.name === model.name),
    `the unit ${id}`,
  );
  if (addressOf(model.model).kind !== 'file') {
    throw new Failure('input', {
      what: `${model.model} is an object in S3, which has no journal and is not replaced in place.`,
      cure: `Leave ${model.name} out, and take the new files from the result of unit ${id} in the store.`,
      written: 'nothing',
    });
  }
  return { model, path: await findEntry(model.model), unit, result: present(results.get(id), `the result of ${id}`) };
}

/** The files of a model that stands there as the unit made it; null where it does not. */
async function standing({ path, result }: Upgrade): Promise<Committed['files'] | null> {
  const current = (await history(path)).find(({ state }) => state === 'current');
  if (current?.run?.runId !== result.summary.run) return null;
  return current.files.flatMap(({ path: file, after }) => (after === null ? [] : [{ path: file, sha256: after }]));
}

/** Of a model's own files; what else its folder says about it is no part of an upgrade. */
const ownFiles = ({ unit, result }: Upgrade) => {
  const own = new Set(result.summary.modelFiles);
  return unit.model.files.filter(({ path }) => own.has(path));
};

/** @throws Failure('locked') where models are not what was planned for */
async function refuseChanged(upgrades: readonly Upgrade[]): Promise<void> {
  const changed: string[] = [];
  for (const upgrade of upgrades) {
    for (const { path, sha256 } of upgrade.unit.model.files) {
      const file = join(dirname(upgrade.path), path);
      const found = await fingerprint(file);
      if (found?.sha256 !== sha256) changed.push(`${file} ${found === null ? 'is not there any more' : 'has changed'}`);
    }
  }
  if (changed.length === 0) return;
  throw new Failure('locked', {
    what: `Models are others than those that the fleet was planned for: ${changed.slice(0, 20).join('; ')}.`,
    cure: 'Bring them back, commit the others alone, or plan the fleet again.',
    written: 'nothing',
  });
}

interface NewFile {
  /** relative to the model's folder */
  readonly path: string;
  /** where the verified bytes lie */
  readonly from: string;
}

async function newFiles({ result, model }: Upgrade, store: FleetStore, scratch: string): Promise<readonly NewFile[]> {
  const prefix = `${workParts.model}/`;
  const files: NewFile[] = [];
  for (const { path } of result.files.filter((each) => each.path.startsWith(prefix))) {
    const from = await store.file(result, path, join(scratch, encodeURIComponent(model.name), path));
    files.push({ path: path.slice(prefix.length), from });
  }
  return files;
}

async function commitOne(upgrade: Upgrade, files: readonly NewFile[]): Promise<Committed['files']> {
  const { path, result, unit } = upgrade;
  const lock = await acquireLock(path, { waitMs });
  try {
    await recover(path, { lock });
    const own = ownFiles(upgrade);
    const { verdict, delta, run } = result.summary;
    const committed = await commitUpgrade(
      {
        modelPath: path,
        files: files.map(({ path, from }) => ({ path, bytes: { copyOf: from } })),
        entry: present(result.entry, `the model of ${unit.id}`),
        obsolete: own.map((each) => each.path).filter((each) => files.every((file) => file.path !== each)),
        record: {
          runId: run,
          toolVersion: unit.version,
          summary: { verdict, delta: delta.vsBefore.value, metric: delta.vsBefore.metric, unit: unit.id },
        },
        expected: Object.fromEntries(own.map((each) => [each.path, each.sha256])),
      },
      { lock },
    );
    return committed.files;
  } finally {
    await lock.release();
  }
}

/** The unit that an upgrade was made by, as its journal has it; '' where it was none. */
function unitIn(summary: unknown): string {
  const isRecord = typeof summary === 'object' && summary !== null && 'unit' in summary;
  return isRecord && typeof summary.unit === 'string' ? summary.unit : '';
}

/**
 * Undoes what this fleet did to models, byte for byte: of those whose present version one of its units made, as their journals tell. The store is not needed.
 * @throws Failure as `rollback` does
 */
export async function rollbackFleet(
  plan: OpenPlan,
  only: readonly string[] | null,
  onRollback: (name: string) => void,
): Promise<FleetRollbackResult> {
  const units = new Set(plan.units.map(({ id }) => id));
  const models: FleetRollbackResult['models'][number][] = [];
  for (const model of chooseModels(plan.models, only)) {
    const isLocal = addressOf(model.model).kind === 'file';
    const path = isLocal ? await findEntry(model.model) : null;
    const current = path === null ? undefined : (await history(path)).find(({ state }) => state === 'current');
    if (path === null || current === undefined || !units.has(unitIn(current.run?.summary))) {
      models.push({ ...named(model), outcome: 'untouched', to: null });
      continue;
    }
    onRollback(model.name);
    const { to } = await rollback(path, { to: current.from });
    models.push({ ...named(model), outcome: 'restored', to });
  }
  return { plan: plan.folder, models };
}
