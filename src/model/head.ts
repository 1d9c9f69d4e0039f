import { inOrder, phrase } from '../contract/phrases.js';
import { intAttribute, intsAttribute } from './attributes.js';
import { axesOf } from './constants.js';
import type { Graph, NodeProto, ValueInfoProto } from './graph.js';
import { type Reading, readValue } from './head/read.js';
import { DataType } from './tensor.js';

/** What the numbers of an output are, as far as the graph says it. */
export type HeadMeaning =
  /** nothing says that they are anything else: logits of classes, values of a regression, features */
  | 'logits-or-values'
  | 'probabilities'
  | 'log-probabilities'
  /** the class itself, or what it is called */
  | 'label'
  /** ZipMap of ai.onnx.ml: one dictionary a sample, from the class to its probability */
  | 'map';

/** One output of a model, and what its graph says about its numbers. */
export interface Head {
  /** the graph's output */
  readonly output: string;
  /** ONNX's name of its element type in lower case ('float', 'int64', 'string'); 'sequence', 'map' ... for what is no tensor */
  readonly dtype: string;
  readonly meaning: HeadMeaning;
  /** the tensor that holds the numbers: the output itself; what ZipMap reads, where the output is a map */
  readonly value: string;
  /** what `value` holds: `meaning`, or what a map is made of */
  readonly valueMeaning: Exclude<HeadMeaning, 'map'>;
  /**
   * the last step to `value`. With meaning 'log-probabilities', 'sigmoid' is the logarithm of one. 'none': the graph shows
   * none; probabilities may come without one (HardSigmoid, tree ensembles), and then there are no logits to be had
   */
  readonly activation: 'softmax' | 'log-softmax' | 'sigmoid' | 'none';
  /** the value that enters the activation; `value` itself where there is none */
  readonly logits: string;
  /** the logits are this multiple of `logits`: 1, but where a sigmoid is written 1 / (1 + e^x) and no value of the graph is -x */
  readonly scale: number;
  /**
   * nodes from the activation to `value` that change no number, in order; bounds as [0, 1] are no part of it. Empty where there is no
   * activation. `columns` is one of them
   */
  readonly tail: readonly NodeProto[];
  /**
   * the Concat that makes two columns [1 - p, p] of the one p of a sigmoid: together a softmax over [0, logit], which is what
   * `activation` says; `logits` is the one of the second column. Null for any other head
   */
  readonly columns: NodeProto | null;
  /** the axis of `value` over which a softmax goes; null where the graph does not tell, or there is no softmax */
  readonly axis: number | null;
  /** how it was recognised, for people: "Softmax 'probs', then Identity 'y'" */
  readonly evidence: string;
}

/**
 * What each output of a graph says, in the graph's order, read off the nodes before it: the final softmax or sigmoid, as an
 * operator or written out in arithmetic, behind whatever changes no number. Any op set; the graph is not changed. Bodies of
 * If, Loop and Scan and local functions are not looked into (the canonical training copy has functions inlined).
 */
export function headsOf(graph: Graph): readonly Head[] {
  return graph.proto.output.map((output) => headOf(graph, output));
}

function headOf(graph: Graph, { name, type }: ValueInfoProto): Head {
  const producer = graph.producer(name);
  const isMap = producer?.opType === 'ZipMap';
  const value = isMap ? (producer.input[0] ?? '') : name;
  const reading = readValue(graph, value);
  const dtype = dtypeOf(type, isMap, reading);
  // whatever is before it, a tensor of whole numbers or words holds no probabilities
  const isLabel = !isMap && !floatTypes.has(dtype);
  const known = isLabel && reading?.meaning !== 'label' ? undefined : reading;
  const valueMeaning: Head['valueMeaning'] = isLabel ? 'label' : (known?.meaning ?? 'logits-or-values');
  const evidence = known === undefined ? unknownEvidence(isLabel, dtype) : inOrder(known.steps);
  const meaning: HeadMeaning = isMap ? 'map' : valueMeaning;
  const head = {
    output: name,
    dtype,
    meaning,
    value,
    valueMeaning,
    evidence: isMap ? inOrder([evidence, `ZipMap '${producer.name || name}'`]) : evidence,
  };
  if (known === undefined || known.logits === null) {
    return { ...head, activation: 'none', logits: value, scale: 1, tail: [], columns: null, axis: null };
  }
  const { activation, logits, scale, tail, columns } = known;
  return { ...head, activation, logits, scale, tail, columns, axis: axisAtEnd(graph, known, value) };
}

const floatTypes: ReadonlySet<string> = new Set(['float', 'float16', 'double', 'bfloat16']);

function dtypeOf(type: ValueInfoProto['type'], isMap: boolean, reading: Reading | undefined): string {
  switch (type?.value.case) {
    case 'tensorType':
      return DataType[type.value.value.elemType]?.toLowerCase() ?? 'undefined';
    case 'sequenceType':
      return 'sequence';
    case 'mapType':
      return 'map';
    case 'optionalType':
      return 'optional';
    case 'sparseTensorType':
      return 'sparse tensor';
    default:
      // the file does not say it
      if (isMap) return 'sequence';
      return reading?.meaning === 'label' ? 'int64' : 'float';
  }
}

function unknownEvidence(isLabel: boolean, dtype: string): string {
  return isLabel ? phrase('output.elements', { dtype }) : phrase('output.none');
}

type Dims = readonly (number | null)[];

/** The dimensions that the file declares for a value; undefined where it does not say even how many. */
function declaredDims(graph: Graph, value: string): Dims | undefined {
  const { input, output, valueInfo } = graph.proto;
  const type = [...output, ...valueInfo, ...input].find(({ name }) => name === value)?.type?.value;
  const shape = type?.case === 'tensorType' ? type.value.shape : undefined;
  return shape?.dim.map(({ value: dim }) => (dim.case === 'dimValue' ? Number(dim.value) : null));
}

/** Follows the axis of a softmax through what lays its result out otherwise. */
function axisAtEnd(graph: Graph, { axis: made, tail, columns }: Reading, end: string): number | null {
  if (made === null) return null;
  const after = columns === null ? tail : tail.slice(tail.indexOf(columns) + 1);
  const outputs = [made.value, ...after.map((node) => node.output[0] ?? '')];
  const ranks = ranksBefore(graph, outputs, after, end);
  let axis = ownAxis(graph, made, ranks[0]);
  after.forEach((node, i) => {
    if (axis !== null) axis = movedAxis(graph, node, axis, ranks[i], declaredDims(graph, outputs[i] ?? ''));
  });
  return axis;
}

/** The ranks of a chain of values, of which the last is `end` under another name: declared, or told from the one after. */
function ranksBefore(graph: Graph, values: readonly string[], nodes: readonly NodeProto[], end: string) {
  const ranks: (number | undefined)[] = values.map((value) => declaredDims(graph, value)?.length);
  ranks[values.length - 1] ??= declaredDims(graph, end)?.length;
  for (let i = nodes.length - 1; i >= 0; i--) {
    const [node, after] = [nodes[i], ranks[i + 1]];
    if (node !== undefined) ranks[i] ??= rankBefore(graph, node, after);
  }
  return ranks;
}

function rankBefore(graph: Graph, node: NodeProto, after: number | undefined): number | undefined {
  const perm = intsAttribute(node, 'perm');
  if (node.opType === 'Transpose' && perm !== undefined) return perm.length;
  if (after === undefined) return undefined;
  const axes = axesOf(graph, node)?.length;
  switch (node.opType) {
    case 'Squeeze':
      return axes === undefined ? undefined : after + axes;
    case 'Unsqueeze':
      return axes === undefined ? undefined : after - axes;
    case 'Flatten':
    case 'Reshape':
      return undefined;
    default:
      return after;
  }
}

/** The axis of a softmax counted from the front; before op set 13 it is one axis only where those after it are of length 1. */
function ownAxis(graph: Graph, { value, axis, andLater }: NonNullable<Reading['axis']>, rank?: number): number | null {
  if (rank === undefined) return axis >= 0 && !andLater ? axis : null;
  const at = axis < 0 ? axis + rank : axis;
  if (!andLater || at === rank - 1) return at;
  const dims = declaredDims(graph, value);
  return dims?.slice(at + 1).every((dim) => dim === 1) === true ? at : null;
}

function movedAxis(graph: Graph, node: NodeProto, axis: number, rank?: number, dims?: Dims): number | null {
  switch (node.opType) {
    case 'Identity':
    case 'Cast':
    case 'Dropout':
      return axis;
    case 'Transpose': {
      const perm = intsAttribute(node, 'perm');
      if (perm !== undefined) return perm.indexOf(axis);
      return rank === undefined ? null : rank - 1 - axis;
    }
    case 'Squeeze': {
      const axes = fromFront(axesOf(graph, node), rank);
      return axes?.every((each) => each !== axis) ? axis - axes.filter((each) => each < axis).length : null;
    }
    case 'Unsqueeze': {
      const added = axesOf(graph, node);
      const after = added === undefined || rank === undefined ? undefined : rank + added.length;
      const axes = fromFront(added, after)?.sort((a, b) => a - b);
      return axes?.reduce((at, each) => (each <= at ? at + 1 : at), axis) ?? null;
    }
    case 'Flatten': {
      const isAlone = dims?.slice(1).every((dim, i) => i + 1 === axis || dim === 1) === true;
      return isAlone && intAttribute(node, 'axis', 1) === 1 ? 1 : null;
    }
    default:
      return null;
  }
}

/** Axes counted from the front; undefined where one is counted from the end of an unknown rank. */
function fromFront(axes: readonly number[] | undefined, rank: number | undefined): number[] | undefined {
  if (rank === undefined && axes?.some((axis) => axis < 0)) return undefined;
  return axes?.map((axis) => (axis < 0 ? axis + (rank ?? 0) : axis));
}
