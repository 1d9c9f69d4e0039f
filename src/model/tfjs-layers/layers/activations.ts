import { isList } from '../../tfjs/json.js';
import { onnxAxis } from '../../tfjs/layout.js';
import { type LayerContext, type LayerTable, type LayerValue, like } from '../context.js';

type Emit = (opType: string, inputs: readonly string[], attributes?: Parameters<LayerContext['op']>[2]) => string;

/** The constants that a formula needs, in whichever graph it stands. */
interface FormulaGraph {
  readonly op: Emit;
  readonly scalar: (value: number) => string;
}

/** How an activation is computed from a value; `axis` is where its channels lie in the ONNX graph. */
type Formula = (graph: FormulaGraph, x: string, axis: number) => string;

/** Every activation that tfjs-layers 4.22 registers (activations.ts), by its name without underscores, in lower case. */
const formulas: Readonly<Record<string, Formula>> = {
  linear: (_, x) => x,
  relu: ({ op }, x) => op('Relu', [x]),
  relu6: ({ op, scalar }, x) => op('Clip', [x, scalar(0), scalar(6)]),
  elu: ({ op }, x) => op('Elu', [x]),
  selu: ({ op }, x) => op('Selu', [x]),
  sigmoid: ({ op }, x) => op('Sigmoid', [x]),
  // Keras's: clip(0.2 x + 0.5, 0, 1)
  hardsigmoid: ({ op }, x) => op('HardSigmoid', [x], { alpha: { float: 0.2 }, beta: { float: 0.5 } }),
  softplus: ({ op }, x) => op('Softplus', [x]),
  softsign: ({ op }, x) => op('Softsign', [x]),
  tanh: ({ op }, x) => op('Tanh', [x]),
  softmax: ({ op }, x, axis) => op('Softmax', [x], { axis: { int: axis } }),
  logsoftmax: ({ op }, x, axis) => op('LogSoftmax', [x], { axis: { int: axis } }),
  swish: ({ op }, x) => op('Mul', [x, op('Sigmoid', [x])]),
  mish: ({ op }, x) => op('Mul', [x, op('Tanh', [op('Softplus', [x])])]),
  gelu: ({ op }, x) => op('Gelu', [x], { approximate: { string: 'none' } }),
  gelunew: ({ op }, x) => op('Gelu', [x], { approximate: { string: 'tanh' } }),
};

/** An activation's name in the spelling of the table: hard_sigmoid and hardSigmoid are one. */
export function activationKey(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}

export function activationFormula(name: string): Formula | undefined {
  return formulas[activationKey(name)];
}

/** Applies the activation that a field of the layer names; the layer ends with it. */
export function activate(layer: LayerContext, value: LayerValue, field = 'activation'): LayerValue {
  const name = layer.functionName(field, 'linear');
  const formula = activationFormula(name) ?? layer.refuse(`TensorFlow.js has no activation '${name}'`);
  const { builder } = layer;
  const graph: FormulaGraph = {
    op: (opType, inputs, attributes) => layer.op(opType, inputs, attributes),
    scalar: (number) => builder.float(number),
  };
  const axis = onnxAxis(value, layer.shapeOf(value).length - 1);
  return ended(layer, value, formula(graph, value.name, axis));
}

/** The value after an activation, noted as the place behind which an explicit offset can stand. */
function ended(layer: LayerContext, value: LayerValue, name: string): LayerValue {
  if (name !== value.name) {
    const channelsLast = value.channelsFirst || !layer.isChannelsFirst;
    layer.graph.activations.set(layer.nodeOf(name), { layer: layer.listed, channelsLast });
  }
  return like(value, name);
}

export const activationLayers: LayerTable = {
  Activation: (layer) => activate(layer, layer.input),

  /** TensorFlow.js reads max_value alone: a negative slope or a threshold of a Keras model has no effect there. */
  ReLU: (layer) => {
    const { builder, input } = layer;
    const { max_value: max } = layer.spec.config;
    const name =
      typeof max === 'number'
        ? layer.op('Clip', [input.name, builder.float(0), builder.float(max)])
        : layer.op('Relu', [input.name]);
    return ended(layer, input, name);
  },

  LeakyReLU: (layer) =>
    ended(
      layer,
      layer.input,
      layer.op('LeakyRelu', [layer.input.name], { alpha: { float: layer.number('alpha', 0.3) } }),
    ),

  ELU: (layer) => {
    if (layer.number('alpha', 1) !== 1) layer.refuse('TensorFlow.js knows an alpha of 1 only');
    return like(layer.input, layer.op('Elu', [layer.input.name]));
  },

  ThresholdedReLU: (layer) =>
    ended(
      layer,
      layer.input,
      layer.op('ThresholdedRelu', [layer.input.name], { alpha: { float: layer.number('theta', 1) } }),
    ),

  /** alpha: [...spatial, channels], 1 on a shared axis. */
  PReLU: (layer) => {
    const { input } = layer;
    const rank = layer.required('alpha', 0).shape.length;
    const perm = [rank - 1, ...Array.from({ length: rank - 1 }, (_, i) => i)];
    const alpha = layer.weight('alpha', 0, input.channelsFirst ? [{ kind: 'transpose', perm }] : []);
    return like(input, layer.op('PRelu', [input.name, alpha]));
  },

  Softmax: (layer) => {
    const { input, builder } = layer;
    if (input.mask !== null) layer.refuse('a softmax of a masked sequence is not covered');
    const rank = layer.shapeOf(input).length;
    const { axis } = layer.spec.config;
    const axes = (isList(axis) ? axis.map(Number) : [layer.number('axis', 1)]).map((each) =>
      onnxAxis(input, each < 0 ? each + rank : each),
    );
    const [first = 1] = axes;
    if (axes.length === 1) return like(input, layer.op('Softmax', [input.name], { axis: { int: first } }));
    const total = layer.op('ReduceLogSumExp', [input.name, builder.int64s(axes)], { keepdims: { int: 1 } });
    return like(input, layer.op('Exp', [layer.op('Sub', [input.name, total])]));
  },
};
