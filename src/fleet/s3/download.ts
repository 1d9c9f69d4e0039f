import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createFolder, writeFileDurably } from '../../upgrade/files.js';
import type { Bucket } from './bucket.js';
import { persist } from './persist.js';

/**
 * Streams an object to a file, which is there whole or not at all.
 * @returns its SHA-256 and size; null where there is no such object
 */
export function download(
  bucket: Bucket,
  key: string,
  path: string,
): Promise<{ readonly sha256: string; readonly bytes: number } | null> {
  return persist(async () => {
    const pieces = await bucket.read(key);
    if (pieces === null) return null;
    await createFolder(dirname(path));
    const draft = `${path}.${randomBytes(6).toString('hex')}.new`;
    try {
      const written = await writeFileDurably(draft, pieces);
      await rename(draft, path);
      return written;
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  });
}
