import { type Computed, type ConverterTable, lastAxis, type NodeContext } from '../context.js';
import { numberAttribute } from '../graph-def.js';

/** Activation functions, alone and as the last part of a fused operator. */
export const activations: ConverterTable = {
  Relu: (context) => [activate(context, 'relu', context.value(0))],
  Relu6: (context) => [activate(context, 'relu6', context.value(0))],
  Elu: (context) => [activate(context, 'elu', context.value(0))],
  LeakyRelu: (context) => {
    const x = context.value(0);
    return [leakyRelu(context, x, numberAttribute(context.node, 'alpha', 0.2))];
  },
  Prelu: (context) => {
    const { names, dtype, like } = context.align([0, 1]);
    return [context.result(context.op('PRelu', names), dtype, like)];
  },
  Selu: (context) => [simple(context, 'Selu', context.value(0))],
  Sigmoid: (context) => [activate(context, 'sigmoid', context.value(0))],
  Softplus: (context) => [simple(context, 'Softplus', context.value(0))],
  Tanh: (context) => [simple(context, 'Tanh', context.value(0))],
  Softmax: (context) => [alongChannels(context, 'Softmax')],
  LogSoftmax: (context) => [alongChannels(context, 'LogSoftmax')],
};

/**
 * The activation of a fused operator, by the name in its `fused_ops` in lower case.
 * @param slope the input that holds PReLU's slope
 */
export function activate(context: NodeContext, activation: string, x: Computed, slope?: number): Computed {
  switch (activation) {
    case 'linear':
      return x;
    case 'relu':
      return simple(context, 'Relu', x);
    case 'relu6': {
      const { builder } = context;
      return context.result(context.op('Clip', [x.name, builder.float(0), builder.float(6)]), x.dtype, x);
    }
    case 'elu':
      return simple(context, 'Elu', x);
    case 'sigmoid':
      return simple(context, 'Sigmoid', x);
    case 'leakyrelu':
      return leakyRelu(context, x, numberAttribute(context.node, 'leakyrelu_alpha', 0.2));
    case 'prelu': {
      if (slope === undefined) return context.refuse('its Prelu has no slope');
      const name = context.alignTo(x, slope);
      return context.result(context.op('PRelu', [x.name, name]), x.dtype, x);
    }
    default:
      return context.refuse(`its activation '${activation}' is not one that tf.js knows`);
  }
}

function simple(context: NodeContext, opType: string, x: Computed): Computed {
  return context.result(context.op(opType, [x.name]), x.dtype, x);
}

function leakyRelu(context: NodeContext, x: Computed, alpha: number): Computed {
  return context.result(context.op('LeakyRelu', [x.name], { alpha: { float: alpha } }), x.dtype, x);
}

/** tf.js normalises over its last axis. */
function alongChannels(context: NodeContext, opType: string): Computed {
  const x = context.value(0);
  return context.result(context.op(opType, [x.name], { axis: { int: lastAxis(x) } }), x.dtype, x);
}
