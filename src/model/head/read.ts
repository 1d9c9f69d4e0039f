import { phrase } from '../../contract/phrases.js';
import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../attributes.js';
import { integersAt } from '../constants.js';
import { describeNode, type Graph, isStandard, type NodeProto } from '../graph.js';
import { isFloat } from '../tensor.js';
import { affineNode, isInference, uniformOf } from './constants.js';
import { quotientOf, sumOver, writtenOut } from './written-out.js';

/** Where along a softmax's own tensor its classes lie. */
export interface SoftmaxAxis {
  /** the tensor that the softmax makes */
  readonly value: string;
  /** may be negative */
  readonly axis: number;
  /** before op set 13, the axes after it belong to it */
  readonly andLater: boolean;
}

/** What stands before a value, where that says what its numbers are. */
export interface Reading {
  readonly meaning: 'probabilities' | 'log-probabilities' | 'label';
  readonly activation: 'softmax' | 'log-softmax' | 'sigmoid' | 'none';
  /** the logit is `scale` times this; null without an activation */
  readonly logits: string | null;
  readonly scale: number;
  readonly axis: SoftmaxAxis | null;
  /** what lays the numbers out otherwise after the activation, in order; `columns` is one of them */
  readonly tail: readonly NodeProto[];
  /** the Concat that makes the columns [1 - p, p] of one p */
  readonly columns: NodeProto | null;
  /** what was seen, from the activation on, for people */
  readonly steps: readonly string[];
}

/** How far a probability may be kept off 0 and 1, or be moved before a logarithm, and still count as itself. */
const nearlyNothing = 1e-3;

/** What the values of a Clip may be cut to after a logarithm of probabilities: nothing that a float32 tells from zero. */
const logOfNothing = -10;

const labelOperators: ReadonlySet<string> = new Set([
  'ArgMax',
  'ArgMin',
  'And',
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'Not',
  'Or',
  'Binarizer',
  'LabelEncoder',
]);

const layoutOperators: ReadonlySet<string> = new Set([
  'Identity',
  'Flatten',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Transpose',
]);

/** Reads what a value says off the nodes that it comes from; undefined where they do not tell. */
export function readValue(graph: Graph, value: string): Reading | undefined {
  const node = graph.producer(value);
  if (node === undefined) return undefined;
  const reading = isStandard(node) ? readStandard(graph, node, value) : readOther(graph, node, value);
  return reading ?? readArithmetic(graph, node, value);
}

function reading(node: NodeProto, known: Partial<Reading> & Pick<Reading, 'meaning'>): Reading {
  return {
    activation: 'none',
    logits: null,
    scale: 1,
    axis: null,
    tail: [],
    columns: null,
    steps: [describeNode(node)],
    ...known,
  };
}

/** Probabilities of which it is not known from which logits they come. */
function probabilities(node: NodeProto, before: readonly string[] = []): Reading {
  return reading(node, { meaning: 'probabilities', steps: [...before, describeNode(node)] });
}

function readStandard(graph: Graph, node: NodeProto, value: string): Reading | undefined {
  const [input = ''] = node.input;
  if (labelOperators.has(node.opType)) return reading(node, { meaning: 'label' });
  if (layoutOperators.has(node.opType)) return followed(graph, node);
  switch (node.opType) {
    case 'Softmax':
    case 'LogSoftmax':
      return softmax(graph, node, value);
    case 'Sigmoid':
      return reading(node, { meaning: 'probabilities', activation: 'sigmoid', logits: input });
    case 'HardSigmoid':
    case 'Hardmax':
      return probabilities(node);
    case 'Log':
    case 'Exp':
      return converted(graph, node);
    case 'Cast':
      // a cast from whole numbers to floats makes nothing but the numbers of a label
      return isFloat(intAttribute(node, 'to', 0)) ? followed(graph, node) : labelOf(graph, node);
    case 'Dropout':
      return isInference(graph, node) ? followed(graph, node) : undefined;
    case 'TopK':
      return value === node.output[1] ? reading(node, { meaning: 'label' }) : undefined;
    case 'Clip':
    case 'Max':
    case 'Min':
      return bounded(graph, node);
    case 'Sum':
    case 'Mean':
      return node.input.length === 1 ? passed(graph, input, node) : undefined;
    case 'Concat':
      return node.input.length === 1 ? passed(graph, input, node) : sideBySide(graph, node);
    case 'Slice':
    case 'Gather':
      return isWhole(graph, node) ? passed(graph, input, node) : selected(graph, node);
    case 'DequantizeLinear':
      return quantised(graph, node);
    default:
      return undefined;
  }
}

function softmax(graph: Graph, node: NodeProto, value: string): Reading | undefined {
  const coerced = graph.opset() < 13;
  const axis = intAttribute(node, 'axis', coerced ? 1 : -1);
  // over the samples of the batch, nothing is said about one of them
  if (axis === 0) return undefined;
  const log = node.opType === 'LogSoftmax';
  return reading(node, {
    meaning: log ? 'log-probabilities' : 'probabilities',
    activation: log ? 'log-softmax' : 'softmax',
    logits: node.input[0] ?? '',
    axis: { value, axis, andLater: coerced && axis !== -1 },
  });
}

/** A node that lays numbers out otherwise, or says their type. */
function followed(graph: Graph, node: NodeProto): Reading | undefined {
  const before = readValue(graph, node.input[0] ?? '');
  return before && { ...before, tail: [...before.tail, node], steps: [...before.steps, describeNode(node)] };
}

/** A node that changes no number of probabilities and is not needed after their logits. */
function passed(graph: Graph, input: string, node: NodeProto): Reading | undefined {
  const before = readValue(graph, input);
  return before && { ...before, steps: [...before.steps, describeNode(node)] };
}

function labelOf(graph: Graph, node: NodeProto): Reading | undefined {
  const before = readValue(graph, node.input[0] ?? '');
  return before?.meaning === 'label' ? { ...before, steps: [...before.steps, describeNode(node)] } : undefined;
}

/** The logarithm of probabilities, and e to the power of log-probabilities. */
function converted(graph: Graph, node: NodeProto): Reading | undefined {
  const before = readValue(graph, node.input[0] ?? '');
  const [from, to, activation] =
    node.opType === 'Log'
      ? (['probabilities', 'log-probabilities', 'log-softmax'] as const)
      : (['log-probabilities', 'probabilities', 'softmax'] as const);
  if (before?.meaning !== from) return undefined;
  const isSoftmax = before.activation === 'softmax' || before.activation === 'log-softmax';
  return {
    ...before,
    meaning: to,
    activation: isSoftmax ? activation : before.activation,
    steps: [...before.steps, describeNode(node)],
  };
}

/** Bounds that probabilities (or their logarithms) keep anyway, or that keep them off 0 and 1 by next to nothing. */
function bounded(graph: Graph, node: NodeProto): Reading | undefined {
  const bounds = boundsOf(graph, node);
  if (bounds === undefined) return undefined;
  const before = passed(graph, bounds.of, node);
  const { low, high } = bounds;
  switch (before?.meaning) {
    case 'probabilities':
      return low <= nearlyNothing && high >= 1 - nearlyNothing ? before : undefined;
    case 'log-probabilities':
      return low <= logOfNothing && high >= -nearlyNothing ? before : undefined;
    default:
      return undefined;
  }
}

function boundsOf(
  graph: Graph,
  node: NodeProto,
): { readonly of: string; readonly low: number; readonly high: number } | undefined {
  const [a = '', b = '', c = ''] = node.input;
  const [none, all] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  if (node.opType === 'Clip') {
    if (graph.opset() < 11) {
      return { of: a, low: floatAttribute(node, 'min', none), high: floatAttribute(node, 'max', all) };
    }
    const low = b === '' ? none : uniformOf(graph, b);
    const high = c === '' ? all : uniformOf(graph, c);
    return low === undefined || high === undefined ? undefined : { of: a, low, high };
  }
  if (node.input.length === 1) return { of: a, low: none, high: all };
  if (node.input.length !== 2) return undefined;
  const [left, right] = [uniformOf(graph, a), uniformOf(graph, b)];
  const bound = right ?? left;
  if (bound === undefined) return undefined;
  const of = right === undefined ? b : a;
  return node.opType === 'Max' ? { of, low: bound, high: all } : { of, low: none, high: bound };
}

/** Probabilities put together: the two columns of one sigmoid, or those of several models or labels. */
function sideBySide(graph: Graph, node: NodeProto): Reading | undefined {
  const parts = node.input.map((input) => readValue(graph, input));
  const [first, second] = parts;
  if (first === undefined || parts.some((part) => part?.meaning !== 'probabilities')) return undefined;
  const columns = second !== undefined && parts.length === 2 ? twoColumns(graph, node, first, second) : undefined;
  return columns ?? probabilities(node, first.steps);
}

/**
 * The columns [1 - p, p], or [p, 1 - p], of one sigmoid: a softmax of two logits, one of which is 0. `logits` is then the
 * logit of the second column.
 */
function twoColumns(graph: Graph, node: NodeProto, first: Reading, second: Reading): Reading | undefined {
  const axis = intAttribute(node, 'axis', 0);
  const areComplements =
    first.activation === 'sigmoid' &&
    second.activation === 'sigmoid' &&
    first.logits === second.logits &&
    first.scale === -second.scale &&
    first.tail.length === second.tail.length &&
    first.tail.every((each, i) => each === second.tail[i]);
  if (!areComplements || second.logits === null || (axis !== 1 && axis !== -1)) return undefined;
  // [1 - p, p] of K labels is 2K columns, which no one softmax makes
  if ((widthOf(graph, second.logits) ?? 1) !== 1) return undefined;
  return {
    ...second,
    activation: 'softmax',
    axis: { value: node.output[0] ?? '', axis, andLater: false },
    tail: [...second.tail, node],
    columns: node,
    steps: [...second.steps, phrase('output.complement', { node: describeNode(node) })],
  };
}

/** The size of the last axis of what a layer computes, where its constants or the file say it. */
function widthOf(graph: Graph, value: string): number | undefined {
  const declared = [...graph.proto.valueInfo, ...graph.proto.output].find(({ name }) => name === value)?.type?.value;
  const last = declared?.case === 'tensorType' ? declared.value.shape?.dim.at(-1)?.value : undefined;
  if (last?.case === 'dimValue') return Number(last.value);
  const node = graph.producer(value);
  if (node === undefined || !isStandard(node)) return undefined;
  const dims = (input: number) => graph.constant(node.input[input] ?? '')?.dims.map(Number);
  switch (node.opType) {
    case 'Gemm':
      return dims(1)?.at(intAttribute(node, 'transB', 0) === 1 ? 0 : 1);
    case 'MatMul':
      return dims(1)?.at(-1);
    case 'Add':
    case 'Sub':
    case 'Mul':
    case 'Div': {
      // a constant of one number may be spread over any width
      const wide = [dims(0), dims(1)].map((shape) => shape?.at(-1) ?? 1).find((width) => width > 1);
      return wide ?? widthOf(graph, node.input[dims(0) === undefined ? 0 : 1] ?? '');
    }
    case 'Identity':
    case 'Cast':
      return widthOf(graph, node.input[0] ?? '');
    default:
      return undefined;
  }
}

/** Some of the probabilities, or all in another order: still probabilities. */
function selected(graph: Graph, node: NodeProto): Reading | undefined {
  const before = readValue(graph, node.input[0] ?? '');
  if (before === undefined || before.meaning === 'label') return before;
  return reading(node, { meaning: before.meaning, steps: [...before.steps, describeNode(node)] });
}

/** Whether a Slice leaves nothing out: from 0 to the largest integers that exporters write for the end. */
function isWhole(graph: Graph, node: NodeProto): boolean {
  if (node.opType !== 'Slice') return false;
  const starts = intsAttribute(node, 'starts') ?? integersAt(graph, node, 1);
  const ends = intsAttribute(node, 'ends') ?? integersAt(graph, node, 2);
  const steps = (node.input[4] ?? '') === '' ? [] : integersAt(graph, node, 4);
  const endless = 2 ** 31 - 1;
  return (
    starts?.every((start) => start === 0) === true &&
    ends?.every((end) => end >= endless) === true &&
    steps?.every((step) => step === 1) === true
  );
}

/** Probabilities that were rounded to 8 bits and are floats again. */
function quantised(graph: Graph, node: NodeProto): Reading | undefined {
  const inner = graph.producer(node.input[0] ?? '');
  if (inner?.opType !== 'QuantizeLinear') return undefined;
  const before = readValue(graph, inner.input[0] ?? '');
  return before && { ...before, steps: [...before.steps, describeNode(inner), describeNode(node)] };
}

function readOther(graph: Graph, node: NodeProto, value: string): Reading | undefined {
  const [input = '', second = ''] = node.input;
  if (node.domain !== 'ai.onnx.ml') return undefined;
  if (labelOperators.has(node.opType)) return reading(node, { meaning: 'label' });
  switch (node.opType) {
    case 'ArrayFeatureExtractor':
      return readValue(graph, second)?.meaning === 'label'
        ? reading(node, { meaning: 'label' })
        : selected(graph, node);
    case 'Normalizer': {
      // divided by their sum, which is 1 already where they come from a softmax
      const before = readValue(graph, input);
      if (before?.meaning !== 'probabilities' || stringAttribute(node, 'norm', 'MAX') !== 'L1') return undefined;
      return before.activation === 'softmax' ? passed(graph, input, node) : probabilities(node, before.steps);
    }
    case 'LinearClassifier':
    case 'SVMClassifier':
    case 'TreeEnsembleClassifier':
      return readClassifier(node, value);
    default:
      return undefined;
  }
}

/** scikit-learn's classifiers as one operator: the label, then scores, which `post_transform` says more about. */
function readClassifier(node: NodeProto, value: string): Reading | undefined {
  if (value === node.output[0]) return reading(node, { meaning: 'label' });
  const transform = stringAttribute(node, 'post_transform', 'NONE');
  const calibrated = node.opType === 'SVMClassifier' && node.attribute.some(({ name }) => name === 'prob_a');
  if (transform === 'NONE' && !calibrated) return undefined;
  const how = transform === 'NONE' ? 'calibrated' : `post_transform ${transform}`;
  return reading(node, { meaning: 'probabilities', steps: [`${describeNode(node)} (${how})`] });
}

function readArithmetic(graph: Graph, node: NodeProto, value: string): Reading | undefined {
  const found = writtenOut(graph, value);
  if (found !== undefined) {
    const { activation, log, axes, value: logits, scale } = found;
    const [axis] = axes;
    return reading(node, {
      meaning: log ? 'log-probabilities' : 'probabilities',
      activation: activation === 'softmax' && log ? 'log-softmax' : activation,
      logits,
      scale,
      axis: axis === undefined || axes.length > 1 ? null : { value, axis, andLater: false },
      steps: [
        phrase('output.writtenOut', { activation: `${log ? 'log-' : ''}${activation}`, node: describeNode(node) }),
      ],
    });
  }
  return moved(graph, node) ?? normalised(graph, node, value);
}

/** One operand of arithmetic being constant: 1 - p, and what adds or multiplies nothing, or next to nothing. */
function moved(graph: Graph, node: NodeProto): Reading | undefined {
  const step = affineNode(graph, node);
  if (step === undefined) return undefined;
  const { of, factor, plus } = step;
  if (factor === 1 && Math.abs(plus) <= nearlyNothing) {
    const before = passed(graph, of, node);
    return plus === 0 || before?.meaning === 'probabilities' ? before : undefined;
  }
  // 1 - p as one node or two
  const inner = plus === 1 && factor === 1 ? negated(graph, of) : factor === -1 && plus === 1 ? of : undefined;
  const before = inner === undefined ? undefined : passed(graph, inner, node);
  if (before?.meaning !== 'probabilities') return undefined;
  if (before.activation === 'sigmoid') return { ...before, scale: -before.scale };
  return probabilities(node, before.steps);
}

function negated(graph: Graph, value: string): string | undefined {
  const node = graph.producer(value);
  const step = node === undefined ? undefined : affineNode(graph, node);
  return step?.factor === -1 && step.plus === 0 ? step.of : undefined;
}

/** Probabilities of single labels, divided by their sum: scikit-learn's one-vs-rest. */
function normalised(graph: Graph, node: NodeProto, value: string): Reading | undefined {
  const quotient = quotientOf(graph, value);
  if (quotient === undefined || quotient.numerator === 1) return undefined;
  const { numerator, denominator } = quotient;
  if (sumOver(graph, denominator, numerator) === undefined) return undefined;
  const before = readValue(graph, numerator);
  return before?.meaning === 'probabilities' ? probabilities(node, before.steps) : undefined;
}
