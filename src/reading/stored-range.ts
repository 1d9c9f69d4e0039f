import type { NamedInputs } from '../data/inputs.js';
import { elementCount } from '../model/tensor.js';
import { type DataPart, evenly } from './data.js';

export interface Ends {
  readonly min: number;
  readonly max: number;
}

/** The ends of what is stored, over some samples. */
export async function storedRange({ dataset, preprocessing }: NamedInputs, split: DataPart['split']) {
  const indices = evenly(split, 64).indices;
  const values = new Float32Array(indices.length * elementCount(preprocessing.raw.shape));
  await dataset.read(indices, values, preprocessing.size ?? undefined);
  return { dtype: dataset.sample.dtype, ...ends(values) };
}

export function ends(values: Float32Array): Ends {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  // an iterator over millions of numbers takes ten times as long
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}
