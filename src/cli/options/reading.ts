import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ReadingOptions } from '../../contract/settings.js';
import { flag, option, type Read } from './option.js';
import { text } from './values.js';

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
  const trustReading = flag(command, '--trust-reading', 'go on although the reading warns');
  return () => ({ classes: classes(), inputs: inputs(), outputs: outputs(), trustReading: trustReading() });
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
