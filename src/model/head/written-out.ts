import { intAttribute } from '../attributes.js';
import { axesOf } from '../constants.js';
import type { Graph, NodeProto } from '../graph.js';
import { affineOf, isAbout, isSame, type Logit, logitOf, producerOf, uniformOf } from './constants.js';

/** A softmax, a sigmoid, or the logarithm of one, that is written out in arithmetic. */
export interface WrittenOut extends Logit {
  readonly activation: 'softmax' | 'sigmoid';
  /** its logarithm */
  readonly log: boolean;
  /** the axes that a softmax sums over; empty for a sigmoid */
  readonly axes: readonly number[];
}

/**
 * The activation that arithmetic before a value amounts to, in the ways in which frameworks and people write it:
 *
 *     softmax      e^x / sum e^x, of x or of x - max x; with a reciprocal and a product for the quotient
 *     log-softmax  x - log sum e^x, of x or of x - max x; x - ReduceLogSumExp(x)
 *     sigmoid      1 / (1 + e^-x), e^x / (1 + e^x), (1 + tanh(x / 2)) / 2
 *     log-sigmoid  -softplus(-x), x - softplus(x), with log(1 + e^x) for the softplus
 */
export function writtenOut(graph: Graph, value: string): WrittenOut | undefined {
  return quotientForms(graph, value) ?? tanhForm(graph, value) ?? differenceForms(graph, value);
}

function sigmoid(logit: Logit, log = false): WrittenOut {
  return { ...logit, activation: 'sigmoid', log, axes: [] };
}

/** Numerator and denominator: of a Div, a Reciprocal, a power of -1, or a product with one of these. */
export function quotientOf(
  graph: Graph,
  value: string,
): { readonly numerator: string | 1; readonly denominator: string } | undefined {
  const node = producerOf(graph, value);
  const [a = '', b = ''] = node?.input ?? [];
  switch (node?.opType) {
    case 'Div':
      return { numerator: isAbout(uniformOf(graph, a), 1) ? 1 : a, denominator: b };
    case 'Reciprocal':
      return { numerator: 1, denominator: a };
    case 'Pow':
      return isAbout(uniformOf(graph, b), -1) ? { numerator: 1, denominator: a } : undefined;
    case 'Mul':
      for (const [numerator, other] of [
        [a, b],
        [b, a],
      ] as const) {
        const inverse = quotientOf(graph, other);
        if (inverse?.numerator === 1) return { numerator, denominator: inverse.denominator };
      }
      return undefined;
    default:
      return undefined;
  }
}

function quotientForms(graph: Graph, value: string): WrittenOut | undefined {
  const quotient = quotientOf(graph, value);
  if (quotient === undefined) return undefined;
  const { numerator, denominator } = quotient;
  const exponent = onePlusExp(graph, denominator);
  if (exponent !== undefined) {
    if (numerator === 1) return sigmoid(logitOf(graph, exponent, -1));
    const own = exponentOf(graph, numerator);
    return own !== undefined && isSame(graph, own, exponent) ? sigmoid(logitOf(graph, exponent, 1)) : undefined;
  }
  if (numerator === 1) return undefined;
  const x = exponentOf(graph, numerator);
  const axes = sumOver(graph, denominator, numerator);
  if (x === undefined || axes === undefined) return undefined;
  return { value: withoutMaximum(graph, x), scale: 1, activation: 'softmax', log: false, axes };
}

/** The e of Exp(e). */
function exponentOf(graph: Graph, value: string): string | undefined {
  const node = producerOf(graph, value);
  return node?.opType === 'Exp' ? node.input[0] : undefined;
}

/** The e of 1 + Exp(e). */
function onePlusExp(graph: Graph, value: string): string | undefined {
  const { of, factor, plus } = affineOf(graph, value);
  return isAbout(factor, 1) && isAbout(plus, 1) ? exponentOf(graph, of) : undefined;
}

/** The e of Softplus(e), which may be written log(1 + Exp(e)). */
function softplusOf(graph: Graph, value: string): string | undefined {
  const node = producerOf(graph, value);
  if (node?.opType === 'Softplus') return node.input[0];
  return node?.opType === 'Log' ? onePlusExp(graph, node.input[0] ?? '') : undefined;
}

/** (1 + tanh(y)) / 2 is sigmoid(2 y), and (1 - tanh(y)) / 2 is sigmoid(-2 y). */
function tanhForm(graph: Graph, value: string): WrittenOut | undefined {
  const { of, factor, plus } = affineOf(graph, value);
  if (!isAbout(Math.abs(factor), 0.5) || !isAbout(plus, 0.5)) return undefined;
  const node = producerOf(graph, of);
  if (node?.opType !== 'Tanh') return undefined;
  return sigmoid(logitOf(graph, node.input[0] ?? '', 2 * Math.sign(factor)));
}

function differenceForms(graph: Graph, value: string): WrittenOut | undefined {
  const { of, factor, plus } = affineOf(graph, value);
  if (isAbout(factor, -1) && plus === 0) {
    const exponent = softplusOf(graph, of);
    if (exponent !== undefined) return sigmoid(logitOf(graph, exponent, -1), true);
  }
  const difference = differenceOf(graph, value);
  if (difference === undefined) return undefined;
  const { from, less } = difference;
  const exponent = softplusOf(graph, less);
  if (exponent !== undefined && isSame(graph, exponent, from)) return sigmoid(logitOf(graph, from, 1), true);
  const norm = logSumExp(graph, less);
  if (norm === undefined || !isSame(graph, norm.of, from)) return undefined;
  return { value: withoutMaximum(graph, from), scale: 1, activation: 'softmax', log: true, axes: norm.axes };
}

/** a - b, or a + (-b). */
function differenceOf(graph: Graph, value: string): { readonly from: string; readonly less: string } | undefined {
  const node = producerOf(graph, value);
  const [a = '', b = ''] = node?.input ?? [];
  if (node?.opType === 'Sub') return { from: a, less: b };
  if (node?.opType !== 'Add') return undefined;
  for (const [from, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const negative = affineOf(graph, other);
    if (isAbout(negative.factor, -1) && negative.plus === 0) return { from, less: negative.of };
  }
  return undefined;
}

/** log sum e^x, of x or as m + log sum e^(x - m). */
function logSumExp(graph: Graph, value: string): { readonly of: string; readonly axes: readonly number[] } | undefined {
  const at = withoutKeptAxis(graph, value);
  const node = at.node;
  const [a = '', b = ''] = node?.input ?? [];
  switch (node?.opType) {
    case 'ReduceLogSumExp':
      return reduced(graph, node, at.restored, a);
    case 'ReduceLogSum': {
      const x = exponentOf(graph, a);
      return x === undefined ? undefined : reduced(graph, node, at.restored, x);
    }
    case 'Log': {
      const sum = withoutKeptAxis(graph, a);
      if (sum.node?.opType !== 'ReduceSum' && sum.node?.opType !== 'ReduceL1') return undefined;
      const x = exponentOf(graph, sum.node.input[0] ?? '');
      return x === undefined ? undefined : reduced(graph, sum.node, [...at.restored, ...sum.restored], x);
    }
    case 'Add':
      for (const [maximum, rest] of [
        [a, b],
        [b, a],
      ] as const) {
        const inner = logSumExp(graph, rest);
        const shifted = inner === undefined ? undefined : differenceOf(graph, inner.of);
        if (inner !== undefined && shifted !== undefined && isSame(graph, shifted.less, maximum)) {
          return { of: shifted.from, axes: inner.axes };
        }
      }
      return undefined;
    default:
      return undefined;
  }
}

/** The axes over which `value` is the sum of `of`, kept as axes of length 1. */
export function sumOver(graph: Graph, value: string, of: string): readonly number[] | undefined {
  const { node, restored } = withoutKeptAxis(graph, value);
  if (node?.opType !== 'ReduceSum' && node?.opType !== 'ReduceL1') return undefined;
  return isSame(graph, node.input[0] ?? '', of) ? reduced(graph, node, restored, of)?.axes : undefined;
}

/** The node behind an Unsqueeze that brings back an axis which a reduction dropped, and which axes these are. */
function withoutKeptAxis(
  graph: Graph,
  value: string,
): { readonly node: NodeProto | undefined; readonly restored: readonly number[] } {
  const node = producerOf(graph, value);
  if (node?.opType !== 'Unsqueeze') return { node, restored: [] };
  return { node: producerOf(graph, node.input[0] ?? ''), restored: axesOf(graph, node) ?? [] };
}

/** A reduction over known axes, which stay as axes of length 1: of themselves, or by an Unsqueeze. Samples are not summed up. */
function reduced(graph: Graph, node: NodeProto, restored: readonly number[], of: string) {
  const axes = axesOf(graph, node);
  if (axes === undefined || axes.length === 0 || axes.includes(0)) return undefined;
  const kept = intAttribute(node, 'keepdims', 1) === 1;
  const same = restored.length === axes.length && restored.every((axis, i) => axis === axes[i]);
  return (kept ? restored.length === 0 : same) ? { of, axes } : undefined;
}

/** x for x - max x, which does not change a softmax; anything else is itself. */
function withoutMaximum(graph: Graph, value: string): string {
  const difference = differenceOf(graph, value);
  if (difference === undefined) return value;
  const { node } = withoutKeptAxis(graph, difference.less);
  const isMaximum = node?.opType === 'ReduceMax' && isSame(graph, node.input[0] ?? '', difference.from);
  return isMaximum ? difference.from : value;
}
