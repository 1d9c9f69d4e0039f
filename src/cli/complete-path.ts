import { type Dirent, existsSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What Tab makes of a path. */
export interface Completion {
  /** the path, as far as all that may be meant has it in common */
  readonly path: string;
  /** the names of what may be meant, folders with a slash, where that is more than one */
  readonly names: readonly string[];
}

/**
 * Completes a path as shells do. What begins with a dot is meant only where a dot was typed.
 * @param typed relative to the working directory, absolute, or `~/...`
 */
export function completePath(typed: string): Completion {
  const cut = typed.lastIndexOf('/') + 1;
  const [folder, begun] = [typed.slice(0, cut), typed.slice(cut)];
  const names = entriesOf(atHome(folder === '' ? '.' : folder))
    .filter(({ name }) => name.startsWith(begun) && (begun !== '' || !name.startsWith('.')))
    .map((entry) => (isFolder(folder, entry) ? `${entry.name}/` : entry.name))
    .toSorted();
  const common = names.length === 0 ? begun : names.reduce(commonStart);
  return { path: folder + common, names: names.length > 1 ? names : [] };
}

/** A path with the user's own folder for `~`, as a shell gives it to a program. */
export function atHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // no folder, or one that may not be read, has nothing to complete with
    return [];
  }
}

function isFolder(folder: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const path = join(atHome(folder), entry.name);
  return existsSync(path) && statSync(path).isDirectory();
}

function commonStart(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}
