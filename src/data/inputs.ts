import type { Dataset } from './dataset.js';
import { applyToPixels } from './images/arithmetic.js';
import { imageThreads } from './images/threads.js';
import {
  applyPreprocessing,
  inputLength,
  type Preprocessing,
  pixelArithmetic,
  rawLength,
  storedArithmetic,
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
}

/** The samples of one of a model's inputs. */
export interface NamedInputs extends Inputs {
  /** the input's, in the model */
  readonly name: string;
}

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
  if (dataset.prepare !== undefined && size !== null) {
    const arithmetic = pixelArithmetic(preprocessing);
    const prepare = dataset.prepare.bind(dataset);
    return { ...base, atOnce: imageThreads(), gather: (indices) => prepare(indices, size, arithmetic) };
  }

  const table = size === null && dataset.stored !== undefined ? storedArithmetic(preprocessing) : null;
  if (table !== null && dataset.stored !== undefined) {
    const { arithmetic, channels } = table;
    const stored = dataset.stored.bind(dataset);
    return {
      ...base,
      atOnce: 1,
      // as fast as a copy of what would have been kept, at a quarter of its memory
      async gather(indices) {
        const values = new Float32Array(indices.length * length);
        for (let i = 0; i < indices.length; i += 1) {
          const into = values.subarray(i * length, (i + 1) * length);
          applyToPixels(arithmetic, stored(indices[i] ?? 0), channels, into);
        }
        return values;
      },
    };
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
