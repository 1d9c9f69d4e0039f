import { stat } from 'node:fs/promises';
import { Failure } from '../contract/failure.js';
import type { FileState } from './change.js';
import { absentIsNull } from './file-errors.js';
import { fingerprint } from './files.js';
import { resolveInside } from './places.js';

/** A file of the model as it was found: what it held and what tells cheaply that it was not touched since. */
export interface Sighting extends FileState {
  readonly uid: number;
  readonly gid: number;
  readonly inode: bigint;
  readonly modifiedNs: bigint;
}

export const findWriter = 'See who else writes there, and run again.';

/**
 * Reads what the files hold. `mismatches` says in words which of them do not hold what `expected` (path -> SHA-256) says;
 * they are missing from `sightings`.
 */
export async function sight(
  folder: string,
  expected: ReadonlyMap<string, string>,
): Promise<{ readonly sightings: readonly Sighting[]; readonly mismatches: readonly string[] }> {
  const sightings: Sighting[] = [];
  const mismatches: string[] = [];
  for (const [path, sha256] of expected) {
    const place = resolveInside(folder, path);
    const before = await stat(place, { bigint: true }).catch(absentIsNull);
    const found = before === null ? null : await fingerprint(place);
    if (before === null || found === null) {
      mismatches.push(`${path} is missing`);
    } else if (found.sha256 !== sha256) {
      mismatches.push(`${path} has SHA-256 ${found.sha256}, not ${sha256}`);
    } else {
      sightings.push({
        path,
        ...found,
        mode: Number(before.mode) & 0o7777,
        uid: Number(before.uid),
        gid: Number(before.gid),
        inode: before.ino,
        modifiedNs: before.mtimeNs,
      });
    }
  }
  return { sightings, mismatches };
}

/** The last look before the commit. Hashing again would take long and leave a gap as wide; the time stamps leave next to none. */
export async function refuseTouched(folder: string, before: readonly Sighting[]): Promise<void> {
  for (const { path, inode, modifiedNs, bytes } of before) {
    const place = resolveInside(folder, path);
    const now = await stat(place, { bigint: true }).catch(() => null);
    if (now !== null && now.ino === inode && now.mtimeNs === modifiedNs && now.size === BigInt(bytes)) continue;
    throw new Failure('locked', { what: `${place} changed while the run was going on.`, cure: findWriter });
  }
}

/** What the journal keeps of a sighting. */
export function stateOf({ path, sha256, bytes, mode }: FileState): FileState {
  return { path, sha256, bytes, mode };
}
