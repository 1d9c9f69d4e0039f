import { DataType } from '../../tensor.js';
import type { LayerContext, LayerTable, LayerValue } from '../context.js';
import { spatialInput, spatialOutput } from './window.js';

/**
 * TensorFlow.js crops by `cropAndResize` from corner to corner of the box, nearest pixel (center_crop.ts): of `length` pixels at `start`
 * it takes those that lie closest to equal steps over (extent - 1) / extent of them. So some pixel may come twice and one beside the
 * crop. A crop of one pixel is the one in its middle.
 */
function croppedPixels(extent: number, length: number, start: number): number[] {
  const [low, high] = [Math.fround(start / extent), Math.fround((length + start) / extent)];
  const step = length > 1 ? ((high - low) * (extent - 1)) / (length - 1) : 0;
  const first = length > 1 ? low * (extent - 1) : 0.5 * (low + high) * (extent - 1);
  return Array.from({ length }, (_, i) => Math.round(first + i * step));
}

/** Along a side of an image that fits into any memory. */
const mostPixels = 2 ** 20;

/** The margin before a crop; TensorFlow.js makes an odd single column one that is cut off before. */
function marginOf(extent: number, length: number, isWidth: boolean): number {
  const margin = Math.floor((extent - length) / 2);
  return isWidth && extent !== length && margin === 0 ? 1 : margin;
}

function centerCrop(layer: LayerContext): LayerValue {
  const { builder } = layer;
  const x = spatialInput(layer, 2);
  const wanted = [layer.size('height', 1), layer.size('width', 1)];
  const name = x.spatial.reduce((value, each, axis) => {
    const [extent, length] = [layer.known(each, 'extent'), wanted[axis] ?? 1];
    const margin = marginOf(extent, length, axis === 1);
    // it would scale, and hands the scaling a list of tensors, which that refuses
    if (margin < 0) layer.refuse('TensorFlow.js fails where the image is smaller than what is cut out');
    if (length > mostPixels) layer.refuse(`it cuts out ${length} pixels`);
    const pixels = builder.int64s(croppedPixels(extent, length, margin));
    return layer.op('Gather', [value, pixels], { axis: { int: axis + 2 } });
  }, x.name);
  return spatialOutput(layer, { ...x, name, spatial: wanted });
}

/** Numbers from 0 to below num_tokens: which of them a row holds, or how often. */
function categoryEncoding(layer: LayerContext): LayerValue {
  const { builder } = layer;
  const x = layer.plain(layer.input);
  const shape = layer.shapeOf(x);
  const mode = layer.text('output_mode', 'multi_hot').replace(/_/g, '').toLowerCase();
  const whole = (type: DataType) => layer.op('Cast', [x.name], { to: { int: type } });
  if (mode === 'int') return { ...x, name: whole(DataType.INT32), dtype: 'int32' };
  if (mode === 'tfidf') layer.refuse('it weighs what it counts (tf_idf)');
  if (mode === 'onehot' && shape[1] !== 1) layer.refuse('TensorFlow.js encodes one number a row as one_hot');
  if (shape.length !== 2) layer.refuse(`its input has ${shape.length} axes, not 2`);
  const tokens = layer.size('num_tokens', 1);
  const each = layer.op('OneHot', [whole(DataType.INT64), builder.int64(tokens), builder.float([0, 1], [2])]);
  const reduce = mode === 'count' ? 'ReduceSum' : 'ReduceMax';
  const name = layer.op(reduce, [each, builder.int64s([1])], { keepdims: { int: 0 } });
  return { name, dtype: 'float32', shape: [shape[0] ?? null, tokens], channelsFirst: false, mask: null };
}

/** What changes images in training alone. TensorFlow.js itself lacks these layers: the application registers them. */
const passed = (layer: LayerContext): LayerValue => layer.input;

const random = (layer: LayerContext): LayerValue =>
  layer.refuse('TensorFlow.js changes the size at random, not in training alone', 'Save the model without this layer.');

export const preprocessingLayers: LayerTable = {
  CenterCrop: centerCrop,
  CategoryEncoding: categoryEncoding,
  RandomBrightness: passed,
  RandomContrast: passed,
  RandomFlip: passed,
  RandomRotation: passed,
  RandomTranslation: passed,
  RandomZoom: passed,
  RandomHeight: random,
  RandomWidth: random,
};
