import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { Failure, messageOf } from '../../contract/failure.js';
import { present } from '../../contract/present.js';
import type { Mask } from '../masks.js';

const inflateBytes = promisify(inflate);

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** By the colour type of the header: how many samples a pixel has, and what its class is. */
const colourTypes: Readonly<Record<number, { readonly samples: number; readonly isColour: boolean }>> = {
  0: { samples: 1, isColour: false },
  2: { samples: 3, isColour: true },
  3: { samples: 1, isColour: false },
  4: { samples: 2, isColour: false },
  6: { samples: 4, isColour: true },
};

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly samples: number;
  readonly isColour: boolean;
  readonly interlaced: boolean;
}

/** Masks beyond this many pixels are taken for damaged files. */
const mostPixels = 2 ** 28;

/**
 * A mask out of a PNG (https://www.w3.org/TR/png-3): its grey values, or the indices of its palette, as they are stored. Image
 * libraries give colours where the file has indices, and stretch grey values of less than 8 bits to 0..255.
 * Alpha is dropped; red, green and blue that are the same in every pixel are grey.
 * @param name of the file, for messages
 * @throws Failure('input') for what is no PNG, is damaged, is 16 bits deep, or holds colours
 */
export async function readMaskPng(name: string, bytes: Uint8Array): Promise<Mask> {
  if (!signature.every((byte, i) => bytes[i] === byte)) {
    throw new Failure('input', {
      what: `${name}: this mask is no PNG.`,
      cure: 'Save masks as 8-bit PNG files whose grey value is the class; other formats change values.',
    });
  }
  const { header, data } = chunksOf(name, bytes);
  let rows: Uint8Array;
  try {
    rows = await inflateBytes(data);
  } catch (cause) {
    throw damaged(name, messageOf(cause), cause);
  }
  return { values: pixelsOf(name, header, rows), height: header.height, width: header.width };
}

function damaged(name: string, why: string, cause?: unknown): Failure {
  return new Failure(
    'input',
    { what: `${name}: this PNG is damaged or cut short (${why}).`, cure: 'Write it again.' },
    { cause },
  );
}

function chunksOf(name: string, bytes: Uint8Array): { readonly header: Header; readonly data: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: Header | null = null;
  const data: Uint8Array[] = [];
  for (let at = signature.length; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (body.length < length) throw damaged(name, 'its data end early');
    if (type === 'IHDR') header = headerOf(name, body);
    if (type === 'IDAT') data.push(body);
    if (type === 'IEND') break;
    at += 12 + length;
  }
  if (header === null) throw damaged(name, 'it has no header');
  return { header, data: Buffer.concat(data) };
}

function headerOf(name: string, body: Uint8Array): Header {
  if (body.length < 13) throw damaged(name, 'its header is too short');
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, colourType, interlace] = [view.getUint8(8), view.getUint8(9), view.getUint8(12)];
  const known = colourTypes[colourType];
  if (known === undefined || width === 0 || height === 0 || width * height > mostPixels) {
    throw damaged(name, `a header of ${width}x${height} pixels of colour type ${colourType}`);
  }
  if (depth > 8) {
    throw new Failure('input', {
      what: `${name}: this mask is ${depth} bits deep.`,
      cure: 'Save it with 8 bits a pixel, the grey value being the class.',
    });
  }
  return { width, height, depth, ...known, interlaced: interlace === 1 };
}

/** Adam7: the first pixel of each pass, and the steps to the next. */
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

function pixelsOf(name: string, header: Header, data: Uint8Array): Uint8Array {
  const { width, height } = header;
  const pixels = new Uint8Array(width * height);
  let at = 0;
  for (const [left, top, stepX, stepY] of header.interlaced ? passes : ([[0, 0, 1, 1]] as const)) {
    const columns = Math.ceil((width - left) / stepX);
    const rows = Math.ceil((height - top) / stepY);
    if (columns <= 0 || rows <= 0) continue;
    const stride = Math.ceil((columns * header.samples * header.depth) / 8);
    const end = at + rows * (stride + 1);
    if (end > data.length) throw damaged(name, 'its pixels end early');
    const lines = unfilter(name, data.subarray(at, end), stride, Math.max(1, (header.samples * header.depth) / 8));
    at = end;
    for (let y = 0; y < rows; y += 1) {
      const line = lines.subarray(y * stride, (y + 1) * stride);
      for (let x = 0; x < columns; x += 1) {
        pixels[(top + y * stepY) * width + left + x * stepX] = classAt(name, header, line, x);
      }
    }
  }
  return pixels;
}

/** Undoes the filter of each line: the byte before each says by what it was predicted from those left of it and above. */
function unfilter(name: string, data: Uint8Array, stride: number, pixelBytes: number): Uint8Array {
  const rows = data.length / (stride + 1);
  const lines = new Uint8Array(rows * stride);
  for (let row = 0; row < rows; row += 1) {
    const filter = data[row * (stride + 1)] ?? 0;
    if (filter > 4) throw damaged(name, `a line of filter ${filter}`);
    for (let i = 0; i < stride; i += 1) {
      const left = i >= pixelBytes ? (lines[row * stride + i - pixelBytes] ?? 0) : 0;
      const above = row > 0 ? (lines[(row - 1) * stride + i] ?? 0) : 0;
      const corner = row > 0 && i >= pixelBytes ? (lines[(row - 1) * stride + i - pixelBytes] ?? 0) : 0;
      const raw = present(data[row * (stride + 1) + 1 + i], 'a byte of a line');
      lines[row * stride + i] = raw + predicted(filter, left, above, corner);
    }
  }
  return lines;
}

function predicted(filter: number, left: number, above: number, corner: number): number {
  switch (filter) {
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return (left + above) >> 1;
    case 4: {
      // Paeth's: whichever of the three is nearest to left + above - corner
      const [a, b, c] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)];
      return a <= b && a <= c ? left : b <= c ? above : corner;
    }
    default:
      return 0;
  }
}

function classAt(name: string, { depth, samples, isColour }: Header, line: Uint8Array, x: number): number {
  if (depth < 8) {
    const bit = x * depth;
    return ((line[bit >> 3] ?? 0) >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
  }
  const value = line[x * samples] ?? 0;
  if (isColour && (line[x * samples + 1] !== value || line[x * samples + 2] !== value)) {
    throw new Failure('input', {
      what: `${name}: this mask holds colours, and which class each of them is of is not known.`,
      cure: 'Save the class of each pixel as its grey value, or as the index of a palette, in an 8-bit PNG.',
    });
  }
  return value;
}
