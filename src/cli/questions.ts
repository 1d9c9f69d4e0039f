import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import { printable } from '../printable.js';
import { type Io, outputForQuestions, type TextOutput } from './io.js';

/** One of several answers. */
export interface Choice<T> {
  readonly name: string;
  readonly value: T;
}

/** What is wrong with an answer; null: nothing. */
export type Check = (answer: string) => string | null | Promise<string | null>;

/** Somebody before a terminal. Each question throws Failure('interrupted') when it is left. */
export interface Questions {
  /** where the questions are put, and what is to be read with them */
  readonly output: TextOutput;
  choose<T>(message: string, choices: readonly Choice<T>[]): Promise<T>;
  agree(message: string, byDefault: boolean): Promise<boolean>;
  write(message: string, check: Check): Promise<string>;
  /** The path of a file or folder that is there; Tab completes it. */
  path(message: string): Promise<string>;
}

/** How long an end of the input that came before the question has to show itself, in milliseconds. */
const patience = 50;

/**
 * Whoever can be asked; null where nobody can. A terminal whose input has ended (`script ... < /dev/null`) has nobody before it, and would be waited for
 * without end: that shows only before a question takes the keyboard over.
 */
export async function questionsFor(io: Io): Promise<Questions | null> {
  const output = outputForQuestions(io);
  if (output === null || (await hasEnded(io))) return null;
  const { stdin: input } = io;
  const module = async () => (await import('inquirer')).createPromptModule({ input, output });
  return {
    output,
    async choose(message, choices) {
      const ask = await module();
      const listed = choices.map(({ name }, value) => ({ name: printable(name), value }));
      const question = ask<{ answer: number }>([
        { type: 'select', name: 'answer', message: printable(message), choices: listed, pageSize: 12, loop: false },
      ]);
      const { answer } = await answered(question);
      return present(choices[answer], 'the answer').value;
    },
    async agree(message, byDefault) {
      const ask = await module();
      const question = ask<{ answer: boolean }>([
        { type: 'confirm', name: 'answer', message: printable(message), default: byDefault },
      ]);
      return (await answered(question)).answer;
    },
    async write(message, check) {
      const ask = await module();
      const validate = async (answer: string) => (await check(answer)) ?? true;
      const question = ask<{ answer: string }>([
        { type: 'input', name: 'answer', message: printable(message), validate },
      ]);
      return (await answered(question)).answer;
    },
    async path(message) {
      const { askForPath } = await import('./path-prompt.js');
      return answered(askForPath({ message: printable(message) }, { input, output }));
    },
  };
}

async function hasEnded({ stdin }: Io): Promise<boolean> {
  return new Promise<boolean>((resolve) => {
    const drop = (): void => {};
    const settle = (ended: boolean): void => {
      clearTimeout(timer);
      stdin.off('end', end).off('data', drop).pause();
      resolve(ended);
    };
    const end = (): void => settle(true);
    const timer = setTimeout(() => settle(false), patience);
    stdin.on('end', end).on('data', drop);
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
