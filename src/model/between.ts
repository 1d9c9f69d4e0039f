import type { Graph, NodeProto } from './graph.js';

/**
 * `last` and the nodes that it needs to come from a value, in the order of the graph; none where it does not come from that.
 * To be asked where that is a handful: every way back from `last` is walked.
 */
export function nodesBetween(graph: Graph, from: string, last: NodeProto): NodeProto[] {
  const before = last.input.flatMap((value) => {
    const producer = value === from ? undefined : graph.producer(value);
    return producer === undefined ? [] : nodesBetween(graph, from, producer);
  });
  return before.length > 0 || last.input.includes(from) ? [...before, last] : [];
}
