import { present } from '../contract/present.js';
import { intAttribute, subgraphsOf } from './attributes.js';
import type { Graph, NodeProto } from './graph.js';
import { elementCount } from './tensor.js';

/** What one execution of a graph computes, whatever the device makes of it. */
export interface OperationCounts {
  /** multiplications with their additions, in convolutions and matrix products */
  readonly multiplyAdds: number;
  /** elements written by the operators that work value by value: activations, sums, scalings, normalizations */
  readonly elementwise: number;
}

type ShapeOf = (value: string | undefined) => readonly number[];
type Count = (node: NodeProto, shape: ShapeOf) => number;

const size = (shape: readonly number[]): number => elementCount(shape);

/** Each output is a sum over the gates' weights of the input and of the state, once a step. */
const recurrent: Count = ({ input }, shape) => {
  const [steps = 0, batch = 0] = shape(input[0]);
  return steps * batch * (size(shape(input[1])) + size(shape(input[2])));
};

/** Multiply-adds by operator. Weights [M, C / groups, ...kernel] are read once for each position of the output. */
const products: Readonly<Record<string, Count | undefined>> = {
  Conv({ input, output }, shape) {
    const weights = shape(input[1]);
    return (size(shape(output[0])) * size(weights)) / (weights[0] ?? 1);
  },
  /** weights [C, M / groups, ...kernel]: every element of the input is spread over M / groups kernels */
  ConvTranspose({ input }, shape) {
    const weights = shape(input[1]);
    return (size(shape(input[0])) * size(weights)) / (weights[0] ?? 1);
  },
  Gemm(node, shape) {
    const [rows = 1, columns = 1] = shape(node.input[0]);
    return size(shape(node.output[0])) * (intAttribute(node, 'transA', 0) === 1 ? rows : columns);
  },
  MatMul: ({ input, output }, shape) => size(shape(output[0])) * (shape(input[0]).at(-1) ?? 1),
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
};

const elementwise: ReadonlySet<string> = new Set(
  (
    'Abs Add BatchNormalization Celu Clip Div Elu Erf Exp Gelu HardSigmoid HardSwish LeakyRelu Log Max Min Mish Mul Neg PRelu ' +
    'Pow Reciprocal Relu Selu Sigmoid Softplus Softsign Sqrt Sub Sum Tanh ThresholdedRelu'
  ).split(' '),
);

/**
 * Counts the operations of one execution at the given shapes (of every value, as observed). Null where a part of the work
 * is out of sight: in a body (If, Loop, Scan), a function of the model's own, or an operator that multiplies matrices in
 * a way not in the table (Einsum, quantised and vendor operators).
 * @param nodes of the graph, those that are counted
 */
export function countOperations(
  graph: Graph,
  shapes: ReadonlyMap<string, readonly number[]>,
  nodes: readonly NodeProto[] = graph.nodes,
): OperationCounts | null {
  const shape: ShapeOf = (value) => {
    const name = present(value, 'an operand that is counted');
    return present(shapes.get(name), `the observed shape of '${name}'`);
  };
  let multiplyAdds = 0;
  let written = 0;
  for (const node of nodes) {
    if (node.domain !== '' && node.domain !== 'ai.onnx') return null;
    if (subgraphsOf(node).length > 0 || opaque.test(node.opType)) return null;
    // what does not depend on the input is computed once, when the model is loaded
    if (isConstant(graph, node)) continue;
    multiplyAdds += products[node.opType]?.(node, shape) ?? 0;
    if (elementwise.has(node.opType)) written += size(shape(node.output[0]));
  }
  return { multiplyAdds, elementwise: written };
}

const opaque = /^(Einsum|QLinear.*|.*Integer|Attention|DeformConv)$/;

function isConstant(graph: Graph, node: NodeProto): boolean {
  return node.input.length > 0 && node.input.every((value) => value === '' || graph.constant(value) !== undefined);
}
