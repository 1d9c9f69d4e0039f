import type { Attributes } from '../../graph.js';
import type { LayerContext, LayerValue } from '../context.js';

type Dim = number | null;

/** A sliding window over spatial axes: of a convolution or a pooling. */
export interface Window {
  readonly size: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: string;
}

/** A tensor as convolutions take it, channels at axis 1, with what the layer's data format calls its axes. */
export interface Spatial {
  readonly name: string;
  readonly batch: Dim;
  readonly spatial: readonly Dim[];
  readonly channels: Dim;
}

/**
 * The layer's input with channels at axis 1: a channels-first layer's tensors have them there anyway.
 * @param rank the number of spatial axes
 */
export function spatialInput(layer: LayerContext, rank: number, value: LayerValue = layer.input): Spatial {
  const shape = layer.shapeOf(value);
  if (shape.length !== rank + 2) layer.refuse(`its input has ${shape.length} axes, not ${rank + 2}`);
  const [batch = null, ...rest] = shape;
  if (layer.isChannelsFirst) {
    const [channels = null, ...spatial] = rest;
    return { name: layer.plain(value).name, batch, spatial, channels };
  }
  return {
    name: layer.channelsFirst(value).name,
    batch,
    spatial: rest.slice(0, -1),
    channels: rest.at(-1) ?? null,
  };
}

/** The layer's output from a tensor with channels at axis 1. */
export function spatialOutput(layer: LayerContext, { name, batch, spatial, channels }: Spatial): LayerValue {
  const shape = layer.isChannelsFirst ? [batch, channels, ...spatial] : [batch, ...spatial, channels];
  return { name, dtype: 'float32', shape, channelsFirst: !layer.isChannelsFirst, mask: null };
}

/**
 * The window as ONNX attributes. TensorFlow pads 'same' for the output ceil(input / stride), the odd element behind
 * (tfjs-core, ops/conv_util.ts); with strides over an unknown extent that is ONNX's SAME_UPPER.
 */
export function windowAttributes(layer: LayerContext, window: Window, spatial: readonly Dim[]): Attributes {
  const { size, strides, dilations, padding } = window;
  const attributes: Attributes = {
    kernel_shape: { ints: size },
    strides: { ints: strides },
    ...(dilations.some((each) => each !== 1) ? { dilations: { ints: dilations } } : {}),
  };
  if (padding === 'valid') return attributes;
  if (padding !== 'same') return layer.refuse(`TensorFlow.js has no padding '${padding}'`);
  const totals = size.map((extent, i) => {
    const stride = strides[i] ?? 1;
    const covered = (extent - 1) * (dilations[i] ?? 1) + 1;
    if (stride === 1) return covered - 1;
    const length = spatial[i] ?? null;
    return length === null ? null : Math.max(0, (Math.ceil(length / stride) - 1) * stride + covered - length);
  });
  if (totals.includes(null)) return { ...attributes, auto_pad: { string: 'SAME_UPPER' } };
  const before = totals.map((total) => Math.floor((total ?? 0) / 2));
  const pads = [...before, ...totals.map((total, i) => (total ?? 0) - (before[i] ?? 0))];
  return pads.some((pad) => pad > 0) ? { ...attributes, pads: { ints: pads } } : attributes;
}

/** The extents after a window has passed. */
export function windowOutput({ size, strides, dilations, padding }: Window, spatial: readonly Dim[]): Dim[] {
  return spatial.map((length, i) => {
    if (length === null) return null;
    const covered = ((size[i] ?? 1) - 1) * (dilations[i] ?? 1) + 1;
    const starts = padding === 'same' ? length : length - covered + 1;
    return Math.ceil(starts / (strides[i] ?? 1));
  });
}
