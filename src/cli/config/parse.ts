import { Command, CommanderError } from 'commander';
import { Failure } from '../../contract/failure.js';
import type { Read } from '../options/option.js';
import { wrongUsage } from '../wrong-usage.js';
import { configArguments, type Settings } from './arguments.js';
import { configOptions } from './options.js';

/**
 * Settings that an object has by the names of options, checked as the command line checks its own.
 * @param declare declares the options; `model` is none of them
 * @param complete makes of the values what is asked for
 * @throws Failure('usage'), with the name of the settings in front, for a name that no option has, a value that is none, and options that
 * do not go together; what `complete` throws, with that name
 */
export function parseSettings<T, Result>(
  settings: Settings,
  declare: (command: Command) => Read<T>,
  complete: (asked: T) => Result,
): Result {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {}, outputError: () => {} });
  const read = declare(command);
  const options = configOptions(command);
  const known = new Set(options.map(({ key }) => key));
  const words = configArguments(settings, { options, known }, []);
  try {
    command.parse(words, { from: 'user' });
    return complete(read());
  } catch (cause) {
    if (cause instanceof CommanderError) throw located(settings, 'usage', wrongUsage(cause).what, 'Correct it.', cause);
    if (cause instanceof Failure) throw located(settings, cause.kind, cause.what, cause.cure, cause);
    throw cause;
  }
}

function located({ name }: Settings, kind: Failure['kind'], what: string, cure: string, cause: Error): Failure {
  const hints = cause instanceof Failure ? cause.settings : [];
  return new Failure(kind, { what: `${name}: ${what}`, cure, settings: hints, written: 'nothing' }, { cause });
}
