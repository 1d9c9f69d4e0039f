import { type Command, InvalidArgumentError, Option } from 'commander';
import { Failure } from '../../contract/failure.js';
import type { NamedOutput, ReadingOptions } from '../../contract/settings.js';
import { flag, option, type Read } from './option.js';
import { positive, text } from './values.js';

/** How model and data are brought together, where they do not tell or tell it wrongly. */
export function readingOptions(command: Command): Read<ReadingOptions> {
  command.optionsGroup('Reading:');
  const classes = option(
    command,
    '--classes <FILE>',
    "names of the classes in the order of the model's outputs, one a line or a JSON list",
    text,
    null,
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
  return () => ({
    classes: classes(),
    inputs: inputs(),
    outputs: weightedOutputs(outputs(), weights()),
    trustReading: trustReading(),
  });
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
  command.addOption(declared);
  return () => pairs;
}

function pairOf(value: string): Pair {
  const at = value.indexOf('=');
  const [name, key] = at < 0 ? [value, null] : [value.slice(0, at), value.slice(at + 1)];
  if (name === '' || key === '') throw new InvalidArgumentError('Give NAME=KEY, neither of them empty.');
  return { name, key };
}
