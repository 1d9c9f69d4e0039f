import { Failure } from '../contract/failure.js';
import type { Dataset } from '../data/dataset.js';
import type { ReadOptions } from '../data/open.js';
import type { SliceOptions } from '../data/slices.js';
import { elementCount } from '../model/tensor.js';
import type { Signature } from '../runtime/predictor.js';
import type { OpenData } from './opened.js';

/**
 * How data are opened that have columns to tell samples apart by: these are inputs like the others where the model takes so many,
 * and none where it takes so many without them.
 */
export async function readingSlices(
  open: OpenData,
  path: string,
  options: ReadOptions,
  signature: Pick<Signature, 'inputs'>,
  slices: SliceOptions | undefined,
): Promise<ReadOptions> {
  if (slices === undefined || slices.columns.length === 0 || slices.file !== null) return options;
  const { columns } = slices;
  const within = { ...options, slices: { columns, areInputs: true } };
  if (await fits(open, path, within, signature)) return within;
  const apart = { ...options, slices: { columns, areInputs: false } };
  return (await fits(open, path, apart, signature)) ? apart : within;
}

async function fits(
  open: OpenData,
  path: string,
  options: ReadOptions,
  { inputs }: Pick<Signature, 'inputs'>,
): Promise<boolean> {
  try {
    const { datasets } = await open(path, options);
    return datasets.every((dataset, i) => isAsWide(dataset, inputs[i]?.shape ?? []));
  } catch (error) {
    // a column of ids or of words without end is none that a model takes
    if (error instanceof Failure) return false;
    throw error;
  }
}

/** Whether samples have as many values as the input has; pictures, and inputs that take any number, are not measured by it. */
function isAsWide({ sample: { shape, layout } }: Dataset, input: readonly (number | null)[]): boolean {
  const wanted = input.slice(1);
  if (shape === null || layout !== 'values') return true;
  if (wanted.some((dim) => dim === null)) return true;
  return elementCount(shape) === wanted.reduce<number>((product, dim) => product * (dim ?? 1), 1);
}
