import { present } from '../../contract/present.js';
import type { Provider } from '../../contract/settings.js';
import { findAttribute, intAttribute, makeAttribute } from '../../model/attributes.js';
import type { Graph, NodeProto } from '../../model/graph.js';
import { elementCount, floatTensor } from '../../model/tensor.js';
import { Emitter } from '../emitter.js';
import { inputOf, optionalOutput, outputOf } from '../operands.js';

export interface BatchStatisticsOptions {
  readonly provider: Provider;
  /** the shape of every value of the graph, by name */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** what the running statistics keep at each step, as ONNX and Keras count it: PyTorch's momentum of 0.1 is 0.9 here */
  readonly momentum: number;
}

/** One BatchNormalization's running statistics, [C] each, by the names of the values before and after a step. */
export interface RunningStatistics {
  /** the normalized value */
  readonly output: string;
  readonly mean: string;
  readonly variance: string;
  readonly newMean: string;
  readonly newVariance: string;
}

/**
 * Makes every inference-mode BatchNormalization of a graph normalise by the statistics of the batch, and appends the
 * update of its running statistics:
 *   new = momentum * old + (1 - momentum) * batch's,
 * with the unbiased variance (over n - 1), as in PyTorch and in TensorFlow's fused kernel, which Keras uses for images.
 * A single number per channel (n = 1: one sample, of no extent) has no spread, and would be normalised to nothing: PyTorch refuses it.
 * An epoch may end with such a batch, so the running statistics serve there, and stay as they are.
 *
 * Requires: the canonical op set. Ensures: the graph's other values keep their names; `batchStatistics` knows the nodes.
 * One entry is returned per node, in the order of the graph; a node twice over the same running statistics gives two.
 */
export function useBatchStatistics(graph: Graph, options: BatchStatisticsOptions): RunningStatistics[] {
  const nodes = graph.nodes.filter(
    (node) =>
      node.opType === 'BatchNormalization' &&
      intAttribute(node, 'training_mode', 0) === 0 &&
      batchStatistics(graph, node) === null,
  );
  return nodes.map((node, index) => {
    const [x, mean, variance] = [inputOf(node, 0), inputOf(node, 3), inputOf(node, 4)];
    const [batch = 1, channels = 1, ...spatial] = present(options.shapes.get(x), `the shape of '${x}'`);
    const size = elementCount([batch, ...spatial]);
    if (size === 1) return unmoved(graph, node);
    const own =
      options.provider === 'cpu'
        ? byTrainingMode(graph, node, index, channels)
        : byReductions(graph, node, spatial.length, size);

    const emit = new Emitter(graph, 'batch-norm');
    const moved = options.provider === 'cpu' ? inTerms : inOneProduct;
    const step = (before: string, own: string, factor: number) =>
      moved(emit, [before, options.momentum], [own, (1 - options.momentum) * factor], channels);
    const newMean = step(mean, own.mean, 1);
    const newVariance = step(variance, own.variance, size / (size - 1));
    emit.flush();
    return { output: outputOf(node), mean, variance, newMean, newVariance };
  });
}

type Term = readonly [value: string, factor: number];

function inTerms(emit: Emitter, before: Term, own: Term): string {
  const term = ([value, factor]: Term): string => emit.op('Mul', [value, emit.float(factor)]);
  return emit.op('Add', [term(before), term(own)]);
}

/** The same as alpha [1] own + beta before, [1, C]: each of the nodes above would be a dispatch. */
function inOneProduct(emit: Emitter, before: Term, own: Term, channels: number): string {
  const row = emit.op('Reshape', [own[0], emit.ints([1, channels])]);
  const factors = { alpha: { float: own[1] }, beta: { float: before[1] } };
  return emit.op('Reshape', [
    emit.op('Gemm', [emit.float([1], [1, 1]), row, before[0]], factors),
    emit.ints([channels]),
  ]);
}

/** What the batch says of a channel, by the names of the values. */
export interface BatchStatistics {
  /** [C] */
  readonly mean: string;
  /** [C], biased */
  readonly variance: string;
  /** x - mean, of x's shape, where that is a value of the graph */
  readonly centred: string | null;
}

/** Statistics that a step leaves as they are. */
function unmoved(graph: Graph, node: NodeProto): RunningStatistics {
  const [mean, variance] = [inputOf(node, 3), inputOf(node, 4)];
  const emit = new Emitter(graph, 'batch-norm');
  const [newMean, newVariance] = [emit.op('Identity', [mean]), emit.op('Identity', [variance])];
  emit.flush();
  return { output: outputOf(node), mean, variance, newMean, newVariance };
}

/** The batch's statistics, where a BatchNormalization normalises by them; else null. */
export function batchStatistics(graph: Graph, node: NodeProto): BatchStatistics | null {
  if (intAttribute(node, 'training_mode', 0) !== 0) {
    const [mean, variance] = [optionalOutput(node, 1), optionalOutput(node, 2)];
    if (mean === undefined || variance === undefined) return null;
    return findAttribute(node, 'momentum')?.f === 0 ? { mean, variance, centred: null } : null;
  }
  const [x, mean, variance] = [inputOf(node, 0), inputOf(node, 3), inputOf(node, 4)];
  const producer = graph.producer(mean);
  if (producer?.opType !== 'ReduceMean' || producer.input[0] !== x) return null;
  const squares = graph.producer(graph.producer(variance)?.input[0] ?? '');
  return squares?.opType === 'ReduceSumSquare' ? { mean, variance, centred: inputOf(squares, 0) } : null;
}

/**
 * With a momentum of 0, what the training mode calls its new running statistics are the batch's, and the old ones do not
 * count. But ONNX Runtime writes the new ones over the old, and it keeps initializers of equal values once
 * (microsoft/onnxruntime#29878): the node gets old ones that no other initializer equals.
 */
function byTrainingMode(
  graph: Graph,
  node: NodeProto,
  index: number,
  channels: number,
): { mean: string; variance: string } {
  node.attribute = node.attribute.filter(({ name }) => name !== 'training_mode' && name !== 'momentum');
  node.attribute.push(makeAttribute('training_mode', { int: 1 }), makeAttribute('momentum', { float: 0 }));
  const name = outputOf(node);
  for (const input of [3, 4]) {
    const unique = Array<number>(channels).fill((2 * index + input) / Math.PI);
    graph.setInput(node, input, graph.addInitializer(floatTensor(graph.freshName(`${name}/old`), [channels], unique)));
  }
  const [mean, variance] = [graph.freshName(`${name}/mean`), graph.freshName(`${name}/variance`)];
  graph.setOutput(node, 1, mean);
  graph.setOutput(node, 2, variance);
  return { mean, variance };
}

/** Providers whose kernel knows no training mode: the statistics are computed before the node. */
function byReductions(
  graph: Graph,
  node: NodeProto,
  spatial: number,
  size: number,
): { mean: string; variance: string } {
  const emit = new Emitter(graph, 'batch-norm');
  const x = inputOf(node, 0);
  const axes = emit.ints([0, ...Array.from({ length: spatial }, (_, i) => i + 2)]);
  const squeezed = { keepdims: { int: 0 } };
  const mean = emit.op('ReduceMean', [x, axes], squeezed);
  const perChannel =
    spatial === 0 ? mean : emit.op('Unsqueeze', [mean, emit.ints(Array.from({ length: spatial }, (_, i) => i + 1))]);
  const centred = emit.op('Sub', [x, perChannel]);
  const squares = emit.op('ReduceSumSquare', [centred, axes], squeezed);
  const variance = emit.op('Mul', [squares, emit.float(1 / size)]);
  emit.flush(node);
  graph.setInput(node, 3, mean);
  graph.setInput(node, 4, variance);
  return { mean, variance };
}
