import { isList } from '../../tfjs/json.js';
import { broadcastShape, onnxAxis } from '../../tfjs/layout.js';
import type { LayerContext, LayerConverter, LayerTable, LayerValue } from '../context.js';

/** A tensor of fewer axes gets them at axis 1, behind the batch (tfjs-layers, merge.ts). */
function aligned(layer: LayerContext): LayerValue[] {
  const { inputs, builder } = layer;
  const rank = Math.max(...inputs.map((value) => layer.shapeOf(value).length));
  const expanded = inputs.map((value) => {
    const shape = layer.shapeOf(value);
    const missing = rank - shape.length;
    if (missing === 0) return value;
    const axes = Array.from({ length: missing }, (_, i) => i + 1);
    const own = layer.plain(value);
    const [batch = null, ...rest] = shape;
    const name = layer.op('Unsqueeze', [own.name, builder.int64s(axes)]);
    return { ...own, name, shape: [batch, ...axes.map(() => 1), ...rest] };
  });
  return inOneLayout(layer, expanded);
}

/** All with channels first where one is, for then a convolution is near. */
function inOneLayout(layer: LayerContext, values: readonly LayerValue[]): LayerValue[] {
  const toFirst = values.some((value) => value.channelsFirst);
  return values.map((value) => (toFirst ? layer.channelsFirst(value) : layer.plain(value)));
}

/** A step counts where it counts in every input that has a mask. */
function sharedMask(layer: LayerContext): string | null {
  const masks = layer.inputs.flatMap(({ mask }) => (mask === null ? [] : [mask]));
  return masks.length === 0 ? null : masks.reduce((all, mask) => (all === mask ? all : layer.op('And', [all, mask])));
}

/** Folds the inputs with a binary operator, from the first to the last. */
function merge(opType: string): LayerConverter {
  return (layer) => merged(layer, opType);
}

function merged(layer: LayerContext, opType: string): LayerValue {
  const values = aligned(layer);
  const [first, ...others] = values;
  if (first === undefined) return layer.refuse('it has no inputs');
  const name = others.reduce((sum, { name }) => layer.op(opType, [sum, name]), first.name);
  return { ...first, name, shape: broadcastShape(values.map(({ shape }) => shape)), mask: sharedMask(layer) };
}

function average(layer: LayerContext): LayerValue {
  const sum = merged(layer, 'Add');
  return { ...sum, name: layer.op('Mul', [sum.name, layer.builder.float(1 / layer.inputs.length)]) };
}

function concatenate(layer: LayerContext): LayerValue {
  const values = inOneLayout(layer, layer.inputs);
  const [first] = values;
  if (first === undefined) return layer.refuse('it has no inputs');
  const shape = layer.shapeOf(first);
  const written = layer.number('axis', -1);
  const axis = written < 0 ? written + shape.length : written;
  const mask = sharedMask(layer);
  if (mask !== null && axis !== shape.length - 1) layer.refuse('masked sequences joined along time are not covered');
  const extents = values.map((value) => layer.shapeOf(value)[axis] ?? null);
  const total = extents.reduce((sum, dim) => (sum === null || dim === null ? null : sum + dim), 0);
  const name = layer.op(
    'Concat',
    values.map((value) => value.name),
    { axis: { int: onnxAxis(first, axis) } },
  );
  return { ...first, name, shape: shape.map((dim, i) => (i === axis ? total : dim)), mask };
}

/** TensorFlow.js's batchDot (merge.ts) of two tensors of two or three axes, contracted over one axis of each. */
function dot(layer: LayerContext): LayerValue {
  const { builder, spec, inputs } = layer;
  const [first, second] = inputs.map((value) => layer.plain(value));
  if (first === undefined || second === undefined || inputs.length !== 2) return layer.refuse('it has not two inputs');
  const shapes = [layer.shapeOf(first), layer.shapeOf(second)] as const;
  const [rankA, rankB] = [shapes[0].length, shapes[1].length];
  if (rankA > 3 || rankB > 3) return layer.refuse('TensorFlow.js has no dot of more than three axes');
  const { axes } = spec.config;
  const written = isList(axes) ? axes.map(Number) : [Number(axes), Number(axes)];
  const at = (value: number | undefined, rank: number) => (((value ?? -1) % rank) + rank) % rank;
  const axisA = at(written[0], rankA);
  const axisB = at(written[1], rankB);
  const normalized = (value: LayerValue, axis: number) => {
    if (!layer.flag('normalize', false)) return value.name;
    const square = layer.op('ReduceSumSquare', [value.name, builder.int64s([axis])], { keepdims: { int: 1 } });
    // tfjs-layers, losses.ts, l2Normalize: x / sqrt(max(sum x^2, 1e-7))
    return layer.op('Div', [value.name, layer.op('Sqrt', [layer.op('Max', [square, builder.float(1e-7)])])]);
  };
  const a = normalized(first, axisA);
  const b = normalized(second, axisB);
  const [batch = null] = shapes[0];
  const restA = shapes[0].filter((_, axis) => axis !== 0 && axis !== axisA);
  const restB = shapes[1].filter((_, axis) => axis !== 0 && axis !== axisB);
  if (axisA === 0 || axisB === 0) return layer.refuse('a dot over the batch is not covered');
  // [batch, rest, k] x [batch, k, rest], with a rest of 1 for a tensor of two axes
  const left = rankA === 2 ? unsqueeze(a, 1) : axisA === 1 ? swap(a) : a;
  const right = rankB === 2 ? unsqueeze(b, 2) : axisB === 2 ? swap(b) : b;
  const product = layer.op('MatMul', [left, right]);
  const gone = [...(rankA === 2 ? [1] : []), ...(rankB === 2 ? [2] : [])];
  // two vectors leave one number, which keeps an axis
  const squeezed = gone.length === 2 ? [2] : gone;
  const name = squeezed.length === 0 ? product : layer.op('Squeeze', [product, builder.int64s(squeezed)]);
  const rest = [...restA, ...restB];
  return { ...first, name, shape: [batch, ...(rest.length === 0 ? [1] : rest)], mask: null };

  function unsqueeze(value: string, axis: number): string {
    return layer.op('Unsqueeze', [value, builder.int64s([axis])]);
  }
  function swap(value: string): string {
    return layer.op('Transpose', [value], { perm: { ints: [0, 2, 1] } });
  }
}

export const mergeLayers: LayerTable = {
  Add: merge('Add'),
  Subtract: merge('Sub'),
  Multiply: merge('Mul'),
  Maximum: merge('Max'),
  Minimum: merge('Min'),
  Average: average,
  Concatenate: concatenate,
  Dot: dot,
};
