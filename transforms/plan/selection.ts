/**
 * Whether a site id matches a pattern, in which `*` stands for any run of characters, slashes included, and `?` for one:
 * ids are names, not paths.
 */
export function matchesPattern(id: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(id);
}

/** Whether a site is among those to migrate: it matches `include` (or there is none) and no `exclude`. */
export function isSelected(id: string, include: readonly string[], exclude: readonly string[]): boolean {
  const matches = (pattern: string) => matchesPattern(id, pattern);
  return (include.length === 0 || include.some(matches)) && !exclude.some(matches);
}
