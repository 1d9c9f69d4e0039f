import type { Dataset } from '../../src/data/dataset.js';
import type { PreprocessingOptions } from '../../src/data/preprocess.js';
import { createRandom } from '../../src/math/random.js';
import { memoryDataset } from './memory.js';

/** Three samples of 8 bits, and what a model takes them as. */
export interface PixelCase {
  readonly name: string;
  readonly dataset: Dataset;
  /** of one sample of the model's input */
  readonly shape: readonly number[];
  readonly options: PreprocessingOptions;
}

const [height, width] = [5, 7];
const [three, each] = [
  [0.4, 0.5, 0.6],
  [0.2, 0.3, 0.4],
];

function pixelCase(
  name: string,
  stored: readonly number[],
  layout: Dataset['sample']['layout'],
  shape: readonly number[],
  options: PreprocessingOptions = {},
): PixelCase {
  const random = createRandom(3);
  const length = 3 * stored.reduce((product, dim) => product * dim, 1);
  const storage = Uint8Array.from({ length }, () => Math.floor(256 * random.uniform()));
  return { name, dataset: memoryDataset({ shape: stored, layout, storage }), shape, options };
}

export const pixelCases: readonly PixelCase[] = [
  pixelCase('channels first', [height, width, 3], 'HWC', [3, height, width], { mean: three, std: each }),
  pixelCase('channels last', [height, width, 3], 'HWC', [height, width, 3], { mean: [0.4], std: each }),
  pixelCase('channels last, in several rows', [40, 30, 3], 'HWC', [40, 30, 3], { mean: three, std: each }),
  pixelCase('channels last, alike', [height, width, 3], 'HWC', [height, width, 3], { mean: [0.4], std: [0.2] }),
  pixelCase('blue first', [height, width, 3], 'HWC', [3, height, width], { channelOrder: 'BGR', mean: three }),
  pixelCase('blue first, last', [height, width, 3], 'HWC', [height, width, 3], { channelOrder: 'BGR', std: each }),
  pixelCase('one channel repeated', [height, width], 'HW', [3, height, width], { mean: three, std: each }),
  pixelCase('one channel repeated, last', [height, width], 'HW', [height, width, 3], { mean: three, std: [0.5] }),
  pixelCase('planes', [3, height, width], 'CHW', [3, height, width]),
  pixelCase('one channel', [height, width], 'HW', [1, height, width], { mean: [0.5], std: [0.25] }),
  pixelCase('flattened', [height, width], 'HW', [height * width]),
  pixelCase('a row', [11], 'values', [11], { scale: 1 }),
];
