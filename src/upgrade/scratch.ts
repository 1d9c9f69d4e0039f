import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLeftOver, temporaryId } from './lock-record.js';

/** A folder in the system's temporary one, of this user alone. */
export interface Scratch {
  readonly folder: string;
  discard(): Promise<void>;
}

const prefix = 'frelu-scratch.';
const ownName = /^frelu-scratch\.[0-9a-f]{8}\.\d{1,10}\.[0-9a-f]{12}$/;

/**
 * Makes one, and removes those that processes left behind which were killed. Its name says whose it is: the machine with its space of
 * process numbers, and the process.
 */
export async function makeScratch(): Promise<Scratch> {
  const parent = tmpdir();
  await removeLeftOver(parent);
  const folder = join(parent, `${prefix}${temporaryId()}`);
  // fails where anything has that name already, a link too
  await mkdir(folder, { mode: 0o700 });
  return { folder, discard: () => rm(folder, { recursive: true, force: true }) };
}

/** A courtesy to the disk: what cannot be looked at, or removed, stays. */
async function removeLeftOver(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  for (const name of names.filter((each) => ownName.test(each) && isLeftOver(each))) {
    const path = join(parent, name);
    // links within are removed, never followed
    if (await isOwn(path)) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Whether a folder is one that this user made, with nobody else let in: anybody may put a name into the temporary folder. */
async function isOwn(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => null);
  if (found?.isDirectory() !== true) return false;
  // absent on Windows, where the temporary folder is the user's own
  const user = process.getuid?.();
  return user === undefined || (found.uid === user && (found.mode & 0o077) === 0);
}
