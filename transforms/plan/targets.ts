import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../../src/model/attributes.js';
import { constantOf } from '../../src/model/constants.js';
import {
  describeNode,
  type Graph,
  inputName,
  type NodeProto,
  optionalInput,
  outputName,
} from '../../src/model/graph.js';
import type { FoldTarget } from '../../src/model/plan.js';
import { isFloat } from '../../src/model/tensor.js';

/** Why something cannot be done, in words for the plan. */
export interface Refusal {
  readonly refused: string;
}

export function refuse(refused: string): Refusal {
  return { refused };
}

export function isRefusal(result: object): result is Refusal {
  return 'refused' in result;
}

const inputNames: Readonly<Record<FoldTarget['kind'], string>> = {
  bias: 'bias',
  beta: 'beta',
  mean: 'running mean',
  constant: 'constant operand',
};

/** The constant that `node` reads as input `input`, as a place to fold into. */
export function targetAt(
  graph: Graph,
  kind: FoldTarget['kind'],
  node: NodeProto,
  input: number,
  more: Partial<FoldTarget> = {},
): FoldTarget | Refusal {
  const value = optionalInput(node, input);
  if (value !== null && !isFloat(constantOf(graph, value)?.dataType)) {
    return refuse(`the ${inputNames[kind]} of ${describeNode(node)} is not a floating-point constant`);
  }
  const output = outputName(node);
  const place = { kind, node: output, input, initializer: value };
  return { ...place, factor: 1, channels: null, trailingAxes: 0, weights: null, ...more };
}

/** The bias of a Conv, ConvTranspose or Gemm, or the place for a new one; Gemm adds beta times its bias. */
export function biasTarget(graph: Graph, node: NodeProto, more: Partial<FoldTarget> = {}): FoldTarget | Refusal {
  const beta = node.opType === 'Gemm' ? floatAttribute(node, 'beta', 1) : 1;
  if (beta === 0) return refuse(`${describeNode(node)} ignores its bias (beta is 0)`);
  if (optionalInput(node, 2) === null && constantOf(graph, inputName(node, 1)) === undefined) {
    return refuse(
      `${describeNode(node)} has no bias, and its weights, which would tell the size of one, are not constant`,
    );
  }
  return targetAt(graph, 'bias', node, 2, { ...more, factor: (more.factor ?? 1) / beta });
}

/** The position of the only constant among an Add's or Sub's two operands. */
export function constantOperand(graph: Graph, node: NodeProto): number | undefined {
  const constant = node.input.map((value) => constantOf(graph, value) !== undefined);
  return constant[0] === constant[1] ? undefined : constant.indexOf(true);
}

/** Whether a Conv, AveragePool or Pad reads zeros around its input; where only a run would tell, it does. */
export function readsZeros(node: NodeProto, kernel: readonly number[]): boolean {
  switch (stringAttribute(node, 'auto_pad', 'NOTSET')) {
    case 'VALID':
      return false;
    case 'NOTSET':
    case '':
      return (intsAttribute(node, 'pads') ?? []).some((pad) => pad > 0);
    default:
      return kernel.some((size) => size !== 1);
  }
}

/** AveragePool's divisor counts the zeros of its padding only where it is told to; a window beyond the border is padding too. */
export function averagesZeros(node: NodeProto): boolean {
  if (intAttribute(node, 'count_include_pad', 0) === 0) return false;
  return intAttribute(node, 'ceil_mode', 0) === 1 || readsZeros(node, intsAttribute(node, 'kernel_shape') ?? []);
}
