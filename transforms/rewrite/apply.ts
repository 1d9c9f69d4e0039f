import type { FunctionProto } from 'onnx-buf';
import type { Graph } from '../../src/model/graph.js';
import type { MigrationPlan } from '../../src/model/plan.js';
import { addParameters, OnnxArithmetic, type SiteInitializers } from './onnx-arithmetic.js';
import { functionAround, passValues, rewriteScopes, type ScopedSites } from './scopes.js';

/**
 * Rewrites a graph in place to its parametric form, the one that is trained: every migrated site has initializers for its
 * shift and offset (FLOAT, [] or [channels], 0: the function is unchanged), and ordinary nodes of the graph's own op set
 * derive the biases and limits of the written form from them, so that gradients reach them. Bodies capture the initializers;
 * local functions are given them by every call, so that a site of one has one shift and one offset, however often it is called.
 * Returns their names, in the order of the plan. What the graph knew of its bodies is stale: copy it before the next edit.
 */
export function applyPlan(graph: Graph, plan: MigrationPlan): readonly SiteInitializers[] {
  const sites = plan.sites.filter(({ status }) => status === 'migrate');
  const parameters = addParameters(graph, sites);
  const wanted = new Map<FunctionProto, Map<string, string>>();
  const named = ({ scope, sites: own, planned }: ScopedSites) => {
    const around = functionAround(scope);
    const nameOf = (value: string): string => {
      if (around === null) return value;
      const formal = around.graph.freshName(value);
      const formals = wanted.get(around.definition) ?? new Map<string, string>();
      wanted.set(around.definition, formals.set(value, formal));
      return formal;
    };
    return new Map(
      own.flatMap((site) => {
        const found = parameters.get(planned(site));
        if (found === undefined) return [];
        return [[site.id, { shift: found.shift && nameOf(found.shift), offset: nameOf(found.offset) }] as const];
      }),
    );
  };
  rewriteScopes(graph, sites, (scoped) => new OnnxArithmetic(scoped.scope.graph, named(scoped)));
  passValues(graph, wanted);
  return [...parameters.values()];
}
