import { findAttribute } from '../../model/attributes.js';
import { type Graph, makeNode, type NodeProto, nodeId } from '../../model/graph.js';
import { readIntegers } from '../../model/tensor.js';
import { constantInput, optionalOutput } from '../operands.js';
import { definedNames, renamed } from './renamed.js';

/**
 * Replaces every If whose condition is a constant by the nodes of the branch that is taken, an If within it too.
 *
 * Requires: nothing; conditions that depend on shapes are constants after `freezeShapes`. Ensures: the same values under
 * the same names. The branch's inner values are new to the graph: their shapes have not been observed. Returns how many
 * Ifs were replaced.
 */
export function inlineConstantIf(graph: Graph): number {
  let count = 0;
  for (let node = findConstantIf(graph); node !== undefined; node = findConstantIf(graph)) {
    replace(graph, node);
    count++;
  }
  return count;
}

function findConstantIf(graph: Graph): NodeProto | undefined {
  return graph.nodes.find((node) => node.opType === 'If' && constantInput(graph, node, 0) !== undefined);
}

function replace(graph: Graph, node: NodeProto): void {
  const condition = constantInput(graph, node, 0);
  const taken = condition !== undefined && readIntegers(condition)[0] !== 0 ? 'then_branch' : 'else_branch';
  const branch = findAttribute(node, taken)?.g;
  if (branch === undefined) throw new Error(`If '${node.name}' has no ${taken}`);

  // two Ifs may use the same names in their branches
  const inner = definedNames(branch.node);
  for (const { name } of branch.initializer) inner.add(name);
  const prefix = nodeId(node);
  const names = new Map<string, string>();
  const carried: NodeProto[] = [];
  branch.output.forEach(({ name }, i) => {
    const output = optionalOutput(node, i);
    if (output === undefined) return;
    const isComputed = branch.node.some((one) => one.output.includes(name));
    if (isComputed && !names.has(name)) names.set(name, output);
    else carried.push(makeNode('Identity', [name], [output], {}, graph.freshName(`${prefix}/Identity`)));
  });
  for (const name of inner) if (!names.has(name)) names.set(name, graph.freshName(`${prefix}/${name}`));
  const nameOf = (value: string): string => names.get(value) ?? value;

  const nodes = [...branch.node, ...carried].map((one) => {
    // an output of the If already has its name
    const copy = carried.includes(one) ? one : renamed(one, nameOf);
    if (copy === one) copy.input = copy.input.map(nameOf);
    else if (one.name) copy.name = graph.freshName(`${prefix}/${one.name}`);
    return copy;
  });
  const next = graph.nodes[graph.nodes.indexOf(node) + 1];
  graph.remove(node);
  for (const tensor of branch.initializer) {
    tensor.name = nameOf(tensor.name);
    graph.addInitializer(tensor);
  }
  graph.insert(nodes, next);
}
