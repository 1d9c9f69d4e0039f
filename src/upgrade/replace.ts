import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { explainFileError } from './file-errors.js';
import { type FileContent, removeFile, syncFolder, writeFileDurably } from './files.js';
import type { Ownership } from './permissions.js';

/**
 * Writes a file whole or not at all, in place of one that may stand there: a crash at any moment leaves the old one or the new
 * one, and once this returns the new one is on the disk.
 * @throws Failure('input') where the file system refuses; the file that stood there is as it was
 */
export async function replaceFile(path: string, content: FileContent, ownership?: Ownership): Promise<void> {
  const draft = `${path}.new`;
  try {
    // what a crash left
    await removeFile(draft);
    await writeFileDurably(draft, content, ownership);
    await rename(draft, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await removeFile(draft).catch(() => undefined);
    throw explainFileError(error, path, 'model-untouched');
  }
}
