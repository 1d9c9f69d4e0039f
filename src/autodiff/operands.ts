import { describeNode, type Graph, type NodeProto } from '../model/graph.js';
import type { TensorProto } from '../model/tensor.js';

/**
 * The name of an input that the operator requires.
 * @throws Error naming the node where it is left out
 */
export function inputOf(node: NodeProto, index: number): string {
  const input = optionalInput(node, index);
  if (input === undefined) throw new Error(`input ${index} of ${describeNode(node)} is missing`);
  return input;
}

/** The name of an input that may be left out (in ONNX: absent, or ''); undefined where it is. */
export function optionalInput(node: NodeProto, index: number): string | undefined {
  return node.input[index] || undefined;
}

/**
 * The name of an output that the operator always has.
 * @throws Error naming the node where it has none
 */
export function outputOf(node: NodeProto, index = 0): string {
  const output = optionalOutput(node, index);
  if (output === undefined) throw new Error(`output ${index} of ${describeNode(node)} is missing`);
  return output;
}

/** The name of an output that may be left out; undefined where it is. */
export function optionalOutput(node: NodeProto, index: number): string | undefined {
  return node.output[index] || undefined;
}

/** What computes an input; undefined where it is left out, fed or an initializer. */
export function producerOf(graph: Graph, node: NodeProto, index: number): NodeProto | undefined {
  const input = optionalInput(node, index);
  return input === undefined ? undefined : graph.producer(input);
}

/** The constant that an input is; undefined where it is left out, or computed. */
export function constantInput(graph: Graph, node: NodeProto, index: number): TensorProto | undefined {
  const input = optionalInput(node, index);
  return input === undefined ? undefined : graph.constant(input);
}
