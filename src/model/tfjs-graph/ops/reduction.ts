import { onnxAxis, orderWithout, toPlain } from '../../tfjs/layout.js';
import type { Computed, ConverterTable, NodeContext } from '../context.js';
import { boolAttribute } from '../graph-def.js';

/** Reductions over axes. */
export const reduction: ConverterTable = {
  Max: (context) => [reduce(context, 'ReduceMax')],
  Min: (context) => [reduce(context, 'ReduceMin')],
  Sum: (context) => [reduce(context, 'ReduceSum')],
  Mean: (context) => [reduce(context, 'ReduceMean')],
  Prod: (context) => [reduce(context, 'ReduceProd')],
  All: (context) => [reduceBool(context, 'ReduceMin')],
  Any: (context) => [reduceBool(context, 'ReduceMax')],
  ArgMax: (context) => [positionOf(context, 'ArgMax')],
  ArgMin: (context) => [positionOf(context, 'ArgMin')],
};

function reduce(context: NodeContext, opType: string, x = numeric(context, opType)): Computed {
  const keep = boolAttribute(context.node, 'keep_dims') || boolAttribute(context.node, 'keepDims');
  const product = opType === 'ReduceProd' ? context.elements(0) : null;
  const elements = product?.every((each) => each !== null)
    ? [product.reduce<number>((total, each) => total * (each ?? 1), 1)]
    : null;
  const axes = context.integers(1, 'list of axes').map((axis) => context.axis(axis, x.shape));
  // an empty list of axes means all of them to ONNX and none to TensorFlow
  if (axes.length === 0) return x;
  const order = keep ? orderOf(x) : orderWithout(x, axes);
  const value = order === null ? toPlain(context.builder, x) : x;
  const onnxAxes = axes.map((axis) => onnxAxis(value, axis)).sort((a, b) => a - b);
  const name = context.op(opType, [value.name, context.builder.int64s(onnxAxes)], { keepdims: { int: keep ? 1 : 0 } });
  const shape = keep
    ? (x.shape?.map((dim, axis) => (axes.includes(axis) ? 1 : dim)) ?? null)
    : (x.shape?.filter((_, axis) => !axes.includes(axis)) ?? null);
  return context.result(name, x.dtype, { shape, channelsFirst: order === 'channelsFirst' }, elements);
}

function orderOf(value: Computed): 'plain' | 'channelsFirst' {
  return value.channelsFirst ? 'channelsFirst' : 'plain';
}

/** tf.js means in float32, and sums and multiplies truth values as integers. */
function numeric(context: NodeContext, opType: string): Computed {
  const x = context.value(0);
  const wanted = opType === 'ReduceMean' ? 'float32' : x.dtype === 'bool' ? 'int32' : x.dtype;
  return { ...context.cast(x, wanted), elements: null };
}

function reduceBool(context: NodeContext, opType: string): Computed {
  const reduced = reduce(context, opType, { ...context.cast(context.value(0), 'int32'), elements: null });
  return { ...context.cast(reduced, 'bool'), elements: null };
}

function positionOf(context: NodeContext, opType: string): Computed {
  const x = context.value(0);
  const axis = context.axis(context.integer(1, 'axis'), x.shape);
  const order = orderWithout(x, [axis]);
  const value = order === null ? toPlain(context.builder, x) : x;
  const attributes = { axis: { int: onnxAxis(value, axis) }, keepdims: { int: 0 } };
  const name = context.toInt32(context.op(opType, [value.name], attributes));
  const shape = x.shape?.filter((_, i) => i !== axis) ?? null;
  return context.result(name, 'int32', { shape, channelsFirst: order === 'channelsFirst' });
}
