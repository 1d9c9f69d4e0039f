import type { Command } from 'commander';
import { type Language, languages } from '../../contract/settings.js';
import { flag, option, type Read } from './option.js';
import { integerFrom, listOf } from './values.js';

export function seedOption(command: Command, description: string): Read<number> {
  return option(command, '--seed <N>', description, integerFrom(0), 0);
}

/** Every command that writes takes it, also those that ask nothing, so that scripts need not know which do. */
export function yesOption(command: Command): Read<boolean> {
  return flag(command, '--yes', 'ask nothing');
}

export function languagesOption(command: Command): Read<readonly Language[]> {
  return option<readonly Language[]>(
    command,
    '--lang <LIST>',
    `languages of the report: ${languages.join(', ')}`,
    listOf(languages),
    ['en'],
  );
}
