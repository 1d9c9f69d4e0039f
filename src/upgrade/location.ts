import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure } from '../contract/failure.js';
import { errorCode, isAbsence } from './file-errors.js';
import { exists } from './files.js';

/** Where a model truly lives. All paths are absolute and free of symbolic links. */
export interface ModelLocation {
  /** the folder that holds the entry file; everything of the model lies below it */
  readonly folder: string;
  /** the entry file's name in that folder: 'model.onnx', 'model.json' */
  readonly entry: string;
  /** `folder` and `entry` together */
  readonly path: string;
  /** the path as it was given when it led through a symbolic link to another file, for telling the user; otherwise null */
  readonly followed: string | null;
}

/** The folder of backups, journal, runs and lock, beside the model. */
export function frelu(folder: string): string {
  return join(folder, '.frelu');
}

export function journalPath(folder: string): string {
  return join(frelu(folder), 'journal.json');
}

export function lockPath(folder: string): string {
  return join(frelu(folder), 'lock');
}

export function backupFolder(folder: string, id: string): string {
  return join(frelu(folder), 'backups', id);
}

/** Where the backup `id` keeps the model's file `path`. */
export function backupPath(folder: string, id: string, path: string): string {
  return join(backupFolder(folder, id), 'files', path);
}

/**
 * Finds the real file behind `modelPath`. Renaming a new file over a symbolic link would replace the link and leave the
 * file that it names as it was, so links are followed first. An entry file that was deleted is still located
 * where a journal lies beside it: its history can be read.
 * @throws Failure('input') when there is no such file, or it is a folder
 */
export async function locateModel(modelPath: string): Promise<ModelLocation> {
  const given = resolve(modelPath);
  let path: string;
  try {
    path = await realpath(given);
  } catch (error) {
    if (errorCode(error) === 'ELOOP') {
      throw new Failure('input', { what: `${given} is a link to itself.`, cure: 'Check the path to the model.' });
    }
    if (!isAbsence(error)) throw error;
    const folder = await realpath(dirname(given)).catch(() => null);
    if (folder === null || !(await exists(journalPath(folder)))) {
      throw new Failure('input', { what: `There is no file ${given}.`, cure: 'Check the path to the model.' });
    }
    return { folder, entry: basename(given), path: join(folder, basename(given)), followed: null };
  }
  const found = await stat(path);
  if (found.isDirectory()) {
    throw new Failure('input', { what: `${given} is a folder.`, cure: 'Name the model file in it.' });
  }
  if (!found.isFile()) {
    throw new Failure('input', { what: `${given} is not a regular file.`, cure: 'Name the model file.' });
  }
  const unlinked = join(await realpath(dirname(given)), basename(given));
  return { folder: dirname(path), entry: basename(path), path, followed: unlinked === path ? null : given };
}
