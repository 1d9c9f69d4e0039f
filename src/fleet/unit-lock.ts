import { join } from 'node:path';
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
  await replaceFile(place, Buffer.from(`${JSON.stringify(unit)}\n`));
  const lock = await acquireLock(place);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
