import { existsSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { Failure } from '../../contract/failure.js';
import type { NamedOutput, ReadingOptions } from '../../contract/settings.js';
import { addRepeatable, flag, optionOfOutputs, type Read } from './option.js';
import { positive, text } from './values.js';

/** How model and data are brought together, where they do not tell or tell it wrongly. */
export function readingOptions(command: Command): Read<ReadingOptions> {
  command.optionsGroup('Reading:');
  const classes = optionOfOutputs(
    command,
    '--classes <FILE>',
    "names of the classes in the order of the model's outputs, one a line or a JSON list",
    { parse: text, parseOwn: text, isWhole: existsSync },
    'inferred from the model and the data',
  );
  const inputs = repeatedPair(command, '--input <NAME=KEY>', 'the part of the data that an input reads', (pair) => {
    if (pair.key === null) throw new InvalidArgumentError('Give the input and what it reads, such as image=pixels.');
    return { name: pair.name, key: pair.key };
  });
  const outputs = repeatedPair(
    command,
    '--output <NAME[=KEY]>',
    'an output that is trained, and the part of the data that is its target; the first one is judged',
    (pair) => pair,
  );
  const weights = repeatedPair(
    command,
    '--output-weight <NAME=W>',
    'what the loss of an output counts beside those of the others (1)',
    ({ name, key }) => ({ name, key, weight: positive(key ?? '') }),
  );
  const trustReading = flag(command, '--trust-reading', 'go on although the reading warns');
  return () => {
    const { plain, own } = classes();
    const { classes: first, outputs: named } = withClasses(weightedOutputs(outputs(), weights()), plain, own);
    return { classes: first, inputs: inputs(), outputs: named, trustReading: trustReading() };
  };
}

/** @throws Failure('usage') for the weight of an output that is not trained, or the only one */
function weightedOutputs(
  outputs: readonly NamedOutput[],
  weights: readonly { readonly name: string; readonly weight: number }[],
): readonly NamedOutput[] {
  const stray = weights.find(({ name }) => outputs.length < 2 || !outputs.some((output) => output.name === name));
  if (stray !== undefined) {
    throw new Failure('usage', {
      what: `A weight was given for ${stray.name}, which is not one of several outputs that were named.`,
      cure: 'Name the outputs that are trained together.',
      settings: ['output'],
    });
  }
  return outputs.map((output) => {
    const found = weights.find(({ name }) => name === output.name);
    return found === undefined ? output : { ...output, weight: found.weight };
  });
}

/**
 * The lists of classes where they belong: of the judged output, the first, it is the one of all.
 * @throws Failure('usage') for the list of an output that was not named, and for two of one
 */
function withClasses(
  outputs: readonly NamedOutput[],
  plain: string | null,
  own: ReadonlyMap<string, string>,
): Pick<ReadingOptions, 'classes' | 'outputs'> {
  const [first, ...others] = outputs;
  const stray = [...own.keys()].find((name) => !outputs.some((output) => output.name === name));
  const ofFirst = first === undefined ? undefined : own.get(first.name);
  if (stray !== undefined || (ofFirst !== undefined && plain !== null)) {
    throw new Failure('usage', {
      what:
        stray === undefined
          ? `Two lists of classes were given for ${first?.name}, which is judged.`
          : `Classes were given for ${stray}, which is not one of the outputs that were named.`,
      cure: 'Name the outputs that are trained, and one list for each.',
      settings: ['output', 'classes'],
    });
  }
  const listed = others.map((output) => {
    const classes = own.get(output.name);
    return classes === undefined ? output : { ...output, classes };
  });
  return { classes: ofFirst ?? plain, outputs: first === undefined ? [] : [first, ...listed] };
}

interface Pair {
  readonly name: string;
  readonly key: string | null;
}

/** Declares an option that takes NAME=KEY, each name once. A key may hold further signs of equality. */
function repeatedPair<T extends Pair>(
  command: Command,
  flags: string,
  description: string,
  check: (pair: Pair) => T,
): Read<readonly T[]> {
  const pairs: T[] = [];
  const declared = new Option(flags, `${description}; may be given several times`).argParser((value: string) => {
    const pair = check(pairOf(value));
    if (pairs.some(({ name }) => name === pair.name)) throw new InvalidArgumentError(`${pair.name} is given twice.`);
    pairs.push(pair);
    return pairs;
  });
  addRepeatable(command, declared);
  return () => pairs;
}

function pairOf(value: string): Pair {
  const at = value.indexOf('=');
  const [name, key] = at < 0 ? [value, null] : [value.slice(0, at), value.slice(at + 1)];
  if (name === '' || key === '') throw new InvalidArgumentError('Give NAME=KEY, neither of them empty.');
  return { name, key };
}
