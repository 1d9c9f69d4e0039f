import type { Sharp, SharpOptions } from 'sharp';
import { Failure } from '../../contract/failure.js';
import type { PixelSize } from '../dataset.js';
import { decodeInks, holdsInks } from './inks.js';
import { type JpegHeader, readJpegHeader } from './jpeg.js';
import { reducePixels } from './reduce.js';
import { planReduction, type Reduction } from './reduction.js';
import { loadSharp } from './sharp.js';
import { decodeSmallJpeg, isSmallJpeg, openSmallJpegs } from './small-jpeg.js';

/** What an image may announce before it is decoded: 100 million pixels are more than cameras take, and than classifiers look at. */
export const mostPixels = 2 ** 27;

/** Networks were trained on the numbers that a file holds, as PIL and TensorFlow read them: a profile of its colours changes none. */
const opened: SharpOptions = { limitInputPixels: mostPixels, ignoreIcc: true };

/**
 * How image files of the formats that are decoded begin; a WebP file is a RIFF file, an AVIF file says so after its length. What a decoder
 * recognises besides (drawings, documents) is no data.
 */
const imageStarts: readonly (readonly [offset: number, bytes: string])[] = [
  [0, '\xff\xd8\xff'],
  [0, '\x89PNG'],
  [0, 'GIF8'],
  [0, 'RIFF'],
  [0, 'II*\0'],
  [0, 'MM\0*'],
  [0, 'II+\0'],
  [0, 'MM\0+'],
  [4, 'ftypavi'],
  [4, 'ftypmif1'],
];

/** By its first bytes: whether they are an image file of the formats that are decoded. */
export function isEncodedImage(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  return imageStarts.some(([offset, start]) => head.startsWith(start, offset));
}

/** alpha is dropped, not blended, as PIL's convert('RGB') does */
function coloured(image: Sharp, channels: number): Sharp {
  if (channels === 1) return image.removeAlpha().greyscale().toColourspace('b-w');
  return (channels === 3 ? image.removeAlpha() : image.ensureAlpha()).toColourspace('srgb');
}

/** Brings an opened image to `size`: 8-bit pixels, HWC. */
export async function resizePixels(image: Sharp, size: PixelSize): Promise<Uint8Array> {
  const { height, width, channels, resized, fit, interpolation } = size;
  const { data, info } = await coloured(image, channels)
    .resize({
      height: resized.height,
      width: resized.width,
      fit: fit === 'cover' ? 'cover' : 'fill',
      kernel: interpolation,
      // shrinking while a JPEG is decoded is fast but not the filter that was asked for
      fastShrinkOnLoad: false,
    })
    .extract({
      top: Math.floor((resized.height - height) / 2),
      left: Math.floor((resized.width - width) / 2),
      height,
      width,
    })
    .raw()
    .toBuffer({ resolveWithObject: true });
  requireChannels(info.channels, channels);
  return data;
}

/** @throws Failure('input') */
function requireChannels(found: number, wanted: number): void {
  if (found === wanted) return;
  throw new Failure('input', {
    what: `The image has ${found} channels where ${wanted} are wanted.`,
    cure: 'Convert it first.',
  });
}

/**
 * Decodes an image file, upright as its EXIF data says, and brings it to `size`: 8-bit pixels, HWC, in `into`. Photographs that become somewhat
 * smaller are reduced here, by the same arithmetic: libvips takes longer to prepare for a small picture than to compute it.
 * @throws Error for bytes that are no image, or those of one whose inks cannot be read
 */
export async function decodeImage(encoded: Uint8Array, size: PixelSize, into: Uint8Array): Promise<void> {
  if (!isEncodedImage(encoded)) throw new Error('it is no JPEG, PNG, WebP, GIF, TIFF or AVIF file');
  const header = readJpegHeader(encoded);
  const reduced = header === null ? null : reductionsFor(header, size);
  if (header !== null && reduced !== null) {
    await decodeReduced(encoded, header, reduced, size, into);
    return;
  }
  const sharp = await loadSharp();
  if (await holdsInks(encoded, header)) {
    const { pixels, height, width } = await decodeInks(encoded);
    into.set(await resizePixels(sharp(pixels, { raw: { height, width, channels: 3 } }), size));
    return;
  }
  into.set(await resizePixels(sharp(encoded, opened).autoOrient(), size));
}

async function decodeReduced(
  encoded: Uint8Array,
  header: JpegHeader,
  { rows, columns }: Reductions,
  size: PixelSize,
  into: Uint8Array,
): Promise<void> {
  const isSmall = isSmallJpeg(header) && header.components === size.channels;
  if (isSmall) await openSmallJpegs();
  const small = isSmall ? decodeSmallJpeg(encoded, header) : null;
  const pixels = small ?? (await decodeWhole(encoded, header, size.channels));
  // what it gives is taken before anything else is decoded or reduced
  crop(reducePixels(pixels, size.channels, rows, columns), rows.count, columns.count, size, into);
}

/** By libvips, [height, width, channels]. */
async function decodeWhole(encoded: Uint8Array, header: JpegHeader, channels: number): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const image = coloured(sharp(encoded, opened), channels);
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  requireChannels(info.channels, channels);
  if (info.height !== header.height || info.width !== header.width) throw new Error('its header says another size');
  return data;
}

interface Reductions {
  readonly rows: Reduction;
  readonly columns: Reduction;
}

/** How a JPEG file is brought to a size by reductions alone; null where libvips does more than that. */
function reductionsFor({ height, width, components, upright }: JpegHeader, size: PixelSize): Reductions | null {
  const { resized, fit, interpolation, channels } = size;
  if (!upright || (components !== 1 && components !== 3) || (channels !== 1 && channels !== 3)) return null;
  const [down, across] = [height / resized.height, width / resized.width];
  const common = Math.min(down, across);
  const rows = plannedReduction(height, fit === 'cover' ? common : down, interpolation);
  const columns = plannedReduction(width, fit === 'cover' ? common : across, interpolation);
  return rows === null || columns === null ? null : { rows, columns };
}

/** Photographs have the sizes of cameras: most are of a few. */
const planned = new Map<string, Reduction | null>();
const mostPlanned = 1000;

function plannedReduction(size: number, factor: number, interpolation: PixelSize['interpolation']): Reduction | null {
  const key = `${size} ${factor} ${interpolation}`;
  const known = planned.get(key);
  if (known !== undefined) return known;
  if (planned.size >= mostPlanned) planned.clear();
  const reduction = planReduction(size, factor, interpolation);
  planned.set(key, reduction);
  return reduction;
}

/** The middle of a picture [rows, columns, channels]: what `cover` cuts off as libvips does, then the crop about the centre. */
function crop(pixels: Uint8Array, rows: number, columns: number, size: PixelSize, into: Uint8Array): void {
  const { height, width, channels, resized } = size;
  const top = ((rows - resized.height + 1) >> 1) + Math.floor((resized.height - height) / 2);
  const left = ((columns - resized.width + 1) >> 1) + Math.floor((resized.width - width) / 2);
  // whole rows lie one after another
  const [lines, length] = width === columns ? [1, height * width * channels] : [height, width * channels];
  for (let y = 0; y < lines; y++) {
    const from = ((top + y) * columns + left) * channels;
    into.set(pixels.subarray(from, from + length), y * length);
  }
}
