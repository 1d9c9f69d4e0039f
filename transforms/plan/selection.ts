import { matchesPattern } from '../../src/contract/pattern.js';

/** Whether a site is among those to migrate: it matches `include` (or there is none) and no `exclude`. */
export function isSelected(id: string, include: readonly string[], exclude: readonly string[]): boolean {
  const matches = (pattern: string) => matchesPattern(id, pattern);
  return (include.length === 0 || include.some(matches)) && !exclude.some(matches);
}
