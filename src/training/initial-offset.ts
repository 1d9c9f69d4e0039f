import { compensate } from '../../transforms/rewrite/compensate.js';
import type { Graph } from '../model/graph.js';
import type { MigrationPlan } from '../model/plan.js';
import { type FreluNetwork, startingFrom } from './networks.js';

/** A rewritten network whose offsets begin at `offset`, with what that changes taken back where it can be: the rest is its start's own. */
export function compensated(network: FreluNetwork, graph: Graph, plan: MigrationPlan, offset: number): FreluNetwork {
  if (offset === 0) return network;
  const { constants } = compensate(graph, plan, offset);
  return constants.size === 0 ? network : startingFrom(network, constants);
}
