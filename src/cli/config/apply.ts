import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import { Failure } from '../../contract/failure.js';
import { asConfig, configArguments, type Settings } from './arguments.js';
import { type ConfigFile, findConfig, readConfig, refuseBesideModel } from './file.js';
import { type ConfigOption, configOptions } from './options.js';

/** The words of a command line behind the command's own, and those that a configuration file puts before them. */
export interface Configured {
  readonly words: readonly string[];
  /** what is in force, as a configuration file would say it; null where it was not asked for */
  readonly printed: object | null;
}

export interface ConfigSource {
  /** declares the command's options on a command of its own */
  declare(command: Command): unknown;
  /** the keys of all commands that a file serves */
  known(): Promise<ReadonlySet<string>>;
  readonly folder: string;
}

/**
 * Puts the words of a configuration file before those that were given: of the one that is named, else of the one in the working directory.
 * @param words behind the name of the command
 * @throws Failure('usage') as `readConfig` and `configArguments` do
 */
export async function withConfig(words: readonly string[], source: ConfigSource): Promise<Configured> {
  const { named, isOff, isPrinted, rest } = takeOut(words);
  const command = new Command();
  source.declare(command);
  const options = configOptions(command);
  const operands = operandsOf(command, rest);
  const path = named ?? (isOff ? null : findConfig(source.folder));
  const file = path === null ? null : await fileAt(path, named !== null, operands ?? rest);
  const known = file !== null && hasOther(file, options) ? await source.known() : new Set<string>();
  const said = file === null ? [] : configArguments(settingsIn(file), { options, known }, rest);
  const model = file === null ? null : modelOf(file, command, operands);
  const all = [...said, ...(model === null ? [] : [model]), ...rest];
  if (!isPrinted) return { words: all, printed: null };
  const [first = null] = model === null ? (operands ?? []) : [model];
  return { words: all, printed: { ...defaultsOf(command, options), ...asConfig(all, { options, known }, first) } };
}

async function fileAt(path: string, isNamed: boolean, words: readonly string[]): Promise<ConfigFile> {
  if (!isNamed) refuseBesideModel(path, words);
  return readConfig(path);
}

const settingsIn = ({ path, values }: ConfigFile): Settings => ({ name: path, folder: dirname(path), values });

function takeOut(words: readonly string[]) {
  let named: string | null = null;
  const rest: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === '--config') {
      named = words[++i] ?? null;
      if (named === null) throw usage('--config names no file.', 'Name one.');
    } else if (word.startsWith('--config=')) named = word.slice('--config='.length);
    else if (word !== '--no-config' && word !== '--print-config') rest.push(word);
  }
  return { named, isOff: words.includes('--no-config'), isPrinted: words.includes('--print-config'), rest };
}

/** What stands on the command line beside options; null where it is none, which is told where it is parsed. */
function operandsOf(command: Command, words: readonly string[]): readonly string[] | null {
  try {
    return command
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .parseOptions([...words]).operands;
  } catch {
    return null;
  }
}

/** The model that a file names, for a command that takes one and was given none. */
function modelOf({ path, values }: ConfigFile, command: Command, operands: readonly string[] | null): string | null {
  const { model } = values;
  const [first] = command.registeredArguments;
  if (model === undefined || first?.name() !== 'MODEL' || operands === null || operands.length > 0) return null;
  if (typeof model !== 'string') throw usage(`${path}: "model" is no path.`, 'Correct it.');
  return resolve(path, '..', model);
}

const hasOther = ({ values }: ConfigFile, options: readonly ConfigOption[]): boolean =>
  Object.keys(values).some((key) => key !== 'model' && !options.some((option) => option.key === key));

function defaultsOf(command: Command, options: readonly ConfigOption[]): Record<string, unknown> {
  const defaults: Record<string, unknown> = {};
  for (const { key, kind } of options) {
    const option = command.options.find((each) => each.attributeName() === key);
    const value: unknown = option?.defaultValue;
    if (kind === 'flag') defaults[key] = option?.negate === true;
    else if (typeof value === 'string' || typeof value === 'number') defaults[key] = value;
    else if (Array.isArray(value)) defaults[key] = value.join(',');
  }
  return defaults;
}

const usage = (what: string, cure: string): Failure => new Failure('usage', { what, cure, written: 'nothing' });
