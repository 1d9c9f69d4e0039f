import { Failure } from '../../contract/failure.js';
import type { Dataset, Part, PixelSize, SampleLayout, Targets } from '../dataset.js';
import { resizePixels } from '../images/decode.js';
import { loadSharp } from '../images/sharp.js';

export interface ArrayDataset {
  readonly path: string;
  readonly format: Dataset['format'];
  readonly part?: Part | undefined;
  /** the shape of one sample */
  readonly shape: readonly number[];
  readonly layout: SampleLayout;
  /** of the features of a row */
  readonly names?: readonly string[];
  /** as `Dataset.sample` has it */
  readonly rounded?: number | undefined;
  /** [count, ...shape], row-major */
  readonly storage: Uint8Array | Float32Array;
  readonly targets: Targets;
}

/** Whether float32 takes a whole number for another one. */
export const isRounded = (value: number): boolean => Number.isInteger(value) && Math.fround(value) !== value;

/**
 * A data set whose samples lie in one array in memory.
 * @throws Failure('input') when a float value is NaN or infinite, or there is no sample
 */
export function arrayDataset(array: ArrayDataset): Dataset {
  const { path, format, part, shape, layout, names, rounded, storage, targets } = array;
  const size = shape.reduce((product, dim) => product * dim, 1);
  const count = size === 0 ? 0 : storage.length / size;
  if (count === 0)
    throw new Failure('input', { what: `${path}: it holds no samples.`, cure: 'Give a file with data.' });
  if (storage instanceof Float32Array) requireFinite(path, storage, size);
  const bytes = new Uint8Array(storage.buffer, storage.byteOffset, storage.byteLength);
  const bytesPerSample = size * storage.BYTES_PER_ELEMENT;
  // a view of a Buffer is a Buffer, which takes several times as long to make
  const plain = storage instanceof Uint8Array ? bytes : storage;
  const samplesInto = (indices: ArrayLike<number>, into: Uint8Array | Float32Array): void => {
    for (let i = 0; i < indices.length; ) {
      const from = indices[i] ?? 0;
      const run = runLength(indices, i);
      into.set(plain.subarray(from * size, (from + run) * size), i * size);
      i += run;
    }
  };

  return {
    path,
    format,
    ...(part === undefined ? {} : { part }),
    count,
    sample: {
      shape,
      layout,
      dtype: storage instanceof Uint8Array ? 'uint8' : 'float32',
      ...(names === undefined ? {} : { names }),
      ...(rounded === undefined ? {} : { rounded }),
    },
    targets,
    async read(indices, into, pixelSize) {
      if (pixelSize !== undefined && storage instanceof Uint8Array && layout !== 'values') {
        await readResized(storage, shape, layout, indices, into, pixelSize);
        return;
      }
      samplesInto(indices, into);
    },
    ...(storage instanceof Uint8Array && {
      async pixels(indices: ArrayLike<number>) {
        const pixels = new Uint8Array(indices.length * size);
        samplesInto(indices, pixels);
        return pixels;
      },
    }),
    async bytes(index) {
      return bytes.subarray(index * bytesPerSample, (index + 1) * bytesPerSample);
    },
  };
}

/** How many indices from a place on follow one another: samples that lie so are copied at once. */
function runLength(indices: ArrayLike<number>, start: number): number {
  let end = start + 1;
  while (end < indices.length && indices[end] === (indices[end - 1] ?? 0) + 1) end += 1;
  return end - start;
}

/**
 * @param indices of the samples that `values` are of; left out: of all
 * @throws Failure('input')
 */
export function requireFinite(
  path: string,
  values: Float32Array,
  sampleSize: number,
  indices?: ArrayLike<number>,
): void {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  const sample = Math.floor(at / sampleSize);
  throw new Failure('input', {
    what: `${path}: sample ${indices?.[sample] ?? sample} holds ${values[at]} at position ${at % sampleSize}.`,
    cure: 'Remove or fill in such values before training.',
  });
}

/** 8-bit samples that are brought to a size. */
export async function readResized(
  storage: Uint8Array,
  shape: readonly number[],
  layout: Exclude<SampleLayout, 'values'>,
  indices: ArrayLike<number>,
  into: Float32Array,
  size: PixelSize,
): Promise<void> {
  const [height = 1, width = 1, channels = 1] =
    layout === 'CHW' ? [shape[1], shape[2], shape[0]] : [shape[0], shape[1], layout === 'HWC' ? shape[2] : 1];
  const plane = height * width;
  const length = plane * channels;
  const outLength = size.height * size.width * size.channels;
  const raw = { width, height, channels: channelCount(channels) };
  const sharp = await loadSharp();
  await Promise.all(
    Array.from({ length: indices.length }, async (_, i) => {
      const start = (indices[i] ?? 0) * length;
      let pixels = storage.subarray(start, start + length);
      if (layout === 'CHW' && channels > 1) {
        const planar = pixels;
        pixels = new Uint8Array(length);
        for (let c = 0; c < channels; c += 1) {
          for (let p = 0; p < plane; p += 1) pixels[p * channels + c] = planar[c * plane + p] ?? 0;
        }
      }
      into.set(await resizePixels(sharp(pixels, { raw }), size), i * outLength);
    }),
  );
}

/** Narrows a channel count to those that image libraries know. */
function channelCount(channels: number): 1 | 2 | 3 | 4 {
  if (channels === 1 || channels === 2 || channels === 3 || channels === 4) return channels;
  throw new Failure('input', {
    what: `Images of ${channels} channels cannot be resized.`,
    cure: 'Resize them before exporting the data.',
  });
}
