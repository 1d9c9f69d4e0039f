import type { FunctionProto } from 'onnx-buf';
import { subgraphsOf } from '../../src/model/attributes.js';
import type { Graph, NodeProto } from '../../src/model/graph.js';
import type { Site } from '../../src/model/plan.js';
import { closeScope, type Scope, scopesOf } from '../../src/model/scopes.js';
import type { Arithmetic } from './arithmetic.js';
import { beginRewrite } from './rewrite.js';
import { transforms } from './transforms.js';

/** A scope's own sites, under the ids that they have in it. */
export interface ScopedSites {
  readonly scope: Scope;
  readonly sites: readonly Site[];
  /** what a site is called in the plan */
  planned(site: Site): string;
}

/**
 * Rewrites every scope of a graph in place, as the plan of its sites says, each with the arithmetic that `arithmeticOf` gives it. What an
 * index of the graph around knows of a body's captures is stale afterwards: copy the graph before the next edit of it.
 */
export function rewriteScopes<Value>(
  graph: Graph,
  sites: readonly Site[],
  arithmeticOf: (scoped: ScopedSites) => Arithmetic<Value>,
): void {
  const scopes = scopesOf(graph);
  for (const scope of scopes) {
    const own = sites.filter((site) => (site.scope ?? '') === scope.path);
    if (own.length === 0) continue;
    const ids = new Map<Site, string>();
    const local = own.map((site): Site => {
      const named = { ...site, id: scope.path === '' ? site.id : site.id.slice(scope.path.length + 1) };
      ids.set(named, site.id);
      return named;
    });
    const scoped: ScopedSites = { scope, sites: local, planned: (site) => ids.get(site) ?? site.id };
    const rewrite = beginRewrite(scope.graph, local, arithmeticOf(scoped));
    for (const { fn } of transforms) fn(rewrite);
  }
  for (const scope of scopes) closeScope(scope);
}

/** The function that a scope is, or stands in; null for the main graph and its bodies. */
export function functionAround(scope: Scope): Extract<Scope, { kind: 'function' }> | null {
  if (scope.kind === 'main') return null;
  return scope.kind === 'function' ? scope : functionAround(scope.within);
}

/**
 * Gives values of the main graph to functions, as further inputs: a function sees nothing of what is around it.
 * @param wanted by function, the main graph's value and the function's own name for it, which is not among its inputs yet
 */
export function passValues(graph: Graph, wanted: ReadonlyMap<FunctionProto, ReadonlyMap<string, string>>): void {
  const { functions } = graph.model;
  const given = new Map<FunctionProto, Map<string, string>>();
  const arity = new Map(functions.map((definition) => [definition, definition.input.length]));
  const called = (node: NodeProto): FunctionProto | undefined =>
    functions.find(({ domain, name, overload }) => {
      return domain === node.domain && name === node.opType && overload === node.overload;
    });
  /** what a function must be given, for itself and for those that it calls */
  const settle = (definition: FunctionProto): ReadonlyMap<string, string> => {
    const known = given.get(definition);
    if (known !== undefined) return known;
    const formals = new Map(wanted.get(definition));
    given.set(definition, formals);
    visit(definition.node, (node) => {
      const callee = called(node);
      for (const value of callee === undefined ? [] : settle(callee).keys()) {
        if (!formals.has(value)) formals.set(value, value);
      }
    });
    definition.input.push(...formals.values());
    return formals;
  };
  for (const definition of functions) settle(definition);
  const pass = (node: NodeProto, nameOf: (value: string) => string): void => {
    const callee = called(node);
    const values = callee === undefined ? [] : [...(given.get(callee)?.keys() ?? [])];
    if (callee === undefined || values.length === 0) return;
    // inputs that the call leaves out keep their places
    while (node.input.length < (arity.get(callee) ?? 0)) node.input.push('');
    node.input.push(...values.map(nameOf));
  };
  visit(graph.nodes, (node) => pass(node, (value) => value));
  for (const definition of functions) {
    visit(definition.node, (node) => pass(node, (value) => given.get(definition)?.get(value) ?? value));
  }
}

function visit(nodes: readonly NodeProto[], each: (node: NodeProto) => void): void {
  for (const node of nodes) {
    each(node);
    for (const body of subgraphsOf(node)) visit(body.node, each);
  }
}
