import type { LayoutStep } from '../../tfjs/origin.js';
import type { LayerContext, LayerConverter, LayerTable, LayerValue } from '../context.js';
import { activate } from './activations.js';
import { type Spatial, spatialInput, spatialOutput, type Window, windowAttributes, windowOutput } from './window.js';

function windowOf(layer: LayerContext, rank: number, dilations: readonly number[]): Window {
  return {
    size: layer.sizes('kernel_size', rank, 1),
    strides: layer.sizes('strides', rank, 1),
    dilations,
    padding: layer.text('padding', 'valid'),
  };
}

/** kernel [...window, in, out] to ONNX's [out, in, ...window]. */
export function kernelSteps(rank: number): LayoutStep[] {
  return [{ kind: 'transpose', perm: [rank + 1, rank, ...Array.from({ length: rank }, (_, i) => i)] }];
}

/** kernel [h, w, in, multiplier] to that of a grouped convolution, [in * multiplier, 1, h, w]: tfjs's channel order is the same. */
function depthwiseSteps([height = 1, width = 1, channels = 1, multiplier = 1]: readonly number[]): LayoutStep[] {
  return [
    { kind: 'transpose', perm: [2, 3, 0, 1] },
    { kind: 'reshape', shape: [channels * multiplier, 1, height, width] },
  ];
}

/** One Conv node, with the layer's bias where `biasIndex` is given. */
function convolve(
  layer: LayerContext,
  x: Spatial,
  window: Window,
  kernel: { readonly initializer: string; readonly group: number; readonly channels: number },
  biasIndex: number | null,
): Spatial {
  const hasBias = biasIndex !== null && layer.flag('use_bias', true);
  const inputs = [x.name, kernel.initializer, ...(hasBias ? [layer.weight('bias', biasIndex)] : [])];
  const name = layer.op('Conv', inputs, {
    ...windowAttributes(layer, window, x.spatial),
    ...(kernel.group === 1 ? {} : { group: { int: kernel.group } }),
  });
  if (biasIndex !== null) {
    layer.bind(name, 2, 'bias', [kernel.channels], { flag: 'use_bias', index: biasIndex, isPresent: hasBias });
  }
  return { name, batch: x.batch, spatial: windowOutput(window, x.spatial), channels: kernel.channels };
}

function convolution(rank: number): LayerConverter {
  return (layer) => {
    if (rank === 1 && layer.isChannelsFirst) layer.refuse('TensorFlow.js mixes up the axes of a channels-first Conv1D');
    const window = windowOf(layer, rank, layer.sizes('dilation_rate', rank, 1));
    if (layer.number('groups', 1) !== 1) layer.refuse('TensorFlow.js ignores groups other than 1');
    const channels = layer.required('kernel', 0).shape.at(-1) ?? 1;
    const initializer = layer.weight('kernel', 0, kernelSteps(rank));
    const y = convolve(layer, spatialInput(layer, rank), window, { initializer, group: 1, channels }, 1);
    return activate(layer, spatialOutput(layer, y));
  };
}

/**
 * kernel [...window, out, in]. TensorFlow.js's output is input * stride long ('same'), or by max(0, kernel - stride) longer
 * ('valid'); ONNX's is shortened by pads and lengthened by output_padding to the same.
 */
function transposedConvolution(rank: number): LayerConverter {
  return (layer) => {
    const { size, strides, padding } = windowOf(layer, rank, []);
    if (padding !== 'same' && padding !== 'valid') layer.refuse(`TensorFlow.js has no padding '${padding}' here`);
    const x = spatialInput(layer, rank);
    const excess = size.map((extent, i) => extent - (strides[i] ?? 1));
    const totals = excess.map((each) => (padding === 'same' ? Math.max(0, each) : 0));
    const before = totals.map((total) => Math.floor(total / 2));
    const channels = layer.required('kernel', 0).shape.at(-2) ?? 1;
    const kernel = layer.weight('kernel', 0, kernelSteps(rank));
    const hasBias = layer.flag('use_bias', true);
    const name = layer.op('ConvTranspose', [x.name, kernel, ...(hasBias ? [layer.weight('bias', 1)] : [])], {
      kernel_shape: { ints: size },
      strides: { ints: strides },
      pads: { ints: [...before, ...totals.map((total, i) => total - (before[i] ?? 0))] },
      output_padding: { ints: excess.map((each) => Math.max(0, -each)) },
    });
    layer.bind(name, 2, 'bias', [channels], { flag: 'use_bias', index: 1, isPresent: hasBias });
    const spatial = x.spatial.map((length, i) => {
      if (length === null) return null;
      return length * (strides[i] ?? 1) + (padding === 'valid' ? Math.max(0, excess[i] ?? 0) : 0);
    });
    return activate(layer, spatialOutput(layer, { name, batch: x.batch, spatial, channels }));
  };
}

/** TensorFlow.js 4.22 does not pass dilation_rate on in a DepthwiseConv2D: what it computes has none. */
function depthwiseConvolution(layer: LayerContext): LayerValue {
  const { shape } = layer.required('depthwise_kernel', 0);
  const [, , group = 1, multiplier = 1] = shape;
  const initializer = layer.weight('depthwise_kernel', 0, depthwiseSteps(shape));
  const kernel = { initializer, group, channels: group * multiplier };
  const y = convolve(layer, spatialInput(layer, 2), windowOf(layer, 2, [1, 1]), kernel, 1);
  return activate(layer, spatialOutput(layer, y));
}

function separableConvolution(layer: LayerContext): LayerValue {
  if (layer.isChannelsFirst && layer.flag('use_bias', true)) {
    layer.refuse('TensorFlow.js adds the bias of a channels-first SeparableConv2D along a wrong axis');
  }
  const { shape } = layer.required('depthwise_kernel', 0);
  const [, , group = 1, multiplier = 1] = shape;
  const window = windowOf(layer, 2, layer.sizes('dilation_rate', 2, 1));
  const depthwise = layer.weight('depthwise_kernel', 0, depthwiseSteps(shape));
  const middle = { initializer: depthwise, group, channels: group * multiplier };
  const x = convolve(layer, spatialInput(layer, 2), window, middle, null);
  const channels = layer.required('pointwise_kernel', 1).shape.at(-1) ?? 1;
  const pointwise = { initializer: layer.weight('pointwise_kernel', 1, kernelSteps(2)), group: 1, channels };
  const point: Window = { size: [1, 1], strides: [1, 1], dilations: [1, 1], padding: 'valid' };
  return activate(layer, spatialOutput(layer, convolve(layer, x, point, pointwise, 2)));
}

export const convolutionLayers: LayerTable = {
  Conv1D: convolution(1),
  Conv2D: convolution(2),
  Conv3D: convolution(3),
  Conv2DTranspose: transposedConvolution(2),
  Conv3DTranspose: transposedConvolution(3),
  DepthwiseConv2D: depthwiseConvolution,
  SeparableConv2D: separableConvolution,
};
