import { basename, dirname, join } from 'node:path';
import { Failure } from '../../contract/failure.js';
import { present } from '../../contract/present.js';
import type { Dataset, Part, SampleLayout, Targets } from '../dataset.js';
import { arrayDataset } from './arrays.js';
import { isFolder, listFolder, readBytes, readHead } from './files.js';
import type { DatasetReader, ReadOptions } from './reader.js';
import { indexedTargets } from './targets.js';

/** IDX element types by the third byte of the magic number; all are big-endian. */
const elementTypes: Readonly<
  Record<number, { readonly size: number; readonly at: (view: DataView, offset: number) => number }>
> = {
  8: { size: 1, at: (view, offset) => view.getUint8(offset) },
  9: { size: 1, at: (view, offset) => view.getInt8(offset) },
  11: { size: 2, at: (view, offset) => view.getInt16(offset) },
  12: { size: 4, at: (view, offset) => view.getInt32(offset) },
  13: { size: 4, at: (view, offset) => view.getFloat32(offset) },
  14: { size: 8, at: (view, offset) => view.getFloat64(offset) },
};

/** What a file's header announces. */
interface IdxHeader {
  readonly path: string;
  readonly shape: readonly number[];
  readonly type: number;
  /** where the elements begin */
  readonly start: number;
}

/** LeCun's IDX: 0, 0, element type, rank, then one big-endian uint32 per dimension, then the elements. */
async function readHeader(path: string): Promise<IdxHeader> {
  const head = await readHead(path, 4 + 4 * 255);
  // an archive that is cut short says so itself
  if (head.length < 4 + 4 * (head[3] ?? 0)) await readBytes(path, 4 + 4 * 255);
  const [zero, alsoZero, type = 0, rank = 0] = head;
  const element = elementTypes[type];
  if (zero !== 0 || alsoZero !== 0 || element === undefined || rank < 1) {
    const magic = Buffer.from(head.subarray(0, 4)).toString('hex');
    throw new Failure('input', {
      what: `${path}: it does not start like an IDX file (first bytes ${magic || 'none'}).`,
      cure: 'Download it again.',
    });
  }
  const start = 4 + 4 * rank;
  if (head.length < start) {
    throw new Failure('input', { what: `${path}: it ends within its header.`, cure: 'Download it again.' });
  }
  const header = new DataView(head.buffer, head.byteOffset, head.byteLength);
  return { path, shape: Array.from({ length: rank }, (_, i) => header.getUint32(4 + 4 * i)), type, start };
}

/** All elements; a file that unpacks to more than it announces is not unpacked whole. */
async function readElements({ path, shape, type, start }: IdxHeader): Promise<Uint8Array | Float32Array> {
  const element = present(elementTypes[type], `${path}: its element type`);
  const length = shape.reduce((product, dim) => product * dim, 1);
  const expected = start + length * element.size;
  const bytes = await readBytes(path, expected);
  if (bytes.length !== expected) {
    throw new Failure('input', {
      what:
        `${path}: its header announces ${shape.join(' x ')} elements, ${expected} bytes, but it holds ` +
        `${bytes.length}: it is ${bytes.length < expected ? 'cut short' : 'damaged'}.`,
      cure: 'Download it again.',
    });
  }
  if (type === 8) return bytes.subarray(start);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(length);
  for (let i = 0; i < length; i += 1) values[i] = element.at(view, start + i * element.size);
  return values;
}

/** `train-images-idx3-ubyte`, `t10k-images.idx3-ubyte.gz`, `emnist-letters-test-images-idx3-ubyte`... */
const imagesName = /images[-.]idx\d-ubyte(\.gz)?$/;
const labelsName = /labels[-.]idx\d-ubyte(\.gz)?$/;
const isTestName = (name: string): boolean => /t10k|test/i.test(name);

/** The other file of the pair: the same stem, either separator, compressed or not. */
function partnerOf(name: string, files: readonly string[], wanted: 'images' | 'labels'): string | undefined {
  const stem = name.replace(wanted === 'labels' ? imagesName : labelsName, '');
  const pattern = wanted === 'labels' ? labelsName : imagesName;
  return files.find((file) => pattern.test(file) && file.replace(pattern, '') === stem);
}

/** The images files of a folder, by part; of a file that is both plain and compressed, the plain one. */
async function imagesFiles(folder: string): Promise<ReadonlyMap<Part, readonly string[]>> {
  const { files } = await listFolder(folder);
  const plain = new Set(files);
  const images = files.filter(
    (file) => imagesName.test(file) && !(file.endsWith('.gz') && plain.has(file.slice(0, -'.gz'.length))),
  );
  const test = images.filter(isTestName);
  const train = images.filter((file) => !isTestName(file));
  const parts = new Map<Part, readonly string[]>();
  if (train.length > 0) parts.set('train', train);
  if (test.length > 0) parts.set('test', test);
  return parts;
}

async function imagesPath(folder: string, part: Part | undefined): Promise<{ path: string; part: Part }> {
  const parts = await imagesFiles(folder);
  const wanted = part ?? (parts.has('train') ? 'train' : 'test');
  const [first, second] = parts.get(wanted) ?? [];
  if (first === undefined) {
    throw new Failure('input', {
      what: `${folder}: it holds no ${wanted} images (${wanted}-images-idx3-ubyte).`,
      cure: 'Add the file.',
    });
  }
  if (second !== undefined) {
    throw new Failure('input', {
      what: `${folder}: it holds both ${first} and ${second}.`,
      cure: 'Give the images file itself.',
    });
  }
  return { path: join(folder, first), part: wanted };
}

const channelCounts = new Set([1, 3, 4]);

function layoutOf(shape: readonly number[]): SampleLayout {
  if (shape.length === 2) return 'HW';
  if (shape.length !== 3) return 'values';
  if (channelCounts.has(shape[2] ?? 0)) return 'HWC';
  return channelCounts.has(shape[0] ?? 0) ? 'CHW' : 'values';
}

/** The header of the labels file that belongs to `count` images. */
async function labelsHeader(path: string, count: number, imagesFile: string): Promise<IdxHeader> {
  const header = await readHeader(path);
  const [labels, ...rest] = header.shape;
  if (rest.length > 0) {
    throw new Failure('input', {
      what: `${path}: labels are one number per image, but it is ${header.shape.join(' x ')}.`,
      cure: 'Give the labels file that belongs to the images.',
    });
  }
  if (labels !== count) {
    throw new Failure('input', {
      what: `${path}: it holds ${labels} labels, but ${imagesFile} holds ${count} images.`,
      cure: 'Give files that belong together.',
    });
  }
  return header;
}

async function read(path: string, options: ReadOptions): Promise<Dataset> {
  const given = (await isFolder(path)) ? await imagesPath(path, options.part) : { path, part: undefined };
  const folder = dirname(given.path);
  const { files } = await listFolder(folder);
  const name = basename(given.path);
  // who gives the labels file means its images
  const imagesFile = labelsName.test(name) ? partnerOf(name, files, 'images') : name;
  if (imagesFile === undefined) {
    throw new Failure('input', {
      what: `${given.path}: it holds labels, and no images file is beside it.`,
      cure: 'Give the images file.',
    });
  }
  const labelsFile = partnerOf(imagesFile, files, 'labels');
  if (labelsFile === undefined && options.requireTargets !== false) {
    const expected = imagesFile.replace('images', 'labels').replace(/idx\d/, 'idx1');
    throw new Failure('input', {
      what: `${given.path}: its labels are not beside it.`,
      cure: `Put ${expected} into ${folder}.`,
    });
  }
  const images = await readHeader(join(folder, imagesFile));
  const [count = 0, ...shape] = images.shape;
  if (shape.length === 0) {
    throw new Failure('input', {
      what: `${join(folder, imagesFile)}: it holds single numbers, not images.`,
      cure: 'Give the images file.',
    });
  }
  // both headers before any elements: files that do not belong together are not unpacked
  const labels = labelsFile === undefined ? null : await labelsHeader(join(folder, labelsFile), count, imagesFile);
  const storage = await readElements(images);
  const targets: Targets =
    labels === null
      ? { kind: 'none' }
      : indexedTargets(await readElements(labels), (i) => `${labels.path}: label ${i}`, options);
  return arrayDataset({
    path,
    format: 'idx',
    part: given.part,
    shape,
    layout: layoutOf(shape),
    storage,
    targets,
  });
}

/** The MNIST family (MNIST, Fashion-MNIST, KMNIST, EMNIST...): an images file with its labels file, or a folder of pairs. */
export const idx: DatasetReader = {
  format: 'IDX',
  async recognises(path) {
    if (await isFolder(path)) return (await imagesFiles(path)).size > 0;
    // a damaged file is still one by its name, and is then refused with the reason
    if (imagesName.test(path) || labelsName.test(path)) return true;
    const [zero, alsoZero, type = 0, rank = 0] = await readHead(path, 4);
    return zero === 0 && alsoZero === 0 && type in elementTypes && rank >= 1 && rank <= 5;
  },
  async parts(path) {
    return (await isFolder(path)) ? [...(await imagesFiles(path)).keys()] : ['train'];
  },
  read,
};
