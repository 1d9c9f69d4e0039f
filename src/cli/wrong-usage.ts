import type { CommanderError } from 'commander';
import { Failure } from '../contract/failure.js';

/**
 * Commander's own words, which name the argument and may suggest another.
 * @param cure where to read on
 */
export function wrongUsage(error: CommanderError, cure = ''): Failure {
  const message = error.message
    .replace(/^error: /, '')
    .replace(/\n\((.*)\)$/, '. $1')
    .replace(/^./, (letter) => letter.toUpperCase());
  const what = /[.?]$/.test(message) ? message : `${message}.`;
  return new Failure('usage', { what, cure }, { cause: error });
}
