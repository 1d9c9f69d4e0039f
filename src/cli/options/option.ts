import { type Command, InvalidArgumentError, Option } from 'commander';
import { suggest } from '../suggest.js';

const repeatable = new WeakSet<Option>();

/** Whether an option may be given several times. */
export const mayRepeat = (option: Option): boolean => repeatable.has(option);

/** Declares that it may; its parser takes one value after another. */
export function addRepeatable(command: Command, option: Option): void {
  repeatable.add(option);
  command.addOption(option);
}

/** What a parser that takes words takes: of a list several, with commas between. */
const wordsOfParsers = new WeakMap<object, { readonly words: readonly string[]; readonly isList: boolean }>();
const wordsOfOptions = new WeakMap<Option, { readonly words: readonly string[]; readonly isList: boolean }>();

/** Says that a parser takes a list of these words. */
export function takingList<Parse extends object>(words: readonly string[], parse: Parse): Parse {
  wordsOfParsers.set(parse, { words, isList: true });
  return parse;
}

/** The words that an option takes; none where it takes something else. */
export function wordsTaken(option: Option): { readonly words: readonly string[]; readonly isList: boolean } {
  return wordsOfOptions.get(option) ?? { words: option.argChoices ?? [], isList: false };
}

/** Whether the value of an option is the path of a file or a folder, or may be. */
export function takesPath({ flags }: Option): boolean {
  return /<(PATH|FILE|MODEL|FOLDER|LOSS|METRIC)>/.test(flags);
}

/** Reads what the command line said, once it is parsed. */
export type Read<T> = () => T;

/**
 * Declares an option with a value.
 * @param flags such as `--epochs <N>`
 * @param parse throws InvalidArgumentError for a value that is none
 * @param shownDefault what the help says about `byDefault`; by default the value itself, and nothing for null
 */
export function option<T>(
  command: Command,
  flags: string,
  description: string,
  parse: (text: string) => T,
  byDefault: T,
  shownDefault?: string,
): Read<T> {
  return declare(command, new Option(flags, description), parse, byDefault, shownDefault);
}

/**
 * Declares an option whose value may be left out; null: it was not given.
 * @param flags such as `--mixup [ALPHA]`
 * @param preset the value of the option alone, as its parser takes it
 */
export function optionalValue<T>(
  command: Command,
  flags: string,
  description: string,
  parse: (text: string) => T,
  preset: string,
): Read<T | null> {
  const declared = new Option(flags, `${description} (${preset} where nothing follows)`).preset(preset);
  return declare<T | null>(command, declared, parse, null, undefined);
}

/** Declares an option whose value is one of a few words. */
export function choice<const T extends string, const D extends T | null>(
  command: Command,
  flags: string,
  description: string,
  words: readonly T[],
  byDefault: D,
  shownDefault?: string,
): Read<T | D> {
  const declared = new Option(flags, description).choices(words);
  return declare<T | D>(command, declared, (text) => oneOf(text, words), byDefault, shownDefault);
}

/** What was said of the judged output or of all, and of single outputs by their names. */
export interface OfOutputs<T, Own = T> {
  readonly plain: T | null;
  readonly own: ReadonlyMap<string, Own>;
}

export interface OutputParsers<T, Own> {
  readonly parse: (text: string) => T;
  /** what it is one of, unless it is something else */
  readonly words?: readonly string[];
  /** of what stands behind NAME= */
  readonly parseOwn: (text: string) => Own;
  /** whether a text with a sign of equality is no NAME=VALUE all the same: the path of a file, say */
  readonly isWhole?: (text: string) => boolean;
}

/** Declares an option that is given plainly, and as NAME=VALUE for one output as often as there are outputs. */
export function optionOfOutputs<T, Own>(
  command: Command,
  flags: string,
  description: string,
  { parse, parseOwn, words = [], isWhole = () => false }: OutputParsers<T, Own>,
  shownDefault: string,
): Read<OfOutputs<T, Own>> {
  let plain: T | null = null;
  const own = new Map<string, Own>();
  const declared = new Option(flags, `${description}; NAME=VALUE says it of one output`);
  declared.default(null, shownDefault).argParser((text: string) => {
    const at = text.lastIndexOf('=');
    const name = text.slice(0, Math.max(at, 0));
    if (name === '' || isWhole(text)) plain = parse(text);
    else if (own.has(name)) throw new InvalidArgumentError(`${name} is given twice.`);
    else own.set(name, parseOwn(text.slice(at + 1)));
    return text;
  });
  wordsOfOptions.set(declared, { words, isList: false });
  addRepeatable(command, declared);
  return () => ({ plain, own });
}

/** Declares an option that may be given several times. */
export function repeated(command: Command, flags: string, description: string): Read<readonly string[]> {
  const values: string[] = [];
  addRepeatable(
    command,
    new Option(flags, `${description}; may be given several times`).argParser((text: string) => values.push(text)),
  );
  return () => values;
}

/** Declares an option without a value. */
export function flag(command: Command, flags: string, description: string): Read<boolean> {
  const declared = new Option(flags, description);
  command.addOption(declared);
  return () => command.getOptionValue(declared.attributeName()) === !declared.negate;
}

/** Declares a positional argument: `<MODEL>` must be given, `[MODEL]` may be. */
export function argument(command: Command, name: `<${string}>`, description: string): Read<string>;
export function argument(command: Command, name: `[${string}]`, description: string): Read<string | null>;
export function argument(command: Command, name: string, description: string): Read<string | null> {
  let value: string | null = null;
  command.argument(name, description, (text: string) => {
    value = text;
    return text;
  });
  return () => value;
}

/** Declares a positional argument of one word or more, the last one of its command. */
export function listArgument(command: Command, name: `<${string}...>`, description: string): Read<readonly string[]> {
  const values: string[] = [];
  command.argument(name, description, (text: string) => values.push(text));
  return () => values;
}

function declare<T>(
  command: Command,
  declared: Option,
  parse: (text: string) => T,
  byDefault: T,
  shownDefault: string | undefined,
): Read<T> {
  let value = byDefault;
  if (byDefault !== null || shownDefault !== undefined) declared.default(byDefault, shownDefault ?? String(byDefault));
  declared.argParser((text: string) => {
    value = parse(text);
    return value;
  });
  const words = wordsOfParsers.get(parse);
  if (words !== undefined) wordsOfOptions.set(declared, words);
  command.addOption(declared);
  return () => value;
}

/**
 * @param orElse what else there may be: ', or an .onnx file'
 * @throws InvalidArgumentError naming the words, and the one that may have been meant
 */
export function oneOf<const T extends string>(text: string, words: readonly T[], orElse = ''): T {
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  const meant = suggest(text, words);
  throw new InvalidArgumentError(
    `Choose one of ${words.join(', ')}${orElse}.${meant === null ? '' : ` Did you mean ${meant}?`}`,
  );
}
