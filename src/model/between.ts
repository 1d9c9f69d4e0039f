import type { Graph, NodeProto } from './graph.js';

/**
 * `last` and the nodes that it needs to come from a value, in an order in which they can be computed; none where it does not come
 * from that.
 */
export function nodesBetween(graph: Graph, from: string, last: NodeProto): NodeProto[] {
  const between: NodeProto[] = [];
  const known = new Map<NodeProto, boolean>();
  const comesFrom = (node: NodeProto): boolean => {
    const before = known.get(node);
    if (before !== undefined) return before;
    let comes = false;
    for (const value of node.input) {
      const producer = value === from ? undefined : graph.producer(value);
      if (value === from || (producer !== undefined && comesFrom(producer))) comes = true;
    }
    known.set(node, comes);
    if (comes) between.push(node);
    return comes;
  };
  comesFrom(last);
  return between;
}
