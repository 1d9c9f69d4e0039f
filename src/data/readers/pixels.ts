import sharp, { type Sharp } from 'sharp';
import { Failure, messageOf } from '../../contract/failure.js';
import type { Dataset, Part, PixelSize, Targets } from '../dataset.js';

/** Brings an opened image to `size`: 8-bit pixels, HWC. */
export async function resizePixels(image: Sharp, size: PixelSize): Promise<Uint8Array> {
  const { height, width, channels, resized, fit, interpolation } = size;
  // alpha is dropped, not blended, as PIL's convert('RGB') does
  const coloured =
    channels === 1 ? image.removeAlpha().greyscale() : channels === 3 ? image.removeAlpha() : image.ensureAlpha();
  const { data, info } = await coloured
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
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
  if (info.channels !== channels) {
    throw new Failure('input', {
      what: `The image has ${info.channels} channels where ${channels} are wanted.`,
      cure: 'Convert it first.',
    });
  }
  return data;
}

/** What an image may announce before it is decoded: 100 million pixels are more than cameras take, and than classifiers look at. */
const limitInputPixels = 2 ** 27;

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

function refuseForeign(bytes: Uint8Array): void {
  if (!isEncodedImage(bytes)) throw new Error('it is no JPEG, PNG, WebP, GIF, TIFF or AVIF file');
}

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
}

/** A data set of image files, each decoded when it is read, upright as its EXIF data says. */
export function encodedImagesDataset(images: EncodedImages): Dataset {
  const { path, format, part, count, targets } = images;
  return {
    path,
    format,
    ...(part === undefined ? {} : { part }),
    count,
    sample: { shape: null, layout: 'HWC', dtype: 'uint8' },
    targets,
    async read(indices, into, size) {
      if (size === undefined) {
        throw new Failure('usage', {
          what: `${path}: its images are of various sizes.`,
          cure: 'Say to which size they are resized.',
          settings: ['resize'],
        });
      }
      const length = size.height * size.width * size.channels;
      await Promise.all(
        Array.from({ length: indices.length }, async (_, i) => {
          const index = indices[i] ?? 0;
          const encoded = await images.encoded(index);
          try {
            refuseForeign(encoded);
            into.set(await resizePixels(sharp(encoded, { limitInputPixels }).autoOrient(), size), i * length);
          } catch (error) {
            const cause = messageOf(error);
            throw new Failure(
              'input',
              {
                what: `${images.name(index)}: cannot be decoded as an image (${cause}).`,
                cure: 'Replace or remove it.',
              },
              { cause: error },
            );
          }
        }),
      );
    },
    ...(images.file !== undefined && { file: images.file }),
    bytes: (index) => images.encoded(index),
  };
}
