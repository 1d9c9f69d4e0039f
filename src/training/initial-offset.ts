import { compensate } from '../../transforms/rewrite/compensate.js';
import { present } from '../contract/present.js';
import type { Graph } from '../model/graph.js';
import type { MigrationPlan } from '../model/plan.js';
import { readFloats } from '../model/tensor.js';
import { type FreluNetwork, startingFrom } from './networks.js';
import type { Reversion } from './reversions.js';

/** A rewritten network whose offsets begin at `offset`, with what that changes taken back where it can be: the rest is its start's own. */
export function compensated(network: FreluNetwork, graph: Graph, plan: MigrationPlan, offset: number): FreluNetwork {
  if (offset === 0) return network;
  const { constants } = compensate(graph, plan, offset);
  if (constants.size === 0) return network;
  // a site that is a ReLU again has nothing behind it to make up for
  const restored = ({ sites, revert }: Reversion): Reversion => ({
    sites,
    revert(trained) {
      const values = new Map(revert(trained));
      const own = plan.sites.filter(({ id, tied = id }) => sites.includes(tied));
      for (const [name, started] of compensate(graph, { ...plan, sites: own }, offset).constants) {
        const came = readFloats(present(graph.initializer(name), `the constant '${name}'`));
        const now = present(values.get(name) ?? constants.get(name), `the value of '${name}'`);
        values.set(
          name,
          now.map((value, i) => value - ((started[i] ?? 0) - (came[i] ?? 0))),
        );
      }
      return values;
    },
  });
  return { ...startingFrom(network, constants), reversions: (trained) => network.reversions(trained).map(restored) };
}
