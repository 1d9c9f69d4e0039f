import { Failure } from '../../contract/failure.js';
import type { Dataset, Part, PixelSize, Targets } from '../dataset.js';
import type { PixelArithmetic } from '../images/arithmetic.js';
import { applyToPixels } from '../images/arithmetic.js';
import { decodeImage } from '../images/decode.js';
import { faultOfDecoding } from '../images/fault.js';
import { type ImageJob, type KeptPixels, pixelBytes, valuesPerImage } from '../images/job.js';
import { prepareImages } from '../images/threads.js';

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

/** A data set of image files, each decoded when it is read, upright as its EXIF data says, and kept where all of them fit into memory. */
export function encodedImagesDataset(images: EncodedImages): Dataset {
  const { path, format, part, count, targets } = images;
  const kept = new Map<string, KeptPixels | null>();

  const prepare = async (
    indices: ArrayLike<number>,
    size: PixelSize,
    arithmetic: PixelArithmetic,
  ): Promise<Float32Array<ArrayBuffer>> => {
    const chosen = Array.from(indices);
    const job: ImageJob = {
      indices: chosen,
      encoded: chosen.map((index) => images.source(index)),
      size,
      arithmetic,
      kept: keptAt(kept, count, size),
    };
    const { values, failed } = await prepareImages(job);
    const length = valuesPerImage(size, arithmetic);
    for (const at of failed) {
      const pixels = await decodedHere(images, chosen[at] ?? 0, size);
      applyToPixels(arithmetic, pixels, size.channels, values.subarray(at * length, (at + 1) * length));
    }
    return values;
  };

  return {
    path,
    format,
    ...(part === undefined ? {} : { part }),
    count,
    sample: { shape: null, layout: 'HWC', dtype: 'uint8' },
    targets,
    prepare,
    async read(indices, into, size) {
      if (size === undefined) {
        throw new Failure('usage', {
          what: `${path}: its images are of various sizes.`,
          cure: 'Say to which size they are resized.',
          settings: ['resize'],
        });
      }
      into.set(await prepare(indices, size, asStored(size.channels)));
    },
    ...(images.file !== undefined && { file: images.file }),
    bytes: (index) => images.encoded(index),
  };
}

/** What becomes of pixels that are fed as they are. */
function asStored(channels: number): PixelArithmetic {
  const sources = Array.from({ length: channels }, (_, channel) => channel);
  const bytes = Float32Array.from({ length: 256 }, (_, byte) => byte);
  return { planar: false, sources, tables: sources.map(() => bytes) };
}

/** The place where pictures of a size are kept; null where they are too many. */
function keptAt(all: Map<string, KeptPixels | null>, count: number, size: PixelSize): KeptPixels | null {
  const key = JSON.stringify(size);
  const known = all.get(key);
  if (known !== undefined) return known;
  const bytes = count * pixelBytes(size);
  // memory that nothing was written to yet costs nothing
  const room =
    bytes > keptLimit
      ? null
      : {
          pixels: new SharedArrayBuffer(bytes),
          there: new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT),
        };
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
