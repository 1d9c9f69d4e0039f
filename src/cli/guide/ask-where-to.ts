import { existsSync } from 'node:fs';
import type { MigrateOptions } from '../../run/spec.js';
import { atHome } from '../complete-path.js';
import { flags } from '../flags.js';
import type { Asking } from './corrections.js';
import { withOption } from './words.js';

/** Where the migrated model is written; nothing is asked where the command line says it. */
export async function askWhereTo(
  { questions }: Asking,
  words: readonly string[],
  { accept, out, dryRun }: Pick<MigrateOptions, 'accept' | 'out' | 'dryRun'>,
): Promise<readonly string[]> {
  if (out !== null || dryRun) return words;
  const answer = await questions.choose<'place' | 'out' | 'nowhere'>('Where shall the migrated model be written?', [
    {
      name: `in the place of the old one, if ${accept}; the old files are kept`,
      value: 'place',
    },
    { name: `elsewhere (${flags.out})`, value: 'out' },
    { name: `nowhere: the report alone (${flags.dryRun})`, value: 'nowhere' },
  ]);
  if (answer === 'place') return words;
  if (answer === 'nowhere') return [...words, flags.dryRun];
  const path = await questions.write('Write it to (a path where nothing is yet):', (text) => {
    if (text.trim() === '') return 'Type a path.';
    return existsSync(atHome(text.trim())) ? 'Something is there already.' : null;
  });
  return withOption(words, flags.out, atHome(path.trim()));
}
