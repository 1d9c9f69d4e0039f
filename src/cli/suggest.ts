import { distance } from 'fastest-levenshtein';

/** The candidate closest to what was typed, where it is close enough to be what was meant; null otherwise. */
export function suggest(typed: string, candidates: readonly string[]): string | null {
  const limit = typed.length < 4 ? 1 : 2;
  let best: string | null = null;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    const edits = distance(typed.toLowerCase(), candidate.toLowerCase());
    if (edits < bestDistance) [best, bestDistance] = [candidate, edits];
  }
  return best;
}
