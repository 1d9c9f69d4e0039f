import type { Graph, NodeProto } from '../model/graph.js';
import { valuesRead } from '../model/slice.js';

/**
 * Brings the nodes that lead to some values into the order that ONNX Runtime computes these values in, as far as it is free to: it goes for
 * the last node first of those that no other reads, and for what that needs. Nodes that lead to none of the values go.
 * @param values the first one is computed first
 */
export function computeInOrder(graph: Graph, values: readonly string[]): void {
  const placed = new Set<NodeProto>();
  for (const value of values.toReversed()) {
    const open = [graph.producer(value)];
    while (open.length > 0) {
      const node = open.at(-1);
      const missing =
        node === undefined || placed.has(node) ? [] : producersOf(graph, node).filter((each) => !placed.has(each));
      if (missing.length > 0) open.push(...missing);
      else {
        open.pop();
        if (node !== undefined) placed.add(node);
      }
    }
  }
  graph.proto.node = [...placed];
}

const producersOf = (graph: Graph, node: NodeProto): readonly NodeProto[] =>
  valuesRead(node).flatMap((value) => graph.producer(value) ?? []);
