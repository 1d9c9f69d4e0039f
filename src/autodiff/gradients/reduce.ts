import { intAttribute } from '../../model/attributes.js';
import { DataType, elementCount, readIntegers } from '../../model/tensor.js';
import { timesSign } from './elementwise.js';
import {
  type GradientContext,
  type GradientRule,
  type GradientRules,
  inputOf,
  optionalInput,
  outputGradient,
  outputOf,
  UnsupportedNode,
} from './rule.js';

/** A reduction y = r(x) seen with its reduced axes kept, as dimensions of one: everything in it broadcasts against x. */
interface Reduction {
  readonly context: GradientContext;
  readonly x: string;
  readonly shape: readonly number[];
  /** empty where `noop_with_empty_axes` says so: ONNX Runtime then applies what is done per element, and sums nothing */
  readonly axes: readonly number[];
  /** dL/dy */
  readonly dy: string;
  /** y */
  readonly y: string;
  /** the number of elements that go into one of y */
  readonly count: number;
}

/** The rule of a reduction whose derivative is written against x with the reduced axes kept. */
const reduction =
  (derivative: (reduction: Reduction) => string): GradientRule =>
  (context) => {
    const { node, emit, shape: shapeOf } = context;
    const x = inputOf(node, 0);
    const shape = shapeOf(x);
    const axes = reducedAxes(context, shape.length);
    const kept = shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
    const keep = (value: string): string =>
      shapeOf(outputOf(node)).length === kept.length ? value : emit.op('Reshape', [value, emit.ints(kept)]);
    const count = elementCount(axes.map((axis) => shape[axis] ?? 1));
    return [derivative({ context, x, shape, axes, count, dy: keep(outputGradient(context)), y: keep(outputOf(node)) })];
  };

/** The axes of input 1, counted from the front; every axis where there are none, unless the node is told to do nothing. */
function reducedAxes({ node, constant }: GradientContext, rank: number): number[] {
  const input = optionalInput(node, 1);
  const tensor = input === undefined ? undefined : constant(input);
  if (input !== undefined && tensor === undefined) throw new UnsupportedNode('its axes are computed, not constant');
  const axes = tensor === undefined ? [] : readIntegers(tensor).map((axis) => (axis < 0 ? axis + rank : axis));
  if (axes.length > 0) return axes;
  return intAttribute(node, 'noop_with_empty_axes', 0) === 1 ? [] : Array.from({ length: rank }, (_, axis) => axis);
}

function expand({ context: { emit }, shape }: Reduction, value: string): string {
  return emit.op('Expand', [value, emit.ints(shape)]);
}

/**
 * ReduceMax and ReduceMin: elements that tie share the gradient evenly, as their central differences do on average.
 * Ties are found by equality with the result, and a first one among several axes would take an ArgMax and a scatter.
 */
const extremum = (reduced: Reduction): string => {
  const { context, x, y, dy, axes } = reduced;
  const { emit } = context;
  if (axes.length === 0) return dy;
  const attains = emit.op('Equal', [x, y]);
  const ones = emit.op('Cast', [attains], { to: { int: DataType.FLOAT } });
  const ties = emit.op('ReduceSum', [ones, emit.ints(axes)], { keepdims: { int: 1 } });
  return emit.op('Mul', [ones, emit.op('Div', [dy, ties])]);
};

/** Reductions over constant axes, whether the axes are kept or not. */
export const reduce: GradientRules = {
  ReduceSum: reduction((reduced) => expand(reduced, reduced.dy)),
  ReduceMean: reduction((reduced) => {
    const { emit } = reduced.context;
    return expand(reduced, emit.op('Mul', [reduced.dy, emit.float(1 / reduced.count)]));
  }),
  ReduceMax: reduction(extremum),
  ReduceMin: reduction(extremum),
  ReduceProd: reduction(({ context: { emit }, x, dy, axes }) => {
    if (axes.length === 0) return dy;
    // dy/dx_i is the product of the others. With p the product of what is not zero: p / x_i where no other element is
    // zero (x_i counted as 1 if it is the one zero itself), and 0 where another one is.
    const zero = emit.float(0);
    const over = [emit.ints(axes)];
    const kept = { keepdims: { int: 1 } };
    const isZero = emit.op('Equal', [x, zero]);
    const nonzero = emit.op('Where', [isZero, emit.float(1), x]);
    const zeroOnes = emit.op('Cast', [isZero], { to: { int: DataType.FLOAT } });
    const otherZeros = emit.op('Sub', [emit.op('ReduceSum', [zeroOnes, ...over], kept), zeroOnes]);
    const scaled = emit.op('Mul', [dy, emit.op('ReduceProd', [nonzero, ...over], kept)]);
    return emit.op('Where', [emit.op('Equal', [otherZeros, zero]), emit.op('Div', [scaled, nonzero]), zero]);
  }),
  ReduceL1: reduction(({ context, x, dy }) => timesSign(context, dy, x)),
  ReduceL2: reduction(({ context: { emit }, x, y, dy }) => {
    // x / y, and 0 (a subgradient) at x = 0
    const zero = emit.float(0);
    const slope = emit.op('Where', [emit.op('Equal', [y, zero]), zero, emit.op('Div', [dy, y])]);
    return emit.op('Mul', [x, slope]);
  }),
  ReduceLogSum: reduction((reduced) => {
    const { emit } = reduced.context;
    return expand(reduced, emit.op('Div', [reduced.dy, emit.op('Exp', [reduced.y])]));
  }),
  ReduceLogSumExp: reduction(({ context: { emit }, x, y, dy }) =>
    emit.op('Mul', [dy, emit.op('Exp', [emit.op('Sub', [x, y])])]),
  ),
  ReduceSumSquare: reduction(({ context: { emit }, x, dy }) =>
    emit.op('Mul', [x, emit.op('Mul', [dy, emit.float(2)])]),
  ),
};
