import { unzipSync } from 'fflate';
import { Failure, messageOf } from '../../contract/failure.js';
import type { Dataset, Part, SampleLayout, Targets } from '../dataset.js';
import { arrayDataset } from './arrays.js';
import { isFolder, readBytes, readHead } from './files.js';
import type { DatasetReader, ReadOptions } from './reader.js';
import { indexedTargets, namedTargets, numericTargets, rowTargets } from './targets.js';

interface NpyArray {
  readonly shape: readonly number[];
  /** NumPy's type: u1, i8, f4, b1, U10... */
  readonly type: string;
  readonly littleEndian: boolean;
  readonly data: DataView;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/**
 * The .npy format, versions 1 to 3: magic, version, header length, a Python dict literal, then the elements.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
function parseNpy(place: string, bytes: Uint8Array): NpyArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || magic.some((byte, i) => bytes[i] !== byte)) {
    throw new Failure('input', { what: `${place} is not a NumPy array.`, cure: 'Write the file with numpy.savez.' });
  }
  const major = view.getUint8(6);
  const start = major === 1 ? 10 : 12;
  const headerLength = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const header = new TextDecoder().decode(bytes.subarray(start, start + headerLength));
  const descr = /'descr':\s*'([<>|=]?)([a-zA-Z]\d*)'/.exec(header);
  const shapeText = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (descr === null || shapeText === undefined) {
    throw new Failure('input', {
      what: `${place} has a structured or unknown type.`,
      cure: 'Save plain numeric arrays.',
    });
  }
  const type = descr[2] ?? '';
  if (/'fortran_order':\s*True/.test(header) && shapeText.split(',').filter((dim) => dim.trim() !== '').length > 1) {
    throw new Failure('input', {
      what: `${place} is in Fortran order.`,
      cure: 'Save numpy.ascontiguousarray(array) instead.',
    });
  }
  if (type.startsWith('O')) {
    throw new Failure('input', {
      what: `${place} holds Python objects.`,
      cure: 'Convert it, e.g. with array.astype("float32").',
    });
  }
  const shape = shapeText
    .split(',')
    .map((dim) => dim.trim())
    .filter((dim) => dim !== '')
    .map(Number);
  const offset = start + headerLength;
  const length = shape.reduce((product, dim) => product * dim, 1);
  const size = type.startsWith('U') ? 4 * Number(type.slice(1)) : Number(type.slice(1));
  if (bytes.length - offset !== length * size) {
    throw new Failure('input', {
      what: `${place} announces ${length * size} bytes of data but holds ${bytes.length - offset}.`,
      cure: 'Save it again.',
    });
  }
  const data = new DataView(bytes.buffer, bytes.byteOffset + offset, length * size);
  return { shape, type, littleEndian: descr[1] !== '>', data };
}

const elementReaders: Readonly<Record<string, (view: DataView, index: number, littleEndian: boolean) => number>> = {
  b1: (view, i) => view.getUint8(i),
  u1: (view, i) => view.getUint8(i),
  i1: (view, i) => view.getInt8(i),
  u2: (view, i, le) => view.getUint16(2 * i, le),
  i2: (view, i, le) => view.getInt16(2 * i, le),
  u4: (view, i, le) => view.getUint32(4 * i, le),
  i4: (view, i, le) => view.getInt32(4 * i, le),
  u8: (view, i, le) => Number(view.getBigUint64(8 * i, le)),
  i8: (view, i, le) => Number(view.getBigInt64(8 * i, le)),
  f2: (view, i, le) => float16(view.getUint16(2 * i, le)),
  f4: (view, i, le) => view.getFloat32(4 * i, le),
  f8: (view, i, le) => view.getFloat64(8 * i, le),
};

/** IEEE 754 binary16 */
function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function numbers(place: string, array: NpyArray): Float32Array {
  const at = elementReaders[array.type];
  if (at === undefined) {
    throw new Failure('input', { what: `${place} is of NumPy type ${array.type}.`, cure: 'Save integers or floats.' });
  }
  const length = array.shape.reduce((product, dim) => product * dim, 1);
  const values = new Float32Array(length);
  for (let i = 0; i < length; i += 1) values[i] = at(array.data, i, array.littleEndian);
  return values;
}

/** NumPy's U type: UTF-32 of a fixed length, padded with zeros. */
function strings(array: NpyArray): string[] {
  const width = Number(array.type.slice(1));
  const count = array.data.byteLength / (4 * width);
  return Array.from({ length: count }, (_, i) => {
    let text = '';
    for (let k = 0; k < width; k += 1) {
      const point = array.data.getUint32(4 * (i * width + k), array.littleEndian);
      if (point !== 0) text += String.fromCodePoint(point);
    }
    return text;
  });
}

/** Array names in use: Keras (x_train), MedMNIST (train_images), scikit-learn (data, target), torch exports... */
const inputNames = ['x', 'images', 'image', 'data', 'inputs', 'features', 'samples'];
const targetNames = ['y', 'labels', 'label', 'targets', 'target', 'classes', 't'];
const partWords: Readonly<Record<Part, readonly string[]>> = {
  train: ['train'],
  validation: ['val', 'valid', 'validation'],
  test: ['test'],
};

interface Pair {
  readonly inputs: string;
  readonly targets: string | undefined;
}

/** Which arrays belong to which part; arrays without a part's name are the train part. */
function pairs(keys: readonly string[]): ReadonlyMap<Part, Pair> {
  const key = (names: readonly string[], words: readonly string[]): string | undefined => {
    const wanted =
      words.length === 0
        ? names
        : names.flatMap((name) => words.flatMap((word) => [`${name}_${word}`, `${word}_${name}`]));
    return wanted.flatMap((name) => keys.filter((candidate) => candidate.toLowerCase() === name))[0];
  };
  const found = new Map<Part, Pair>();
  for (const part of ['train', 'validation', 'test'] as const) {
    const inputs = key(inputNames, partWords[part]);
    if (inputs !== undefined) found.set(part, { inputs, targets: key(targetNames, partWords[part]) });
  }
  const inputs = key(inputNames, []);
  if (!found.has('train') && inputs !== undefined) found.set('train', { inputs, targets: key(targetNames, []) });
  return found;
}

/** The .npy entries of the archive whose array names `wanted` accepts, by array name. */
async function entries(path: string, wanted: (name: string) => boolean): Promise<Readonly<Record<string, Uint8Array>>> {
  const bytes = await readBytes(path);
  try {
    const found = unzipSync(bytes, { filter: ({ name }) => name.endsWith(extension) && wanted(arrayName(name)) });
    return Object.fromEntries(Object.entries(found).map(([name, entry]) => [arrayName(name), entry]));
  } catch (error) {
    const cause = messageOf(error);
    throw new Failure(
      'input',
      { what: `${path}: its zip archive is damaged or cut short (${cause}).`, cure: 'Write it again.' },
      {
        cause: error,
      },
    );
  }
}

/** The names alone: nothing is decompressed. */
async function arrayNames(path: string): Promise<readonly string[]> {
  const names: string[] = [];
  await entries(path, (name) => {
    names.push(name);
    return false;
  });
  return names;
}

const extension = '.npy';
const arrayName = (entry: string): string => entry.slice(0, -extension.length);

const channelCounts = new Set([1, 3, 4]);

/** Which axis holds the channels, where the shape or the caller tells; otherwise the axes stay unnamed. */
function layoutOf(shape: readonly number[], layout: ReadOptions['layout']): SampleLayout {
  if (shape.length === 2) return 'HW';
  if (shape.length !== 3) return 'values';
  const first = channelCounts.has(shape[0] ?? 0);
  const last = channelCounts.has(shape[2] ?? 0);
  if (first !== last) return last ? 'HWC' : 'CHW';
  return layout === undefined ? 'values' : layout === 'NHWC' ? 'HWC' : 'CHW';
}

function readTargets(path: string, name: string, array: NpyArray, count: number, options: ReadOptions): Targets {
  const [length = 0, ...rest] = array.shape;
  const width = rest.reduce((product, dim) => product * dim, 1);
  const place = (i: number): string => `${path}: ${name}[${i}]`;
  if (length !== count) {
    throw new Failure('input', {
      what: `${path}: ${name} holds ${length} targets for ${count} samples.`,
      cure: 'Save arrays that belong together.',
    });
  }
  if (array.type.startsWith('U')) return namedTargets(strings(array), place, options);
  const values = numbers(`${path}: ${name}`, array);
  if (width > 1) return rowTargets(values, width, place, options);
  // who saved floats meant amounts; who saved integers meant classes
  const kind = options.targetKind ?? (array.type.startsWith('f') ? 'values' : undefined);
  if (kind === undefined && values.every((value) => value >= 0)) return indexedTargets(values, place, options);
  return numericTargets([...values], place, kind === undefined ? options : { ...options, targetKind: kind });
}

async function read(path: string, options: ReadOptions): Promise<Dataset> {
  const keys = await arrayNames(path);
  const found = pairs(keys);
  const several = found.size > 1;
  const part =
    options.part !== undefined && several ? options.part : found.has('train') ? 'train' : [...found.keys()][0];
  const pair = part === undefined ? undefined : found.get(part);
  if (pair === undefined) {
    throw new Failure('input', {
      what: `${path}: no array in it (${keys.join(', ') || 'it is empty'}) has a name that says it holds ${
        options.part ?? 'the'
      } samples.`,
      cure: 'Name the arrays x and y, or x_train, y_train, x_test, y_test.',
    });
  }
  const archive = await entries(path, (name) => name === pair.inputs || name === pair.targets);
  const array = (name: string): NpyArray => parseNpy(`${path}: ${name}`, archive[name] ?? new Uint8Array(0));
  const inputs = array(pair.inputs);
  const [count = 0, ...shape] = inputs.shape;
  if (shape.length === 0) {
    throw new Failure('input', {
      what: `${path}: ${pair.inputs} has one axis only.`,
      cure: 'Give an array of [samples, ...].',
    });
  }
  if (pair.targets === undefined && options.requireTargets !== false) {
    throw new Failure('input', {
      what: `${path}: it holds ${pair.inputs} but no labels for it.`,
      cure: 'Save them too, named y or labels.',
    });
  }
  const { data } = inputs;
  return arrayDataset({
    path,
    format: 'npz',
    part: several ? part : undefined,
    shape,
    layout: layoutOf(shape, options.layout),
    storage:
      inputs.type === 'u1'
        ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
        : numbers(`${path}: ${pair.inputs}`, inputs),
    targets:
      pair.targets === undefined
        ? { kind: 'none' }
        : readTargets(path, pair.targets, array(pair.targets), count, options),
  });
}

/** NumPy archives: x and y, x_train to y_test, images and labels, data and target(s). */
export const npz: DatasetReader = {
  format: 'NumPy .npz',
  async recognises(path) {
    if (await isFolder(path)) return false;
    const [p, k, three, four] = await readHead(path, 4);
    return path.toLowerCase().endsWith('.npz') || (p === 0x50 && k === 0x4b && three === 3 && four === 4);
  },
  async parts(path) {
    return [...pairs(await arrayNames(path)).keys()];
  },
  read,
};
