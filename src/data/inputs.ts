import type { Dataset } from './dataset.js';
import { applyPreprocessing, inputLength, type Preprocessing, rawLength } from './preprocess.js';
import type { SampleSet } from './samples.js';

/** A data set as the model's input: preprocessed samples by index. */
export interface Inputs {
  readonly dataset: Dataset;
  readonly preprocessing: Preprocessing;
  /** of one sample, without the batch axis */
  readonly shape: readonly number[];
  /**
   * Writes the preprocessed samples of `indices` into `into`, [indices.length, ...shape], float32.
   * @throws Failure('input') when a sample cannot be read
   */
  gather(indices: ArrayLike<number>, into: Float32Array): Promise<void>;
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
 * from the second epoch on a batch is then copied, not computed.
 */
export function createInputs(dataset: Dataset, preprocessing: Preprocessing, cacheBytes = cacheLimit): Inputs {
  const length = inputLength(preprocessing);
  const rawSize = rawLength(preprocessing);
  const inPlace = preprocessing.arrangement === 'as stored' && preprocessing.repeat === 1;

  const compute = async (indices: ArrayLike<number>, into: Float32Array): Promise<void> => {
    const raw = inPlace ? into : new Float32Array(indices.length * rawSize);
    await dataset.read(indices, raw, preprocessing.size ?? undefined);
    applyPreprocessing(preprocessing, raw, indices.length, into);
  };

  const base = { dataset, preprocessing, shape: preprocessing.shape };
  if (dataset.count * length * Float32Array.BYTES_PER_ELEMENT > cacheBytes) {
    return { ...base, gather: (indices, into) => compute(indices, into.subarray(0, indices.length * length)) };
  }
  // memory that is not yet written to costs nothing: the cache grows with what is read
  const cache = new Float32Array(dataset.count * length);
  const cached = new Uint8Array(dataset.count);
  return {
    ...base,
    async gather(indices, into) {
      const missing: number[] = [];
      for (let i = 0; i < indices.length; i += 1) {
        const index = indices[i] ?? 0;
        if (cached[index] === 0) missing.push(index);
      }
      const keep = (index: number, values: Float32Array, at: number): void => {
        cache.set(values.subarray(at * length, (at + 1) * length), index * length);
        cached[index] = 1;
      };
      if (missing.length === indices.length) {
        // the first epoch: nothing to merge, so nothing is copied twice
        await compute(missing, into.subarray(0, missing.length * length));
        for (const [k, index] of missing.entries()) keep(index, into, k);
        return;
      }
      if (missing.length > 0) {
        const fresh = new Float32Array(missing.length * length);
        await compute(missing, fresh);
        for (const [k, index] of missing.entries()) keep(index, fresh, k);
      }
      for (let i = 0; i < indices.length; i += 1) {
        const index = indices[i] ?? 0;
        into.set(cache.subarray(index * length, (index + 1) * length), i * length);
      }
    },
  };
}
