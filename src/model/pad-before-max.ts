import { TensorProto_DataType } from 'onnx-buf';
import { makeAttribute, stringAttribute, subgraphsOf } from './attributes.js';
import { numberOf } from './constants.js';
import { type Graph, type GraphProto, type ModelProto, type NodeProto, nodeId } from './graph.js';
import type { MigrationPlan } from './plan.js';
import { floatTensor, isFloat, type TensorProto } from './tensor.js';

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

/** The smallest float32 that every processor takes for other than 0. */
export const almostZero = 2 ** -126;

/**
 * A graph to be written, whose zeros before a maximum no runtime takes for minus infinity: what is behind a migrated site may lie
 * below 0, where the difference counts. They become the smallest number that is not 0, which changes no result. Those in bodies and local
 * functions, and of half precision, stay.
 * @param original the graph before the rewrite, in which `plan` names its sites
 */
export function withZerosKept(baked: Graph, original: Graph, { sites }: Pick<MigrationPlan, 'sites'>): Graph {
  const migrated = new Set(sites.flatMap(({ id, status }) => (status === 'migrate' ? [id] : [])));
  const behind = new Set(
    padsBeforeMaxPool(baked.model).flatMap(({ output: [output = ''] }) =>
      isBehind(original, output, migrated) ? [output] : [],
    ),
  );
  if (behind.size === 0) return baked;
  const kept = baked.copy();
  for (const output of behind) {
    const pad = kept.producer(output);
    if (pad !== undefined) setPadValue(kept, pad);
  }
  return kept;
}

/** Whether a value follows from one of the sites. */
function isBehind(graph: Graph, value: string, sites: ReadonlySet<string>): boolean {
  const [seen, open] = [new Set<string>(), [value]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    const node = graph.producer(next);
    if (node === undefined) continue;
    if (sites.has(nodeId(node))) return true;
    open.push(...node.input);
  }
  return false;
}

function setPadValue(graph: Graph, pad: NodeProto): void {
  const value = pad.attribute.find(({ name }) => name === 'value');
  const [, pads = '', constant = ''] = pad.input;
  if (pads === '') {
    // before op set 11: an attribute, which may be left out
    if (value === undefined) pad.attribute.push(makeAttribute('value', { float: almostZero }));
    else value.f = almostZero;
    return;
  }
  const known = constant === '' ? undefined : graph.constant(constant);
  const types = [known, ...(known === undefined ? graph.proto.initializer : [])].flatMap((tensor) =>
    tensor !== undefined && isFloat(tensor.dataType) ? [tensor.dataType] : [],
  );
  if (types.some((type) => type !== TensorProto_DataType.FLOAT)) return;
  const name = graph.freshName(constant === '' ? `${nodeId(pad)}/zero` : constant);
  graph.setInput(pad, 2, graph.addInitializer(floatTensor(name, [], [almostZero])));
}
