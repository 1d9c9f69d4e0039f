import { present } from '../../contract/present.js';
import { floatAttribute, intAttribute } from '../../model/attributes.js';
import type { Graph, NodeProto } from '../../model/graph.js';
import { dimsOf, elementCount } from '../../model/tensor.js';
import { inverseDeviation, negated } from '../deviation.js';
import { Emitter } from '../emitter.js';
import { inputOf, optionalInput, outputOf } from '../operands.js';

export interface FoldOptions {
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** initializers that are trained */
  readonly trained: ReadonlySet<string>;
}

/**
 * Folds every BatchNormalization with frozen statistics that follows a Conv or ConvTranspose into its weights, inside the
 * graph: with s = gamma / sqrt(var + eps), W' = s W and c' = beta + s (c - mean). The normalisation then costs nothing per
 * pixel, and gamma, beta and W stay separate parameters: their gradients flow through these few nodes. With small maps and
 * a small batch the weights may be more than the pixels: trained ones are then left alone, and their normalization is applied
 * to what they give.
 *
 * Requires: inference-mode BatchNormalization; the Conv's weights an initializer; the Conv's output read by it alone.
 * Ensures: the same function; the BatchNormalization is gone, its output value keeps its name. Returns how many were folded.
 */
export function foldBatchNormalization(graph: Graph, { shapes, trained }: FoldOptions): number {
  const size = (value: string): number => elementCount(present(shapes.get(value), `the shape of '${value}'`));
  const candidates = graph.nodes.filter((node) => {
    const conv = foldableConv(graph, node);
    if (conv === undefined) return false;
    const weights = inputOf(conv, 1);
    return !trained.has(weights) || size(weights) <= size(outputOf(node));
  });
  for (const node of candidates) {
    const conv = foldableConv(graph, node);
    if (conv !== undefined) fold(graph, conv, node, trained);
  }
  return candidates.length;
}

function foldableConv(graph: Graph, node: NodeProto): NodeProto | undefined {
  if (node.opType !== 'BatchNormalization' || intAttribute(node, 'training_mode', 0) !== 0) return undefined;
  const value = inputOf(node, 0);
  const conv = graph.producer(value);
  if (conv === undefined || (conv.opType !== 'Conv' && conv.opType !== 'ConvTranspose')) return undefined;
  if (graph.uses(value).length !== 1 || graph.isOutput(value)) return undefined;
  return graph.initializer(inputOf(conv, 1)) === undefined ? undefined : conv;
}

function fold(graph: Graph, conv: NodeProto, normalization: NodeProto, trained: ReadonlySet<string>): void {
  const [weights, bias] = [inputOf(conv, 1), optionalInput(conv, 2)];
  const [gamma, beta] = [inputOf(normalization, 1), inputOf(normalization, 2)];
  const [mean, variance] = [inputOf(normalization, 3), inputOf(normalization, 4)];
  const tensor = present(graph.initializer(weights), `the initializer '${weights}'`);
  const emit = new Emitter(graph, 'fold');
  const inverse = inverseDeviation(emit, variance, floatAttribute(normalization, 'epsilon', 1e-5));
  const scale = emit.op('Mul', [gamma, inverse]);
  const rank = dimsOf(tensor).length;
  const group = intAttribute(conv, 'group', 1);
  const perOutput = scalePerOutput(emit, scale, conv.opType === 'ConvTranspose', rank, group, dimsOf(tensor));
  const folded = emit.op('Mul', [weights, perOutput]);
  const centred = bias === undefined ? negated(emit, mean, trained) : emit.op('Sub', [bias, mean]);
  const shifted = emit.op('Add', [beta, emit.op('Mul', [scale, centred])]);
  const output = outputOf(normalization);
  // the convolution moves to where the normalization stood: what gives gamma and beta may stand between the two
  const next = graph.nodes[graph.nodes.indexOf(normalization) + 1];
  graph.remove(normalization);
  graph.remove(conv);
  emit.flush(next);
  graph.insert([conv], next);
  graph.setInput(conv, 1, folded);
  graph.setInput(conv, 2, shifted);
  graph.setOutput(conv, 0, output);
}

/** The scale [Co] shaped to multiply the weights: Conv keeps outputs on axis 0, ConvTranspose [Ci, Co / group, ...] on axis 1. */
function scalePerOutput(
  emit: Emitter,
  scale: string,
  transposed: boolean,
  rank: number,
  group: number,
  shape: readonly number[],
): string {
  const spatial = Array.from({ length: rank - 2 }, () => 1);
  if (!transposed) return emit.op('Reshape', [scale, emit.ints([-1, 1, ...spatial])]);
  const [inputs = 1, outputs = 1] = shape;
  if (group === 1) return emit.op('Reshape', [scale, emit.ints([1, -1, ...spatial])]);
  const grouped = emit.op('Reshape', [scale, emit.ints([group, 1, outputs, ...spatial])]);
  const repeated = emit.op('Expand', [grouped, emit.ints([group, inputs / group, outputs, ...spatial])]);
  return emit.op('Reshape', [repeated, emit.ints([inputs, outputs, ...spatial])]);
}
