import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Failure, messageOf } from '../../contract/failure.js';
import { present } from '../../contract/present.js';
import { type FileRange, readFully } from '../../contract/regular-file.js';
import type { Dataset, Part, SampleLayout, Targets } from '../dataset.js';
import { areMasks, arrayMasks } from './array-masks.js';
import { arrayDataset } from './arrays.js';
import { fileArrayDataset } from './file-array.js';
import { fileSize, isFolder, listFolder, openFile, rawHead, readBytes, readHead, unpackLimit } from './files.js';
import {
  type ArraySource,
  floats,
  heldBytes,
  isNpy,
  type NpyArray,
  npyHeadBytes,
  numbers,
  parseNpy,
  parseNpyHeader,
  requireLength,
  requireNumeric,
  strings,
} from './npy.js';
import type { DatasetReader, ReadOptions } from './reader.js';
import { namedTargets, numericTargets, rowTargets } from './targets.js';
import { entryRange, readEntry, type ZipEntry, zipEntries } from './zip.js';

/** Array names in use: Keras (x_train), MedMNIST (train_images), scikit-learn (data, target), torch exports... */
export const inputNames = ['x', 'images', 'image', 'data', 'inputs', 'features', 'samples'];
export const targetNames = ['y', 'labels', 'label', 'targets', 'target', 'classes', 't', 'masks', 'mask'];
export const partWords: Readonly<Record<Part, readonly string[]>> = {
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

const extension = '.npy';
const arrayName = (entry: string): string => entry.slice(0, -extension.length);

/** What is wrong with an archive. */
const damaged = (path: string, error: unknown): Failure =>
  error instanceof Failure
    ? error
    : new Failure(
        'input',
        {
          what: `${path}: its zip archive is damaged or cut short (${messageOf(error)}).`,
          cure: 'Write it again, or without compression.',
        },
        { cause: error },
      );

/** Does something with an archive's file and its arrays. @throws Failure('input') */
async function withEntries<Result>(
  path: string,
  use: (file: FileHandle, entries: readonly ZipEntry[]) => Promise<Result>,
): Promise<Result> {
  const file = await openFile(path);
  try {
    return await use(
      file,
      (await zipEntries(file)).filter(({ name }) => name.endsWith(extension)),
    );
  } catch (error) {
    throw damaged(path, error);
  } finally {
    await file.close();
  }
}

/** @param held arrays of more bytes stay in the file */
async function archive(path: string, held: number): Promise<ArraySource> {
  return {
    path,
    format: 'npz',
    names: await withEntries(path, async (_, entries) => entries.map(({ name }) => arrayName(name))),
    read: (wanted) =>
      withEntries(path, async (file, entries) => {
        const { size } = await file.stat();
        const chosen = entries.filter(({ name }) => wanted.includes(arrayName(name)));
        const packed = chosen.filter(({ isCompressed }) => isCompressed);
        // the archive says it before anything is unpacked, and no more than it says is
        if (packed.reduce((sum, { bytes }) => sum + bytes, 0) > unpackLimit(size))
          throw new Error(`it unpacks to more than ${unpackLimit(size)} bytes`);
        const arrays = new Map<string, NpyArray>();
        for (const entry of chosen) {
          const name = arrayName(entry.name);
          const place = `${path}: ${name}`;
          const isLarge = !entry.isCompressed && entry.bytes > held;
          const array = isLarge
            ? await arrayInFile(place, path, file, await entryRange(file, entry))
            : parseNpy(place, await readEntry(file, entry));
          arrays.set(name, array);
        }
        return arrays;
      }),
  };
}

/** An array whose elements stay where they lie. @throws Failure('input') */
async function arrayInFile(
  place: string,
  path: string,
  file: FileHandle,
  { offset, byteLength }: FileRange,
): Promise<NpyArray> {
  const head = new Uint8Array(Math.min(npyHeadBytes, byteLength));
  await readFully(file, head, offset);
  const { columnMajor, ...header } = parseNpyHeader(place, head);
  requireLength(place, { ...header, columnMajor }, byteLength);
  if (columnMajor) {
    throw new Failure('input', {
      what: `${place} holds ${byteLength} bytes in Fortran order, in which the elements of a sample lie apart: it is too large to be read so.`,
      cure: 'Save numpy.ascontiguousarray(array) instead.',
    });
  }
  const elements = { path, offset: offset + header.offset, byteLength: header.byteLength };
  return { ...header, data: new DataView(new ArrayBuffer(0)), file: elements };
}

/** The .npy files of a folder, one of them alone, or one with the targets that lie beside it. */
async function files(path: string, held: number): Promise<ArraySource> {
  const whole = await isFolder(path);
  const folder = whole ? path : dirname(path);
  const all = (await listFolder(folder)).files.filter((file) => file.endsWith(extension)).map(arrayName);
  const own = path.endsWith(extension) ? arrayName(basename(path)) : basename(path);
  const names = whole ? all : beside(own, all);
  return {
    path,
    format: 'npy',
    names,
    async read(wanted) {
      const arrays = await Promise.all(
        names
          .filter((name) => wanted.includes(name))
          .map(async (name): Promise<[string, NpyArray]> => {
            return [name, await arrayOfFile(!whole && name === own ? path : join(folder, `${name}${extension}`), held)];
          }),
      );
      return new Map(arrays);
    },
  };
}

/** @throws Failure('input') */
async function arrayOfFile(path: string, held: number): Promise<NpyArray> {
  // what cannot be opened has none, and is told where it is read
  const head = await readHead(path, npyHeadBytes);
  if (head.length > 0) parseNpyHeader(path, head);
  const size = await fileSize(path);
  if (size === null || size <= held || !isNpy(await rawHead(path, npyHeadBytes)))
    return parseNpy(path, await readBytes(path));
  const file = await openFile(path);
  try {
    return await arrayInFile(path, path, file, { offset: 0, byteLength: size });
  } finally {
    await file.close();
  }
}

/** A file's own array, and the targets that its name asks for. */
function beside(name: string, all: readonly string[]): readonly string[] {
  const pair = Array.from(pairs(all).values()).find(({ inputs }) => inputs === name);
  return pair?.targets === undefined ? [name] : [name, pair.targets];
}

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

/** One array as samples without targets. @throws Failure('input') for an array without axes, or of no numbers */
export function arraySamples(
  source: ArraySource,
  name: string,
  array: NpyArray,
  options: ReadOptions,
  rest: { readonly part?: Part | undefined; readonly targets: Targets },
): Dataset {
  const { path, format } = source;
  const { shape: whole, type, data, file } = array;
  if (whole.length === 0) {
    throw new Failure('input', {
      what: `${path}: ${name} is a single number.`,
      cure: 'Give an array of [samples, ...].',
    });
  }
  // an id or an amount for each sample
  const shape = whole.length === 1 ? [1] : whole.slice(1);
  const stored = { path, format, ...rest, shape, layout: layoutOf(shape, options.layout) };
  const place = `${path}: ${name}`;
  if (file !== undefined) {
    requireNumeric(place, array);
    return fileArrayDataset({ ...stored, array: { ...array, file }, place });
  }
  if (type === 'u1') {
    return arrayDataset({ ...stored, storage: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) });
  }
  const { values, rounded } = floats(place, array);
  return arrayDataset({ ...stored, storage: values, rounded });
}

/** One array as targets of `count` samples. @param shapes of one sample of each input @throws Failure('input') */
export function arrayTargets(
  { path }: ArraySource,
  name: string,
  array: NpyArray,
  count: number,
  options: ReadOptions,
  shapes: readonly (readonly number[])[] = [],
): Targets {
  const [length = 0, ...rest] = array.shape;
  const width = rest.reduce((product, dim) => product * dim, 1);
  const place = (i: number): string => `${path}: ${name}[${i}]`;
  if (length !== count) {
    throw new Failure('input', {
      what: `${path}: ${name} holds ${length} targets for ${count} samples.`,
      cure: 'Save arrays that belong together.',
    });
  }
  if (areMasks(array, { count, shapes }, options)) return arrayMasks(path, name, array, { count, shapes });
  if (array.type.startsWith('U')) return namedTargets(strings(`${path}: ${name}`, array), place, options);
  const values = numbers(`${path}: ${name}`, array);
  if (width > 1) {
    const targets = rowTargets(Float32Array.from(values), width, place, options);
    return targets.kind === 'values' && rest.length > 1 ? { ...targets, shape: rest } : targets;
  }
  // who saved floats meant amounts; who saved integers meant classes
  const kind = options.targetKind ?? (array.type.startsWith('f') ? 'values' : undefined);
  return numericTargets(values, place, kind === undefined ? options : { ...options, targetKind: kind }, 'integers');
}

async function read(source: ArraySource, options: ReadOptions): Promise<Dataset> {
  const { path, names } = source;
  const found = partPairs(source);
  const several = found.size > 1;
  const part =
    options.part !== undefined && several ? options.part : found.has('train') ? 'train' : [...found.keys()][0];
  const pair = part === undefined ? undefined : found.get(part);
  if (pair === undefined) {
    throw new Failure('input', {
      what: `${path}: no array in it (${names.join(', ') || 'it is empty'}) has a name that says it holds ${
        options.part ?? 'the'
      } samples.`,
      cure: 'Name the arrays x and y, or x_train, y_train, x_test, y_test.',
      settings: ['input'],
    });
  }
  // what watches a model asks for no masks, and does not look at those that there are
  const asked = options.requireTargets === false && options.targetKind === 'mask' ? undefined : pair.targets;
  if (pair.targets === undefined && options.requireTargets !== false) {
    throw new Failure('input', {
      what: `${path}: it holds ${pair.inputs} but no labels for it.`,
      cure:
        source.format === 'npz'
          ? 'Save them too, named y or labels.'
          : 'Save them beside it, y.npy beside x.npy, or y_train.npy beside x_train.npy.',
    });
  }
  const arrays = await source.read(asked === undefined ? [pair.inputs] : [pair.inputs, asked]);
  const array = (name: string): NpyArray => present(arrays.get(name), `array ${name}`);
  const inputs = array(pair.inputs);
  const targets: Targets =
    asked === undefined
      ? { kind: 'none' }
      : arrayTargets(source, asked, array(asked), inputs.shape[0] ?? 0, options, [inputs.shape.slice(1)]);
  return arraySamples(source, pair.inputs, inputs, options, { part: several ? part : undefined, targets });
}

/** A single .npy file is the samples, whatever its name. */
function partPairs({ format, names }: ArraySource): ReadonlyMap<Part, Pair> {
  const found = pairs(names);
  const [only, ...others] = names;
  if (found.size > 0 || format !== 'npy' || only === undefined || others.length > 0) return found;
  return new Map([['train', { inputs: only, targets: undefined }]]);
}

function reader(
  format: string,
  recognises: (path: string) => Promise<boolean>,
  open: (path: string, held: number) => Promise<ArraySource>,
): DatasetReader {
  return {
    format,
    recognises,
    parts: async (path) => [...partPairs(await open(path, heldBytes)).keys()],
    read: async (path, options) => read(await open(path, options.heldBytes ?? heldBytes), options),
    arrays: (path) => open(path, heldBytes),
  };
}

/** NumPy archives: x and y, x_train to y_test, images and labels, data and target(s). */
export const npz: DatasetReader = reader(
  'NumPy .npz',
  async (path) => {
    if (await isFolder(path)) return false;
    const [p, k, three, four] = await readHead(path, 4);
    return path.toLowerCase().endsWith('.npz') || (p === 0x50 && k === 0x4b && three === 3 && four === 4);
  },
  archive,
);

/** NumPy arrays in files of their own: a folder of them, or one with its targets beside it. */
export const npy: DatasetReader = reader(
  'NumPy .npy',
  async (path) => {
    if (await isFolder(path)) return (await listFolder(path)).files.some((file) => file.endsWith(extension));
    return (await fileSize(path)) !== null && (path.endsWith(extension) || isNpy(await readHead(path, 6)));
  },
  files,
);
