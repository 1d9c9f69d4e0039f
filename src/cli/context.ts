import { asDocument } from '../contract/document.js';
import { printableLines } from '../printable.js';
import type { Io } from './io.js';

/** What a failure's message says about the files when the failure itself does not know. */
export interface Writes {
  sentence: string;
}

/** The command line that is run, for a command that asks for what it lacks and then runs another. */
export interface CommandLine {
  /** as it was given */
  readonly words: readonly string[];
  /** the words that a command line comes down to behind the command's name: those of a configuration file, and its own */
  inForce(words: readonly string[]): Promise<readonly string[]>;
  /** Runs another; returns its exit code. */
  run(words: readonly string[]): Promise<number>;
}

/** What a command is run with, beside its own arguments. */
export interface Context {
  readonly io: Io;
  /** print one JSON document instead of a table */
  readonly json: boolean;
  readonly writes: Writes;
  readonly line: CommandLine;
}

/** A command, its arguments read; returns the exit code. */
export type Run = (context: Context) => Promise<number>;

/** One JSON document, indented, with a line feed. */
export function printJson({ io }: Context, result: unknown): void {
  io.stdout.write(`${printableLines(JSON.stringify(asDocument(result), null, 2))}\n`);
}
