import * as v from 'valibot';
import { canonicalJson } from '../contract/canonical-json.js';
import type { DeviceName } from '../contract/settings.js';
import type { RunSpec } from '../run/spec.js';
import { packageVersion } from '../version.js';
import { sha256Of } from './digest.js';
import { partId, type SearchPart } from './search/part.js';
import { mapPaths } from './spec-paths.js';

/** A file of an input, by content. */
export interface InputFile {
  /** relative to the folder that the input's address names, or that its entry lies in; '/' between its parts */
  readonly path: string;
  /** lower-case hexadecimal */
  readonly sha256: string;
  readonly bytes: number;
}

/** What a unit reads: a file with those beside it, or a folder. */
export interface Input {
  /** an absolute path, or s3://BUCKET/KEY */
  readonly uri: string;
  /** the file among `files` that the address names; null: the address is that of the folder */
  readonly entry: string | null;
  readonly files: readonly InputFile[];
}

/**
 * What one worker computes at a time: both arms of one run, so that they are trained on the same hardware. Plain JSON; of a unit whose id is the same,
 * all that determines the result is the same.
 */
export interface Unit {
  readonly id: string;
  /** the model's name within the fleet */
  readonly name: string;
  readonly candidate: string;
  /** of the tool that is to compute it */
  readonly version: string;
  readonly model: Input;
  /** all else that the spec names by a path, by that path */
  readonly inputs: readonly Input[];
  readonly spec: RunSpec;
  /** asked for, where it is free: what computes is no part of the id */
  readonly device: DeviceName;
  /** of its search, which is what is to be computed; left out: the whole. A plan has whole units alone */
  readonly part?: SearchPart;
}

const file = v.object({
  path: v.string(),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  bytes: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
});
const input = v.object({ uri: v.string(), entry: v.nullable(v.string()), files: v.array(file) });

/** What a unit is told by; the spec is as the plan wrote it, which the id holds it to. */
const parts = v.looseObject({
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  name: v.string(),
  candidate: v.string(),
  version: v.string(),
  model: input,
  inputs: v.array(input),
  spec: v.looseObject({ seed: v.number(), training: v.looseObject({}), data: v.looseObject({ data: v.string() }) }),
  device: v.string(),
});

/** A unit as a plan or a queue keeps it. */
export const unitSchema = v.pipe(
  v.custom<Unit>((value) => v.is(parts, value)),
  v.check((unit) => unitId(unit) === unit.id, 'the id of the unit is not that of its content'),
);

/** The SHA-256 of all that determines what a unit computes: the tool's version, the model, its settings and its data by content. */
function unitId({ version, model, inputs, spec }: Pick<Unit, 'version' | 'model' | 'inputs' | 'spec'>): string {
  const byContent = (uri: string): string => digestOf(inputs.find((each) => each.uri === uri));
  const content = { version, model: digestOf(model), spec: mapPaths(spec, byContent) };
  return sha256Of(canonicalJson(content));
}

export function makeUnit(unit: Omit<Unit, 'id' | 'version'>): Unit {
  const complete = { version: packageVersion, ...unit };
  return { id: unitId(complete), ...complete };
}

/** A part of a unit's search, to be computed as a unit. */
export const partUnit = (unit: Unit, part: SearchPart): Unit => ({ ...unit, id: partId(part), part });

/** Whether a unit's trials are computed one by one by whoever is there. A budget is wall time of one machine, whose rungs depend on each other. */
export const isSpread = ({ part, spec: { training } }: Unit): boolean =>
  part === undefined && training.search && training.budgetSeconds === null;

/** Models that are alike have units that are one: each unit once. */
export function distinct(units: readonly Unit[]): readonly Unit[] {
  return [...new Map(units.map((unit) => [unit.id, unit])).values()];
}

/** What there is of each model, by its name. */
export function byModel<T>(all: readonly T[], unitOf: (each: T) => Unit): (name: string) => readonly T[] {
  const groups = new Map<string, T[]>();
  for (const each of all) {
    const { name } = unitOf(each);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [each]);
    else group.push(each);
  }
  return (name) => groups.get(name) ?? [];
}

/** Of an input by its files, wherever they lie. */
function digestOf(input: Input | undefined): string {
  if (input === undefined) return '';
  const lines = input.files.map(({ path, sha256 }) => `${sha256} ${path}`).toSorted();
  return sha256Of([input.entry ?? '', ...lines].join('\n'));
}
