import type { MigrateResult } from '../contract/result.js';
import type { Texts } from './text/en.js';

/**
 * The verdict in a few words. What is adopted for its further training is not said to be FReLU's, and what a rule let be
 * written without the figures' support is said to be that.
 */
export function headline(
  { verdict, reasons, written, acceptance }: Pick<MigrateResult, 'verdict' | 'reasons' | 'written' | 'acceptance'>,
  text: Texts,
): string {
  const words = text.headlines;
  if (verdict !== 'adopt')
    return written ? words.written(text.verdicts[verdict], acceptance.rule) : text.verdicts[verdict];
  const isOpen = reasons.some(({ code }) => code === 'undecided-against-control');
  return isOpen ? words.further(text.verdicts.adopt) : text.verdicts.adopt;
}
