import { realpath } from 'node:fs/promises';
import { Failure } from '../contract/failure.js';
import type { DeviceName } from '../contract/settings.js';
import { findEntry } from '../model/load.js';
import { forecast, type Rehearsal, rehearse } from '../run/rehearse.js';
import type { RunSpec } from '../run/spec.js';
import { addressOf } from './address.js';
import { localModel } from './inputs.js';
import type { PlannedModel } from './plan.js';
import type { Sources } from './sources.js';
import { mapPaths, pathsOf } from './spec-paths.js';
import { type Input, makeUnit, type Unit } from './unit.js';

/** One way in which one model of a fleet is to be migrated, without its seed. */
export interface FleetEntry {
  readonly name: string;
  readonly candidate: string;
  /** an absolute path, or an address in S3 */
  readonly model: string;
  readonly spec: RunSpec;
  readonly device: DeviceName;
}

export interface PlanningHooks {
  /** called before each reading */
  onReading(entry: FleetEntry, done: number, of: number): void;
  warn(message: string): void;
}

/**
 * The units of a fleet: every entry with every seed. Each way of reading a model is rehearsed once, so that what a run would refuse is refused before
 * anything is computed.
 * @throws Failure of the first entry that is refused, naming it; Failure('usage') where two models are one file
 */
export async function makeUnits(
  entries: readonly FleetEntry[],
  seeds: readonly number[],
  sources: Sources,
  hooks: PlanningHooks,
): Promise<{ readonly units: readonly Unit[]; readonly models: readonly PlannedModel[] }> {
  await refuseSame(entries);
  const units: Unit[] = [];
  const models = new Map<string, PlannedModel>();
  const rehearsals = new Map<string, Read>();
  for (const [i, entry] of entries.entries()) {
    hooks.onReading(entry, i, entries.length);
    const { distill, data, task, reading, plan } = entry.spec;
    const key = JSON.stringify([entry.model, distill, data, task, reading, plan]);
    const read = rehearsals.get(key) ?? (await readEntry(entry, seeds[0] ?? 0, sources, hooks.warn));
    rehearsals.set(key, read);
    const { name, candidate, spec, device } = entry;
    const { search, budgetSeconds } = spec.training;
    if (search && budgetSeconds !== null) {
      const what = `${name}, ${candidate}: a search within a budget is computed by one worker`;
      hooks.warn(`${what}. Left without a budget, its trials are shared by all.`);
    }
    for (const seed of seeds) {
      units.push(
        makeUnit({ name, candidate, model: read.model, inputs: read.inputs, spec: { ...spec, seed }, device }),
      );
    }
    models.set(name, withEntry(models.get(name), entry, read));
  }
  return { units, models: [...models.values()] };
}

/** A model stands in a fleet once: committed twice, the second upgrade would undo the first. */
async function refuseSame(entries: readonly FleetEntry[]): Promise<void> {
  const names = new Map<string, string>();
  // a model has an entry for each candidate
  const models = new Map(entries.map(({ name, model }) => [name, model]));
  for (const [name, model] of models) {
    // one that is not there is told when it is read
    const absent = (): string => model;
    const path =
      addressOf(model).kind === 'file'
        ? await findEntry(model)
            .then((entry) => realpath(entry))
            .catch(absent)
        : model;
    const other = names.get(path);
    if (other !== undefined) {
      throw new Failure('usage', {
        what: `${other} and ${name} are one model, ${path}, which can be upgraded once.`,
        cure: 'Leave one of them out, or give it a copy of the model.',
        written: 'nothing',
      });
    }
    names.set(path, name);
  }
}

interface Read {
  readonly rehearsal: Rehearsal;
  readonly model: Input;
  readonly inputs: readonly Input[];
}

async function readEntry(
  { name, candidate, model, spec, device }: FleetEntry,
  seed: number,
  sources: Sources,
  warn: (message: string) => void,
): Promise<Read> {
  try {
    const inputs: Input[] = [];
    const paths = new Map<string, string>();
    for (const uri of pathsOf(spec)) {
      const input = await sources.describe(uri);
      inputs.push(input);
      paths.set(uri, await sources.local(input));
    }
    const isLocal = addressOf(model).kind === 'file';
    const described = isLocal ? null : await sources.describe(model);
    const path = await findEntry(described === null ? model : await sources.local(described));
    const { data, ...settings } = mapPaths({ ...spec, seed }, (uri) => paths.get(uri) ?? uri);
    const training = { ...settings.training, device };
    const rehearsal = await rehearse(
      { ...settings, model: path, data, training },
      { warn: (message) => warn(`${name}: ${message}`) },
    );
    const read = described ?? (await localModel(path, rehearsal.files, sources.fingerprints));
    return { rehearsal, model: read, inputs };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { kind, what, cure, settings, ways } = error;
    throw new Failure(
      kind,
      { what: `Model ${name}, candidate ${candidate}: ${what}`, cure, settings, ways, written: 'nothing' },
      { cause: error },
    );
  }
}

function withEntry(known: PlannedModel | undefined, entry: FleetEntry, { rehearsal, model }: Read): PlannedModel {
  return {
    name: entry.name,
    model: model.uri,
    parameters: rehearsal.model.parameters,
    sites: rehearsal.plan.summary.migrate,
    samples: rehearsal.data,
    seconds: { ...known?.seconds, [entry.candidate]: forecast(entry.spec.training, rehearsal) },
  };
}
