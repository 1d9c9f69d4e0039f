import { subgraphsOf } from './attributes.js';
import type { Graph, NodeProto } from './graph.js';

const layers: ReadonlySet<string> = new Set(['LSTM', 'GRU', 'RNN', 'Scan', 'Loop']);

/** Whether a graph computes step after step with the same weights: a recurrent layer or a loop, in bodies and local functions too. */
export function isRecurrent(graph: Graph): boolean {
  const has = (nodes: readonly NodeProto[]): boolean =>
    nodes.some(
      (node) => (node.domain === '' && layers.has(node.opType)) || subgraphsOf(node).some((body) => has(body.node)),
    );
  return has(graph.nodes) || graph.model.functions.some(({ node }) => has(node));
}
