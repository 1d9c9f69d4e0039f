import { messageOf } from '../contract/failure.js';
import type { MigrateResult } from '../contract/result.js';
import type { Language } from '../contract/settings.js';
import { printable } from '../printable.js';
import { shellQuote } from '../shell.js';
import { type Destination, destinationText } from '../tracking/destination.js';
import { warn } from './github.js';
import type { Io } from './io.js';

/**
 * Logs what a run found to each destination, after everything else: what one of them does not take is a warning with the command that
 * tries again, and changes nothing about the run.
 */
export async function logResults(
  io: Io,
  result: MigrateResult,
  destinations: readonly Destination[],
  languages: readonly Language[],
): Promise<void> {
  for (const destination of destinations) {
    try {
      const { at, notes } = await logOne(io, result, destination, languages);
      io.stderr.write(`logged to ${printable(at)}\n`);
      for (const note of notes) warn(io, note);
    } catch (error) {
      const again = `${io.command} report ${shellQuote(result.run.path)} --log ${shellQuote(destinationText(destination))}`;
      warn(io, `${messageOf(error)} The run is whole, but was not logged there. To log it again: ${again}`);
    }
  }
}

/**
 * The same of a run that is there, whose logging is what was asked for.
 * @returns where it was logged
 * @throws the first failure, when all were tried; the others are warnings
 */
export async function logStored(
  io: Io,
  result: MigrateResult,
  destinations: readonly Destination[],
  languages: readonly Language[],
): Promise<readonly string[]> {
  const logged: string[] = [];
  const failures: unknown[] = [];
  for (const destination of destinations) {
    try {
      const { at, notes } = await logOne(io, result, destination, languages);
      logged.push(at);
      for (const note of notes) warn(io, note);
    } catch (error) {
      failures.push(error);
    }
  }
  const [first, ...others] = failures;
  for (const error of others) warn(io, messageOf(error));
  if (first !== undefined) throw first;
  return logged;
}

async function logOne(io: Io, result: MigrateResult, destination: Destination, languages: readonly Language[]) {
  const { logRun } = await import('../tracking/log-run.js');
  return logRun(destination, result, { languages, env: io.env });
}
