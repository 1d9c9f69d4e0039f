import type { OnnxBuilder, Shape, Value } from './builder.js';

/**
 * tf.js keeps channels last; ONNX Runtime convolves channels first. A value keeps the order in which it was computed and
 * says so (`Value.channelsFirst`), and a Transpose stands only where a reader needs the other order: Conv, BatchNormalization
 * and Relu stand next to each other, as the fold rules expect them. Shapes and axes are always given as tf.js has them.
 */

/** The permutation that brings [batch, ...spatial, channels] to [batch, channels, ...spatial]. */
export function firstPermutation(rank: number): number[] {
  return [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
}

/** The permutation that brings [batch, channels, ...spatial] to [batch, ...spatial, channels]. */
export function lastPermutation(rank: number): number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
}

/** The value in tf.js's own axis order; with a Transpose where it is not in that order already. */
export function toPlain(builder: OnnxBuilder, value: Value): Value {
  if (!value.channelsFirst || value.shape === null) return value;
  const perm = lastPermutation(value.shape.length);
  return builder.once(`${value.name} plain`, () => {
    const name = builder.op('Transpose', [value.name], { perm: { ints: perm } });
    const plain: Value = { ...value, name, channelsFirst: false };
    builder.remember(`${name} channelsFirst`, value);
    return plain;
  });
}

/**
 * The value as [batch, channels, ...spatial]; with a Transpose where it is not in that order already.
 * Values of fewer than three axes have only one order.
 * @throws Error when the rank is unknown
 */
export function toChannelsFirst(builder: OnnxBuilder, value: Value): Value {
  if (value.shape === null) throw new Error(`the rank of '${value.name}' is not known`);
  if (value.channelsFirst || value.shape.length < 3) return value;
  const perm = firstPermutation(value.shape.length);
  return builder.once(`${value.name} channelsFirst`, () => {
    const name = builder.op('Transpose', [value.name], { perm: { ints: perm } });
    const first: Value = { ...value, name, channelsFirst: true };
    builder.remember(`${name} plain`, value);
    return first;
  });
}

/** Where one of tf.js's axes (not negative) lies in the ONNX graph. */
export function onnxAxis(value: Value, axis: number): number {
  if (!value.channelsFirst || value.shape === null) return axis;
  return firstPermutation(value.shape.length).indexOf(axis);
}

/** A list with an element per tf.js axis, in the order of the value's axes in the ONNX graph. */
export function onnxOrder<T>(value: Value, perAxis: readonly T[]): T[] {
  if (!value.channelsFirst || value.shape === null) return [...perAxis];
  return firstPermutation(value.shape.length).flatMap((axis) => perAxis.slice(axis, axis + 1));
}

/**
 * Whether dropping `axes` (tf.js's) from a value leaves its other axes in an order that a `Value` can have:
 * 'plain' or 'channelsFirst'; null where the value must be brought to plain order first.
 */
export function orderWithout(value: Value, axes: readonly number[]): 'plain' | 'channelsFirst' | null {
  if (!value.channelsFirst || value.shape === null) return 'plain';
  const rest = firstPermutation(value.shape.length).filter((axis) => !axes.includes(axis));
  const sorted = rest.toSorted((a, b) => a - b);
  if (rest.every((axis, i) => axis === sorted[i])) return 'plain';
  const first = firstPermutation(rest.length).flatMap((i) => sorted.slice(i, i + 1));
  return rest.every((axis, i) => axis === first[i]) ? 'channelsFirst' : null;
}

/** The shape of an elementwise result, by numpy's rule; null where an operand's rank is not known. */
export function broadcastShape(shapes: readonly (Shape | null)[]): Shape | null {
  let result: Shape = [];
  for (const shape of shapes) {
    if (shape === null) return null;
    const rank = Math.max(result.length, shape.length);
    const at = (from: Shape, axis: number) => {
      const i = axis - rank + from.length;
      return i < 0 ? 1 : (from[i] ?? null);
    };
    const before = result;
    result = Array.from({ length: rank }, (_, axis) => {
      const [a, b] = [at(before, axis), at(shape, axis)];
      if (a === 1) return b;
      // an unknown extent beside a known one that is not 1 is either equal to it or 1
      return b === 1 ? a : (a ?? b);
    });
  }
  return result;
}
