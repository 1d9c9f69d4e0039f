import { Failure, type Fault } from '../contract/failure.js';
import { shellQuote } from '../shell.js';
import type { Context } from './context.js';
import { flagOf, wordsOf } from './flags.js';
import type { Io } from './io.js';
import { questionsFor } from './questions.js';

export const dataQuestion = 'Data set (a file or folder):';

/** A data set that was not named, where nobody can be asked for it. */
export const missingData = (): Failure =>
  new Failure('usage', { what: '--data PATH is missing.', cure: 'Name the data set.' });

/**
 * The data set where none was named: asked for on a terminal.
 * @throws Failure('usage') where nobody can be asked; Failure('interrupted') when the question is left
 */
export async function askForData(io: Io, quiet: boolean): Promise<string> {
  const questions = quiet ? null : await questionsFor(io);
  if (questions === null) throw missingData();
  return questions.path(dataQuestion);
}

export interface Consent {
  /** the question, with what a yes does */
  readonly question: string;
  /** what is not done without a yes: 'The model is not replaced' */
  readonly refusal: string;
  /** what a no is told to do instead */
  readonly instead: Pick<Fault, 'cure' | 'settings'>;
  /** what the return key alone says */
  readonly byDefault: boolean;
}

/**
 * Has a yes said to what replaces or removes something: by the option, or on a terminal. Nothing is taken for a yes that was not
 * said: neither the JSON that was asked for, nor that nobody sits there.
 * @throws Failure('usage') where it was not given and nobody can be asked; Failure('interrupted') for a no
 */
export async function confirm(
  { io, json }: Pick<Context, 'io' | 'json'>,
  yes: boolean,
  consent: Consent,
): Promise<void> {
  if (yes) return;
  const questions = json ? null : await questionsFor(io);
  if (questions === null) {
    throw new Failure('usage', {
      what: `${consent.refusal} without a yes, and there is nobody to ask for it.`,
      cure: 'Say it beforehand.',
      settings: ['yes'],
    });
  }
  if (await questions.agree(consent.question, consent.byDefault)) return;
  throw new Failure('interrupted', { what: 'Not started.', ...consent.instead });
}

/**
 * Which way to go on after a failure that left something to choose: the words that say it on the command line; null where
 * nothing is left to choose, nobody can be asked, or none of the ways is meant.
 */
export async function askForWay(error: unknown, io: Io, argv: readonly string[]): Promise<readonly string[] | null> {
  const isQuiet = argv.includes('--yes') || argv.includes('--json');
  if (!(error instanceof Failure) || error.ways.length === 0 || isQuiet) return null;
  const questions = await questionsFor(io);
  if (questions === null) return null;
  const choices = error.ways.map(({ name, settings }) => ({
    name: `${name} (${settings.map(flagOf).join(' ')})`,
    value: settings.flatMap(wordsOf),
  }));
  const words = await questions
    .choose<readonly string[] | null>('How shall it be read?', [...choices, { name: 'stop here', value: null }])
    .catch((left: unknown) => {
      if (left instanceof Failure && left.kind === 'interrupted') return null;
      throw left;
    });
  if (words !== null) io.stderr.write(`Going on with ${words.map(shellQuote).join(' ')}\n`);
  return words;
}
