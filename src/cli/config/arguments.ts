import { resolve } from 'node:path';
import { Failure } from '../../contract/failure.js';
import { isUri } from '../../fleet/address.js';
import { suggest } from '../suggest.js';
import type { ConfigOption } from './options.js';

/** What a command takes, and what the others do. */
export interface ConfigTerms {
  readonly options: readonly ConfigOption[];
  /** the keys of all commands: a file serves several of them */
  readonly known: ReadonlySet<string>;
}

/** Settings as an object has them: of a configuration file, or of a caller of the library. */
export interface Settings {
  /** where they stand, for messages */
  readonly name: string;
  /** that paths are taken from */
  readonly folder: string;
  /** by the names of options, and `model` */
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * Settings as words of a command line, to stand before those that were given: the same checks read both, and what was given has the last word.
 * @throws Failure('usage') for a key that no command has, and a value of another kind
 */
export function configArguments(
  { name, folder, values }: Settings,
  terms: ConfigTerms,
  given: readonly string[],
): string[] {
  const wrong = (what: string, cure: string): Failure =>
    new Failure('usage', { what: `${name}: ${what}`, cure, written: 'nothing' });
  return Object.entries(values).flatMap(([key, value]): string[] => {
    if (key === 'model' || value === null || value === undefined) return [];
    const option = terms.options.find((each) => each.key === key);
    if (option === undefined) {
      if (terms.known.has(key)) return [];
      const meant = suggest(key, [...terms.known]);
      throw wrong(`there is no option "${key}".`, meant === null ? 'Leave it out.' : `Did you mean "${meant}"?`);
    }
    if (given.some((word) => word === option.flag || word.startsWith(`${option.flag}=`))) return [];
    if (option.kind === 'flag') {
      if (typeof value !== 'boolean') throw wrong(`"${key}" is neither true nor false.`, 'Correct it.');
      // --no-control is said by control: false
      return value === option.flag.startsWith('--no-') ? [] : [option.flag];
    }
    const words = wordsOf(value, option);
    if (words === null) throw wrong(`"${key}" holds ${JSON.stringify(value)}.`, expected(option));
    const isPath = (word: string): boolean => option.isPath && word !== option.pathless && !isUri(word);
    return words.map((word) => `${option.flag}=${isPath(word) ? resolve(folder, word) : word}`);
  });
}

function expected({ kind }: ConfigOption): string {
  return kind === 'list'
    ? 'Give a text, a number, a list of them, or an object of names and values.'
    : 'Give a text, a number, or a list of them.';
}

/** The values of an option as its parser takes them; null for what is none. */
function wordsOf(value: unknown, { kind }: ConfigOption): readonly string[] | null {
  if (isScalar(value)) return [String(value)];
  if (Array.isArray(value)) {
    const words = value.filter(isScalar).map(String);
    if (words.length !== value.length) return null;
    // an option that is given once has its list in one word
    return kind === 'list' ? words : [words.join(',')];
  }
  if (kind !== 'list' || typeof value !== 'object' || value === null) return null;
  const pairs = Object.entries(value);
  return pairs.every(([, own]) => isScalar(own)) ? pairs.map(([name, own]) => `${name}=${String(own)}`) : null;
}

const isScalar = (value: unknown): value is string | number =>
  typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value));

/** The command line's own words, and those of the file, as one configuration that says the same. */
export function asConfig(words: readonly string[], { options }: ConfigTerms, model: string | null): object {
  const said: Record<string, unknown> = model === null ? {} : { model };
  for (const option of options) {
    const values = words.flatMap((word, i) => {
      if (word === option.flag) return [option.kind === 'flag' ? '' : valueBehind(words[i + 1], option)];
      return word.startsWith(`${option.flag}=`) ? [word.slice(option.flag.length + 1)] : [];
    });
    if (values.length === 0) continue;
    said[option.key] =
      option.kind === 'flag' ? !option.flag.startsWith('--no-') : option.kind === 'list' ? values : read(values.at(-1));
  }
  return said;
}

/** The value of an option of which the next word may be one, as a command line is parsed. */
function valueBehind(next: string | undefined, { preset }: ConfigOption): string {
  if (preset !== null && (next === undefined || next.startsWith('-'))) return preset;
  return next ?? '';
}

/** A number where it is written as one. */
function read(word = ''): string | number {
  return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(word) ? Number(word) : word;
}
