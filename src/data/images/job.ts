import { readRegularSync } from '../../contract/regular-file.js';
import type { PixelSize } from '../dataset.js';
import { applyToPixels, type PixelArithmetic } from './arithmetic.js';
import { decodeImage } from './decode.js';

/** Decoded pictures of one size, HWC, which all threads share. */
export interface KeptPixels {
  /** [count, height, width, channels], 8-bit */
  readonly pixels: SharedArrayBuffer;
  /** [count], int32: 1 where a picture is there */
  readonly there: SharedArrayBuffer;
}

/** Images that become what a model is fed with; plain data, which goes to threads. */
export interface ImageJob {
  /** of each image its place among those that are kept */
  readonly indices: readonly number[];
  /** of each image its file, or the bytes of one; null: neither is known */
  readonly encoded: readonly (string | Uint8Array | null)[];
  readonly size: PixelSize;
  readonly arithmetic: PixelArithmetic;
  /** where pictures are kept, decoded; null: nowhere */
  readonly kept: KeptPixels | null;
}

export interface PreparedImages {
  /** [images, ...of one], as the arithmetic has it */
  readonly values: Float32Array<ArrayBuffer>;
  /** positions in the job of images that could not be read or decoded */
  readonly failed: readonly number[];
}

/** libvips computes on threads of its own, for as many images as it is given */
const together = 4;

export const pixelBytes = ({ height, width, channels }: PixelSize): number => height * width * channels;

export const valuesPerImage = (size: PixelSize, { sources }: PixelArithmetic): number =>
  size.height * size.width * sources.length;

export async function runJob(job: ImageJob): Promise<PreparedImages> {
  const length = valuesPerImage(job.size, job.arithmetic);
  const values = new Float32Array(job.indices.length * length);
  const failed: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    const scratch = new Uint8Array(job.kept === null ? pixelBytes(job.size) : 0);
    for (let at = next++; at < job.indices.length; at = next++) {
      try {
        const pixels = await picture(job, at, scratch);
        applyToPixels(job.arithmetic, pixels, job.size.channels, values.subarray(at * length, (at + 1) * length));
      } catch {
        failed.push(at);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(together, job.indices.length) }, lane));
  return { values, failed: failed.sort((a, b) => a - b) };
}

/** @throws Error where an image cannot be read or decoded */
async function picture(job: ImageJob, at: number, scratch: Uint8Array): Promise<Uint8Array> {
  const { kept, size } = job;
  const index = job.indices[at] ?? 0;
  const there = kept === null ? null : new Int32Array(kept.there);
  const pixels = kept === null ? scratch : new Uint8Array(kept.pixels, index * pixelBytes(size), pixelBytes(size));
  if (there !== null && Atomics.load(there, index) === 1) return pixels;
  const encoded = job.encoded[at] ?? null;
  if (encoded === null) throw new Error('the image is in no file');
  await decodeImage(typeof encoded === 'string' ? readRegularSync(encoded) : encoded, size, pixels);
  if (there !== null) Atomics.store(there, index, 1);
  return pixels;
}
