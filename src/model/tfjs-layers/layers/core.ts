import { makeNode } from '../../graph.js';
import { floatTensor } from '../../tensor.js';
import { isList, type Json } from '../../tfjs/json.js';
import { onnxOrder } from '../../tfjs/layout.js';
import { type LayerContext, type LayerTable, type LayerValue, like } from '../context.js';
import { activate } from './activations.js';

/** kernel [in, units], as ONNX takes it. A matrix goes through one Gemm; more axes, through MatMul and Add. */
function dense(layer: LayerContext): LayerValue {
  const x = layer.plain(layer.input);
  const shape = layer.shapeOf(x);
  const units = layer.required('kernel', 0).shape.at(-1) ?? 1;
  const kernel = layer.weight('kernel', 0);
  const hasBias = layer.flag('use_bias', true);
  const bias = hasBias ? [layer.weight('bias', 1)] : [];
  const output = (name: string): LayerValue => ({ ...like(x, name), shape: [...shape.slice(0, -1), units] });
  const binding = { flag: 'use_bias', index: 1, isPresent: hasBias };
  if (shape.length === 2) {
    const name = layer.op('Gemm', [x.name, kernel, ...bias]);
    layer.bind(name, 2, 'bias', [units], binding);
    return activate(layer, output(name));
  }
  const product = layer.op('MatMul', [x.name, kernel]);
  if (!hasBias) return activate(layer, output(product));
  const name = layer.op('Add', [product, ...bias]);
  layer.bind(name, 1, 'bias', [units], binding);
  return activate(layer, output(name));
}

/** A channels-first Flatten of TensorFlow.js brings the channels to the end first. */
function flatten(layer: LayerContext): LayerValue {
  const own = layer.plain(layer.input);
  const shape = layer.shapeOf(own);
  const rest = shape.slice(1);
  const perm = [0, ...rest.slice(1).map((_, i) => i + 2), 1];
  const isFirst = layer.isChannelsFirst && shape.length > 2;
  const x = isFirst ? layer.op('Transpose', [own.name], { perm: { ints: perm } }) : own.name;
  const size = rest.reduce<number | null>(
    (product, dim) => (product === null || dim === null ? null : product * dim),
    1,
  );
  const name = layer.op('Flatten', [x], { axis: { int: 1 } });
  return { name, dtype: own.dtype, shape: [shape[0] ?? null, size], channelsFirst: false, mask: null };
}

function reshape(layer: LayerContext): LayerValue {
  const x = layer.plain(layer.input);
  const target = layer.spec.config.target_shape;
  const dims = isList(target) ? target.map((dim) => (typeof dim === 'number' && dim >= 0 ? dim : -1)) : null;
  if (dims === null) return layer.refuse('it has no target_shape');
  const size = layer
    .shapeOf(x)
    .slice(1)
    .reduce<number | null>((product, dim) => (product === null || dim === null ? null : product * dim), 1);
  const known = dims.reduce((product, dim) => (dim < 0 ? product : product * dim), 1);
  const shape = dims.map((dim) => (dim >= 0 ? dim : size === null ? null : size / known));
  // 0 keeps the batch's extent
  const name = layer.op('Reshape', [x.name, layer.builder.int64s([0, ...dims])]);
  return { ...x, name, shape: [layer.shapeOf(x)[0] ?? null, ...shape], mask: null };
}

function permute(layer: LayerContext): LayerValue {
  const x = layer.plain(layer.input);
  const shape = layer.shapeOf(x);
  const dims = layer.spec.config.dims;
  const perm = [0, ...(isList(dims) ? dims.map(Number) : layer.refuse('it has no dims'))];
  const name = layer.op('Transpose', [x.name], { perm: { ints: perm } });
  return { ...x, name, shape: perm.map((axis) => shape[axis] ?? null), mask: null };
}

function repeatVector(layer: LayerContext): LayerValue {
  const { input, builder } = layer;
  const [batch = null, channels = null] = layer.shapeOf(input);
  const count = layer.size('n', 1);
  const row = layer.op('Unsqueeze', [input.name, builder.int64s([1])]);
  const name = layer.op('Tile', [row, builder.int64s([1, count, 1])]);
  return { ...input, name, shape: [batch, count, channels], mask: null };
}

function embedding(layer: LayerContext): LayerValue {
  const x = layer.plain(layer.input);
  const { builder } = layer;
  const width = layer.required('embeddings', 0).shape.at(-1) ?? 1;
  // tf.cast cuts the fraction off, and so does Cast
  const indices = x.dtype === 'int32' ? x.name : layer.op('Cast', [x.name], { to: { int: 6 } });
  const name = layer.op('Gather', [layer.weight('embeddings', 0), indices]);
  const mask = layer.flag('mask_zero', false)
    ? layer.op('Not', [layer.op('Equal', [x.name, builder.scalar(0, x.dtype)])])
    : null;
  return { name, dtype: 'float32', shape: [...layer.shapeOf(x), width], channelsFirst: false, mask };
}

/** Steps whose features all equal mask_value become zeros, and layers after it that know masks pass over them. */
function masking(layer: LayerContext): LayerValue {
  const x = layer.plain(layer.input);
  const { builder } = layer;
  const differs = layer.op('Not', [layer.op('Equal', [x.name, builder.float(layer.number('mask_value', 0))])]);
  const counts = layer.op('ReduceMax', [layer.op('Cast', [differs], { to: { int: 1 } }), builder.int64s([-1])], {
    keepdims: { int: 1 },
  });
  const mask = layer.op('Cast', [layer.op('Squeeze', [counts, builder.int64s([-1])])], { to: { int: 9 } });
  return { ...like(x, layer.op('Mul', [x.name, counts])), mask };
}

/** x * scale + offset; a list holds one value per channel, nested lists broadcast as tensors do. */
function rescaling(layer: LayerContext): LayerValue {
  const { input } = layer;
  const x = input.dtype === 'float32' ? input.name : layer.op('Cast', [input.name], { to: { int: 1 } });
  const { scale = 1, offset = 0 } = layer.spec.config;
  const scaled = scale === 1 ? x : layer.op('Mul', [x, channelConstant(layer, 'scale', scale)]);
  const name = layer.op('Add', [scaled, channelConstant(layer, 'offset', offset)]);
  layer.bindConfig(name, 1, 'offset', input.channelsFirst || layer.shapeOf(input).length === 2);
  return like(input, name);
}

/** Numbers of the configuration, as a constant that no training takes for a parameter. */
function channelConstant(layer: LayerContext, field: string, value: Json): string {
  const { builder, input } = layer;
  const { dims, values } = nested(value);
  const missing = layer.shapeOf(input).length - dims.length;
  const shape =
    dims.length === 0 ? [] : onnxOrder(input, [...new Array<number>(Math.max(0, missing)).fill(1), ...dims]);
  const name = builder.freshName(`${builder.scope}/${field}`);
  builder.nodes.push(makeNode('Constant', [], [name], { value: { tensor: floatTensor(name, shape, values) } }, name));
  return name;
}

/** A number, or lists of lists of numbers, as a tensor. */
function nested(value: Json): { readonly dims: readonly number[]; readonly values: readonly number[] } {
  if (!isList(value)) return { dims: [], values: [Number(value)] };
  const members = value.map(nested);
  return { dims: [members.length, ...(members[0]?.dims ?? [])], values: members.flatMap(({ values }) => values) };
}

/** What only training changes. */
const passed = (layer: LayerContext): LayerValue => layer.input;

export const coreLayers: LayerTable = {
  Dense: dense,
  Flatten: flatten,
  Reshape: reshape,
  Permute: permute,
  RepeatVector: repeatVector,
  Embedding: embedding,
  Masking: masking,
  Rescaling: rescaling,
  Dropout: passed,
  SpatialDropout1D: passed,
  SpatialDropout2D: passed,
  SpatialDropout3D: passed,
  AlphaDropout: passed,
  GaussianDropout: passed,
  GaussianNoise: passed,
  ActivityRegularization: passed,
};
