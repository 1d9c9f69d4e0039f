import type { LayoutStep } from '../../tfjs/origin.js';
import type { Computed, ConverterTable, NodeContext } from '../context.js';
import { boolAttribute, stringAttribute } from '../graph-def.js';
import { activate } from './activations.js';
import { fusedParts } from './convolution.js';

/** Products of matrices, and of batches of them. */
export const matrices: ConverterTable = {
  MatMul: (context) => [product(context, 'transpose_a', 'transpose_b')],
  BatchMatMul: (context) => [product(context, 'adj_x', 'adj_y')],
  BatchMatMulV2: (context) => [product(context, 'adj_x', 'adj_y')],
  _FusedMatMul: (context) => {
    const { bias, activation, slope } = fusedParts(context);
    return [activate(context, activation, bias === null ? product(context) : biased(context, bias), slope)];
  },
  Einsum: (context) => {
    // tf.js reads the equation in lower case
    const written = stringAttribute(context.node, 'equation') ?? context.refuse('it has no equation');
    const equation = written.toLowerCase().replaceAll(' ', '');
    context.refuseMixed([...context.operands.keys()]);
    const operands = context.operands.map((_, input) => context.plain(input));
    const names = operands.map(({ name }) => name);
    const [left, right] = equation.split('->');
    if (left === undefined || right === undefined) return context.refuse(`its equation '${equation}' has no result`);
    const extents = new Map(
      left.split(',').flatMap((term, i) => Array.from(term, (letter, axis) => [letter, operands[i]?.shape?.[axis]])),
    );
    const shape = Array.from(right, (letter) => extents.get(letter) ?? null);
    return [context.plainResult(context.op('Einsum', names, { equation: { string: equation } }), 'float32', shape)];
  },
};

/** Gemm where both are matrices; else MatMul and Add. */
function biased(context: NodeContext, bias: number): Computed {
  context.refuseMixed([0, 1, bias]);
  const [a, b] = [context.shape(0), context.shape(1)];
  if (a?.length !== 2 || b?.length !== 2) {
    const x = product(context);
    const name = context.op('Add', [x.name, context.plain(bias).name]);
    return context.result(name, x.dtype, x);
  }
  const [transA, transB] = [boolAttribute(context.node, 'transpose_a'), boolAttribute(context.node, 'transpose_b')];
  const inputs = [context.plain(0).name, context.plain(1).name, context.plain(bias).name];
  const name = context.op('Gemm', inputs, {
    ...(transA ? { transA: { int: 1 } } : {}),
    ...(transB ? { transB: { int: 1 } } : {}),
  });
  return context.plainResult(name, 'float32', [a[transA ? 1 : 0] ?? null, b[transB ? 0 : 1] ?? null]);
}

/** Gemm of two matrices, which has a place for a bias; MatMul of anything else. */
function product(context: NodeContext, transposeA = 'transpose_a', transposeB = 'transpose_b'): Computed {
  context.refuseMixed([0, 1]);
  const a = matrix(context, 0, boolAttribute(context.node, transposeA));
  const b = matrix(context, 1, boolAttribute(context.node, transposeB));
  const dtype = context.dtype(0);
  const areMatrices = a.shape?.length === 2 && b.shape?.length === 2 && dtype === 'float32';
  const name = context.op(areMatrices ? 'Gemm' : 'MatMul', [a.name, b.name]);
  const longer = (b.shape?.length ?? 0) > (a.shape?.length ?? 0) ? b.shape : a.shape;
  const shape =
    a.shape === null || b.shape === null || longer === null
      ? null
      : [...longer.slice(0, -2), a.shape.at(-2) ?? null, b.shape.at(-1) ?? null];
  return context.plainResult(name, dtype, shape);
}

/** An operand of a product, its last two axes exchanged where the node says so. */
function matrix(
  context: NodeContext,
  input: number,
  isTransposed: boolean,
): { readonly name: string; readonly shape: readonly (number | null)[] | null } {
  if (!isTransposed) return context.plain(input);
  const shape = context.shape(input) ?? context.refuse('it transposes an operand whose rank is not known');
  const rank = shape.length;
  const perm = [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2];
  const step: LayoutStep = { kind: 'transpose', perm };
  const name = context.weight(input, [step]) ?? context.rearranged(context.plain(input).name, step);
  return { name, shape: perm.map((axis) => shape[axis] ?? null) };
}
