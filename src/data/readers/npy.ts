import { Failure } from '../../contract/failure.js';
import { present } from '../../contract/present.js';
import type { FileRange } from '../../contract/regular-file.js';
import { isRounded } from './arrays.js';
import { rowMajor } from './row-major.js';

/** Named arrays, of an archive or a folder. */
export interface ArraySource {
  readonly path: string;
  readonly format: 'npz' | 'npy';
  readonly names: readonly string[];
  /** @throws Failure('input') for an array that cannot be read */
  read(names: readonly string[]): Promise<ReadonlyMap<string, NpyArray>>;
}

export interface NpyArray {
  readonly shape: readonly number[];
  /** NumPy's type: u1, i8, f4, b1, U10... */
  readonly type: string;
  readonly littleEndian: boolean;
  /** empty where the elements stay in the file */
  readonly data: DataView;
  /** where the elements lie that are too many to be held in memory; left out: `data` holds them */
  readonly file?: FileElements;
}

/** Elements that are read as they are used. */
export interface FileElements extends FileRange {
  readonly path: string;
}

/** Elements of more bytes stay in their file. */
export const heldBytes = 2 ** 29;

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Whether a file that begins with `head` is an array. */
export const isNpy = (head: Uint8Array): boolean => magic.every((byte, i) => head[i] === byte);

/** NumPy itself reads no longer ones unasked than 10 000 bytes. */
const longestHeader = 2 ** 16;

/** So much of a file's beginning holds its header, in bytes. */
export const npyHeadBytes = longestHeader + 12;

export interface NpyHeader extends Omit<NpyArray, 'data' | 'file'> {
  /** where the elements begin, and how many bytes they are */
  readonly offset: number;
  readonly byteLength: number;
  /** whether the first axis is the fastest, as in Fortran */
  readonly columnMajor: boolean;
}

/**
 * The .npy format, versions 1 to 3: magic, version, header length, a Python dict literal, then the elements.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function parseNpy(place: string, bytes: Uint8Array): NpyArray {
  const header = parseNpyHeader(place, bytes);
  requireLength(place, header, bytes.length);
  const { offset, byteLength, columnMajor, ...rest } = header;
  if (!columnMajor) return { ...rest, data: new DataView(bytes.buffer, bytes.byteOffset + offset, byteLength) };
  const elements = rowMajor(bytes.subarray(offset), rest.shape, byteLength / elementsOf(rest) || 1);
  return { ...rest, data: new DataView(elements.buffer) };
}

/** @throws Failure('input') where an array of `length` bytes, header included, does not hold what it announces */
export function requireLength(place: string, { offset, byteLength }: NpyHeader, length: number): void {
  if (length - offset === byteLength) return;
  throw new Failure('input', {
    what: `${place} announces ${byteLength} bytes of data but holds ${length - offset}.`,
    cure: 'Save it again.',
  });
}

/**
 * What stands before the elements.
 * @param bytes the file, or the first `npyHeadBytes` of it: a file that is none need not be read to its end
 * @throws Failure('input') for what is no array of plain elements
 */
export function parseNpyHeader(place: string, bytes: Uint8Array): NpyHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || !isNpy(bytes)) {
    throw new Failure('input', { what: `${place} is not a NumPy array.`, cure: 'Write the file with numpy.savez.' });
  }
  const major = view.getUint8(6);
  const start = major === 1 ? 10 : 12;
  const headerLength = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (headerLength > longestHeader) {
    throw new Failure('input', {
      what: `${place} has a header without end.`,
      cure: 'Write the file with numpy.savez.',
    });
  }
  const header = new TextDecoder().decode(bytes.subarray(start, start + headerLength));
  const descr = /'descr':\s*'([<>|=]?)([a-zA-Z]\d*)'/.exec(header);
  const shapeText = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (descr === null || shapeText === undefined) {
    throw new Failure('input', {
      what: `${place} has a structured or unknown type.`,
      cure: 'Save plain numeric arrays.',
    });
  }
  const type = present(descr[2], `the type of ${place}`);
  if (type.startsWith('O')) {
    throw new Failure('input', {
      what: `${place} holds Python objects.`,
      cure: 'Convert it with array.astype("float32"), words with array.astype(str).',
    });
  }
  const shape = shapeText
    .split(',')
    .map((dim) => dim.trim())
    .filter((dim) => dim !== '')
    .map(Number);
  if (!shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
    throw new Failure('input', { what: `${place} has no shape: (${shapeText}).`, cure: 'Save it again.' });
  }
  const offset = start + headerLength;
  const length = shape.reduce((product, dim) => product * dim, 1);
  const size = type.startsWith('U') ? 4 * Number(type.slice(1)) : Number(type.slice(1));
  if (!(size > 0)) {
    throw new Failure('input', { what: `${place} holds elements of no size (${type}).`, cure: 'Save it again.' });
  }
  const columnMajor = shape.length > 1 && /'fortran_order':\s*True/.test(header);
  return { shape, type, littleEndian: descr[1] !== '>', offset, byteLength: length * size, columnMajor };
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

/** @throws Failure('input') where the elements stay in the file: only samples are read as they are used */
export function heldData(place: string, { data, file }: NpyArray): DataView {
  if (file === undefined) return data;
  throw new Failure('input', {
    what: `${place} holds ${file.byteLength} bytes, more than targets may be.`,
    cure: 'Save it as a smaller type, or split the data.',
  });
}

/** The elements one after another, as float64: integers beyond 2^53 are rounded. @throws Failure('input') for other types */
export function numbers(place: string, array: NpyArray): Float64Array {
  const at = elementReader(place, array);
  const data = heldData(place, array);
  const values = new Float64Array(elementsOf(array));
  for (let i = 0; i < values.length; i += 1) values[i] = at(data, i, array.littleEndian);
  return values;
}

/** @throws Failure('input') for other types than numbers */
export function requireNumeric(place: string, array: Pick<NpyArray, 'type'>): void {
  elementReader(place, array);
}

/**
 * The elements as float32, and the first whole number that float32 takes for another one.
 * @throws Failure('input') for other types than numbers
 */
export function floats(
  place: string,
  array: Omit<NpyArray, 'file'>,
): { values: Float32Array; rounded: number | undefined } {
  const at = elementReader(place, array);
  const values = new Float32Array(elementsOf(array));
  let rounded: number | undefined;
  for (let i = 0; i < values.length; i += 1) {
    const value = at(array.data, i, array.littleEndian);
    values[i] = value;
    if (rounded === undefined && isRounded(value)) rounded = value;
  }
  return { values, rounded };
}

const elementsOf = ({ shape }: Pick<NpyArray, 'shape'>): number => shape.reduce((product, dim) => product * dim, 1);

function elementReader(place: string, { type }: Pick<NpyArray, 'type'>) {
  const at = elementReaders[type];
  if (at !== undefined) return at;
  throw new Failure('input', {
    what: `${place} is of NumPy type ${type}.`,
    cure: 'Save integers or floats, words as array.astype(str).',
  });
}

/** NumPy's U type: UTF-32 of a fixed length, padded with zeros. @throws Failure('input') for what is no Unicode */
export function strings(place: string, array: NpyArray): string[] {
  const width = Number(array.type.slice(1));
  const data = heldData(place, array);
  const count = data.byteLength / (4 * width);
  return Array.from({ length: count }, (_, i) => {
    let text = '';
    for (let k = 0; k < width; k += 1) {
      const point = data.getUint32(4 * (i * width + k), array.littleEndian);
      if (point > 0x10ffff) {
        throw new Failure('input', { what: `${place}[${i}] is no Unicode text.`, cure: 'Save it again.' });
      }
      if (point !== 0) text += String.fromCodePoint(point);
    }
    return text;
  });
}
