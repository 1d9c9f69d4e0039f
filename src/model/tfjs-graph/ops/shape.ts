import { elementCount } from '../../tensor.js';
import { onnxTypes, type Shape } from '../../tfjs/builder.js';
import { lastPermutation, onnxAxis, orderWithout, toPlain } from '../../tfjs/layout.js';
import type { Computed, ConverterTable, NodeContext, Operand } from '../context.js';
import { dtypeAttribute, numbersAttribute } from '../graph-def.js';

/** Operators that keep the elements and change shape, order or type; and those that ask for shapes. */
export const shape: ConverterTable = {
  Identity: same,
  StopGradient: same,
  Snapshot: same,
  EnsureShape: same,
  // tf.js takes the default where nothing is fed
  PlaceholderWithDefault: same,
  IdentityN: (context) => context.operands,
  Cast: (context) => {
    const dtype = dtypeAttribute(context.node, 'DstT') ?? context.refuse('it casts to a type that tf.js does not have');
    const x = context.value(0);
    if (dtype === x.dtype) return [context.operand(0)];
    const elements = dtype === 'int32' ? (context.elements(0)?.map((each) => each && Math.trunc(each)) ?? null) : null;
    return [context.result(context.op('Cast', [x.name], { to: { int: onnxTypes[dtype] } }), dtype, x, elements)];
  },
  Shape: (context) => {
    const { name, shape } = context.value(0);
    const extents = context.op('Shape', [name]);
    const isFirst = context.value(0).channelsFirst && shape !== null;
    const order = isFirst ? lastPermutation(shape.length) : [];
    const ordered = isFirst ? context.op('Gather', [extents, context.builder.int64s(order)]) : extents;
    return [context.plainResult(context.toInt32(ordered), 'int32', [shape?.length ?? null], shape)];
  },
  Size: (context) => {
    const { name, shape } = context.value(0);
    const known = shape?.every((extent) => extent !== null) ? [elementCount(shape.map(Number))] : null;
    return [context.plainResult(context.toInt32(context.op('Size', [name])), 'int32', [], known)];
  },
  Rank: (context) => {
    const rank = context.shape(0)?.length ?? context.refuse('the rank of its input is not known');
    return [context.plainResult(context.op('Identity', [context.builder.int32(rank)]), 'int32', [], [rank])];
  },
  Reshape: (context) => [reshape(context)],
  Squeeze: (context) => {
    const listed = [...numbersAttribute(context.node, 'squeeze_dims'), ...numbersAttribute(context.node, 'axis')];
    const shape = context.shape(0);
    if (listed.length === 0 && shape?.includes(null) !== false) {
      context.refuse('it drops every axis of extent 1, and which those are is known at run time only');
    }
    const ones = shape?.flatMap((extent, axis) => (extent === 1 ? [axis] : [])) ?? [];
    const axes = listed.length === 0 ? ones : listed.map((axis) => context.axis(axis, shape));
    const constant = context.constant(0);
    if (constant !== null) return [{ ...constant, shape: constant.shape.filter((_, axis) => !axes.includes(axis)) }];
    return [dropAxes(context, context.value(0), axes)];
  },
  ExpandDims: (context) => {
    const shape = context.shape(0);
    const axis = context.integer(1, 'axis');
    const constant = context.constant(0);
    const at = newAxis(context, axis, shape);
    if (constant !== null) return [{ ...constant, shape: constant.shape.toSpliced(at, 0, 1) }];
    return [insertAxis(context, context.value(0), at)];
  },
  Transpose: (context) => [transpose(context)],
  BroadcastTo: (context) => {
    const x = context.plain(0);
    return [context.plainResult(context.op('Expand', [x.name, context.int64(1)]), x.dtype, context.elements(1))];
  },
};

function same(context: NodeContext): Operand[] {
  return [context.operand(0)];
}

function reshape(context: NodeContext): Operand {
  const wanted = context.elements(1);
  const constant = context.constant(0);
  const from = context.shape(0);
  const shape = wanted === null ? unknownExtents(context.shape(1)) : resolved(wanted, from);
  if (constant !== null && shape?.every((extent) => extent !== null)) return { ...constant, shape: shape.map(Number) };
  const x = context.plain(0);
  const unknown = wanted?.filter((extent) => extent === null || extent === -1).length ?? Number.POSITIVE_INFINITY;
  // one extent that is computed at run time follows from the others
  const to = unknown <= 1 ? (wanted?.map((extent) => extent ?? -1) ?? []) : null;
  const inputs = [x.name, to === null ? context.int64(1) : context.builder.int64s(to)];
  const name = context.op('Reshape', inputs, to?.includes(0) ? { allowzero: { int: 1 } } : {});
  return context.plainResult(name, x.dtype, shape, context.elements(0));
}

/** A shape of known rank, which the length of a shape vector tells. */
function unknownExtents(vector: Shape | null): Shape | null {
  const rank = vector?.[0] ?? null;
  return rank === null ? null : new Array<null>(rank).fill(null);
}

/** The shape that a reshape from `from` gives, -1 worked out where everything else is known. */
function resolved(wanted: readonly (number | null)[], from: Shape | null): Shape {
  const rest = wanted.filter((extent) => extent !== -1);
  const isKnown = from !== null && !from.includes(null) && !rest.includes(null);
  const missing = isKnown ? elementCount(from.map(Number)) / elementCount(rest.map(Number)) : null;
  return wanted.map((extent) => (extent === -1 ? missing : extent));
}

/** A value without `axes` (tf.js's, not negative), each of extent 1. */
export function dropAxes(context: NodeContext, x: Computed, axes: readonly number[]): Computed {
  if (axes.length === 0) return x;
  const order = orderWithout(x, axes);
  const value = order === null ? toPlain(context.builder, x) : x;
  const onnxAxes = axes.map((axis) => onnxAxis(value, axis)).sort((a, b) => a - b);
  const name = context.op('Squeeze', [value.name, context.builder.int64s(onnxAxes)]);
  const shape = x.shape?.filter((_, axis) => !axes.includes(axis)) ?? null;
  return context.result(name, x.dtype, { shape, channelsFirst: order === 'channelsFirst' }, x.elements);
}

/** Where an axis that is put into a value of `shape` comes to stand; -1 is behind all others. */
export function newAxis(context: NodeContext, axis: number, shape: Shape | null): number {
  return axis === -1 && shape !== null ? shape.length : context.axis(axis < 0 ? axis + 1 : axis, shape);
}

/** A value with an axis of extent 1 put in as its axis `at`. */
export function insertAxis(context: NodeContext, x: Computed, at: number): Computed {
  // among the spatial axes it stays channels first: they lie one further behind there
  const staysFirst = x.channelsFirst && x.shape !== null && at >= 1 && at < x.shape.length;
  const value = staysFirst ? x : toPlain(context.builder, x);
  const name = context.op('Unsqueeze', [value.name, context.builder.int64s([staysFirst ? at + 1 : at])]);
  const shape = x.shape?.toSpliced(at, 0, 1) ?? null;
  return context.result(name, x.dtype, { shape, channelsFirst: staysFirst }, x.elements);
}

/** A transposition between the two layouts moves nothing: the value is only called differently. */
function transpose(context: NodeContext): Computed {
  const x = context.value(0);
  const perm = context.integers(1, 'permutation');
  const shape = perm.map((axis) => x.shape?.[axis] ?? null);
  const onnxPerm = perm.map((axis) => onnxAxis(x, axis));
  if (onnxPerm.every((axis, i) => axis === i)) return context.plainResult(x.name, x.dtype, shape);
  const toLast = lastPermutation(perm.length);
  if (perm.length > 2 && onnxPerm.every((axis, i) => axis === toLast[i])) {
    return context.result(x.name, x.dtype, { shape, channelsFirst: true });
  }
  const name = context.op('Transpose', [x.name], { perm: { ints: onnxPerm } });
  return context.plainResult(name, x.dtype, shape);
}
