import { Failure } from '../../contract/failure.js';
import type { Dataset, Part, PixelSize, Targets } from '../dataset.js';
import { decodeImage } from '../images/decode.js';
import { faultOfDecoding } from '../images/fault.js';
import { type DecodedImages, type KeptPixels, pixelBytes } from '../images/job.js';
import { decodeImages } from '../images/threads.js';
import { withOthers } from './unreadable.js';

export interface EncodedImages {
  readonly path: string;
  readonly format: Dataset['format'];
  readonly part?: Part | undefined;
  readonly count: number;
  readonly targets: Targets;
  /** what names one image in a message */
  name(index: number): string;
  /** left out where images are no files of their own */
  file?(index: number): string;
  /** the encoded file (JPEG, PNG...) of one image */
  encoded(index: number): Promise<Uint8Array>;
  /** where one lies, or its bytes, for threads that read it themselves; null where `encoded` says what is wrong */
  source(index: number): string | Uint8Array | null;
}

/** Bytes of decoded pictures that are kept, for each size that they are wanted at. */
const keptLimit = 2 ** 29;

/** A data set of image files, each decoded when it is read, upright as its EXIF data says, and kept from the second time on where all of them fit into memory. */
export function encodedImagesDataset(images: EncodedImages): Dataset {
  const { path, format, part, count, targets } = images;
  const kept = new Map<string, KeptPixels | null>();
  const readable = new Uint8Array(count);

  const attempt = async (chosen: readonly number[], size: PixelSize): Promise<DecodedImages> => {
    const encoded = chosen.map((index) => images.source(index));
    const decoded = await decodeImages({ indices: chosen, encoded, size, kept: keptAt(kept, count, size) });
    for (const index of chosen) readable[index] = 1;
    for (const at of decoded.failed) readable[chosen[at] ?? 0] = 0;
    return decoded;
  };

  /** What is wrong with an image, and with others; batches that are prepared at once find it together. */
  let refusal: Promise<Failure> | null = null;
  const refuse = (first: Failure, at: number, size: PixelSize): Promise<Failure> => {
    refusal ??= withOthers(first, {
      count,
      isKnown: (index) => index === at || readable[index] === 1,
      failing: async (some) => (await attempt(some, size)).failed.map((each) => some[each] ?? 0),
      fault: (index) =>
        decodedHere(images, index, size).then(
          () => null,
          (error: unknown) => {
            if (error instanceof Failure) return error;
            throw error;
          },
        ),
    }).finally(() => {
      refusal = null;
    });
    return refusal;
  };

  const decode = async (indices: ArrayLike<number>, size: PixelSize): Promise<Uint8Array> => {
    const chosen = Array.from(indices);
    const { pixels, failed } = await attempt(chosen, size);
    for (const at of failed) {
      const index = chosen[at] ?? 0;
      const own = await decodedHere(images, index, size).catch(async (error: unknown) => {
        throw error instanceof Failure ? await refuse(error, index, size) : error;
      });
      pixels.set(own, at * own.length);
    }
    return pixels;
  };

  return {
    path,
    format,
    ...(part === undefined ? {} : { part }),
    count,
    sample: { shape: null, layout: 'HWC', dtype: 'uint8' },
    targets,
    onThreads: true,
    isKept: (size) => areKept(count, size),
    pixels: async (indices, size) => decode(indices, size ?? variousSizes(path)),
    async read(indices, into, size) {
      into.set(await decode(indices, size ?? variousSizes(path)));
    },
    ...(images.file !== undefined && { file: images.file }),
    bytes: (index) => images.encoded(index),
  };
}

/** @throws Failure('usage') */
function variousSizes(path: string): never {
  throw new Failure('usage', {
    what: `${path}: its images are of various sizes.`,
    cure: 'Say to which size they are resized.',
    settings: ['resize'],
  });
}

const areKept = (count: number, size: PixelSize): boolean => count * pixelBytes(size) <= keptLimit;

/** The place where pictures of a size are kept; null where they are too many. */
function keptAt(all: Map<string, KeptPixels | null>, count: number, size: PixelSize): KeptPixels | null {
  const key = JSON.stringify(size);
  const known = all.get(key);
  if (known !== undefined) return known;
  // memory that nothing was written to yet costs nothing
  const room = areKept(count, size)
    ? {
        pixels: new SharedArrayBuffer(count * pixelBytes(size)),
        asked: new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT),
      }
    : null;
  all.set(key, room);
  return room;
}

/** @throws Failure('input') naming the image, where it cannot be read or decoded */
async function decodedHere(images: EncodedImages, index: number, size: PixelSize): Promise<Uint8Array> {
  const encoded = await images.encoded(index);
  const pixels = new Uint8Array(pixelBytes(size));
  try {
    await decodeImage(encoded, size, pixels);
  } catch (error) {
    const what = `${images.name(index)}: cannot be decoded as an image (${faultOfDecoding(error)}).`;
    throw new Failure('input', { what, cure: 'Replace or remove it.' }, { cause: error });
  }
  return pixels;
}
