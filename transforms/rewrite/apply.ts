import type { Graph } from '../../src/model/graph.js';
import type { MigrationPlan } from '../../src/model/plan.js';
import { OnnxArithmetic, type SiteInitializers } from './onnx-arithmetic.js';
import { beginRewrite } from './rewrite.js';
import { transforms } from './transforms.js';

/**
 * Rewrites a graph in place to its parametric form, the one that is trained: every migrated site has initializers for its
 * shift and offset (FLOAT, [] or [channels], 0: the function is unchanged), and ordinary nodes of the graph's own op set
 * derive the biases and limits of the written form from them, so that gradients reach them.
 * Returns their names, in the order of the plan.
 */
export function applyPlan(graph: Graph, plan: MigrationPlan): readonly SiteInitializers[] {
  const sites = plan.sites.filter(({ status }) => status === 'migrate');
  const arithmetic = new OnnxArithmetic(graph, sites);
  const rewrite = beginRewrite(graph, sites, arithmetic);
  for (const { fn } of transforms) fn(rewrite);
  return arithmetic.sites;
}
