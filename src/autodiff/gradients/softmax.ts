import { intAttribute } from '../../model/attributes.js';
import { type GradientContext, type GradientRules, outputGradient, outputOf } from './rule.js';

export const softmax: GradientRules = {
  /** dx = y (dy - sum(dy y)) */
  Softmax(context) {
    const { node, emit } = context;
    const dy = outputGradient(context);
    const y = outputOf(node);
    const rest = emit.op('Sub', [dy, sumAlong(context, emit.op('Mul', [dy, y]))]);
    return [emit.op('Mul', [y, rest])];
  },

  /** dx = dy - e^y sum(dy) */
  LogSoftmax(context) {
    const { node, emit } = context;
    const dy = outputGradient(context);
    const probability = emit.op('Exp', [outputOf(node)]);
    return [emit.op('Sub', [dy, emit.op('Mul', [probability, sumAlong(context, dy)])])];
  },
};

/** The sum along the node's axis, which is kept as 1. */
function sumAlong({ node, emit }: GradientContext, value: string): string {
  return emit.op('ReduceSum', [value, emit.ints([intAttribute(node, 'axis', -1)])], { keepdims: { int: 1 } });
}
