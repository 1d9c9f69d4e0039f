import { access } from 'node:fs/promises';
import { Failure, type Fault } from '../contract/failure.js';
import { printable } from '../printable.js';
import { shellQuote } from '../shell.js';
import type { Context } from './context.js';
import { flagOf, wordsOf } from './flags.js';
import { type Io, outputForQuestions, type TextOutput } from './io.js';

/** How long an end of the input that came before the question has to show itself, in milliseconds. */
const patience = 50;

/**
 * Where a question can be put to somebody, and null where nobody is. A terminal whose input has ended (`script ... < /dev/null`) has
 * nobody before it, and would be waited for without end: that shows only before the prompt takes the keyboard over.
 */
async function whereToAsk(io: Io): Promise<TextOutput | null> {
  const output = outputForQuestions(io);
  if (output === null) return null;
  const { stdin } = io;
  const ended = await new Promise<boolean>((resolve) => {
    const drop = (): void => {};
    const settle = (hasEnded: boolean): void => {
      clearTimeout(timer);
      stdin.off('end', end).off('data', drop).pause();
      resolve(hasEnded);
    };
    const end = (): void => settle(true);
    const timer = setTimeout(() => settle(false), patience);
    stdin.on('end', end).on('data', drop);
  });
  return ended ? null : output;
}

async function promptOf({ stdin }: Io, output: TextOutput) {
  const { createPromptModule } = await import('inquirer');
  return createPromptModule({ input: stdin, output });
}

/**
 * The data set where none was named: asked for on a terminal.
 * @throws Failure('usage') where nobody can be asked; Failure('interrupted') when the question is left
 */
export async function askForData(io: Io, quiet: boolean): Promise<string> {
  const output = quiet ? null : await whereToAsk(io);
  if (output === null) {
    throw new Failure('usage', { what: '--data PATH is missing.', cure: 'Name the data set.' });
  }
  const prompt = await promptOf(io, output);
  const question = prompt<{ path: string }>([
    {
      type: 'input',
      name: 'path',
      message: 'Data set (a file or folder):',
      validate: (path: string) =>
        access(path).then(
          () => true,
          () => `There is no ${path === '' ? 'such path' : path}.`,
        ),
    },
  ]);
  return (await answered(question)).path;
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
  const output = json ? null : await whereToAsk(io);
  if (output === null) {
    throw new Failure('usage', {
      what: `${consent.refusal} without a yes, and there is nobody to ask for it.`,
      cure: 'Say it beforehand.',
      settings: ['yes'],
    });
  }
  const prompt = await promptOf(io, output);
  const question = prompt<{ agreed: boolean }>([
    { type: 'confirm', name: 'agreed', message: printable(consent.question), default: consent.byDefault },
  ]);
  if ((await answered(question)).agreed) return;
  throw new Failure('interrupted', { what: 'Not started.', ...consent.instead });
}

/**
 * Which way to go on after a failure that left something to choose: the words that say it on the command line; null where
 * nothing is left to choose, nobody can be asked, or none of the ways is meant.
 */
export async function askForWay(error: unknown, io: Io, argv: readonly string[]): Promise<readonly string[] | null> {
  const isQuiet = argv.includes('--yes') || argv.includes('--json');
  if (!(error instanceof Failure) || error.ways.length === 0 || isQuiet) return null;
  const output = await whereToAsk(io);
  if (output === null) return null;
  const prompt = await promptOf(io, output);
  const choices = error.ways.map(({ name, settings }) => ({
    name: printable(`${name} (${settings.map(flagOf).join(' ')})`),
    value: settings.flatMap(wordsOf),
  }));
  const question = prompt<{ words: readonly string[] | null }>([
    {
      type: 'select',
      name: 'words',
      message: 'How shall it be read?',
      choices: [...choices, { name: 'stop here', value: null }],
    },
  ]);
  const { words } = await question.catch((left: unknown) => {
    if (left instanceof Error && left.name === 'ExitPromptError') return { words: null };
    throw left;
  });
  if (words !== null) io.stderr.write(`Going on with ${words.map(shellQuote).join(' ')}\n`);
  return words;
}

async function answered<T>(question: Promise<T>): Promise<T> {
  return question.catch((cause: unknown) => {
    if (cause instanceof Error && cause.name === 'ExitPromptError') {
      throw new Failure('interrupted', { what: 'Interrupted.', cure: 'Run the command again.' }, { cause });
    }
    throw cause;
  });
}
