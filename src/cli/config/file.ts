import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { Failure, messageOf } from '../../contract/failure.js';
import { parseDocument } from '../../contract/parse-document.js';
import { readRegular } from '../../contract/regular-file.js';

/** A configuration file as it was read. */
export interface ConfigFile {
  readonly path: string;
  /** by the names of options, and `model` */
  readonly values: Readonly<Record<string, unknown>>;
}

const code: readonly string[] = ['.ts', '.mts', '.js', '.mjs', '.cjs'];
const endings: readonly string[] = [...code, '.json', '.yaml', '.yml'];

/** The configuration file of a folder; null where there is none. @throws Failure('usage') where there are several */
export function findConfig(folder: string): string | null {
  const there = endings.map((ending) => join(folder, `frelu.config${ending}`)).filter((path) => existsSync(path));
  const [found = null, other] = there;
  if (other === undefined) return found;
  throw new Failure('usage', {
    what: `${folder}: ${there.length} configuration files stand there: ${there.join(', ')}.`,
    cure: 'Keep one of them, or name it.',
    settings: ['config'],
    written: 'nothing',
  });
}

/**
 * Reads a configuration file. One that is code is run, for its default export.
 * @throws Failure('usage') for what is none, with the file and the cause
 */
export async function readConfig(path: string): Promise<ConfigFile> {
  const whole = resolve(path);
  const values = await valuesIn(whole).catch((cause: unknown) => {
    if (cause instanceof Failure) throw cause;
    throw unreadable(path, messageOf(cause), cause);
  });
  if (!isRecord(values)) throw unreadable(path, 'it holds no object of options');
  const { $schema: _, ...options } = values;
  return { path: whole, values: options };
}

async function valuesIn(path: string): Promise<unknown> {
  const ending = extname(path);
  if (code.includes(ending)) {
    const { createJiti } = await import('jiti');
    return createJiti(import.meta.url, { fsCache: false }).import(path, { default: true });
  }
  const text = new TextDecoder().decode(await readRegular(path));
  if (ending === '.json') return parseDocument(text);
  const { parse } = await import('yaml');
  return parse(text);
}

function unreadable(path: string, why: string, cause?: unknown): Failure {
  return new Failure(
    'usage',
    {
      what: `${path}: this configuration file cannot be used: ${why}.`,
      cure: 'Correct it; the documentation has an example of each format.',
      settings: ['config'],
      written: 'nothing',
    },
    { cause },
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * A configuration file that is code and was not named runs only where it cannot have come with a model.
 * @param words of the command line, some of which may be models
 * @throws Failure('usage') where the folder of the file is that of a model
 */
export function refuseBesideModel(path: string, words: readonly string[]): void {
  if (!code.includes(extname(path))) return;
  const folder = realpathSync(dirname(path));
  const beside = words.find((word) => {
    if (!existsSync(word)) return false;
    const real = realpathSync(word);
    return (statSync(real).isDirectory() ? real : dirname(real)) === folder;
  });
  if (beside === undefined) return;
  throw new Failure('usage', {
    what: `${path} is code that lies beside ${beside}, with which it may have come: it is not run.`,
    cure: 'Name it, if it is yours, or write it as JSON or YAML.',
    settings: ['config'],
    written: 'nothing',
  });
}
