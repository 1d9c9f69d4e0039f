import type { Dataset } from './dataset.js';
import { pixelWriter } from './images/arithmetic.js';
import { imageThreads } from './images/threads.js';
import {
  applyPreprocessing,
  inputLength,
  type PixelReading,
  type Preprocessing,
  pixelReading,
  rawLength,
  storedReading,
} from './preprocess.js';
import type { SampleSet } from './samples.js';

/** A data set as the model's input: preprocessed samples by index. */
export interface Inputs {
  readonly dataset: Dataset;
  readonly preprocessing: Preprocessing;
  /** of one sample, without the batch axis */
  readonly shape: readonly number[];
  /**
   * The preprocessed samples of `indices`, [indices.length, ...shape], in an array of their own.
   * @throws Failure('input') when a sample cannot be read
   */
  gather(indices: ArrayLike<number>): Promise<Float32Array>;
  /** how many calls of `gather` go on side by side, on threads; 1: it computes where it is called from */
  readonly atOnce: number;
  /** whether these threads have work as long as samples are asked for; left out: no, or no longer once all were read */
  readonly keepsThreadsBusy?: boolean;
  /** of 8-bit samples: what `gather` makes floats of */
  readonly pixels?: PixelInputs;
}

/** 8-bit samples, which become a model's input by a multiplication and an addition for each channel. */
export interface PixelInputs extends PixelReading {
  /** The samples of `indices` as they are stored, [indices.length, pixels, channels]. @throws as `Inputs.gather` */
  gather(indices: ArrayLike<number>): Promise<Uint8Array>;
  /** What `Inputs.gather` would have given. */
  toFloats(pixels: Uint8Array): Float32Array;
}

/** The samples of one of a model's inputs. */
export interface NamedInputs extends Inputs {
  /** the input's, in the model */
  readonly name: string;
}

/** Whether threads of this process decode for as long as samples of these inputs are asked for. */
export const keepThreadsBusy = (inputs: readonly Inputs[]): boolean =>
  inputs.some(({ keepsThreadsBusy = false }) => keepsThreadsBusy);

/** A data set as a model is fed with it: index i is the same sample in every input, and in `samples`. */
export interface FedSamples {
  /** one for each input of the model */
  readonly inputs: readonly NamedInputs[];
  /** the samples whatever their inputs are, with their targets */
  readonly samples: SampleSet;
}

/** Bytes of preprocessed samples that are kept. */
export const cacheLimit = 2 ** 30;

/**
 * Preprocesses on demand, and keeps what it has preprocessed where all of it fits into `cacheBytes` (1 GiB by default):
 * from the second epoch on a batch is then copied, not computed. Of 8-bit pixels nothing is kept but themselves, by the data set.
 */
export function createInputs(dataset: Dataset, preprocessing: Preprocessing, cacheBytes = cacheLimit): Inputs {
  const length = inputLength(preprocessing);
  const base = { dataset, preprocessing, shape: preprocessing.shape };
  const { size } = preprocessing;
  const pixels = pixelInputs(dataset, preprocessing);
  if (pixels !== null) {
    // as fast as a copy of what would have been kept, at a quarter of its memory
    const gather = async (indices: ArrayLike<number>) => pixels.toFloats(await pixels.gather(indices));
    if (dataset.onThreads !== true) return { ...base, atOnce: 1, pixels, gather };
    const keepsThreadsBusy = size !== null && dataset.isKept?.(size) === false;
    return { ...base, atOnce: imageThreads(), keepsThreadsBusy, pixels, gather };
  }

  const compute = async (indices: ArrayLike<number>): Promise<Float32Array> => {
    const raw = new Float32Array(indices.length * rawLength(preprocessing));
    await dataset.read(indices, raw, size ?? undefined);
    const isInPlace = preprocessing.arrangement === 'as stored' && preprocessing.repeat === 1;
    const into = isInPlace ? raw : new Float32Array(indices.length * length);
    applyPreprocessing(preprocessing, raw, indices.length, into);
    return into;
  };

  if (dataset.count * length * Float32Array.BYTES_PER_ELEMENT > cacheBytes)
    return { ...base, atOnce: 1, gather: compute };
  // memory that is not yet written to costs nothing: the cache grows with what is read
  const cache = new Float32Array(dataset.count * length);
  const cached = new Uint8Array(dataset.count);
  return {
    ...base,
    atOnce: 1,
    async gather(indices) {
      const missing: number[] = [];
      for (let i = 0; i < indices.length; i += 1) {
        const index = indices[i] ?? 0;
        if (cached[index] === 0) missing.push(index);
      }
      const fresh = missing.length === 0 ? new Float32Array() : await compute(missing);
      for (const [k, index] of missing.entries()) {
        cache.set(fresh.subarray(k * length, (k + 1) * length), index * length);
        cached[index] = 1;
      }
      // the first epoch: nothing to merge
      if (missing.length === indices.length) return fresh;
      const values = new Float32Array(indices.length * length);
      for (let i = 0; i < indices.length; i += 1) {
        const index = indices[i] ?? 0;
        values.set(cache.subarray(index * length, (index + 1) * length), i * length);
      }
      return values;
    },
  };
}

/** Null for what is not of 8 bits, or not one sum and product for each channel. */
function pixelInputs(dataset: Dataset, preprocessing: Preprocessing): PixelInputs | null {
  const { size } = preprocessing;
  const pixels = dataset.pixels?.bind(dataset);
  // of arrays, only `read` resizes
  if (pixels === undefined || (size !== null && dataset.onThreads !== true)) return null;
  const reading = size === null ? storedReading(preprocessing) : pixelReading(preprocessing);
  if (reading === null) return null;
  const { arithmetic, channels } = reading;
  const write = pixelWriter(arithmetic, channels);
  const [from, to] = [rawLength(preprocessing), inputLength(preprocessing)];
  return {
    ...reading,
    gather: (indices) => pixels(indices, size),
    toFloats(stored) {
      const count = stored.length / from;
      const values = new Float32Array(count * to);
      for (let i = 0; i < count; i += 1) {
        write(stored.subarray(i * from, (i + 1) * from), values.subarray(i * to, (i + 1) * to));
      }
      return values;
    },
  };
}
