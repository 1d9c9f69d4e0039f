import type { Shape } from '../../tfjs/builder.js';
import { onnxAxis, onnxOrder } from '../../tfjs/layout.js';
import type { Computed, ConverterTable, NodeContext } from '../context.js';
import { boolAttribute, mostOutputs, numberAttribute } from '../graph-def.js';
import { dropAxes, insertAxis, newAxis } from './shape.js';

/** Joining, cutting, picking and repeating. */
export const slicing: ConverterTable = {
  Concat: (context) => [concat(context, context.integer(0, 'axis'), 1)],
  ConcatV2: (context) => [concat(context, context.integer(context.arity - 1, 'axis'), 0)],
  Pack: (context) => [pack(context)],
  Unpack: (context) => {
    const x = context.value(0);
    const axis = context.axis(numberAttribute(context.node, 'axis', 0), x.shape);
    const count = countOfParts(context, x.shape?.[axis] ?? numberAttribute(context.node, 'num', 0));
    const parts = split(context, x, axis, new Array<number>(count).fill(1));
    return parts.map((part, i) => {
      const element = x.shape?.length === 1 && x.elements !== null ? [x.elements[i] ?? null] : null;
      return { ...dropAxes(context, part, [axis]), elements: element };
    });
  },
  Split: (context) => {
    const x = context.value(1);
    const axis = context.axis(context.integer(0, 'axis'), x.shape);
    const count = countOfParts(context, numberAttribute(context.node, 'num_split', 1));
    const extent = x.shape?.[axis] ?? null;
    return split(context, x, axis, new Array<number | null>(count).fill(extent === null ? null : extent / count));
  },
  SplitV: (context) => {
    const x = context.value(0);
    const axis = context.axis(context.integer(2, 'axis'), x.shape);
    const sizes = context.integers(1, 'list of sizes');
    const extent = x.shape?.[axis] ?? null;
    if (!sizes.includes(-1)) return split(context, x, axis, sizes);
    if (extent === null)
      return context.refuse('one of its sizes follows from an extent that is known at run time only');
    const rest = sizes.reduce((left, size) => left - Math.max(size, 0), extent);
    return split(
      context,
      x,
      axis,
      sizes.map((size) => (size === -1 ? rest : size)),
    );
  },
  Slice: (context) => [slice(context)],
  StridedSlice: (context) => [stridedSlice(context)],
  Gather: (context) => [gather(context, 0)],
  GatherV2: (context) => {
    if (numberAttribute(context.node, 'batch_dims', 0) !== 0) context.refuse('it gathers per batch (batch_dims)');
    return [gather(context, context.integer(2, 'axis'))];
  },
  GatherNd: (context) => {
    const x = context.plain(0);
    const indices = context.shape(1);
    const name = context.op('GatherND', [x.name, context.int64(1)]);
    const depth = indices?.at(-1) ?? null;
    const shape =
      x.shape === null || indices === null || depth === null
        ? null
        : [...indices.slice(0, -1), ...x.shape.slice(depth)];
    return [context.plainResult(name, x.dtype, shape)];
  },
  Tile: (context) => {
    const repeats = context.elements(1);
    const x = repeats === null ? context.plain(0) : context.value(0);
    const isKnown = repeats?.every((each) => each !== null);
    const counts = isKnown ? context.builder.int64s(onnxOrder(context.value(0), repeats?.map(Number) ?? [])) : null;
    const source = counts === null ? context.plain(0) : x;
    const name = context.op('Tile', [source.name, counts ?? context.int64(1)]);
    const shape =
      source.shape?.map((extent, axis) => {
        const times = repeats?.[axis] ?? null;
        return extent === null || times === null ? null : extent * times;
      }) ?? null;
    return [context.result(name, x.dtype, { shape, channelsFirst: source.channelsFirst })];
  },
  ReverseV2: (context) => {
    const x = context.value(0);
    const axes = context.integers(1, 'list of axes').map((axis) => onnxAxis(x, context.axis(axis, x.shape)));
    const { builder } = context;
    const name = context.op('Slice', [
      x.name,
      builder.int64s(axes.map(() => -1)),
      builder.int64s(axes.map(() => beyondStart)),
      builder.int64s(axes),
      builder.int64s(axes.map(() => -1)),
    ]);
    return [context.result(name, x.dtype, x)];
  },
  TopKV2: (context) => {
    const x = context.plain(0);
    const k = context.integer(1, 'count');
    const sorted = boolAttribute(context.node, 'sorted') ? 1 : 0;
    const [values, places] = context.builder.pair('TopK', [x.name, context.builder.int64s([k])], {
      axis: { int: -1 },
      sorted: { int: sorted },
    });
    const shape = x.shape === null ? null : [...x.shape.slice(0, -1), k];
    return [context.plainResult(values, x.dtype, shape), context.plainResult(context.toInt32(places), 'int32', shape)];
  },
};

/** ONNX clamps what lies outside: from here on everything is meant. */
const beyondEnd = 2 ** 31 - 1;
const beyondStart = -(2 ** 31 - 1);

/** @param first the first of the operands that are joined; `arity - 1` of the inputs are */
function concat(context: NodeContext, listedAxis: number, first: number): Computed {
  const inputs = Array.from({ length: context.arity - 1 }, (_, i) => i + first);
  const { names, dtype, like } = context.align(inputs);
  const axis = context.axis(listedAxis, like.shape);
  const shapes = inputs.map((input) => context.shape(input));
  const sum = shapes.reduce<number | null>((total, shape) => {
    const extent = shape?.[axis] ?? null;
    return total === null || extent === null ? null : total + extent;
  }, 0);
  const shape = joined(shapes)?.map((extent, i) => (i === axis ? sum : extent)) ?? null;
  const order = { shape, channelsFirst: like.channelsFirst };
  const name = context.op('Concat', names, {
    axis: { int: onnxAxis({ name: '', dtype, ...order }, axis) },
  });
  const parts = inputs.map((input) => context.elements(input));
  const isVector = shape?.length === 1 && dtype === 'int32' && parts.every((part) => part !== null);
  return context.result(name, dtype, order, isVector ? parts.flatMap((part) => part ?? []) : null);
}

/** What is known of extents that all of the shapes share. */
function joined(shapes: readonly (Shape | null)[]): Shape | null {
  const known = shapes.find((shape) => shape !== null) ?? null;
  return (
    known?.map((_, axis) => shapes.reduce<number | null>((found, shape) => found ?? shape?.[axis] ?? null, null)) ??
    null
  );
}

function pack(context: NodeContext): Computed {
  const values = context.operands.map((_, input) => ({ ...context.plain(input), elements: null }));
  const shape = values[0]?.shape ?? null;
  const at = newAxis(context, numberAttribute(context.node, 'axis', 0), shape);
  const wider = values.map((value) => insertAxis(context, value, at));
  const dtype = values[0]?.dtype ?? 'float32';
  const name = context.op(
    'Concat',
    wider.map((value) => value.name),
    { axis: { int: at } },
  );
  const elements = context.operands.map((_, input) => context.elements(input));
  const isVector = shape?.length === 0 && dtype === 'int32';
  return context.plainResult(
    name,
    dtype,
    shape?.toSpliced(at, 0, values.length) ?? null,
    isVector ? elements.map((each) => each?.[0] ?? null) : null,
  );
}

function countOfParts(context: NodeContext, count: number): number {
  const isSound = Number.isInteger(count) && count > 0 && count <= mostOutputs;
  return isSound ? count : context.refuse(`it has ${count} outputs`);
}

/** The parts of a value along an axis; sizes of null are equal and known at run time only. */
function split(context: NodeContext, x: Computed, axis: number, sizes: readonly (number | null)[]): Computed[] {
  const known = sizes.every((size) => size !== null);
  const attributes = { axis: { int: onnxAxis(x, axis) }, ...(known ? {} : { num_outputs: { int: sizes.length } }) };
  const inputs = known ? [x.name, context.builder.int64s(sizes.map(Number))] : [x.name];
  const names = context.ops('Split', inputs, sizes.length, attributes);
  return names.map((name, i) => {
    const shape = x.shape?.with(axis, sizes[i] ?? null) ?? null;
    return context.result(name, x.dtype, { shape, channelsFirst: x.channelsFirst });
  });
}

/** One axis of a cut. */
interface Cut {
  readonly begin: number;
  readonly end: number;
  readonly stride: number;
}

function cut(context: NodeContext, x: Computed, cuts: readonly (Cut | null)[]): Computed {
  const chosen = cuts.flatMap((each, axis) => (each === null ? [] : [{ axis, ...each }]));
  const shape = x.shape?.map((extent, axis) => lengthOf(cuts[axis] ?? null, extent)) ?? null;
  const elements =
    x.shape?.length === 1 && chosen[0] !== undefined ? x.elements && picked(x.elements, chosen[0]) : null;
  if (chosen.length === 0) return x;
  const { builder } = context;
  const name = context.op('Slice', [
    x.name,
    builder.int64s(chosen.map(({ begin }) => begin)),
    builder.int64s(chosen.map(({ end }) => end)),
    builder.int64s(chosen.map(({ axis }) => onnxAxis(x, axis))),
    builder.int64s(chosen.map(({ stride }) => stride)),
  ]);
  return context.result(name, x.dtype, { shape, channelsFirst: x.channelsFirst }, elements);
}

/** numpy's rule: negative places count from the end, and what lies outside is cut off. */
function bounds({ begin, end, stride }: Cut, extent: number): readonly [number, number] {
  const lowest = stride > 0 ? 0 : -1;
  const highest = stride > 0 ? extent : extent - 1;
  const clamp = (place: number) => Math.min(highest, Math.max(lowest, place < 0 ? place + extent : place));
  return [clamp(begin), clamp(end)];
}

function lengthOf(each: Cut | null, extent: number | null): number | null {
  if (each === null) return extent;
  if (extent !== null) {
    const [begin, end] = bounds(each, extent);
    return Math.max(0, Math.ceil((end - begin) / each.stride));
  }
  // one element, wherever it is
  return each.stride === 1 && each.end === each.begin + 1 ? 1 : null;
}

function picked<T>(list: readonly T[], each: Cut): T[] {
  const [begin, end] = bounds(each, list.length);
  const places: number[] = [];
  for (let at = begin; each.stride > 0 ? at < end : at > end; at += each.stride) places.push(at);
  return places.flatMap((at) => list.slice(at, at + 1));
}

/** Slice(x, begin, size); a size of -1 takes the rest. */
function slice(context: NodeContext): Computed {
  const [begin, size] = [context.elements(1), context.elements(2)];
  const isKnown = begin?.every((each) => each !== null) && size?.every((each) => each !== null);
  if (isKnown) {
    const x = context.value(0);
    const cuts = begin.map((at, axis): Cut | null => {
      const start = at ?? 0;
      const length = size[axis] ?? -1;
      const isWhole = start === 0 && (length === -1 || length === x.shape?.[axis]);
      return isWhole ? null : { begin: start, end: length === -1 ? beyondEnd : start + length, stride: 1 };
    });
    return cut(context, x, cuts);
  }
  if (size?.includes(-1)) context.refuse('its bounds are computed at run time, with a size of -1 among them');
  const x = context.plain(0);
  const start = context.int64(1);
  const name = context.op('Slice', [x.name, start, context.op('Add', [start, context.int64(2)])]);
  return context.plainResult(name, x.dtype, size ?? x.shape?.map(() => null) ?? null);
}

/**
 * StridedSlice(x, begin, end, strides): entries for x's axes in turn, and masks with a bit per entry: where it starts at
 * the very beginning, ends at the very end, stands for all axes not listed, makes a new axis, or takes one place and drops the axis.
 */
function stridedSlice(context: NodeContext): Computed {
  const x = context.value(0);
  const mask = (name: string) => {
    const bits = numberAttribute(context.node, name, 0);
    return (entry: number) => (bits & (1 << entry)) !== 0;
  };
  const [beginMask, endMask] = [mask('begin_mask'), mask('end_mask')];
  const [ellipsis, newAxis, shrink] = [mask('ellipsis_mask'), mask('new_axis_mask'), mask('shrink_axis_mask')];
  const begin = context.elements(1);
  const end = context.elements(2);
  const strides = context.integers(3, 'strides');
  if (strides.includes(0)) context.refuse('one of its strides is 0');
  const cuts: (Cut | null)[] = [];
  const dropped: number[] = [];
  const inserted: number[] = [];
  let place = 0;
  for (const [entry, stride] of strides.entries()) {
    if (ellipsis(entry)) {
      const listed = strides.filter((_, other) => other !== entry && !newAxis(other)).length;
      const rank = x.shape?.length ?? context.refuse('it has an ellipsis, and the rank of its input is not known');
      for (let i = listed; i < rank; i++, place++) cuts.push(null);
    } else if (newAxis(entry)) {
      inserted.push(place++);
    } else {
      const from = beginMask(entry) ? (stride > 0 ? 0 : -1) : (begin?.[entry] ?? null);
      if (shrink(entry)) {
        const at = begin?.[entry] ?? context.refuse('the place that it takes is computed at run time');
        dropped.push(cuts.length);
        // -1 is the last place, whose end is not 0
        cuts.push({ begin: at, end: at === -1 ? beyondEnd : at + 1, stride: 1 });
        continue;
      }
      const to = endMask(entry) ? (stride > 0 ? beyondEnd : beyondStart) : (end?.[entry] ?? null);
      if (from === null || to === null) return context.refuse('its bounds are computed at run time');
      const isWhole = from === 0 && stride === 1 && (to === beyondEnd || to === x.shape?.[cuts.length]);
      cuts.push(isWhole ? null : { begin: from, end: to, stride });
      place++;
    }
  }
  const kept = dropAxes(context, cut(context, x, cuts), dropped);
  return inserted.reduce((value, axis) => insertAxis(context, value, axis), kept);
}

function gather(context: NodeContext, listedAxis: number): Computed {
  const x = context.plain(0);
  const axis = context.axis(listedAxis, x.shape);
  const indices = context.plain(1);
  const name = context.op('Gather', [x.name, context.cast(indices, 'int32').name], { axis: { int: axis } });
  const shape =
    x.shape === null || indices.shape === null
      ? null
      : [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  const [from, at] = [context.elements(0), context.elements(1)];
  const elements =
    x.shape?.length === 1 && from !== null && at !== null
      ? at.map((i) => (i === null ? null : (from[i < 0 ? i + from.length : i] ?? null)))
      : null;
  return context.plainResult(name, x.dtype, shape, elements);
}
