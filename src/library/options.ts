import type { Command } from 'commander';
import type { Read } from '../cli/options/option.js';
import type { Config, ConfigKeys } from '../contract/config.js';
import { Failure } from '../contract/failure.js';

/** The settings of a command, by the names that its options have in a configuration file. */
export type OptionsOf<Name extends keyof ConfigKeys> = Pick<Config, ConfigKeys[Name]>;

/**
 * Checks what a caller of the library said as the command line checks its own options, and fills in the same defaults. Paths are taken
 * from the working directory.
 * @param caller the function that was called, for messages
 * @throws Failure('usage') for a name that no option has (with what may have been meant), a value that is none, and options that
 * contradict each other
 */
export async function readOptions<T>(
  caller: string,
  values: object,
  declare: (command: Command) => Read<T>,
): Promise<T> {
  const { parseSettings } = await import('../cli/config/parse.js');
  const settings = { name: caller, folder: process.cwd(), values: { ...values } };
  return parseSettings(settings, declare, (asked) => asked);
}

/** @throws Failure('usage') where no data were named */
export function withData<T extends { readonly data: string | null }>(caller: string, asked: T): T & { data: string } {
  const { data } = asked;
  if (data !== null) return { ...asked, data };
  throw new Failure('usage', {
    what: `${caller}: No data are named.`,
    cure: 'Say which.',
    settings: ['data'],
    written: 'nothing',
  });
}
