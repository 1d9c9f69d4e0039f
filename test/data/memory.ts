import type { SampleLayout, Targets } from '../../src/data/dataset.js';
import { arrayDataset } from '../../src/data/readers/arrays.js';

interface Memory {
  readonly shape: readonly number[];
  readonly layout?: SampleLayout;
  readonly storage: Uint8Array | Float32Array;
  readonly targets?: Targets;
}

/** A data set of the given array, as a reader would deliver it. */
export const memoryDataset = ({ shape, layout = 'values', storage, targets = { kind: 'none' } }: Memory) =>
  arrayDataset({ path: 'memory', format: 'npz', shape, layout, storage, targets });

/** `count` numbers 0, 1, 2... as 8-bit pixels. */
export const ramp = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => i % 256);
