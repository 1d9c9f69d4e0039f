import { constants, type Stats } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../contract/failure.js';
import { absentIsNull, errorCode, isAbsence } from './file-errors.js';
import { frelu, journalPath, lockPath } from './location.js';

/*
 * A model's folder may come from anywhere, with a `.frelu` in it. What this program keeps there are folders and files; a link would
 * have it read, write and remove elsewhere, and a pipe would keep it waiting.
 */

/** In bytes: some seven hundred changes of a model of a hundred files, or fifty thousand of models of one. What is read takes ten times as much. */
const journalLimit = 1 << 25;
const lockLimit = 1 << 16;

const isFolder = (found: Stats): boolean => found.isDirectory();
const isFile = (found: Stats): boolean => found.isFile();

/**
 * Makes sure that what stands in `.frelu` under the names that this program uses is of the kind that it makes.
 * @throws Failure('locked') naming what is not
 */
export async function checkOwnEntries(folder: string): Promise<void> {
  const root = frelu(folder);
  for (const path of [root, join(root, 'backups'), join(root, 'runs')]) await checkOwnFolder(path);
  for (const path of [lockPath(folder), journalPath(folder), `${journalPath(folder)}.tmp`]) {
    await checkKind(path, isFile, 'a file');
  }
}

/** @throws Failure('locked') where something else than a folder stands at `path` */
export function checkOwnFolder(path: string): Promise<void> {
  return checkKind(path, isFolder, 'a folder');
}

/** @throws Failure('locked') where something else than what `isRight` says stands at `path`; links are not followed */
async function checkKind(path: string, isRight: (found: Stats) => boolean, kind: string): Promise<void> {
  const found = await lstat(path).catch(absentIsNull);
  if (found === null || isRight(found)) return;
  throw new Failure('locked', {
    what: `${path} is ${kindOf(found)}, not ${kind} that frelu-migrate made: nothing of it is read or changed.`,
    cure: 'See who put it there, and move it away.',
    written: 'model-untouched',
  });
}

/** In words: what stands there. */
export function kindOf(found: Stats): string {
  if (found.isSymbolicLink()) return 'a symbolic link';
  if (found.isDirectory()) return 'a folder';
  if (found.isFile()) return 'a file';
  return found.isFIFO() ? 'a pipe' : 'no regular file';
}

/**
 * The text of a file that this program keeps, without following a link or waiting for a writer; null where there is none.
 * @throws Failure('locked') where something else stands there, or it is larger than any that this program writes
 */
export async function readOwn(
  path: string,
  limit: number,
): Promise<{ readonly text: string; readonly found: Stats } | null> {
  await checkKind(path, isFile, 'a file');
  // absent on Windows, which has neither such pipes nor links that everybody may make
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: unknown) => {
    if (isAbsence(error)) return null;
    throw unreadable(path, error);
  });
  if (file === null) return null;
  try {
    const found = await file.stat();
    if (!found.isFile() || found.size > limit) {
      throw new Failure('locked', {
        what: `${path} is not a file that frelu-migrate made: it is ${found.isFile() ? `${found.size} bytes long` : kindOf(found)}.`,
        cure: 'See who put it there, and move it away.',
        written: 'model-untouched',
      });
    }
    return { text: await file.readFile('utf8'), found };
  } catch (error) {
    throw error instanceof Failure ? error : unreadable(path, error);
  } finally {
    await file.close();
  }
}

export const readJournalFile = async (folder: string): Promise<string | null> =>
  (await readOwn(journalPath(folder), journalLimit))?.text ?? null;

/** A lock's text, with what the file system says about it. */
export const readLockFile = (path: string): ReturnType<typeof readOwn> => readOwn(path, lockLimit);

function unreadable(path: string, cause: unknown): unknown {
  const code = errorCode(cause);
  if (code === null) return cause;
  return new Failure(
    'locked',
    {
      what: `${path} cannot be read (${code}).`,
      cure: 'Make it readable; or, where no run of frelu-migrate is at work on the models of this folder, move it away.',
      written: 'model-untouched',
    },
    { cause },
  );
}
