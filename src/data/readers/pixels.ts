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

export interface EncodedImages {
  readonly path: string;
  readonly format: Dataset['format'];
  readonly part?: Part | undefined;
  readonly count: number;
  readonly targets: Targets;
  /** what names one image in a message */
  name(index: number): string;
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
            into.set(await resizePixels(sharp(encoded).autoOrient(), size), i * length);
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
    bytes: (index) => images.encoded(index),
  };
}
