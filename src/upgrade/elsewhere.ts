import { link, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure } from '../contract/failure.js';
import { errorCode, explainFileError, isLinkRefusal } from './file-errors.js';
import {
  type Checkpoint,
  createFolder,
  exists,
  fingerprint,
  type NewFile,
  removeFile,
  syncFolder,
  writeFileDurably,
} from './files.js';
import { isLeftOver, temporaryId } from './lock-record.js';
import { draftName, refuseLinkedFolders, resolveInside } from './places.js';

export interface NewModel {
  /** what the entry file shall be called: `out/model.onnx`, `out/model.json`; side files go below the same folder */
  readonly outPath: string;
  readonly files: readonly NewFile[];
  /** the `path` of the entry file among `files`; the name of `outPath` replaces it */
  readonly entry: string;
  /** the permissions of the files, no wider than those of what they hold (those that this process gives new files) */
  readonly mode?: number;
  /** whether files that stand there already may be replaced (false) */
  readonly overwrite?: boolean;
  /** asked once everything is drafted, and nothing has taken its place yet: what it throws undoes the drafts */
  readonly confirm?: () => Promise<void>;
}

/**
 * Writes a model to a new place. Everything is written into a temporary folder first, and moved only when it is complete and on
 * the disk; the entry file comes last. So there is all of the model or none. Files that hold the
 * right bytes already are left as they are.
 * Returns the absolute path and the SHA-256 of each file, the entry file first.
 *
 * @throws Failure('usage') when something else stands there and `overwrite` is not set: nothing is written
 * @throws Failure('input') when a folder on the way to a file is a link: nothing is written
 * @throws Failure('input') when writing fails: nothing is left behind, but for side files that `overwrite` allowed to replace
 */
export async function writeElsewhere(
  model: NewModel,
  checkpoint: Checkpoint = () => {},
): Promise<readonly { readonly path: string; readonly sha256: string }[]> {
  const outPath = resolve(model.outPath);
  const folder = dirname(outPath);
  const entryFile = model.files.find((each) => each.path === model.entry);
  if (entryFile === undefined) throw new Error(`the entry file ${model.entry} is not among the files to write`);
  const sideFiles = model.files.filter((each) => each !== entryFile);
  // The entry file is the last to be moved.
  const targets = [...sideFiles, { ...entryFile, path: basename(outPath) }].map((file) => ({
    ...file,
    place: resolveInside(folder, file.path),
  }));
  const overwrite = model.overwrite ?? false;
  const mode = model.mode === undefined ? undefined : { mode: model.mode };
  if (!overwrite) await refuseExisting(outPath);
  await refuseLinkedFolders(
    folder,
    targets.map(({ path }) => path),
  );

  const undo: (() => Promise<void>)[] = [];
  const replaced: string[] = [];
  try {
    for (const each of await createFolder(folder)) undo.push(() => rmdir(each));
    await clearLeftOver(outPath).catch(() => undefined);
    // Beside the target, since a rename works only within one file system.
    const draft = join(folder, draftName(basename(outPath), temporaryId()));
    undo.push(() => rm(draft, { recursive: true, force: true }));
    const drafted: { readonly path: string; readonly place: string; readonly sha256: string }[] = [];
    for (const { path, bytes, place } of targets) {
      await createFolder(dirname(join(draft, path)));
      const { sha256 } = await writeFileDurably(join(draft, path), bytes, mode);
      drafted.push({ path, place, sha256 });
      await checkpoint(`drafted ${path}`);
    }
    await model.confirm?.();
    for (const { path, place, sha256 } of drafted) {
      const standing = await fingerprintOf(place);
      if (standing === sha256) continue;
      if (standing !== null && !overwrite) throw inTheWay(place);
      for (const each of await createFolder(dirname(place))) undo.push(() => rmdir(each));
      await move(join(draft, path), place, overwrite);
      if (standing === null) undo.push(() => removeFile(place));
      else replaced.push(place);
      await syncFolder(dirname(place));
      await checkpoint(`moved ${path}`);
    }
    await rm(draft, { recursive: true, force: true });
    return drafted.map(({ place, sha256 }) => ({ path: place, sha256 })).toReversed();
  } catch (error) {
    for (const step of undo.toReversed()) await step().catch(() => undefined);
    if (replaced.length === 0) throw explainFileError(error, outPath, 'removed-again');
    throw explainFileError(error, outPath, 'files-replaced', `Replaced already: ${replaced.join(', ')}.`);
  }
}

/**
 * What `writeElsewhere` will refuse at its end, asked beforehand.
 * @throws Failure('usage') where something stands at `outPath`
 */
export async function refuseExisting(outPath: string): Promise<void> {
  if (await exists(resolve(outPath))) throw inTheWay(resolve(outPath));
}

/** Removes the drafts for `outPath` of processes that were killed over them: they are as large as the model. */
async function clearLeftOver(outPath: string): Promise<void> {
  for (const each of await readdir(dirname(outPath), { withFileTypes: true })) {
    const [, id] = /\.([0-9a-f]{8}\.\d+\.[0-9a-f]{12})\.tmp$/.exec(each.name) ?? [];
    if (id === undefined || !each.isDirectory() || each.name !== draftName(basename(outPath), id)) continue;
    if (isLeftOver(id)) await rm(join(dirname(outPath), each.name), { recursive: true, force: true });
  }
}

async function fingerprintOf(place: string): Promise<string | null> {
  const standing = (await exists(place)) ? await stat(place).catch(() => null) : undefined;
  if (standing === null || standing?.isFile() === false) throw inTheWay(place);
  return (await fingerprint(place))?.sha256 ?? null;
}

/** A link, unlike a rename, refuses to replace a file that somebody put there a moment ago. */
async function move(from: string, to: string, overwrite: boolean): Promise<void> {
  if (overwrite) return rename(from, to);
  try {
    await link(from, to);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw inTheWay(to);
    if (!isLinkRefusal(error)) throw error;
    await rename(from, to);
  }
}

function inTheWay(path: string): Failure {
  return new Failure('usage', {
    what: `${path} exists already.`,
    cure: 'Choose another place, or remove it first.',
    settings: ['out'],
  });
}
