import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Failure } from '../contract/failure.js';
import { findBackup } from './backup.js';
import { fingerprint } from './files.js';
import { readJournal } from './journal.js';
import { locateModel } from './location.js';
import { resolveInside } from './places.js';

/**
 * Copies the files of a version of a model by their hashes into another folder: from where they stand, or from the backups of
 * changes that came after.
 * @param files paths relative to the model's folder
 * @throws Failure('input') naming a file that is neither here nor kept; Failure('locked') when the journal is not readable
 */
export async function copyVersion(
  modelPath: string,
  files: readonly { readonly path: string; readonly sha256: string }[],
  into: string,
): Promise<void> {
  const { folder } = await locateModel(modelPath);
  const journal = await readJournal(folder);
  for (const { path, sha256 } of files) {
    const place = resolveInside(folder, path);
    const stands = await fingerprint(place).catch(() => null);
    const source = stands?.sha256 === sha256 ? place : await findBackup(folder, journal, sha256);
    if (source === null) {
      throw new Failure('input', {
        what: `${place}: it is not what the run was made of, and its backup is not kept any more.`,
        cure: 'Put the model as it came back in its place.',
        settings: ['model'],
        written: 'nothing',
      });
    }
    const copy = join(into, path);
    await mkdir(dirname(copy), { recursive: true, mode: 0o700 });
    await copyFile(source, copy);
  }
}
