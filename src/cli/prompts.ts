import { access } from 'node:fs/promises';
import { Failure } from '../contract/failure.js';
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

async function answered<T>(question: Promise<T>): Promise<T> {
  return question.catch((cause: unknown) => {
    if (cause instanceof Error && cause.name === 'ExitPromptError') {
      throw new Failure('interrupted', { what: 'Interrupted.', cure: 'Run the command again.' }, { cause });
    }
    throw cause;
  });
}
