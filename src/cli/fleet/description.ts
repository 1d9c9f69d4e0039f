import { dirname, resolve } from 'node:path';
import * as v from 'valibot';
import { Failure } from '../../contract/failure.js';
import { parseJson } from '../../contract/parse-json.js';
import { isUri } from '../../fleet/address.js';
import type { FleetEntry } from '../../fleet/make-units.js';
import type { Plan } from '../../fleet/plan.js';
import { completeOptions, specOf } from '../../run/spec.js';
import { type ConfigFile, readConfig } from '../config/file.js';
import { parseSettings } from '../config/parse.js';
import { migrationOptions } from '../options/migration.js';

/** A fleet as its file describes it. */
export interface FleetDescription {
  readonly entries: readonly FleetEntry[];
  readonly seeds: readonly number[];
  readonly store: string | null;
  readonly price: Plan['price'];
}

const settings = v.record(v.string(), v.unknown());
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const schema = v.strictObject({
  models: v.pipe(v.array(v.looseObject({ model: v.string(), name: v.optional(v.string()) })), v.minLength(1)),
  settings: v.optional(settings, {}),
  candidates: v.optional(v.record(v.string(), v.nullable(settings)), { default: {} }),
  seeds: v.optional(v.union([whole, v.pipe(v.array(whole), v.minLength(1))]), 1),
  store: v.optional(v.string()),
  price: v.optional(v.strictObject({ perHour: v.pipe(v.number(), v.minValue(0)), currency: v.string() })),
});

/** What a unit has one value of, or none. */
const ofFleet: readonly string[] = ['seed', 'seeds', 'out', 'runDir', 'resume', 'dryRun', 'yes', 'keep', 'lang', 'log'];

/**
 * Reads the description of a fleet: JSON, YAML or code, as other configuration files. Settings are those of `migrate`; what a candidate says goes before what its model
 * says, and that before what is said for all.
 * @throws Failure('usage') for what is none
 */
export async function readDescription(path: string): Promise<FleetDescription> {
  const file = await readConfig(path);
  const wrong = (what: string, cure: string): Failure =>
    new Failure('usage', { what: `${path}: ${what}`, cure, written: 'nothing' });
  const { models, settings, candidates, seeds, store, price } = parsed(file, wrong);
  const entries: FleetEntry[] = [];
  const names = new Set<string>();
  for (const { model, name: given, ...own } of models) {
    const name = given ?? nameOf(model);
    if (names.has(name)) throw wrong(`two models are called "${name}".`, 'Give them names.');
    names.add(name);
    for (const [candidate, more] of Object.entries(candidates)) {
      const values = { ...settings, ...own, ...more };
      const taken = ofFleet.find((key) => values[key] !== undefined);
      if (taken !== undefined) throw wrong(`"${taken}" is no setting of a model in a fleet.`, 'Leave it out.');
      const where = `${path}, model ${name}, candidate ${candidate}`;
      entries.push({
        name,
        candidate,
        model: placed(file, model),
        ...specFrom({ path: file.path, values }, where),
      });
    }
  }
  const counted = typeof seeds === 'number' ? Array.from({ length: seeds }, (_, seed) => seed) : [...new Set(seeds)];
  if (counted.length === 0) throw wrong('there are no seeds.', 'Give a number of them, or a list.');
  return {
    entries,
    seeds: counted,
    store: store === undefined ? null : placedStore(file, store),
    price: price ?? null,
  };
}

function parsed(file: ConfigFile, wrong: (what: string, cure: string) => Failure): v.InferOutput<typeof schema> {
  try {
    return parseJson(JSON.stringify(file.values), schema);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw wrong(`this is no description of a fleet: ${cause.message}.`, 'Correct it; docs/fleet.md has an example.');
  }
}

/** A model's file name without its ending; of a model.json, or a folder, the folder's. */
function nameOf(model: string): string {
  const parts = model.split(/[/\\]/).filter((part) => part !== '');
  const last = parts.at(-1) ?? model;
  return last === 'model.json' ? (parts.at(-2) ?? last) : last.replace(/\.(onnx|json)$/i, '');
}

function placed(file: ConfigFile, path: string): string {
  return isUri(path) ? path : resolve(dirname(file.path), path);
}

function placedStore(file: ConfigFile, store: string): string {
  const [, path] = /^file:(?!\/\/)(.+)$/i.exec(store) ?? [];
  return path === undefined ? placed(file, store) : `file:${resolve(dirname(file.path), path)}`;
}

function specFrom(file: ConfigFile, where: string): Pick<FleetEntry, 'spec' | 'device'> {
  const settings = { name: where, folder: dirname(file.path), values: file.values };
  return parseSettings(settings, migrationOptions, (asked) => {
    const { data } = asked.data;
    if (data === null) throw new Failure('usage', { what: 'No data are named.', cure: 'Say which ("data").' });
    const complete = completeOptions({ ...asked, model: '', data: { ...asked.data, data } });
    return { spec: specOf(complete), device: complete.training.device };
  });
}
