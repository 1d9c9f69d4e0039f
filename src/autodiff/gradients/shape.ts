import { intAttribute, intsAttribute, stringAttribute } from '../../model/attributes.js';
import { readIntegers } from '../../model/tensor.js';
import type { Emitter } from '../emitter.js';
import {
  type GradientContext,
  type GradientRule,
  type GradientRules,
  inputOf,
  optionalInput,
  outputGradient,
  outputOf,
  sumTo,
  UnsupportedNode,
} from './rule.js';

/** The same elements in the same order: the gradient takes the input's shape back. */
const reshaped: GradientRule = (context) => {
  const { node, emit, shape } = context;
  return [emit.op('Reshape', [outputGradient(context), emit.ints(shape(inputOf(node, 0)))])];
};

/** The integers of a constant input; undefined where the input is left out. */
function integersOf({ node, constant }: GradientContext, input: number, what: string): number[] | undefined {
  const value = optionalInput(node, input);
  if (value === undefined) return undefined;
  const tensor = constant(value);
  if (tensor === undefined) throw new UnsupportedNode(`its ${what} are computed, not constant`);
  return readIntegers(tensor);
}

const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Elements `start` ... `end` - 1 of one axis. */
function cut(emit: Emitter, value: string, axis: number, start: number, end: number): string {
  return emit.op('Slice', [value, emit.ints([start]), emit.ints([end]), emit.ints([axis])]);
}

function reversed(emit: Emitter, value: string, axis: number): string {
  // the end -2^31 reaches beyond the first element, whatever the length
  return emit.op('Slice', [value, emit.ints([-1]), emit.ints([-(2 ** 31)]), emit.ints([axis]), emit.ints([-1])]);
}

/** Zeros before and after the elements of each axis; both lists have one number per axis, none negative. */
function padded(emit: Emitter, value: string, before: readonly number[], after: readonly number[]): string {
  if ([...before, ...after].every((count) => count === 0)) return value;
  return emit.op('Pad', [value, emit.ints([...before, ...after])]);
}

/** The same along one axis. */
function paddedAxis(emit: Emitter, value: string, rank: number, axis: number, before: number, after: number): string {
  const along = (count: number) => Array.from({ length: rank }, (_, i) => (i === axis ? count : 0));
  return padded(emit, value, along(before), along(after));
}

/**
 * Slice reads elements start, start + step ... of an axis; its gradient puts them back among zeros. A negative step is
 * a positive one of the reversed gradient; a step s > 1 puts s - 1 zeros after each element (a new axis, padded from 1 to s).
 */
function sliceGradient(context: GradientContext): string | null {
  const { node, emit, shape } = context;
  const [from, to] = [shape(inputOf(node, 0)), shape(outputOf(node))];
  if (to.includes(0)) return null;
  const starts = integersOf(context, 1, 'starts') ?? [];
  const axes = integersOf(context, 3, 'axes') ?? starts.map((_, axis) => axis);
  const steps = integersOf(context, 4, 'steps') ?? starts.map(() => 1);
  const before = from.map(() => 0);
  const after = from.map(() => 0);
  let gradient = outputGradient(context);
  const current = [...to];
  axes.forEach((signed, i) => {
    const axis = fromFront(signed, from.length);
    const [dim, count, step] = [from[axis] ?? 1, to[axis] ?? 1, steps[i] ?? 1];
    const start = Math.min(Math.max(fromFront(starts[i] ?? 0, dim), 0), dim - 1);
    const stride = Math.abs(step);
    // the lowest element that was read
    const first = step < 0 ? start - (count - 1) * stride : start;
    if (step < 0 && count > 1) gradient = reversed(emit, gradient, axis);
    if (stride > 1 && count > 1) {
      const split = [...current.slice(0, axis + 1), 1, ...current.slice(axis + 1)];
      gradient = emit.op('Reshape', [gradient, emit.ints(split)]);
      gradient = paddedAxis(emit, gradient, split.length, axis + 1, 0, stride - 1);
      current[axis] = count * stride;
      gradient = emit.op('Reshape', [gradient, emit.ints(current)]);
      if (first + count * stride > dim) {
        current[axis] = dim - first;
        gradient = cut(emit, gradient, axis, 0, dim - first);
      }
    }
    before[axis] = first;
    after[axis] = dim - first - (current[axis] ?? 1);
  });
  return padded(emit, gradient, before, after);
}

/**
 * The gradient along one axis of a Pad that repeats what is there: every border element was read a second time, so the
 * border's gradient is added where it was read from. `n` is the axis' length before padding.
 */
function foldBorders(
  context: GradientContext,
  mode: string,
  gradient: string,
  axis: number,
  n: number,
  left: number,
  right: number,
): string {
  const { emit, node, shape } = context;
  const rank = shape(inputOf(node, 0)).length;
  if (mode === 'reflect' ? left >= n || right >= n : mode === 'wrap' && (left > n || right > n)) {
    throw new UnsupportedNode(`its ${mode} padding is longer than what it repeats`);
  }
  const total = (value: string) => emit.op('ReduceSum', [value, emit.ints([axis])], { keepdims: { int: 1 } });
  /** a border strip of `length`, and how many elements lie before the place it was read from */
  const readFrom = (strip: string, length: number, side: 'left' | 'right'): string => {
    const put = (value: string, long: number, at: number) => paddedAxis(emit, value, rank, axis, at, n - long - at);
    switch (mode) {
      case 'reflect':
        return put(reversed(emit, strip, axis), length, side === 'left' ? 1 : n - 1 - length);
      case 'edge':
        return put(total(strip), 1, side === 'left' ? 0 : n - 1);
      default:
        return put(strip, length, side === 'left' ? n - length : 0);
    }
  };
  let sum = cut(emit, gradient, axis, left, left + n);
  if (left > 0) sum = emit.op('Add', [sum, readFrom(cut(emit, gradient, axis, 0, left), left, 'left')]);
  if (right > 0) {
    sum = emit.op('Add', [sum, readFrom(cut(emit, gradient, axis, left + n, left + n + right), right, 'right')]);
  }
  return sum;
}

/** Pads of each axis as (before, after), from Pad's flat list over `axes`. */
function padsOf(context: GradientContext, rank: number): { before: number[]; after: number[] } {
  const pads = integersOf(context, 1, 'pads') ?? [];
  const axes = integersOf(context, 3, 'axes') ?? Array.from({ length: rank }, (_, axis) => axis);
  const before = Array.from({ length: rank }, () => 0);
  const after = [...before];
  axes.forEach((signed, i) => {
    before[fromFront(signed, rank)] = pads[i] ?? 0;
    after[fromFront(signed, rank)] = pads[i + axes.length] ?? 0;
  });
  return { before, after };
}

/**
 * The gradient of the constant that Pad writes: the sum over the border. Axes without padding are summed first (one pass
 * over dy), the rest is small and is masked; all minus inner would cancel.
 */
function borderSum(context: GradientContext, before: readonly number[], after: readonly number[]): string {
  const { emit, node, shape } = context;
  const outer = shape(outputOf(node));
  const isPadded = (axis: number) => (before[axis] ?? 0) > 0 || (after[axis] ?? 0) > 0;
  const bare = outer.flatMap((_, axis) => (isPadded(axis) ? [] : [axis]));
  const dy = outputGradient(context);
  const summed = bare.length === 0 ? dy : emit.op('ReduceSum', [dy, emit.ints(bare)], { keepdims: { int: 1 } });
  const kept = outer.map((dim, axis) => (isPadded(axis) ? dim : 1));
  const mask: number[] = [];
  const fill = (axis: number, border: boolean): void => {
    if (axis === kept.length) {
      mask.push(border ? 1 : 0);
      return;
    }
    const dim = kept[axis] ?? 1;
    for (let i = 0; i < dim; i++) {
      const outside = isPadded(axis) && (i < (before[axis] ?? 0) || i >= dim - (after[axis] ?? 0));
      fill(axis + 1, border || outside);
    }
  };
  fill(0, false);
  const border = emit.op('ReduceSum', [emit.op('Mul', [summed, emit.float(mask, kept)])], { keepdims: { int: 0 } });
  return emit.op('Reshape', [border, emit.ints(shape(inputOf(node, 2)))]);
}

/** A gradient in the type of the value it belongs to, where the node changed the type of floats. */
const cast: GradientRule = (context) => [
  context.emit.op('CastLike', [outputGradient(context), inputOf(context.node, 0)]),
];

/** Operators that move, repeat, pick or pad elements by position. */
export const shape: GradientRules = {
  Identity: (context) => [outputGradient(context)],
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Cast: cast,
  CastLike: cast,
  Transpose(context) {
    const { node, emit, shape: shapeOf } = context;
    const rank = shapeOf(inputOf(node, 0)).length;
    const perm = intsAttribute(node, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
    const inverse = perm.map((_, axis) => perm.indexOf(axis));
    return [emit.op('Transpose', [outputGradient(context)], { perm: { ints: inverse } })];
  },
  Expand(context) {
    const { node, emit, shape: shapeOf } = context;
    return [sumTo(emit, outputGradient(context), shapeOf(outputOf(node)), shapeOf(inputOf(node, 0)))];
  },
  Tile(context) {
    // seen as [repeats, length] per axis, the repeats are summed
    const { node, emit, shape: shapeOf } = context;
    const [from, to] = [shapeOf(inputOf(node, 0)), shapeOf(outputOf(node))];
    if (to.includes(0)) return [];
    const split = from.flatMap((dim, axis) => [(to[axis] ?? dim) / dim, dim]);
    const axes = from.flatMap((dim, axis) => (to[axis] === dim ? [] : [2 * axis]));
    const blocks = emit.op('Reshape', [outputGradient(context), emit.ints(split)]);
    if (axes.length === 0) return [outputGradient(context)];
    const sum = emit.op('ReduceSum', [blocks, emit.ints(axes)], { keepdims: { int: 0 } });
    return [emit.op('Reshape', [sum, emit.ints(from)])];
  },
  Concat(context) {
    const { node, emit, shape: shapeOf, wants } = context;
    const axis = fromFront(intAttribute(node, 'axis', 0), shapeOf(outputOf(node)).length);
    const sizes = node.input.map((input) => shapeOf(input)[axis] ?? 0);
    const wanted = node.input.flatMap((_, input) => (wants(input) ? [input] : []));
    const [only] = wanted;
    if (wanted.length === 1 && only !== undefined) {
      const start = sizes.slice(0, only).reduce((sum, size) => sum + size, 0);
      const part = cut(emit, outputGradient(context), axis, start, start + (sizes[only] ?? 0));
      return node.input.map((_, input) => (input === only ? part : null));
    }
    return emit.ops('Split', [outputGradient(context), emit.ints(sizes)], sizes.length, { axis: { int: axis } });
  },
  Split({ node, emit, shape: shapeOf, outputGradients }) {
    const parts = node.output.map(
      (output, i) => outputGradients[i] ?? emit.op('ConstantOfShape', [emit.ints(shapeOf(output))]),
    );
    return [emit.op('Concat', parts, { axis: { int: intAttribute(node, 'axis', 0) } })];
  },
  Slice: (context) => [sliceGradient(context)],
  Pad(context) {
    const { node, emit, shape: shapeOf, wants } = context;
    const from = shapeOf(inputOf(node, 0));
    const { before, after } = padsOf(context, from.length);
    const mode = stringAttribute(node, 'mode', 'constant');
    const toData = (): string => {
      let gradient = outputGradient(context);
      if (mode !== 'constant') {
        if ([...before, ...after].some((count) => count < 0)) {
          throw new UnsupportedNode(`it cuts elements off (negative pads) in the mode '${mode}'`);
        }
        from.forEach((dim, axis) => {
          const [left, right] = [before[axis] ?? 0, after[axis] ?? 0];
          if (left > 0 || right > 0) gradient = foldBorders(context, mode, gradient, axis, dim, left, right);
        });
        return gradient;
      }
      const outer = shapeOf(outputOf(node));
      const cropped = from.flatMap((_, axis) => ((before[axis] ?? 0) > 0 || (after[axis] ?? 0) > 0 ? [axis] : []));
      if (cropped.length > 0) {
        const starts = cropped.map((axis) => Math.max(before[axis] ?? 0, 0));
        const ends = cropped.map((axis) => (outer[axis] ?? 0) - Math.max(after[axis] ?? 0, 0));
        gradient = emit.op('Slice', [gradient, emit.ints(starts), emit.ints(ends), emit.ints(cropped)]);
      }
      // what a negative pad cut off received no gradient
      const lost = (pads: readonly number[]) => pads.map((count) => Math.max(-count, 0));
      return padded(emit, gradient, lost(before), lost(after));
    };
    return [wants(0) ? toData() : null, null, wants(2) ? borderSum(context, before, after) : null];
  },
  DepthToSpace(context) {
    const { node, emit, shape: shapeOf } = context;
    const blocksize = intAttribute(node, 'blocksize', 1);
    const dy = outputGradient(context);
    // SpaceToDepth puts the offset within a block before the channel, as the mode DCR does
    if (stringAttribute(node, 'mode', 'DCR') === 'DCR')
      return [emit.op('SpaceToDepth', [dy], { blocksize: { int: blocksize } })];
    const [batch = 1, channels = 1, height = 1, width = 1] = shapeOf(inputOf(node, 0));
    const split = [batch, channels / blocksize ** 2, height, blocksize, width, blocksize];
    const blocks = emit.op('Reshape', [dy, emit.ints(split)]);
    const channelsFirst = emit.op('Transpose', [blocks], { perm: { ints: [0, 1, 3, 5, 2, 4] } });
    return [emit.op('Reshape', [channelsFirst, emit.ints([batch, channels, height, width])])];
  },
  SpaceToDepth(context) {
    const blocksize = intAttribute(context.node, 'blocksize', 1);
    return [context.emit.op('DepthToSpace', [outputGradient(context)], { blocksize: { int: blocksize } })];
  },
  Trilu(context) {
    const { node, emit } = context;
    const [, ...diagonal] = node.input;
    const upper = { upper: { int: intAttribute(node, 'upper', 1) } };
    return [emit.op('Trilu', [outputGradient(context), ...diagonal], upper)];
  },
  CumSum(context) {
    // y_i sums x_j for j up to i, so dx_j sums dy_i for i from j: the same, from the other end
    const { node, emit } = context;
    const attributes = {
      exclusive: { int: intAttribute(node, 'exclusive', 0) },
      reverse: { int: 1 - intAttribute(node, 'reverse', 0) },
    };
    return [emit.op('CumSum', [outputGradient(context), inputOf(node, 1)], attributes)];
  },
  ReverseSequence(context) {
    // a permutation that is its own inverse
    const { node, emit } = context;
    const attributes = {
      batch_axis: { int: intAttribute(node, 'batch_axis', 1) },
      time_axis: { int: intAttribute(node, 'time_axis', 0) },
    };
    return [emit.op('ReverseSequence', [outputGradient(context), inputOf(node, 1)], attributes)];
  },
};
