import { type FileHandle, stat } from 'node:fs/promises';
import { errorCode } from './file-errors.js';

/** Permission bits and, on systems that have them, the owner that a written file shall have. */
export interface Ownership {
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

const ownerBits = 0o700;
const groupAndOthers = 0o077;

/**
 * `file`'s permissions, without what any of `sources` keeps from a group or from others. Where a source belongs to another group, this
 * one's members are to it what all others are.
 */
export function noWiderThan(file: Ownership, sources: readonly Ownership[]): number {
  return sources.reduce((mode, { mode: source, gid }) => {
    const isSameGroup = gid === undefined || file.gid === undefined || gid === file.gid;
    const allowed = isSameGroup ? source & groupAndOthers : (source & 0o007) * 0o011;
    return mode & (ownerBits | allowed);
  }, file.mode & 0o777);
}

/**
 * The permissions of a new file that holds what `paths` hold: those that this process would give it, but no wider than theirs.
 * What is missing among `paths` forbids nothing.
 */
export async function modeOfCopy(paths: readonly string[]): Promise<number> {
  const sources: Ownership[] = [];
  for (const path of paths) {
    const found = await stat(path).catch(() => null);
    if (found === null) continue;
    // who may not enter a folder may not read what lies in it
    const mode = found.isDirectory() ? (found.mode & 0o111) << 2 : found.mode;
    sources.push({ mode, gid: found.gid });
  }
  const gid = process.getegid?.();
  return noWiderThan({ mode: 0o666 & ~process.umask(), ...(gid !== undefined && { gid }) }, sources);
}

/**
 * Gives an open file its owner where this user may, and its permissions. Where it cannot have its group, the group that it has
 * instead may no more than all others.
 */
export async function settleOwnership(file: FileHandle, { mode, uid, gid }: Ownership): Promise<void> {
  let permitted = mode & 0o777;
  if (gid !== undefined) {
    try {
      await file.chown(uid ?? -1, gid);
    } catch (error) {
      ignoreForbidden(error);
      await file.chown(-1, gid).catch(ignoreForbidden);
    }
    const { gid: found } = await file.stat();
    permitted = noWiderThan({ mode, gid: found }, [{ mode, gid }]);
  }
  await file.chmod(permitted).catch(ignoreForbidden);
}

function ignoreForbidden(error: unknown): void {
  const code = errorCode(error);
  if (code === null || !['EPERM', 'ENOTSUP', 'ENOSYS', 'EINVAL'].includes(code)) throw error;
}
