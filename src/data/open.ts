import { Failure } from '../contract/failure.js';
import type { Dataset, Part } from './dataset.js';
import { cifar10, cifar100 } from './readers/cifar.js';
import { csv, tsv } from './readers/delimited.js';
import { isFolder } from './readers/files.js';
import { idx } from './readers/idx.js';
import { imageFolder } from './readers/image-folder.js';
import { jsonLines, jsonRecords } from './readers/json.js';
import { npy, npz } from './readers/npz.js';
import { parquet } from './readers/parquet.js';
import type { DatasetReader, ReadOptions } from './readers/reader.js';

export type { ReadOptions } from './readers/reader.js';

/** In the order in which they are asked: what has a signature before what has none. */
const readers: readonly DatasetReader[] = [
  idx,
  npz,
  npy,
  parquet,
  cifar10,
  cifar100,
  imageFolder,
  jsonLines,
  jsonRecords,
  tsv,
  csv,
];

export async function readerOf(path: string): Promise<DatasetReader> {
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

/**
 * Opens another part of the data set that `dataset` was opened from (the test set of a folder that holds
 * both), with the same class names; null where there is none.
 * @throws Failure('input') when that part is malformed
 */
export async function openCompanion(dataset: Dataset, part: Part, options: ReadOptions = {}): Promise<Dataset | null> {
  if (dataset.part === undefined || dataset.part === part) return null;
  const reader = await readerOf(dataset.path);
  if (!(await reader.parts(dataset.path)).includes(part)) return null;
  const { targets } = dataset;
  if (targets.kind !== 'class') return reader.read(dataset.path, { ...options, part });
  if (targets.numbered !== true) return reader.read(dataset.path, { ...options, classNames: targets.names, part });
  // numbers mean the same in every part, whichever of them a part has: each may have some that the other lacks
  const companion = await reader.read(dataset.path, { ...options, part });
  if (companion.targets.kind !== 'class' || companion.targets.names.length >= targets.names.length) return companion;
  return { ...companion, targets: { ...companion.targets, names: targets.names } };
}
