import { intAttribute } from '../../model/attributes.js';
import { elementCount } from '../../model/tensor.js';
import { blockedConv, blockedDomain, toBlocked, toPlain } from '../blocked.js';
import type { Emitter } from '../emitter.js';
import {
  extent,
  gatherTaps,
  isPointwise,
  overhang,
  spread,
  taps,
  type WindowAxis,
  windowAttributes,
  windowAxes,
} from '../window.js';
import { type GradientContext, type GradientRules, inputOf, outputGradient, outputOf } from './rule.js';

/** A convolution from the wide side [N, C, ...input] to the narrow side [N, M, ...output], weights [M, C / groups, ...kernel]. */
interface Convolution {
  readonly batch: number;
  readonly channels: number;
  readonly filters: number;
  readonly groups: number;
  readonly axes: readonly WindowAxis[];
}

export const convolution: GradientRules = {
  Conv(context) {
    const { node, emit, shape, wants } = context;
    const dy = outputGradient(context);
    const [x, w] = [inputOf(node, 0), inputOf(node, 1)];
    const conv = describe(context, shape(x), shape(outputOf(node)), shape(w));
    return [
      wants(0) ? inputGradient(context, w, dy, conv) : null,
      wants(1) ? weightGradient(context, x, dy, conv) : null,
      wants(2) ? biasGradient(emit, dy, conv) : null,
    ];
  },

  /** ConvTranspose is the input gradient of the Conv that leads from its output back to its input; so its own is that Conv. */
  ConvTranspose(context) {
    const { node, emit, shape, wants } = context;
    const dy = outputGradient(context);
    const [x, w] = [inputOf(node, 0), inputOf(node, 1)];
    const conv = describe(context, shape(outputOf(node)), shape(x), shape(w));
    return [
      wants(0) ? convolve(emit, dy, w, conv) : null,
      wants(1) ? weightGradient(context, dy, x, conv) : null,
      wants(2) ? biasGradient(emit, dy, conv) : null,
    ];
  },
};

function describe(
  { node }: GradientContext,
  wide: readonly number[],
  narrow: readonly number[],
  weight: readonly number[],
): Convolution {
  return {
    batch: wide[0] ?? 1,
    channels: wide[1] ?? 1,
    filters: narrow[1] ?? 1,
    groups: intAttribute(node, 'group', 1),
    axes: windowAxes(node, wide.slice(2), narrow.slice(2), weight.slice(2)),
  };
}

/** dB[m] = sum of dY over the batch and all positions. */
function biasGradient(emit: Emitter, dy: string, { axes }: Convolution): string {
  return emit.op('ReduceSum', [dy, emit.ints([0, ...axes.map((_, i) => i + 2)])], { keepdims: { int: 0 } });
}

/** dX [N, C, ...input] from dY [N, M, ...output]. */
function inputGradient(context: GradientContext, w: string, dy: string, conv: Convolution): string {
  if (conv.groups === 1 && conv.axes.every(isPointwise)) return inputGradientPointwise(context.emit, w, dy, conv);
  // where a window lies in padding alone, the flipped convolution would need a negative pad
  const flips = conv.axes.every(
    (axis) => axis.stride === 1 && axis.padBegin < extent(axis) && overhang(axis) < extent(axis),
  );
  return flips ? inputGradientFlipped(context.emit, w, dy, conv) : spread(context, dy, w, conv.axes, conv.groups);
}

/** One tap at every position: W^T [C, M] times dY [M, L] of each image. ONNX Runtime reads W turned, and does not turn it. */
function inputGradientPointwise(emit: Emitter, w: string, dy: string, conv: Convolution): string {
  const { batch, channels, filters, axes } = conv;
  const positions = axes.map(({ input }) => input);
  const matrix = emit.op('Transpose', [emit.op('Reshape', [w, emit.ints([filters, channels])])], {
    perm: { ints: [1, 0] },
  });
  const images = emit.op('Reshape', [dy, emit.ints([batch, filters, elementCount(positions)])]);
  return emit.op('Reshape', [emit.op('MatMul', [matrix, images]), emit.ints([batch, channels, ...positions])]);
}

/** Stride 1: the full convolution of dY with the kernel turned around, its input and output channels swapped. */
function inputGradientFlipped(emit: Emitter, w: string, dy: string, conv: Convolution): string {
  const { axes, channels, filters, groups } = conv;
  const kernel = axes.map((axis) => axis.kernel);
  const size = elementCount(kernel);
  const grouped = emit.op('Reshape', [w, emit.ints([groups, filters / groups, channels / groups, size])]);
  const swapped = emit.op('Transpose', [grouped], { perm: { ints: [0, 2, 1, 3] } });
  // reversing the flattened taps reverses every axis at once
  const flipped =
    size === 1
      ? swapped
      : emit.op('Slice', [swapped, emit.ints([-1]), emit.ints([-size - 1]), emit.ints([3]), emit.ints([-1])]);
  const weight = emit.op('Reshape', [flipped, emit.ints([channels, filters / groups, ...kernel])]);
  const full = axes.map((axis) => ({
    ...axis,
    input: axis.output,
    output: axis.input,
    padBegin: extent(axis) - 1 - axis.padBegin,
    padEnd: extent(axis) - 1 - overhang(axis),
  }));
  return convolve(emit, dy, weight, { ...conv, axes: full });
}

/** x [N, C, ...input] with w [M, C / groups, ...kernel] to [N, M, ...output]. */
function convolve(emit: Emitter, x: string, w: string, { axes, groups }: Convolution): string {
  const y = emit.op('Conv', [x, w], { ...windowAttributes(axes), group: { int: groups } });
  return withoutSurplus(emit, y, axes);
}

/** A stride or more of inputs that no window reads leaves room for windows too many. */
function withoutSurplus(emit: Emitter, y: string, axes: readonly WindowAxis[]): string {
  if (axes.every((axis) => -overhang(axis) < axis.stride)) return y;
  return emit.op('Slice', [
    y,
    emit.ints(axes.map(() => 0)),
    emit.ints(axes.map(({ output }) => output)),
    emit.ints(axes.map((_, i) => i + 2)),
  ]);
}

/**
 * dW[m, c, k] = sum over n and o of dY[n, m, o] * X[n, c, o * stride + k * dilation - pad], for x on the wide side and dY on
 * the narrow side.
 */
function weightGradient(context: GradientContext, x: string, dy: string, conv: Convolution): string {
  const { emit } = context;
  const { batch, channels, filters, groups, axes } = conv;
  if (channels === groups) return weightGradientDepthwise(context, x, dy, conv);
  const positions = elementCount(axes.map(({ output }) => output));
  const inner = channels / groups;
  const outer = filters / groups;
  const kernel = elementCount(axes.map((axis) => axis.kernel));
  // One product over batch and positions needs X and dY with the channels first; one product per image writes and sums
  // `batch` gradients. Whichever moves less memory.
  const transposed = positions * (inner + outer);
  const summed = batch === 1 ? 0 : kernel * inner * outer;
  const overBatch = transposed < summed;
  if (context.provider === 'webgpu') return weightGradientGathered(emit, x, dy, conv, overBatch);
  return overBatch ? weightGradientOverBatch(emit, x, dy, conv) : weightGradientPerImage(emit, x, dy, conv);
}

/**
 * One channel per group: dY itself is the kernel, every image and channel a group of its own, stride and dilation swapped. In
 * blocked layout, where the graph is in it, a vector holds as many groups at once.
 */
function weightGradientDepthwise(context: GradientContext, x: string, dy: string, conv: Convolution): string {
  const { emit, blockSize } = context;
  const { batch, channels, filters, axes } = conv;
  const groups = batch * channels;
  const images = emit.op('Reshape', [x, emit.ints([1, groups, ...axes.map(({ input }) => input)])]);
  const output = axes.map((axis) => axis.output);
  const swapped = axes.map((axis) => ({
    ...axis,
    output: axis.kernel,
    kernel: axis.output,
    stride: axis.dilation,
    dilation: axis.stride,
  }));
  const vectors =
    emit.graph.opset(blockedDomain) > 0 && axes.length === 2 && filters === channels && groups % blockSize === 0;
  let each: string;
  if (vectors) {
    // the kernel of a group lies as an image of one channel does
    const planes = toBlocked(emit, emit.op('Reshape', [dy, emit.ints([1, groups, ...output])]));
    const kernels = emit.op('Reshape', [planes, emit.ints([groups, 1, ...output])]);
    const product = blockedConv(emit, [toBlocked(emit, images), kernels], swapped, { group: { int: groups } });
    each = withoutSurplus(emit, toPlain(emit, product, groups), swapped);
  } else {
    const kernels = emit.op('Reshape', [dy, emit.ints([batch * filters, 1, ...output])]);
    each = convolve(emit, images, kernels, { ...conv, groups, axes: swapped });
  }
  const shape = [filters, 1, ...axes.map(({ kernel }) => kernel)];
  const split = emit.op('Reshape', [each, emit.ints([batch, ...shape])]);
  return emit.op('ReduceSum', [split, emit.ints([0])], { keepdims: { int: 0 } });
}

/** One matrix product [M, L] x [L, K C] per image and group, summed over the batch; K taps, L positions. */
function weightGradientPerImage(emit: Emitter, x: string, dy: string, conv: Convolution): string {
  const { batch, channels, filters, groups, axes } = conv;
  const positions = elementCount(axes.map(({ output }) => output));
  const columns = unfold(emit, x, conv, [batch, groups, channels / groups, positions]);
  const gradient = emit.op('Reshape', [dy, emit.ints([batch, groups, filters / groups, positions])]);
  const rows = emit.op('Transpose', [columns], { perm: { ints: [0, 1, 3, 2] } });
  const each = emit.op('MatMul', [gradient, rows]);
  const sum = emit.op('ReduceSum', [each, emit.ints([0])], { keepdims: { int: 0 } });
  return toWeightLayout(emit, sum, conv);
}

/** One matrix product [M, N L] x [N L, K C] per group. */
function weightGradientOverBatch(emit: Emitter, x: string, dy: string, conv: Convolution): string {
  const { batch, channels, filters, groups, axes } = conv;
  const positions = elementCount(axes.map(({ output }) => output));
  const perm = { perm: { ints: [1, 0, ...axes.map((_, i) => i + 2)] } };
  const columns = unfold(emit, emit.op('Transpose', [x], perm), conv, [groups, channels / groups, batch * positions]);
  const gradient = emit.op('Transpose', [dy], perm);
  const grouped = emit.op('Reshape', [gradient, emit.ints([groups, filters / groups, batch * positions])]);
  const rows = emit.op('Transpose', [columns], { perm: { ints: [0, 2, 1] } });
  return toWeightLayout(emit, emit.op('MatMul', [grouped, rows]), conv);
}

/**
 * As the two above, with the taps of every channel gathered at once, [N, G, C/G K, L]: on a GPU every node is a dispatch, and the product
 * lies as the weights do.
 */
function weightGradientGathered(emit: Emitter, x: string, dy: string, conv: Convolution, overBatch: boolean): string {
  const { batch, channels, filters, groups, axes } = conv;
  const kernel = axes.map((axis) => axis.kernel);
  const positions = elementCount(axes.map(({ output }) => output));
  const inner = (channels / groups) * elementCount(kernel);
  const outer = filters / groups;
  const gathered = gatherTaps(emit, x, [batch, channels], axes);
  const columns = emit.op('Reshape', [gathered, emit.ints([batch, groups, inner, positions])]);
  const gradient = emit.op('Reshape', [dy, emit.ints([batch, groups, outer, positions])]);
  const turned = (value: string, perm: readonly number[], shape: readonly number[]): string =>
    emit.op('Reshape', [emit.op('Transpose', [value], { perm: { ints: perm } }), emit.ints(shape)]);
  const product = (): string => {
    if (overBatch) {
      const all = batch * positions;
      const rows = turned(columns, [1, 0, 3, 2], [groups, all, inner]);
      return emit.op('MatMul', [turned(gradient, [1, 2, 0, 3], [groups, outer, all]), rows]);
    }
    const each = emit.op('MatMul', [gradient, emit.op('Transpose', [columns], { perm: { ints: [0, 1, 3, 2] } })]);
    return emit.op('ReduceSum', [each, emit.ints([0])], { keepdims: { int: 0 } });
  };
  return emit.op('Reshape', [product(), emit.ints([filters, channels / groups, ...kernel])]);
}

/** The taps of x, each brought to `shape` (..., channels, positions), stacked along the channels: im2col. */
function unfold(emit: Emitter, x: string, { axes }: Convolution, shape: readonly number[]): string {
  const columns = taps(emit, x, axes).map((tap) => emit.op('Reshape', [tap, emit.ints(shape)]));
  return emit.concat(columns, shape.length - 2);
}

/** [G, M/G, K C/G] to [M, C/G, ...kernel]. */
function toWeightLayout(emit: Emitter, product: string, { channels, filters, groups, axes }: Convolution): string {
  const kernel = axes.map((axis) => axis.kernel);
  const taps = elementCount(kernel);
  const split = emit.op('Reshape', [product, emit.ints([filters, taps, channels / groups])]);
  const turned = taps === 1 ? split : emit.op('Transpose', [split], { perm: { ints: [0, 2, 1] } });
  return emit.op('Reshape', [turned, emit.ints([filters, channels / groups, ...kernel])]);
}
