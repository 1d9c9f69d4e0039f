import { onnxAxis, onnxOrder } from '../../tfjs/layout.js';
import type { Computed, ConverterTable, NodeContext } from '../context.js';
import { numberAttribute, stringAttribute } from '../graph-def.js';

/** Padding around a value. */
export const padding: ConverterTable = {
  Pad: (context) => [pad(context, numberAttribute(context.node, 'constant_value', 0))],
  PadV2: (context) => {
    const value = context.number(2) ?? context.refuse('the number that it pads with is computed at run time');
    return [pad(context, value)];
  },
  MirrorPad: (context) => {
    const mode = stringAttribute(context.node, 'mode')?.toLowerCase();
    const { x, before, after, shape } = paddings(context);
    if (mode === 'symmetric') return [symmetric(context, before, after, shape)];
    const name = context.op('Pad', [x.name, onnxPads(context, before, after)], { mode: { string: 'reflect' } });
    return [context.result(name, x.dtype, { shape, channelsFirst: x.channelsFirst })];
  },
};

/** The padding operand holds a row per axis: how much before it and how much after. */
function paddings(context: NodeContext) {
  const x = context.value(0);
  const rows = context.integers(1, 'padding');
  const before = rows.filter((_, i) => i % 2 === 0);
  const after = rows.filter((_, i) => i % 2 === 1);
  const shape =
    x.shape?.map((extent, axis) => (extent === null ? null : extent + (before[axis] ?? 0) + (after[axis] ?? 0))) ??
    null;
  return { x, before, after, shape };
}

function onnxPads(context: NodeContext, before: readonly number[], after: readonly number[]): string {
  const x = context.value(0);
  return context.builder.int64s([...onnxOrder(x, before), ...onnxOrder(x, after)]);
}

function pad(context: NodeContext, value: number): Computed {
  const { x, before, after, shape } = paddings(context);
  const constant = context.builder.scalar(value, x.dtype);
  const name = context.op('Pad', [x.name, onnxPads(context, before, after), constant]);
  const padded = context.result(name, x.dtype, { shape, channelsFirst: x.channelsFirst });
  return value === 0 ? { ...padded, padded: { node: context.node.name, source: x, before, after } } : padded;
}

/** ONNX mirrors about the border element only; a mirror that repeats it is the border itself, turned round. */
function symmetric(
  context: NodeContext,
  before: readonly number[],
  after: readonly number[],
  shape: Computed['shape'],
): Computed {
  const x = context.value(0);
  const { builder } = context;
  const name = before.reduce((value, start, axis) => {
    const end = after[axis] ?? 0;
    const along = onnxAxis(x, axis);
    const turned = (from: number, to: number) =>
      context.op('Slice', [
        value,
        builder.int64s([from]),
        builder.int64s([to]),
        builder.int64s([along]),
        builder.int64s([-1]),
      ]);
    const parts = [
      ...(start > 0 ? [turned(start - 1, -(2 ** 31 - 1))] : []),
      value,
      ...(end > 0 ? [turned(-1, -end - 1)] : []),
    ];
    return parts.length === 1 ? value : context.op('Concat', parts, { axis: { int: along } });
  }, x.name);
  return context.result(name, x.dtype, { shape, channelsFirst: x.channelsFirst });
}
