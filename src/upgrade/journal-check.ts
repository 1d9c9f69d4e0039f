import { posix } from 'node:path';
import { type Change, isPending, original, sha256Of } from './change.js';

/** How many changes may be unfinished: one, and another for each run that was asleep over its commit when its lock was taken over. */
const unfinishedAtMost = 8;

/**
 * What tells a journal from one that this program wrote, in words; null for one that it may have written. A journal comes with its
 * folder, which may come from anybody, and recovery removes what it lists: so whatever this program would never list is refused.
 */
export function whatIsWrong(changes: readonly Change[]): string | null {
  const earlier: Earlier = { ids: new Set(), versions: new Map() };
  for (const [index, change] of changes.entries()) {
    const wrong = wrongPath(change) ?? wrongVersions(change, earlier) ?? wrongFiles(change);
    if (wrong !== null) return `changes.${index} (${JSON.stringify(change.id)}): ${wrong}`;
    earlier.ids.add(change.id);
    if (change.kind === 'upgrade') earlier.versions.get(change.entry)?.add(change.id);
  }
  const unfinished = changes.filter(isPending).length;
  return unfinished > unfinishedAtMost ? `${unfinished} changes are unfinished` : null;
}

interface Earlier {
  /** of all changes */
  readonly ids: Set<string>;
  /** by the models' entry files */
  readonly versions: Map<string, Set<string>>;
}

function wrongPath(change: Change): string | null {
  if (!isInside(change.entry) || change.entry.includes('/'))
    return `entry ${JSON.stringify(change.entry)} is no file's name`;
  const { before, after, writes, created, createdFolders, obsolete } = change;
  const files = { before: before.map(({ path }) => path), after: after.map(({ path }) => path) };
  for (const [name, paths] of Object.entries({ ...files, writes, created, createdFolders, obsolete })) {
    if (new Set(paths).size < paths.length) return `${name} names a file twice`;
    const outside = paths.find((path) => !isInside(path));
    if (outside !== undefined)
      return `${name} names ${JSON.stringify(outside)}, which is no place in the model's folder`;
  }
  return null;
}

/** Relative, in its shortest form, and neither outside of the folder nor in `.frelu`. */
function isInside(path: string): boolean {
  if (path === '' || path.includes('\0') || posix.isAbsolute(path) || posix.normalize(path) !== path) return false;
  if (process.platform === 'win32' && /[\\:]/.test(path)) return false;
  const [first] = path.split('/');
  return !path.endsWith('/') && first !== '.' && first !== '..' && first?.toLowerCase() !== '.frelu';
}

/** Versions are the original and earlier upgrades of the same model: so no line of versions runs in a circle. */
function wrongVersions(change: Change, earlier: Earlier): string | null {
  if (earlier.ids.has(change.id)) return 'another change has this id';
  const versions = earlier.versions.get(change.entry) ?? new Set([original]);
  earlier.versions.set(change.entry, versions);
  if (!versions.has(change.from)) return `from ${JSON.stringify(change.from)} is no earlier version`;
  if (change.kind === 'upgrade')
    return change.to === change.id ? null : 'an upgrade leads to another version than its own';
  return versions.has(change.to) ? null : `to ${JSON.stringify(change.to)} is no earlier version`;
}

function wrongFiles(change: Change): string | null {
  const before = new Set(change.before.map(({ path }) => path));
  const after = new Set(change.after.map(({ path }) => path));
  const writes = new Set(change.writes);
  if (!before.has(change.entry) || !writes.has(change.entry)) return 'it does not replace its own model';
  if ((change.state === 'preparing') !== (after.size === 0))
    return `the files after it do not go with the state ${change.state}`;
  if (after.size > 0 && !after.has(change.entry)) return 'it leaves no model';
  for (const path of after)
    if (!before.has(path) && !writes.has(path)) return `it leaves ${JSON.stringify(path)}, which it does not write`;
  const rewritten = change.after.find(
    ({ path, sha256 }) => path !== change.entry && ![sha256, null].includes(sha256Of(change.before, path)),
  );
  if (rewritten !== undefined) return `it cannot have overwritten ${JSON.stringify(rewritten.path)}`;
  for (const path of change.created) {
    if (path === change.entry || before.has(path) || !writes.has(path)) {
      return `it cannot have created ${JSON.stringify(path)}`;
    }
  }
  for (const path of change.obsolete) {
    if (path === change.entry || !before.has(path) || writes.has(path) || after.has(path)) {
      return `${JSON.stringify(path)} cannot be obsolete`;
    }
  }
  const parents = new Set(change.created.flatMap(foldersAbove));
  const folder = change.createdFolders.find((path) => !parents.has(path));
  return folder === undefined ? null : `it cannot have created the folder ${JSON.stringify(folder)}`;
}

/** 'a', 'a/b' for 'a/b/c'. */
function foldersAbove(path: string): string[] {
  const above = posix.dirname(path);
  return above === '.' ? [] : [...foldersAbove(above), above];
}
