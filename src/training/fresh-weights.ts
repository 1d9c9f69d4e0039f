import type { ModelFormat } from '../contract/model.js';
import { createRandom } from '../math/random.js';
import { subgraphsOf } from '../model/attributes.js';
import { bodyGraph, type Graph, type NodeProto } from '../model/graph.js';
import { dimsOf, elementCount, writeFloats } from '../model/tensor.js';
import { constantRead } from './constant-read.js';
import { draw } from './initializers.js';
import { type Framework, initializerOf, type Rule } from './layer-initializers.js';

/** Which tensors of a network are drawn anew, and how. */
export interface FreshWeights {
  readonly framework: Framework;
  readonly drawn: readonly { readonly name: string; readonly rule: Rule }[];
  /** trained, but by no layer whose initializer is known: they stay as they came */
  readonly kept: readonly string[];
}

/** Networks of TensorFlow.js are Keras's, and so are those that a converter from TensorFlow has written; other ONNX files are taken for PyTorch's. */
export function frameworkOf(format: ModelFormat, producer: string): Framework {
  return format !== 'onnx' || /^(tf2onnx|keras2onnx|tfjs|tensorflow)/i.test(producer) ? 'keras' : 'pytorch';
}

/**
 * How each trained tensor of a network is drawn by the layer that reads it first. Running statistics of normalizations begin at mean 0
 * and variance 1.
 * @param graph in the canonical op set, as `makeTrainable` gives it
 * @param trained names of its initializers
 */
export function freshWeights(graph: Graph, trained: readonly string[], framework: Framework): FreshWeights {
  const names = new Set(trained);
  const rules = new Map<string, Rule>();
  visit(graph, (within, node) => {
    for (const [input, value] of node.input.entries()) {
      const read = value === '' ? null : constantRead(within, value);
      const isStatistic = node.opType === 'BatchNormalization' && input >= 3;
      if (read === null || rules.has(read.name) || !(isStatistic || names.has(read.name))) continue;
      // the value of a Constant node is not drawn: files keep it apart from what is learned
      if (graph.initializer(read.name) === undefined) continue;
      const rule = initializerOf({ graph: within, node, input, ...read }, framework);
      if (rule !== null) rules.set(read.name, rule);
    }
  });
  return {
    framework,
    drawn: [...rules].map(([name, rule]) => ({ name, rule })),
    kept: trained.filter((name) => !rules.has(name)),
  };
}

/** Every node of ONNX's own domain, those of bodies after the node around them. */
function visit(graph: Graph, see: (graph: Graph, node: NodeProto) => void): void {
  for (const node of graph.nodes) {
    if (node.domain === '') see(graph, node);
    for (const body of subgraphsOf(node)) visit(bodyGraph(graph, body), see);
  }
}

/** A copy of a network with weights drawn anew: of one seed the same, whatever else is drawn with it. */
export function withFreshWeights(graph: Graph, { drawn }: FreshWeights, seed: number): Graph {
  const fresh = graph.copy();
  for (const [stream, { name, rule }] of drawn.entries()) {
    const tensor = fresh.initializer(name);
    if (tensor === undefined) continue;
    writeFloats(tensor, draw(rule.initializer, elementCount(dimsOf(tensor)), createRandom(seed, stream)));
  }
  return fresh;
}
