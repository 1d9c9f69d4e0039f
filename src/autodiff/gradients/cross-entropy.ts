import { intAttribute, stringAttribute } from '../../model/attributes.js';
import { DataType } from '../../model/tensor.js';
import {
  type GradientContext,
  type GradientRule,
  type GradientRules,
  inputOf,
  optionalInput,
  outputGradient,
  UnsupportedNode,
} from './rule.js';

/**
 * The losses of ONNX itself, as PyTorch exports its own. With l_i the loss of position i, of class c_i:
 *   NegativeLogLikelihoodLoss l_i = -x[i, c_i],  SoftmaxCrossEntropyLoss l_i = -log softmax(x)[i, c_i];
 * they give w_i l_i, or the sum of them, or that over the sum of w_i, where w_i is the weight of class c_i, 0 for the class that is ignored.
 * The gradient for x is then (-one-hot, or softmax(x) - one-hot) times w_i and what flows back to position i.
 */
export const crossEntropy: GradientRules = {
  NegativeLogLikelihoodLoss: labelled(({ emit }, _, oneHot) => emit.op('Neg', [oneHot])),
  SoftmaxCrossEntropyLoss: labelled(({ emit }, x, oneHot) =>
    emit.op('Sub', [emit.op('Softmax', [x], { axis: { int: 1 } }), oneHot]),
  ),
};

/** @param slope dl_i/dx, [N, C, ...], from x and the one-hot classes of that shape */
function labelled(slope: (context: GradientContext, x: string, oneHot: string) => string): GradientRule {
  return (context) => {
    const { node, emit, shape, outputGradients } = context;
    if ((outputGradients[1] ?? null) !== null) {
      throw new UnsupportedNode('its second output, the logarithms of probabilities, is read on the way to the loss');
    }
    const x = inputOf(node, 0);
    const [samples = 1, , ...positions] = shape(x);
    const perPosition = emit.ints([samples, 1, ...positions]);
    const oneHot = oneHotClasses(context, perPosition);
    const weights = positionWeights(context, oneHot, perPosition);
    const dy = outputGradient(context);
    const reduction = stringAttribute(node, 'reduction', 'mean');
    const back =
      reduction === 'none'
        ? emit.op('Reshape', [dy, perPosition])
        : reduction === 'sum'
          ? dy
          : emit.op('Div', [dy, emit.op('ReduceSum', [weights], { keepdims: { int: 0 } })]);
    return [emit.op('Mul', [slope(context, x, oneHot), emit.op('Mul', [weights, back])])];
  };
}

/** 1 at the class of each position, [N, C, ...]; nowhere for a class that is none of them. */
function oneHotClasses({ node, emit, shape }: GradientContext, perPosition: string): string {
  const [, classes = 1, ...positions] = shape(inputOf(node, 0));
  const labels = emit.op('Cast', [inputOf(node, 1)], { to: { int: DataType.INT64 } });
  const every = emit.op('Reshape', [
    emit.ints(Array.from({ length: classes }, (_, i) => i)),
    emit.ints([1, classes, ...positions.map(() => 1)]),
  ]);
  const equal = emit.op('Equal', [emit.op('Reshape', [labels, perPosition]), every]);
  return emit.op('Cast', [equal], { to: { int: DataType.FLOAT } });
}

/** The weight of each position's class, [N, 1, ...]; 0 where it is the one that is ignored, or none of them. */
function positionWeights({ node, emit, shape }: GradientContext, oneHot: string, perPosition: string): string {
  const [, classes = 1, ...positions] = shape(inputOf(node, 0));
  const given = optionalInput(node, 2);
  const ofClasses =
    given === undefined
      ? oneHot
      : emit.op('Mul', [oneHot, emit.op('Reshape', [given, emit.ints([1, classes, ...positions.map(() => 1)])])]);
  const weights = emit.op('ReduceSum', [ofClasses, emit.ints([1])], { keepdims: { int: 1 } });
  if (!node.attribute.some(({ name }) => name === 'ignore_index')) return weights;
  const labels = emit.op('Cast', [inputOf(node, 1)], { to: { int: DataType.INT64 } });
  const ignored = emit.op('Equal', [
    emit.op('Reshape', [labels, perPosition]),
    emit.ints([intAttribute(node, 'ignore_index', 0)]),
  ]);
  const kept = emit.op('Cast', [emit.op('Not', [ignored])], { to: { int: DataType.FLOAT } });
  return emit.op('Mul', [weights, kept]);
}
