import { stringAttribute, subgraphsOf } from './attributes.js';
import { numberOf } from './constants.js';
import type { GraphProto, ModelProto, NodeProto } from './graph.js';
import type { TensorProto } from './tensor.js';

/**
 * The Pads of zeros that a MaxPool reads. ONNX Runtime 1.30 (graph optimisations from `basic` on) makes such a Pad part of the
 * MaxPool, whose own padding is minus infinity: where a window holds nothing but zeros and negative numbers, the result is another.
 * @returns the Pad nodes, bodies and local functions included; those whose constant is not in the file count as zeros
 */
export function padsBeforeMaxPool({ graph, functions }: ModelProto): NodeProto[] {
  const bodies = graph === undefined ? [] : withBodies(graph);
  const inFunctions = functions.flatMap(({ node }) => [
    ...padsAmong(node, new Map()),
    ...node.flatMap(subgraphsOf).flatMap(withBodies).flatMap(padsIn),
  ]);
  return [...bodies.flatMap(padsIn), ...inFunctions];
}

function withBodies(graph: GraphProto): GraphProto[] {
  return [graph, ...graph.node.flatMap(subgraphsOf).flatMap(withBodies)];
}

function padsIn({ node, initializer }: GraphProto): NodeProto[] {
  return padsAmong(node, new Map(initializer.map((tensor) => [tensor.name, tensor])));
}

/** Operators that ONNX Runtime takes out before it looks for a Pad. */
const passing: ReadonlySet<string> = new Set(['Identity', 'Dropout']);

function padsAmong(nodes: readonly NodeProto[], initializers: ReadonlyMap<string, TensorProto>): NodeProto[] {
  const isPooled = nodes.some(({ opType, domain }) => opType === 'MaxPool' && domain === '');
  const pads = isPooled ? nodes.filter(({ opType, domain }) => opType === 'Pad' && domain === '') : [];
  if (pads.length === 0) return [];
  const read = new Set<string>();
  for (const {
    opType,
    input: [value = ''],
  } of nodes)
    if (opType === 'MaxPool') read.add(value);
  // against the order of the nodes: what a MaxPool reads through others
  for (const {
    opType,
    input: [value = ''],
    output: [result = ''],
  } of nodes.toReversed()) {
    if (passing.has(opType) && read.has(result)) read.add(value);
  }
  const constant = (value: string): number | undefined => {
    const tensor = initializers.get(value) ?? nodes.find(({ output }) => output[0] === value)?.attribute[0]?.t;
    return numberOf(tensor);
  };
  return pads.filter(
    (pad) =>
      read.has(pad.output[0] ?? '') &&
      stringAttribute(pad, 'mode', 'constant') === 'constant' &&
      (pad.input[2] ? (constant(pad.input[2]) ?? 0) : (pad.attribute.find(({ name }) => name === 'value')?.f ?? 0)) ===
        0,
  );
}
