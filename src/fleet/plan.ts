import { join, resolve } from 'node:path';
import * as v from 'valibot';
import { Failure } from '../contract/failure.js';
import { parseJson } from '../contract/parse-json.js';
import { readText } from '../contract/regular-file.js';
import { isAbsence } from '../upgrade/file-errors.js';
import { createFolder, exists } from '../upgrade/files.js';
import { replaceFile } from '../upgrade/replace.js';
import { packageVersion } from '../version.js';
import { addressOf } from './address.js';
import { sha256Of } from './digest.js';
import { type Unit, unitSchema } from './unit.js';

/** A model of a plan, with what was found out about it. */
export interface PlannedModel {
  readonly name: string;
  readonly model: string;
  readonly parameters: number;
  readonly sites: number;
  readonly samples: { readonly train: number; readonly validation: number; readonly test: number };
  /** forecast of one unit of each candidate on the machine that planned, in seconds; null where it could not be timed */
  readonly seconds: Readonly<Record<string, number | null>>;
}

export interface Plan {
  readonly format: 1;
  /** of its units: names the queue */
  readonly id: string;
  readonly version: string;
  /** null: the folder `store` of the plan */
  readonly store: string | null;
  readonly price: { readonly perHour: number; readonly currency: string } | null;
  readonly models: readonly PlannedModel[];
}

/** A plan with its units, as it lies in a folder. */
export interface OpenPlan extends Plan {
  readonly folder: string;
  readonly units: readonly Unit[];
}

const names = { plan: 'plan.json', units: 'units.jsonl', store: 'store' } as const;

const counts = v.object({ train: v.number(), validation: v.number(), test: v.number() });
const planSchema = v.object({
  format: v.literal(1),
  id: v.string(),
  version: v.string(),
  store: v.nullable(v.string()),
  price: v.nullable(v.object({ perHour: v.number(), currency: v.string() })),
  models: v.array(
    v.object({
      name: v.string(),
      model: v.string(),
      parameters: v.number(),
      sites: v.number(),
      samples: counts,
      seconds: v.record(v.string(), v.nullable(v.number())),
    }),
  ),
});

export function makePlan(
  units: readonly Unit[],
  rest: Pick<Plan, 'store' | 'price' | 'models'>,
): Plan & { readonly units: readonly Unit[] } {
  const ids = units.map(({ id, name, candidate }) => `${id} ${name} ${candidate}`);
  const id = sha256Of(ids.join('\n')).slice(0, 16);
  return { format: 1, id, version: packageVersion, ...rest, units };
}

/**
 * Writes a plan into its folder: the units first, so that a folder that has a plan has all of it.
 * @throws Failure('usage') where another plan lies there, unless it may be replaced
 */
export async function writePlan(
  folder: string,
  { units, ...plan }: ReturnType<typeof makePlan>,
  overwrite: boolean,
): Promise<void> {
  const place = join(folder, names.plan);
  if (!overwrite && (await exists(place))) {
    throw new Failure('usage', {
      what: `${folder} holds a plan already.`,
      cure: 'Choose another folder, or have the plan replaced; results in its store stay, and those that the new plan needs are used.',
      settings: ['overwrite', 'out'],
      written: 'nothing',
    });
  }
  await createFolder(resolve(folder));
  const lines = units.map((unit) => `${JSON.stringify(unit)}\n`).join('');
  await replaceFile(join(folder, names.units), Buffer.from(lines));
  await replaceFile(place, Buffer.from(`${JSON.stringify(plan, null, 2)}\n`));
}

/** @throws Failure('input') where there is none, or it is damaged or another version's */
export async function readPlan(folder: string): Promise<OpenPlan> {
  const plan = await reading(join(folder, names.plan), (text) => parseJson(text, planSchema));
  const units = await reading(join(folder, names.units), (text) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => parseJson(line, unitSchema)),
  );
  const again = makePlan(units, plan);
  if (again.id !== plan.id) throw damaged(join(folder, names.units), 'these are not the units of the plan beside them');
  return { ...plan, folder: resolve(folder), units };
}

/** @throws Failure('usage') where this is another version than the one that planned: units would be named for what it does not compute */
export function requireVersion({ folder, version }: OpenPlan): void {
  if (version === packageVersion) return;
  throw new Failure('usage', {
    what: `${folder} was planned by version ${version}, and this is ${packageVersion}, which computes other results.`,
    cure: `Use version ${version}, or plan the fleet again.`,
    written: 'nothing',
  });
}

export function storeOf({ folder, store }: Pick<OpenPlan, 'folder' | 'store'>): string {
  if (store === null) return `file:${join(folder, names.store)}`;
  const address = addressOf(store);
  return address.kind === 'file' ? `file:${resolve(address.path)}` : store;
}

async function reading<T>(path: string, parse: (text: string) => T): Promise<T> {
  let text: string;
  try {
    text = await readText(path);
  } catch (cause) {
    if (!isAbsence(cause)) throw cause;
    throw new Failure(
      'input',
      {
        what: `${path}: there is no plan of a fleet here.`,
        cure: 'Name the folder that was planned into.',
        written: 'nothing',
      },
      { cause },
    );
  }
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw damaged(path, cause.message, cause);
  }
}

function damaged(path: string, why: string, cause?: unknown): Failure {
  return new Failure(
    'input',
    {
      what: `${path}: this plan of a fleet is damaged: ${why}.`,
      cure: 'Plan the fleet again: results that it has are used.',
      written: 'nothing',
    },
    { cause },
  );
}
