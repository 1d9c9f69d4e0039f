import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import * as v from 'valibot';
import { Failure } from '../contract/failure.js';
import type { FromScratchResult } from '../contract/from-scratch.js';
import { parseJson } from '../contract/parse-json.js';
import { readText } from '../contract/regular-file.js';
import { scratchResultName } from '../run/file-names.js';
import { findResults } from './run-folders.js';

/** The result of a training from scratch with the file that it was read from. */
export interface StoredScratchRun {
  readonly path: string;
  readonly result: FromScratchResult;
}

/**
 * The training from scratch that an argument names: its JSON, its folder, or its id somewhere below `folder`; null where it names none.
 * @throws Failure('input') when it is not readable
 */
export async function findScratchRun(named: string, folder: string): Promise<StoredScratchRun | null> {
  const path = await scratchPath(named, folder);
  if (path === null) return null;
  const text = await readText(path);
  try {
    // the first says what is wrong, the second what it is
    parseJson(text, resultParts);
    return { path, result: parseJson(text, scratchResult) };
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    const what = `${path}: this is not the ${scratchResultName} of a run, or not all of it (${cause.message}).`;
    throw new Failure('input', { what, cure: 'Name another run, or run it again.' }, { cause });
  }
}

async function scratchPath(named: string, folder: string): Promise<string | null> {
  const found = await stat(named).catch(() => null);
  if (found?.isFile()) return basename(named) === scratchResultName ? named : null;
  if (found?.isDirectory()) {
    const inside = join(named, scratchResultName);
    return (await stat(inside).catch(() => null))?.isFile() ? inside : null;
  }
  return (await findResults(folder, scratchResultName)).find((each) => basename(dirname(each)) === named) ?? null;
}

/** What it is told by; the rest is as it was written. */
const resultParts = v.looseObject({
  run: v.looseObject({ id: v.string(), path: v.string(), started: v.string(), seconds: v.number() }),
  model: v.looseObject({ path: v.string(), sha256: v.string() }),
  settings: v.looseObject({ metric: v.string() }),
  weights: v.looseObject({}),
  arms: v.array(v.looseObject({ network: v.picklist(['relu', 'frelu']), seeds: v.array(v.unknown()) })),
});

const scratchResult = v.custom<FromScratchResult>((value) => v.is(resultParts, value));
