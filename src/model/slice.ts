import { create } from '@bufbuild/protobuf';
import { ValueInfoProtoSchema } from 'onnx-buf';
import { capturedBy, Graph, type NodeProto, type ValueInfoProto } from './graph.js';

/** The nodes that values are computed from, in the graph's order; of what only the values `from` are computed from, none. */
export function nodesLeadingTo(
  graph: Graph,
  values: readonly string[],
  from: ReadonlySet<string> = new Set(),
): NodeProto[] {
  const wanted = new Set(values.filter((value) => !from.has(value)));
  const nodes: NodeProto[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.output.some((output) => wanted.has(output))) continue;
    for (const value of valuesRead(node)) if (!from.has(value)) wanted.add(value);
    nodes.push(node);
  }
  return nodes.reverse();
}

/** What a node reads, within its bodies too. */
export function valuesRead(node: NodeProto): string[] {
  return [...node.input.filter((value) => value !== ''), ...capturedBy(node)];
}

/**
 * A copy of the part of a graph that computes the values `to` from `from`, which become its inputs, and from whatever else of the graph's inputs it
 * takes; its outputs are `to`.
 */
export function sliceGraph(graph: Graph, from: readonly ValueInfoProto[], to: readonly string[]): Graph {
  const { model } = graph.copy();
  const copy = new Graph(model);
  const { proto } = copy;
  const given = new Set(from.map(({ name }) => name));
  const nodes = nodesLeadingTo(copy, to, given);
  const read = new Set([...to, ...nodes.flatMap(valuesRead)]);
  const outputs = new Map(proto.output.map((output) => [output.name, output] as const));
  proto.node = nodes;
  proto.initializer = proto.initializer.filter(({ name }) => read.has(name) && !given.has(name));
  proto.input = [...proto.input.filter(({ name }) => read.has(name) && !given.has(name)), ...from];
  proto.output = to.map((name) => outputs.get(name) ?? create(ValueInfoProtoSchema, { name }));
  proto.valueInfo = [];
  return new Graph(model);
}
