import { subgraphsOf } from '../../model/attributes.js';
import { capturedBy, type Graph, makeNode, type NodeProto } from '../../model/graph.js';
import { definedNames, renamed } from './renamed.js';

/**
 * Gives every value within a body a name that no other value of the model has: two branches may use the same one, and what is known
 * of values (shapes, gradients) goes by their names. What bodies take from outside keeps its name.
 */
export function nameBodiesApart(graph: Graph): void {
  for (const node of graph.nodes) apart(graph, node);
}

function apart(graph: Graph, node: NodeProto): void {
  for (const attribute of node.attribute) {
    const { g } = attribute;
    if (g === undefined) continue;
    // from the inside out, so that a name stands for one value when it is replaced
    for (const inner of g.node) apart(graph, inner);
    const holder = makeNode(node.opType, [], [], { [attribute.name]: { graph: g } });
    const outside = capturedBy(holder);
    const names = new Map<string, string>();
    for (const name of definedNames([holder])) {
      if (!outside.has(name)) names.set(name, graph.freshName(`${name}@body`));
    }
    const [body] = subgraphsOf(renamed(holder, (value) => names.get(value) ?? value));
    if (body !== undefined) attribute.g = body;
  }
}
