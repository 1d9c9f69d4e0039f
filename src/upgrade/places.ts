import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize, relative, sep } from 'node:path';
import { Failure, type Fault } from '../contract/failure.js';
import { absentIsNull } from './file-errors.js';

/**
 * The place of a model's side file. Models name their weights by relative paths; one that leads out of the folder
 * could make an upgrade write anywhere. What the folders on the way are is not looked at: see `linkOnTheWay`.
 * @throws Failure('input') for absolute paths, paths through '..' and paths into `.frelu`
 */
export function resolveInside(folder: string, path: string): string {
  const normal = normalize(path);
  const first = normal.split(sep)[0];
  if (path === '' || isAbsolute(path) || first === '..' || first === '.' || first === '.frelu') {
    throw new Failure('input', {
      what: `The model names a file ${JSON.stringify(path)} that lies outside of its folder ${folder}.`,
      cure: 'Move the file into the folder and correct the model, or write elsewhere.',
      settings: ['out'],
      written: 'model-untouched',
    });
  }
  return join(folder, normal);
}

/**
 * The first of the folders between `folder` and the file `place` below it that is not a folder itself: a link, or a file. null
 * where all are, as far as they exist: then the file lies where its path says.
 */
export async function linkOnTheWay(folder: string, place: string): Promise<string | null> {
  let at = folder;
  for (const part of relative(folder, dirname(place)).split(sep)) {
    if (part === '') break;
    at = join(at, part);
    const found = await lstat(at).catch(absentIsNull);
    if (found === null) return null;
    if (!found.isDirectory()) return at;
  }
  return null;
}

/**
 * Makes sure that what is written or removed under these paths of a model lies in the model's folder, whatever links there are.
 * @param kind whose the paths are: the model's ('input'), or a journal's ('locked')
 * @throws Failure(kind) naming the link
 */
export async function refuseLinkedFolders(
  folder: string,
  paths: Iterable<string>,
  kind: 'input' | 'locked' = 'input',
): Promise<void> {
  for (const path of paths) {
    const link = await linkOnTheWay(folder, resolveInside(folder, path));
    if (link === null) continue;
    const remedy: Pick<Fault, 'cure' | 'settings'> =
      kind === 'locked'
        ? {
            cure: 'See who put it there. Put the folder itself in its place, or move .frelu away to begin a new history.',
          }
        : { cure: 'Put the files themselves beside the model, or write elsewhere.', settings: ['out'] };
    throw new Failure(kind, {
      what: `${link} is not a folder but leads elsewhere, and the model has its file ${JSON.stringify(path)} there: what others use is not changed.`,
      ...remedy,
      written: 'model-untouched',
    });
  }
}

/** Longer names are refused by some file systems (eCryptfs), from 255 bytes on by all. */
const longestDraft = 143;

/** The name of something temporary beside `name`; a long name is stood for by its hash. */
export function draftName(name: string, id: string): string {
  const plain = `.${name}.${id}.tmp`;
  if (Buffer.byteLength(plain) <= longestDraft) return plain;
  return `.${createHash('sha256').update(name).digest('hex').slice(0, 16)}.${id}.tmp`;
}

/** Where a file is written before it gets its name: in the same folder, since only there is a rename atomic. */
export function draftPath(folder: string, path: string, id: string): string {
  const place = resolveInside(folder, path);
  return join(dirname(place), draftName(basename(place), id));
}
