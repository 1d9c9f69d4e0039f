import { create } from '@bufbuild/protobuf';
import { type FunctionProto, GraphProtoSchema, ModelProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { bodyGraph, Graph, makeNode, type NodeProto, nodeId } from './graph.js';

/** A graph of its own within a model: the main graph, a body (of If, Loop, Scan), or what a local function computes. */
export type Scope =
  | { readonly kind: 'main'; readonly path: ''; readonly graph: Graph }
  | {
      readonly kind: 'body';
      /** the nodes around it, each with the attribute: 'choose/then_branch', 'rounds/body/choose/else_branch' */
      readonly path: string;
      /** editing it edits the body; constants of the graphs around it count as its own */
      readonly graph: Graph;
      /** the node whose body it is, and the scope that this stands in */
      readonly node: NodeProto;
      readonly within: Scope;
    }
  | {
      readonly kind: 'function';
      /** the function's name, after its domain where another domain has it too */
      readonly path: string;
      /** a view: `closeScope` brings what was edited into the function */
      readonly graph: Graph;
      readonly definition: FunctionProto;
    };

/** Every scope of a model: the main graph, the bodies in it, the functions, and the bodies in those. Paths are unique. */
export function scopesOf(graph: Graph): Scope[] {
  const main: Scope = { kind: 'main', path: '', graph };
  const paths = new Set<string>();
  const { functions } = graph.model;
  const inFunctions = functions.flatMap((definition) => {
    const { domain, name, overload } = definition;
    const isAlone = functions.filter((other) => other.name === name).length === 1;
    const path = unique(isAlone ? name : [domain, name, overload].filter((part) => part !== '').join(':'), paths);
    const scope: Scope = { kind: 'function', path, graph: functionGraph(graph, definition), definition };
    return [scope, ...bodiesIn(scope, paths)];
  });
  return [main, ...bodiesIn(main, paths), ...inFunctions];
}

function bodiesIn(within: Scope, paths: Set<string>): Scope[] {
  const { graph } = within;
  return graph.nodes.flatMap((node) =>
    node.attribute.flatMap(({ name, g }) => {
      if (g === undefined) return [];
      const around = within.path === '' ? '' : `${within.path}/`;
      const path = unique(`${around}${nodeId(node)}/${name}`, paths);
      const scope: Scope = { kind: 'body', path, graph: bodyGraph(graph, g), node, within };
      return [scope, ...bodiesIn(scope, paths)];
    }),
  );
}

function unique(wanted: string, paths: Set<string>): string {
  let path = wanted;
  for (let i = 1; paths.has(path); i++) path = `${wanted}#${i}`;
  paths.add(path);
  return path;
}

function functionGraph(graph: Graph, { node, input, output, valueInfo, opsetImport }: FunctionProto): Graph {
  const values = (names: readonly string[]) => names.map((name) => create(ValueInfoProtoSchema, { name }));
  const proto = create(GraphProtoSchema, { input: values(input), output: values(output) });
  const own = opsetImport.length > 0 ? opsetImport : graph.model.opsetImport;
  const { irVersion } = graph.model;
  const model = Object.assign(create(ModelProtoSchema), { irVersion, opsetImport: own });
  model.graph = Object.assign(proto, { node: [...node], valueInfo });
  return new Graph(model, null, 'function');
}

/**
 * Brings an edited scope into its model. A function cannot hold initializers: they become Constant nodes. Its inputs stay.
 */
export function closeScope(scope: Scope): void {
  if (scope.kind !== 'function') return;
  const { definition, graph } = scope;
  const constants = graph.proto.initializer.map((tensor) =>
    makeNode('Constant', [], [tensor.name], { value: { tensor } }, tensor.name),
  );
  definition.node = [...constants, ...graph.nodes];
}
