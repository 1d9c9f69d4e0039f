import { basename, dirname, join } from 'node:path';
import { Failure } from '../../contract/failure.js';
import type { Dataset, Part } from '../dataset.js';
import { arrayDataset } from './arrays.js';
import { fileSize, isFolder, listFolder, readBytes } from './files.js';
import type { DatasetReader, ReadOptions } from './reader.js';
import { indexedTargets } from './targets.js';

/** What sets one CIFAR binary version apart from the other. */
interface Version {
  readonly format: 'cifar10' | 'cifar100';
  readonly title: string;
  /** the folder that the published archive unpacks to */
  readonly archiveFolder: string;
  /** bytes before the pixels; the last of them is the label (CIFAR-100 writes the coarse label first) */
  readonly labelBytes: number;
  readonly classes: number;
  readonly namesFile: string;
  readonly files: Readonly<Record<'train' | 'test', RegExp>>;
}

/** 3 x 32 x 32, the red plane first, each plane row by row */
const pixelBytes = 3 * 32 * 32;

const versions: Readonly<Record<'cifar10' | 'cifar100', Version>> = {
  cifar10: {
    format: 'cifar10',
    title: 'CIFAR-10 binary',
    archiveFolder: 'cifar-10-batches-bin',
    labelBytes: 1,
    classes: 10,
    namesFile: 'batches.meta.txt',
    files: { train: /^data_batch_\d+\.bin$/, test: /^test_batch\.bin$/ },
  },
  cifar100: {
    format: 'cifar100',
    title: 'CIFAR-100 binary',
    archiveFolder: 'cifar-100-binary',
    labelBytes: 2,
    classes: 100,
    namesFile: 'fine_label_names.txt',
    files: { train: /^train\.bin$/, test: /^test\.bin$/ },
  },
};

const recordBytes = (version: Version): number => version.labelBytes + pixelBytes;

const hasName = (version: Version, name: string): boolean =>
  version.files.train.test(name) || version.files.test.test(name);

/** The files of a folder, or of the archive's folder within it, by part. */
async function partFiles(version: Version, folder: string): Promise<ReadonlyMap<Part, readonly string[]>> {
  const { files, folders } = await listFolder(folder);
  if (folders.includes(version.archiveFolder)) return partFiles(version, join(folder, version.archiveFolder));
  const parts = new Map<Part, readonly string[]>();
  for (const part of ['train', 'test'] as const) {
    const found = files.filter((file) => version.files[part].test(file));
    if (found.length > 0)
      parts.set(
        part,
        found.map((file) => join(folder, file)),
      );
  }
  return parts;
}

async function classNames(version: Version, folder: string): Promise<readonly string[]> {
  const path = join(folder, version.namesFile);
  if ((await fileSize(path)) === null) return Array.from({ length: version.classes }, (_, i) => String(i));
  const names = new TextDecoder()
    .decode(await readBytes(path))
    .split(/\r?\n/)
    .filter((line) => line !== '');
  if (names.length === version.classes) return names;
  throw new Failure('input', {
    what: `${path}: it names ${names.length} classes, not ${version.classes}.`,
    cure: 'Download it again, or remove it.',
  });
}

async function readRecords(version: Version, path: string): Promise<Uint8Array> {
  const bytes = await readBytes(path);
  const size = recordBytes(version);
  if (bytes.length > 0 && bytes.length % size === 0) return bytes;
  throw new Failure('input', {
    what:
      `${path}: ${version.title} has ${size} bytes for each image, but the file's ${bytes.length} bytes are ` +
      `${Math.floor(bytes.length / size)} images and ${bytes.length % size} bytes more: it is cut short.`,
    cure: 'Download it again.',
  });
}

async function read(version: Version, path: string, options: ReadOptions): Promise<Dataset> {
  const folder = await isFolder(path);
  const parts = folder ? await partFiles(version, path) : new Map<Part, readonly string[]>([['train', [path]]]);
  const part = folder ? (options.part ?? (parts.has('train') ? 'train' : 'test')) : 'train';
  const files = parts.get(part) ?? [];
  const [first] = files;
  if (first === undefined)
    throw new Failure('input', {
      what: `${path}: it holds no ${part} files of ${version.title}.`,
      cure: 'Give a folder that does.',
    });
  const size = recordBytes(version);
  const batches = await Promise.all(files.map((file) => readRecords(version, file)));
  const count = batches.reduce((sum, batch) => sum + batch.length / size, 0);
  const storage = new Uint8Array(count * pixelBytes);
  const labels = new Int32Array(count);
  let at = 0;
  for (const batch of batches) {
    for (let start = 0; start < batch.length; start += size) {
      labels[at] = batch[start + version.labelBytes - 1] ?? 0;
      storage.set(batch.subarray(start + version.labelBytes, start + size), at * pixelBytes);
      at += 1;
    }
  }
  const names = options.classNames ?? (await classNames(version, dirname(first)));
  return arrayDataset({
    path,
    format: version.format,
    part: folder ? part : undefined,
    shape: [3, 32, 32],
    layout: 'CHW',
    storage,
    targets: indexedTargets(labels, (i) => `${path}: the label of image ${i}`, {
      ...options,
      classNames: names,
    }),
  });
}

function reader(version: Version): DatasetReader {
  return {
    format: version.title,
    async recognises(path) {
      if (await isFolder(path)) return (await partFiles(version, path)).size > 0;
      const name = basename(path);
      // a damaged file is still one by its name, and is then refused with the reason
      if (hasName(version, name)) return true;
      if (!name.endsWith('.bin') || Object.values(versions).some((other) => hasName(other, name))) return false;
      const size = (await fileSize(path)) ?? 0;
      return size > 0 && size % recordBytes(version) === 0;
    },
    async parts(path) {
      return (await isFolder(path)) ? [...(await partFiles(version, path)).keys()] : ['train'];
    },
    read: (path, options) => read(version, path, options),
  };
}

/** CIFAR-10 and CIFAR-100 (fine labels) in their binary versions: a .bin file, or the folder of them. */
export const cifar10: DatasetReader = reader(versions.cifar10);
export const cifar100: DatasetReader = reader(versions.cifar100);
