import type { Command } from 'commander';
import { type Language, languages } from '../../contract/settings.js';
import { option, type Read } from './option.js';
import { integerFrom, listOf } from './values.js';

export function seedOption(command: Command, description: string): Read<number> {
  return option(command, '--seed <N>', description, integerFrom(0), 0);
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
