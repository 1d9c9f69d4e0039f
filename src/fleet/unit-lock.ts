import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { explainFileError } from '../upgrade/file-errors.js';
import { acquireLock } from '../upgrade/lock.js';
import { replaceFile } from '../upgrade/replace.js';
import { workParts } from './store/store.js';
import type { Unit } from './unit.js';

/**
 * Does something in a unit's folder, in which nobody else does anything meanwhile, and says beside it which unit it is.
 * @throws Failure('locked') where another process is at it
 */
export async function whileLocked<T>(unit: Unit, folder: string, work: () => Promise<T>): Promise<T> {
  const place = join(folder, workParts.unit);
  // a lock is that of a file; what it says is written behind the lock, since two workers may come to a unit at the same time
  await appendFile(place, '').catch((error: unknown) => {
    throw explainFileError(error, place, 'model-untouched');
  });
  const lock = await acquireLock(place);
  try {
    await replaceFile(place, Buffer.from(`${JSON.stringify(unit)}\n`));
    return await work();
  } finally {
    await lock.release();
  }
}
