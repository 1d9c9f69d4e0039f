import type { Way } from '../../contract/failure.js';
import type { Reading } from '../../contract/reading.js';
import { tasks } from '../../contract/settings.js';
import { flagOf, flags, wordsOf } from '../flags.js';
import { dataQuestion } from '../prompts.js';
import type { Check, Choice, Questions } from '../questions.js';
import { withOption } from './words.js';

/** Asks for what is to be otherwise; returns the command line that says it. */
export type Correction = (words: readonly string[], ask: Asking) => Promise<readonly string[]>;

export interface Asking {
  readonly questions: Questions;
  /** what is wrong with an option's value, as the command line says it; null: nothing */
  check(flag: string, value: string): string | null;
}

/** What a failure offers to go on with. */
export function correctionsOf(ways: readonly Way[]): readonly Choice<Correction>[] {
  return ways.map(({ name, settings }) => ({
    name: `${name} (${settings.map(flagOf).join(' ')})`,
    value: async (words) =>
      settings.map(wordsOf).reduce((line, [flag = '', ...value]) => withOption(line, flag, ...value), words),
  }));
}

/**
 * What there is to correct about how model and data are read.
 * @param reading null where it came to none
 */
export function corrections(reading: Reading | null): readonly Choice<Correction>[] {
  const outputs = reading?.outputs ?? [];
  return [
    ...(outputs.length > 1
      ? [
          chosen(
            'which output is judged',
            flags.output,
            outputs.map(({ name }) => name),
          ),
        ]
      : [written('the output that is judged, by its name', flags.output)]),
    chosen('the task', flags.task, tasks),
    path('the names of the classes, in a file', flags.classes, 'File of the names, one a line or a JSON list:'),
    written('the target column, of a table', flags.target),
    written('what stored values are multiplied by, such as 1/255', flags.scale),
    written('what is then subtracted: a mean, or one per channel', flags.mean),
    written('what they are then divided by: a standard deviation, or one per channel', flags.std),
    path('the data set', flags.data, dataQuestion),
  ];
}

function chosen(name: string, flag: string, values: readonly string[]): Choice<Correction> {
  return {
    name: `${name} (${flag})`,
    value: async (words, { questions }) => {
      const choices = values.map((value) => ({ name: value, value }));
      return withOption(words, flag, await questions.choose(`${flag}:`, choices));
    },
  };
}

function written(name: string, flag: string): Choice<Correction> {
  return {
    name: `${name} (${flag})`,
    value: async (words, { questions, check }) => {
      const isGood: Check = (value) => check(flag, value);
      return withOption(words, flag, (await questions.write(`${flag}:`, isGood)).trim());
    },
  };
}

function path(name: string, flag: string, question: string): Choice<Correction> {
  return {
    name: `${name} (${flag})`,
    value: async (words, { questions }) => withOption(words, flag, await questions.path(question)),
  };
}
