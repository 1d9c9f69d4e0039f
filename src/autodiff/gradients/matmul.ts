import { floatAttribute, intAttribute } from '../../model/attributes.js';
import { elementCount } from '../../model/tensor.js';
import type { Emitter } from '../emitter.js';
import { type GradientContext, type GradientRules, inputOf, outputGradient, outputOf, sumTo } from './rule.js';

/** A matrix or a stack of them, [..., rows, columns]. */
interface Matrix {
  readonly value: string;
  readonly shape: readonly number[];
}

export const matmul: GradientRules = {
  /** dA = dY B^T, dB = A^T dY, what was broadcast summed out. */
  MatMul(context) {
    const { node, emit, shape, wants } = context;
    const [aShape, bShape] = [shape(inputOf(node, 0)), shape(inputOf(node, 1))];
    // a vector is a row on the left and a column on the right
    const a = matrix(emit, inputOf(node, 0), aShape, aShape.length === 1 ? [1, ...aShape] : aShape);
    const b = matrix(emit, inputOf(node, 1), bShape, bShape.length === 1 ? [...bShape, 1] : bShape);
    const stack = shape(outputOf(node)).slice(0, Math.max(a.shape.length, b.shape.length) - 2);
    const yShape = [...stack, a.shape.at(-2) ?? 1, b.shape.at(-1) ?? 1];
    const dy = matrix(emit, outputGradient(context), shape(outputOf(node)), yShape);
    return [
      wants(0) ? matrix(emit, leftGradient(emit, dy, b, a.shape), a.shape, aShape).value : null,
      wants(1) ? matrix(emit, rightGradient(emit, a, dy, b.shape), b.shape, bShape).value : null,
    ];
  },

  /** Y = alpha A' B' + beta C, where ' is a transpose or none. */
  Gemm(context) {
    const { node, emit, shape, wants } = context;
    const dy = outputGradient(context);
    const [a, b] = [inputOf(node, 0), inputOf(node, 1)];
    const [transA, transB] = [intAttribute(node, 'transA', 0), intAttribute(node, 'transB', 0)];
    const alpha = { float: floatAttribute(node, 'alpha', 1) };
    const product = (left: string, transLeft: number, right: string, transRight: number) =>
      emit.op('Gemm', [left, right], { alpha, transA: { int: transLeft }, transB: { int: transRight } });
    return [
      wants(0) ? (transA ? product(b, transB, dy, 1) : product(dy, 0, b, 1 - transB)) : null,
      wants(1) ? (transB ? product(dy, 1, a, transA) : product(a, 1 - transA, dy, 0)) : null,
      wants(2) ? scaled(context, sumTo(emit, dy, shape(outputOf(node)), shape(inputOf(node, 2)))) : null,
    ];
  },
};

function scaled({ node, emit }: GradientContext, gradient: string): string {
  const beta = floatAttribute(node, 'beta', 1);
  return beta === 1 ? gradient : emit.op('Mul', [gradient, emit.float(beta)]);
}

function matrix(emit: Emitter, value: string, from: readonly number[], to: readonly number[]): Matrix {
  const same = from.length === to.length;
  return { value: same ? value : emit.op('Reshape', [value, emit.ints(to)]), shape: to };
}

/** [..., r, c] as one tall matrix [... r, c]. */
function tall(emit: Emitter, { value, shape }: Matrix): string {
  const columns = shape.at(-1) ?? 1;
  return shape.length === 2 ? value : emit.op('Reshape', [value, emit.ints([elementCount(shape) / columns, columns])]);
}

/** The transpose of the last two axes. */
function transpose(emit: Emitter, { value, shape }: Matrix): string {
  const axes = shape.map((_, axis) => axis);
  return emit.op('Transpose', [value], { perm: { ints: [...axes.slice(0, -2), ...axes.slice(-2).reverse()] } });
}

function leftGradient(emit: Emitter, dy: Matrix, b: Matrix, shape: readonly number[]): string {
  if (b.shape.length === 2) {
    const product = emit.op('Gemm', [tall(emit, dy), b.value], { transB: { int: 1 } });
    return shape.length === 2 ? product : emit.op('Reshape', [product, emit.ints(shape)]);
  }
  const product = emit.op('MatMul', [dy.value, transpose(emit, b)]);
  return sumTo(emit, product, [...dy.shape.slice(0, -1), shape.at(-1) ?? 1], shape);
}

function rightGradient(emit: Emitter, a: Matrix, dy: Matrix, shape: readonly number[]): string {
  // one matrix that served a whole stack: the sum over the stack is part of the product
  if (shape.length === 2 && a.shape.length === dy.shape.length) {
    return emit.op('Gemm', [tall(emit, a), tall(emit, dy)], { transA: { int: 1 } });
  }
  const product = emit.op('MatMul', [transpose(emit, a), dy.value]);
  return sumTo(emit, product, [...dy.shape.slice(0, -2), ...shape.slice(-2)], shape);
}
