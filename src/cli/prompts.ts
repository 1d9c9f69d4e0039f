import { access } from 'node:fs/promises';
import { Failure, type Way } from '../contract/failure.js';
import { shellQuote } from '../shell.js';
import { flagOf, wordsOf } from './flags.js';
import { canAsk, type Io } from './io.js';

/** Prompts go to stderr: stdout is for the result. */
async function promptOf({ stdin, stderr }: Io) {
  const { createPromptModule } = await import('inquirer');
  return createPromptModule({ input: stdin, output: stderr });
}

/**
 * The data set where none was named: asked for on a terminal.
 * @throws Failure('usage') where nobody can be asked; Failure('interrupted') when the question is left
 */
export async function askForData(io: Io, quiet: boolean): Promise<string> {
  if (quiet || !canAsk(io)) {
    throw new Failure('usage', { what: '--data PATH is missing.', cure: 'Name the data set.' });
  }
  const prompt = await promptOf(io);
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

/**
 * Asks whether a model may be replaced; says yes unasked where nobody can be asked.
 * @throws Failure('interrupted') for a no
 */
export async function confirmUpgrade(io: Io, model: string, rule: string, quiet: boolean): Promise<void> {
  if (quiet || !canAsk(io)) return;
  const prompt = await promptOf(io);
  const question = prompt<{ agreed: boolean }>([
    {
      type: 'confirm',
      name: 'agreed',
      message: `Replace ${model} if ${rule}? The old files are kept.`,
      default: true,
    },
  ]);
  if ((await answered(question)).agreed) return;
  throw new Failure('interrupted', {
    what: 'Not started.',
    cure: 'To leave the model as it is, have the migrated one written elsewhere.',
    settings: ['out'],
  });
}

/** The ways to go on after a failure that left something to choose, where somebody can be asked which. */
export function waysOf(error: unknown, io: Io, argv: readonly string[]): readonly Way[] {
  const isQuiet = argv.includes('--yes') || argv.includes('--json');
  return error instanceof Failure && !isQuiet && canAsk(io) ? error.ways : [];
}

/** Which way to go on: the words that say it on the command line; null for none of them. */
export async function askForWay(io: Io, ways: readonly Way[]): Promise<readonly string[] | null> {
  const prompt = await promptOf(io);
  const choices = ways.map(({ name, settings }) => ({
    name: `${name} (${settings.map(flagOf).join(' ')})`,
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
  const { words } = await question.catch((error: unknown) => {
    if (error instanceof Error && error.name === 'ExitPromptError') return { words: null };
    throw error;
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
