import { intAttribute } from '../model/attributes.js';
import type { Graph, NodeProto } from '../model/graph.js';
import { elementCount } from '../model/tensor.js';
import { type ConstantRead, constantRead, isRearranging } from './constant-read.js';

import { type Fans, fanInUniform, glorotUniform, type Initializer } from './initializers.js';

/** Whose layers a network is made of: by default they draw their weights in different ways. */
export type Framework = 'pytorch' | 'keras';

/** How a tensor is drawn, and what that is called. */
export interface Rule {
  readonly name: RuleName;
  readonly initializer: Initializer;
}

export type RuleName =
  | 'kaiming-uniform'
  | 'fan-in-uniform'
  | 'glorot-uniform'
  | 'orthogonal'
  | 'unit-forget-gate'
  | 'normal'
  | 'uniform'
  | 'constant'
  | 'ones'
  | 'zeros';

/** A tensor at an input of a node. */
export interface Place extends ConstantRead {
  readonly graph: Graph;
  readonly node: NodeProto;
  readonly input: number;
}

type OfLayer = (place: Place, framework: Framework) => Rule | null;

const constant = (value: number, name: RuleName = 'constant'): Rule => {
  return { name, initializer: { kind: 'constant', value } };
};
const zeros = constant(0, 'zeros');
const ones = constant(1, 'ones');
const normal = (deviation: number): Rule => ({ name: 'normal', initializer: { kind: 'normal', deviation } });

/** What transformers draw tokens and positions from, which no layer draws for them (Devlin et al. 2019, arXiv 1810.04805). */
const tokens = normal(0.02);

/** How the tensor is drawn by default by the layer that reads it; null where that is not known. */
export function initializerOf(place: Place, framework: Framework): Rule | null {
  return layers[place.node.opType]?.(place, framework) ?? null;
}

const normalization: OfLayer = ({ input }) => [null, ones, zeros, zeros, ones][input] ?? null;
const oneAtWeight: OfLayer = ({ input }) => (input === 1 ? ones : null);

/** Layers with a kernel at input 1, and perhaps a bias at input 2. */
const layerWithKernel: OfLayer = (place, framework) => {
  const { input, node, graph } = place;
  const fans = fansOf(graph, node, framework);
  if (fans === null) return null;
  return input === 2 ? biasOf(fans, framework) : kernelOf(fans, framework);
};

const layers: Readonly<Record<string, OfLayer | undefined>> = {
  Conv: layerWithKernel,
  ConvTranspose: layerWithKernel,
  Gemm: layerWithKernel,
  MatMul: (place, framework) => recurrentKernel(place, framework) ?? layerWithKernel(place, framework),
  Einsum: ({ dims }, framework) => (dims === null ? null : kernelOf(fansOfTensor(dims), framework)),
  BatchNormalization: normalization,
  LayerNormalization: normalization,
  InstanceNormalization: normalization,
  GroupNormalization: normalization,
  RMSNormalization: oneAtWeight,
  PRelu: (_, framework) => constant(framework === 'pytorch' ? 0.25 : 0),
  Gather: (_, framework) =>
    framework === 'pytorch' ? normal(1) : { name: 'uniform', initializer: { kind: 'uniform', limit: 0.05 } },
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
  Concat: concatenated,
  Add: added,
  Sub: () => zeros,
  Mul: () => ones,
  Div: ({ input }) => (input === 1 ? ones : null),
};

function kernelOf(fans: Fans, framework: Framework): Rule {
  return framework === 'pytorch'
    ? { name: 'kaiming-uniform', initializer: fanInUniform(fans) }
    : { name: 'glorot-uniform', initializer: glorotUniform(fans) };
}

function biasOf(fans: Fans, framework: Framework): Rule {
  return framework === 'pytorch' ? { name: 'fan-in-uniform', initializer: fanInUniform(fans) } : zeros;
}

/** What a layer's kernel connects; null where it is no constant, or of unknown shape. */
function fansOf(graph: Graph, node: NodeProto, framework: Framework): Fans | null {
  const [first = '', second = ''] = node.input;
  const right = constantRead(graph, second)?.dims ?? null;
  switch (node.opType) {
    case 'Conv':
      return right && convolutionFans(right, intAttribute(node, 'group', 1), framework);
    case 'ConvTranspose': {
      // [inputs, outputs / group, ...kernel], which PyTorch counts as it counts a convolution's
      const [inputs = 1, outputs = 1, ...kernel] = right ?? [];
      const field = elementCount(kernel);
      return right && { inputs: outputs * field, outputs: inputs * field };
    }
    case 'Gemm':
    case 'MatMul': {
      const left = right === null ? (constantRead(graph, first)?.dims ?? null) : null;
      if (left !== null) return matrixFans(left.toReversed());
      return right && matrixFans(intAttribute(node, 'transB', 0) === 1 ? right.toReversed() : right);
    }
    default:
      return null;
  }
}

/** Of [outputs, inputs / group, ...kernel]. One channel per group is depthwise, whose kernel Keras has as [...kernel, inputs, multiplier]. */
function convolutionFans(dims: readonly number[], group: number, framework: Framework): Fans {
  const [outputs = 1, inputs = 1, ...kernel] = dims;
  const field = elementCount(kernel);
  if (framework === 'keras' && group > 1 && inputs === 1) {
    return { inputs: group * field, outputs: (outputs / group) * field };
  }
  return { inputs: inputs * field, outputs: outputs * field };
}

const matrixFans = (dims: readonly number[]): Fans => ({ inputs: dims.at(-2) ?? 1, outputs: dims.at(-1) ?? 1 });

/** As Keras counts those of a tensor of several axes: the last two are inputs and outputs, the others a field. */
function fansOfTensor(dims: readonly number[]): Fans {
  const field = elementCount(dims.slice(0, -2));
  const { inputs, outputs } = matrixFans(dims);
  return { inputs: inputs * field, outputs: outputs * field };
}

/** W [directions, gates x hidden, inputs], R [directions, gates x hidden, hidden], B [directions, 2 x gates x hidden], peepholes. */
function recurrent({ graph, node, input, dims }: Place, framework: Framework): Rule | null {
  const [, rows, hidden] = constantRead(graph, node.input[2] ?? '')?.dims ?? [];
  if (rows === undefined || hidden === undefined || dims === null) return null;
  if (framework === 'pytorch')
    return { name: 'fan-in-uniform', initializer: fanInUniform({ inputs: hidden, outputs: rows }) };
  if (input === 1) return kernelOf({ inputs: dims[2] ?? 1, outputs: rows }, framework);
  if (input === 2) return { name: 'orthogonal', initializer: { kind: 'orthogonal', rows, columns: hidden } };
  return input === 3 && node.opType === 'LSTM' ? forgetGate(2 * rows, hidden, 2) : zeros;
}

/** In the body of a loop of TensorFlow, the kernel that its variable's name says to be of the recurrence; null for any other. */
function recurrentKernel({ name, dims }: Place, framework: Framework): Rule | null {
  const [rows, columns] = dims ?? [];
  if (framework !== 'keras' || rows === undefined || columns === undefined || !name.includes('recurrent_kernel'))
    return null;
  return { name: 'orthogonal', initializer: { kind: 'orthogonal', rows, columns } };
}

/** Keras has the forget gate's biases begin at 1 (Jozefowicz et al. 2015); `gate` is its place among the blocks of a bias. */
function forgetGate(period: number, hidden: number, gate: number): Rule {
  const [from, to] = [gate * hidden, (gate + 1) * hidden];
  return { name: 'unit-forget-gate', initializer: { kind: 'unit-block', period, from, to } };
}

/** The bias of TensorFlow.js's recurrent layers, beside which ONNX has one of the recurrence; else a token beside others. */
function concatenated({ graph, node, dims }: Place): Rule {
  const reader = graph.uses(node.output[0] ?? '').find(({ input }) => input === 3)?.node;
  if (reader !== undefined && layers[reader.opType] === recurrent) {
    const width = dims?.at(-1) ?? 4;
    return reader.opType === 'LSTM' ? forgetGate(width, width / 4, 2) : zeros;
  }
  return tokens;
}

/** A bias behind a layer, or of a loop's gates (i, f, c, o); a row for each of several positions, else something that is added to every one. */
function added(place: Place, framework: Framework): Rule {
  const { graph, node, input, dims, name } = place;
  const layer = layerBehind(graph, node.input[1 - input] ?? '');
  const fans = layer && fansOf(graph, layer, framework);
  if (framework === 'keras' && graph.outer !== null && /lstm/i.test(name)) {
    const width = dims?.at(-1) ?? 4;
    return forgetGate(width, width / 4, 1);
  }
  if (fans) return biasOf(fans, framework);
  return (dims ?? []).filter((size) => size > 1).length > 1 ? tokens : zeros;
}

/** What computes a value, behind nodes that rearrange it. */
function layerBehind(graph: Graph, value: string): NodeProto | null {
  const node = graph.producer(value);
  if (node === undefined) return null;
  return isRearranging(node) ? layerBehind(graph, node.input[0] ?? '') : node;
}
