import { create } from '@bufbuild/protobuf';
import { ValueInfoProtoSchema } from 'onnx-buf';
import { env } from 'onnxruntime-node';
import { type Graph, type ModelProto, type NodeProto, outputName } from '../model/graph.js';
import { nodesLeadingTo, valuesRead } from '../model/slice.js';
import { DataType } from '../model/tensor.js';
import { type Feeds, openPredictor, type Signature } from './predictor.js';
import type { InferenceSession } from './session.js';

/** What ONNX Runtime makes of a model differs with its graph optimisations from what it makes of it without them. */
export interface OptimizationFault {
  /** the first node whose value differs; null where none does as soon as its value is asked for, which keeps it from being fused */
  readonly node: NodeProto | null;
  /** the largest |difference| of the output, and its largest |value| without optimisations */
  readonly difference: number;
  readonly scale: number;
  /** whether the sessions that are opened here compute what is right all the same */
  readonly isCured: boolean;
  /** ONNX Runtime's */
  readonly version: string;
}

/** Differences beyond this share of the largest value are not rounding; the second is for float16. */
const [tolerance, coarseTolerance] = [1e-3, 2e-2];

/**
 * Operators that make a step of a difference in rounding, or draw their result, and quantised ones, whose fusions round at other
 * places: after them a difference says nothing.
 */
const unsteady =
  /^(Random|Bernoulli|Multinomial|QuantizeLinear|DequantizeLinear|DynamicQuantize|QLinear|ArgM|TopK|NonMaxSuppression|Greater|Less|Equal|Sign|Round|Floor|Ceil|Hardmax|Cast)/;

/**
 * Compares a few samples with all graph optimisations and with none.
 * @param model as production loads it, and `graph`, the same in memory
 * @param options how sessions are opened here; the provider is theirs
 * @returns null where the two agree but for rounding, or the graph quantises or draws random numbers
 */
export async function findOptimizationFault(
  model: ModelProto | string,
  graph: Graph,
  signature: Signature,
  samples: { readonly feeds: Feeds; readonly count: number },
  options: InferenceSession.SessionOptions,
): Promise<OptimizationFault | null> {
  if (graph.nodes.some(({ opType }) => /^(Random|Bernoulli|Multinomial|QuantizeL|DynamicQ|QLinear)/.test(opType)))
    return null;
  const share = isCoarse(graph) ? coarseTolerance : tolerance;
  const valuesOf = async (source: ModelProto | string, output: string, own: InferenceSession.SessionOptions) => {
    const predictor = await openPredictor(source, { ...signature, output }, { ...options, ...own });
    try {
      return (await predictor.predict(samples.feeds, samples.count)).values;
    } finally {
      await predictor.release();
    }
  };
  const differenceOf = async (source: ModelProto | string, output: string): Promise<Difference> =>
    compare(await valuesOf(source, output, asProduction), await valuesOf(source, output, asWritten), share);
  const whole = await differenceOf(model, signature.output);
  if (!whole.isFault) return null;
  const node = await firstWrong(graph, signature.output, async (value) => {
    try {
      return (await differenceOf(withOnly(graph.model, value), value)).isFault;
    } catch {
      // sequences, strings and the like are not compared
      return false;
    }
  });
  if (node !== null && unsteady.test(node.opType)) return null;
  const right = await valuesOf(model, signature.output, asWritten);
  const isCured = !compare(await valuesOf(model, signature.output, {}), right, share).isFault;
  return {
    node,
    difference: whole.difference,
    scale: whole.scale,
    isCured,
    version: env.versions.node ?? 'of unknown version',
  };
}

/** As a program opens the model that knows nothing of faults: `openSession` leaves out what it would add. */
const asProduction: InferenceSession.SessionOptions = { graphOptimizationLevel: 'all', extra: {} };
const asWritten: InferenceSession.SessionOptions = { graphOptimizationLevel: 'disabled' };

interface Difference {
  readonly difference: number;
  readonly scale: number;
  readonly isFault: boolean;
}

function compare(values: Float32Array, right: Float32Array, share: number): Difference {
  let [difference, scale] = [0, 0];
  for (const [i, value] of right.entries()) {
    if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
    const other = values[i] ?? Number.NaN;
    const distance = Object.is(value, other) ? 0 : Math.abs(value - other);
    difference = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : Math.max(difference, distance);
  }
  return { difference, scale, isFault: difference > share * Math.max(scale, Number.MIN_VALUE) && difference > 1e-6 };
}

function isCoarse({ proto }: Graph): boolean {
  return (
    proto.initializer.some(({ dataType }) => dataType === DataType.FLOAT16 || dataType === DataType.BFLOAT16) ||
    proto.node.some(({ opType }) => opType === 'Cast')
  );
}

/** The model with one value as its only output. */
function withOnly(model: ModelProto, value: string): ModelProto {
  if (model.graph === undefined) return model;
  return { ...model, graph: { ...model.graph, output: [create(ValueInfoProtoSchema, { name: value })] } };
}

/**
 * The node that gives a wrong value and reads none, found by halving the nodes that an output is computed from: asked for as the
 * only output, a value is computed as in the whole graph, but that nothing behind it is fused with what is before it.
 */
async function firstWrong(
  graph: Graph,
  output: string,
  isWrong: (value: string) => Promise<boolean>,
): Promise<NodeProto | null> {
  let found: NodeProto | null = null;
  for (let wrong: string | undefined = output; wrong !== undefined; ) {
    const nodes: NodeProto[] = nodesLeadingTo(graph, [wrong]).filter(({ output: [first] }) => first);
    let [right, at] = [-1, nodes.length - 1];
    while (at - right > 1) {
      const middle = (right + at) >> 1;
      const node = nodes[middle];
      if (node !== undefined && (await isWrong(outputName(node)))) at = middle;
      else right = middle;
    }
    const node: NodeProto | undefined = nodes[at];
    if (node === undefined || (found === null && !(await isWrong(outputName(node))))) return null;
    found = node;
    wrong = undefined;
    // nodes of other branches stand between those of this one: what it reads may be wrong already
    for (const value of valuesRead(node)) {
      if (graph.producer(value) !== undefined && (await isWrong(value))) wrong = value;
    }
  }
  return found;
}
