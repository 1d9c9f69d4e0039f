import type { Converter, ConverterTable } from '../context.js';
import { activations } from './activations.js';
import { arithmetic } from './arithmetic.js';
import { comparison } from './comparison.js';
import { convolution } from './convolution.js';
import { creation } from './creation.js';
import { image } from './image.js';
import { math } from './math.js';
import { matrices } from './matrices.js';
import { normalization } from './normalization.js';
import { padding } from './padding.js';
import { pooling } from './pooling.js';
import { reduction } from './reduction.js';
import { shape } from './shape.js';
import { slicing } from './slicing.js';

const families: readonly ConverterTable[] = [
  activations,
  arithmetic,
  comparison,
  convolution,
  creation,
  image,
  math,
  matrices,
  normalization,
  padding,
  pooling,
  reduction,
  shape,
  slicing,
];

/** Every operator of a GraphModel that is covered, by TensorFlow's name; Placeholder and Const are read with the graph itself. */
export const converters: ReadonlyMap<string, Converter> = new Map(families.flatMap((family) => Object.entries(family)));
