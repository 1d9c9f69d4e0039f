import type { Graph, NodeProto } from '../model/graph.js';
import { readIntegers } from '../model/tensor.js';
import { constantInput, inputOf, outputOf, producerOf } from './operands.js';

/**
 * Lets a Reshape of a Reshape read what the first one reads, and drops Reshapes that nobody reads any more. A node that computes
 * nothing still costs some microseconds on each run, and rules write many.
 *
 * Requires: nodes in topological order. Ensures: the same function. Returns how many were dropped.
 */
export function mergeReshapes(graph: Graph): number {
  const reshapes = graph.nodes.filter((node) => isPlainReshape(graph, node));
  for (const node of reshapes) {
    const source = producerOf(graph, node, 0);
    if (source !== undefined && isPlainReshape(graph, source)) graph.setInput(node, 0, inputOf(source, 0));
  }
  const unread = reshapes
    .map((node) => ({ node, y: outputOf(node) }))
    .filter(({ y }) => graph.uses(y).length === 0 && !graph.isOutput(y));
  for (const { node } of unread) graph.remove(node);
  return unread.length;
}

/** Whether the new shape is known and says nothing of the old one, as a 0 would. */
function isPlainReshape(graph: Graph, node: NodeProto): boolean {
  if (node.domain !== '' || node.opType !== 'Reshape') return false;
  const shape = constantInput(graph, node, 1);
  return shape !== undefined && !readIntegers(shape).includes(0);
}
