import { readRegularSync } from '../../contract/regular-file.js';
import type { PixelSize } from '../dataset.js';
import { decodeImage } from './decode.js';

/** Decoded pictures of one size, HWC, which all threads share. */
export interface KeptPixels {
  /** [count, height, width, channels], 8-bit */
  readonly pixels: SharedArrayBuffer;
  /** [count], int32: how often a picture was asked for, up to 2; from the second time on it is there */
  readonly asked: SharedArrayBuffer;
}

/** Images that are decoded and brought to a size; plain data, which goes to threads. */
export interface ImageJob {
  /** of each image its place among those that are kept */
  readonly indices: readonly number[];
  /** of each image its file, or the bytes of one; null: neither is known */
  readonly encoded: readonly (string | Uint8Array | null)[];
  readonly size: PixelSize;
  /** where pictures are kept, decoded; null: nowhere */
  readonly kept: KeptPixels | null;
}

export interface DecodedImages {
  /** [images, height, width, channels], 8-bit */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** positions in the job of images that could not be read or decoded */
  readonly failed: readonly number[];
}

/** libvips computes on threads of its own, for as many images as it is given */
const together = 4;

export const pixelBytes = ({ height, width, channels }: PixelSize): number => height * width * channels;

export async function runJob(job: ImageJob): Promise<DecodedImages> {
  const length = pixelBytes(job.size);
  const pixels = new Uint8Array(job.indices.length * length);
  const failed: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < job.indices.length; at = next++) {
      try {
        await decodeInto(job, at, pixels.subarray(at * length, (at + 1) * length));
      } catch {
        failed.push(at);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(together, job.indices.length) }, lane));
  return { pixels, failed: failed.sort((a, b) => a - b) };
}

/** @throws Error where an image cannot be read or decoded */
async function decodeInto({ indices, encoded, size, kept }: ImageJob, at: number, into: Uint8Array): Promise<void> {
  const index = indices[at] ?? 0;
  const asked = kept === null ? null : new Int32Array(kept.asked);
  const before = asked === null ? 0 : Atomics.load(asked, index);
  const place = kept === null ? into : new Uint8Array(kept.pixels, index * into.length, into.length);
  if (before === 2) {
    into.set(place);
    return;
  }
  const image = encoded[at] ?? null;
  if (image === null) throw new Error('the image is in no file');
  await decodeImage(typeof image === 'string' ? readRegularSync(image) : image, size, into);
  if (asked === null) return;
  // memory is for what is used again: most of what is evaluated is seen once
  if (before === 1) place.set(into);
  Atomics.store(asked, index, before + 1);
}
