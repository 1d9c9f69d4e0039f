import { Failure } from '../contract/failure.js';
import { refuseIrregular } from '../contract/regular-file.js';
import type { Dataset, Part, Targets } from './dataset.js';
import { cifar10, cifar100 } from './readers/cifar.js';
import { csv, tsv } from './readers/delimited.js';
import { isFolder } from './readers/files.js';
import { idx } from './readers/idx.js';
import { imageFolder } from './readers/image-folder.js';
import { jsonLines, jsonRecords } from './readers/json.js';
import { maskFolder } from './readers/mask-folder.js';
import { npy, npz } from './readers/npz.js';
import { parquet } from './readers/parquet.js';
import { partFiles } from './readers/part-files.js';
import type { DatasetReader, ReadOptions } from './readers/reader.js';

export type { ReadOptions } from './readers/reader.js';

const tables: readonly DatasetReader[] = [parquet, jsonLines, jsonRecords, tsv, csv];

/** In the order in which they are asked: what has a signature before what has none. */
const readers: readonly DatasetReader[] = [
  idx,
  npz,
  npy,
  parquet,
  cifar10,
  cifar100,
  maskFolder,
  imageFolder,
  partFiles(tables),
  jsonLines,
  jsonRecords,
  tsv,
  csv,
];

export async function readerOf(path: string): Promise<DatasetReader> {
  await refuseIrregular(path);
  const folder = await isFolder(path);
  for (const reader of readers) {
    if (await reader.recognises(path)) return reader;
  }
  throw new Failure('input', {
    what: `${path}: this ${folder ? 'folder' : 'file'} is no data set of a known format (${readers
      .map(({ format }) => format)
      .join(', ')}).`,
    cure: 'Check the path, or export the data in one of these.',
    settings: ['data'],
  });
}

/**
 * Opens a data set, its format told by its content. Small formats are read whole; image files are decoded as they are used.
 * @throws Failure('input') when there is nothing at `path`, no format fits, or the data is malformed
 */
export async function openDataset(path: string, options: ReadOptions = {}): Promise<Dataset> {
  return (await readerOf(path)).read(path, options);
}

/** The options that another part is read with: its classes are numbered as those of `targets`. */
export function companionOptions(targets: Targets, part: Part, options: ReadOptions): ReadOptions {
  // numbers mean the same in every part, whichever of them a part has: each may have some that the other lacks
  if (targets.kind !== 'class' || targets.numbered === true) return { ...options, part };
  return { ...options, classNames: targets.names, part };
}

/** Targets of another part, with the names of the classes that `targets` has and they lack. */
export function withNamesOf(companion: Targets, targets: Targets): Targets {
  if (targets.kind !== 'class' || targets.numbered !== true || companion.kind !== 'class') return companion;
  return companion.names.length >= targets.names.length ? companion : { ...companion, names: targets.names };
}

/**
 * Opens another part of the data set that `dataset` was opened from (the test set of a folder that holds
 * both), with the same class names; null where there is none.
 * @throws Failure('input') when that part is malformed
 */
export async function openCompanion(
  { path, part: own, targets }: { readonly path: string; readonly part?: Part | undefined; readonly targets: Targets },
  part: Part,
  options: ReadOptions = {},
): Promise<Dataset | null> {
  if (own === undefined || own === part) return null;
  const reader = await readerOf(path);
  if (!(await reader.parts(path)).includes(part)) return null;
  const companion = await reader.read(path, companionOptions(targets, part, options));
  const named = withNamesOf(companion.targets, targets);
  return named === companion.targets ? companion : { ...companion, targets: named };
}
