import { constantOf } from '../../src/model/constants.js';
import { type Graph, inputName, type NodeProto } from '../../src/model/graph.js';
import { dimsOf, elementCount, isExternal, isFloat, readTensor } from '../../src/model/tensor.js';
import type { Activation } from './activations.js';

/** Operators whose constants are weights: two nodes that read the same ones are two calls of one layer. */
const weighted: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/** Below this many numbers, a constant is known by what it holds: exporters write those of each call anew. */
const fewNumbers = 16;

interface Origin {
  /** the same for two values that the same operators make from the same weights, whatever comes in before these */
  readonly key: number;
  /** whether weights are among what makes it */
  readonly hasWeights: boolean;
}

/**
 * The activations that stand behind the same weights, as the exporter leaves them where a layer, or a trunk of many, is called
 * several times: each with the first of its kind, which is not among the keys. What leads from the weights to the activation (a bias, a
 * normalization, a pool, an Add) must be the same too. Two activations of one value are not two calls.
 */
export function tiesOf<Each extends Activation>(graph: Graph, activations: readonly Each[]): Map<Each, Each> {
  const origins = originsOf(graph);
  const first = new Map<string, Each>();
  const readers = new Map<string, number>();
  const ties = new Map<Each, Each>();
  for (const activation of activations) {
    const { input, kind } = activation;
    const place = readers.get(input) ?? 0;
    readers.set(input, place + 1);
    const origin = origins.get(input);
    if (origin === undefined || !origin.hasWeights) continue;
    const key = `${kind} ${place} ${origin.key}`;
    const known = first.get(key);
    if (known === undefined) first.set(key, activation);
    else ties.set(activation, known);
  }
  return ties;
}

/** Walks the nodes in their order, once; keys are numbers, so that they do not grow with the graph. */
function originsOf(graph: Graph): Map<string, Origin> {
  const keys = new Map<string, number>();
  const origins = new Map<string, Origin>();
  for (const node of graph.nodes) {
    const { signature, hasWeights } = signatureOf(graph, node, origins);
    for (const [at, output] of node.output.entries()) {
      if (output === '') continue;
      const text = `${at} ${signature}`;
      const key = keys.get(text) ?? keys.size;
      keys.set(text, key);
      origins.set(output, { key, hasWeights });
    }
  }
  return origins;
}

function signatureOf(
  graph: Graph,
  node: NodeProto,
  origins: ReadonlyMap<string, Origin>,
): { readonly signature: string; readonly hasWeights: boolean } {
  const names = node.input.map((value) => (value === '' ? null : constantName(graph, value)));
  const reads = weighted.has(node.opType) && isWeight(graph, node, names);
  const inputs = node.input.map((value, at) => names[at] ?? (reads ? '' : (origins.get(value)?.key ?? 'input')));
  const normalizes = node.opType === 'BatchNormalization' && names.slice(1).every((name) => name !== null);
  const behind = node.input.some((value) => origins.get(value)?.hasWeights);
  return {
    signature: JSON.stringify([node.domain, node.opType, ...inputs]),
    hasWeights: reads || normalizes || behind,
  };
}

function isWeight(graph: Graph, node: NodeProto, names: readonly (string | null)[]): boolean {
  return names.slice(0, 2).some((name, at) => {
    return name !== null && (constantOf(graph, inputName(node, at))?.dims.length ?? 0) > 1;
  });
}

/** A constant by the name of its initializer, or by its numbers where each call has one of its own; null for what is none. */
function constantName(graph: Graph, value: string): string | null {
  const root = rootOf(graph, value);
  const tensor = graph.constant(root);
  if (tensor === undefined) return null;
  const isParameter = isFloat(tensor.dataType) && graph.initializer(root) !== undefined;
  if (isParameter || isExternal(tensor) || elementCount(dimsOf(tensor)) > fewNumbers) return `the tensor ${root}`;
  return `${dimsOf(tensor)}: ${readTensor(tensor)}`;
}

/** The value of the tensor behind the operators that a constant is seen through; the value itself where it is no constant. */
function rootOf(graph: Graph, value: string): string {
  let root = value;
  for (let node = graph.producer(root); node !== undefined && constantOf(graph, root) !== undefined; ) {
    if (node.opType === 'Constant') break;
    root = inputName(node, 0);
    node = graph.producer(root);
  }
  return root;
}
