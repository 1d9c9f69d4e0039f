import { intAttribute } from '../../model/attributes.js';
import type { NodeProto } from '../../model/graph.js';
import { DataType, isFloat } from '../../model/tensor.js';
import { activations } from './activations.js';
import { attention } from './attention.js';
import { blocked } from './blocked.js';
import { blockedPooling } from './blocked-pooling.js';
import { col2im } from './col2im.js';
import { convolution } from './conv.js';
import { crossEntropy } from './cross-entropy.js';
import { dropout } from './dropout.js';
import { einsum } from './einsum.js';
import { elementwise } from './elementwise.js';
import { gatherAndScatter } from './gather.js';
import { gridSample } from './grid-sample.js';
import { matmul } from './matmul.js';
import { normalization } from './normalization.js';
import { pooling } from './pooling.js';
import { recurrent } from './recurrent.js';
import { reduce } from './reduce.js';
import { resize } from './resize.js';
import type { GradientRule } from './rule.js';
import { shape } from './shape.js';
import { softmax } from './softmax.js';
import { where } from './where.js';

/** The coverage table: the gradient rule of every operator that can be trained through. */
export const gradientRules: Readonly<Record<string, GradientRule | undefined>> = {
  ...recurrent,
  ...dropout,
  ...softmax,
  ...activations,
  ...attention,
  ...normalization,
  ...pooling,
  ...matmul,
  ...convolution,
  ...col2im,
  ...crossEntropy,
  ...blocked,
  ...blockedPooling,
  ...einsum,
  ...elementwise,
  ...gatherAndScatter,
  ...gridSample,
  ...reduce,
  ...resize,
  ...shape,
  ...where,
};

/** Operators whose outputs do not change with their inputs' values, or only in steps: nothing flows back through them. */
const flat: ReadonlySet<string> = new Set([
  'Shape',
  'Size',
  'ArgMax',
  'ArgMin',
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'Not',
  'And',
  'Or',
  'Xor',
  'IsNaN',
  'IsInf',
  'NonZero',
  'Sign',
  'Floor',
  'Ceil',
  'Round',
  'OneHot',
  'ConstantOfShape',
  'Range',
  'Hardmax',
]);

/** Whether nothing flows back through a node: its operator is flat, or it cuts its input to integers. */
export function isFlat(node: NodeProto): boolean {
  return flat.has(node.opType) || (node.opType === 'Cast' && !isFloat(intAttribute(node, 'to', DataType.FLOAT)));
}
