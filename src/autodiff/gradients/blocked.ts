import { floatsAttribute, intAttribute, intsAttribute, stringAttribute } from '../../model/attributes.js';
import { elementCount, readFloats } from '../../model/tensor.js';
import {
  affineAttributes,
  batchScale,
  blockedAffine,
  blockedConv,
  blockedDomain,
  channelProducts,
  channelSums,
  fromChannelRows,
  functionDomain,
  interleave,
  toBlocked,
  toChannelRows,
  toPlain,
  unitKernel,
} from '../blocked.js';
import type { Emitter } from '../emitter.js';
import { selectPositive, selectWithin } from '../mask.js';
import { isPointwise, overhang, spread, type WindowAxis, windowAxes } from '../window.js';
import { type GradientContext, type GradientRules, inputOf, outputGradient, outputOf } from './rule.js';

/**
 * A convolution in blocked layout, from x [N, C, H, W] to y [N, M, OH, OW]. In memory x is [N, C / L, H, W, L]: the lanes L are
 * the block B, or 1 where the channels are fewer and x is plain. In a depthwise one x has M channels, C counts those that a filter
 * reads, which is 1, and x is blocked.
 */
interface BlockedConvolution {
  readonly batch: number;
  readonly depthwise: boolean;
  readonly channels: number;
  readonly filters: number;
  readonly block: number;
  readonly lanes: number;
  readonly axes: Axes;
}

type Axes = readonly [height: WindowAxis, width: WindowAxis];

/** Nodes that `blockLayout` puts in. A blocked value's gradient is blocked; shapes are declared as in plain layout. */
export const blocked: GradientRules = {
  [`${blockedDomain}:ReorderInput`](context) {
    const [, channels = 1] = context.shape(inputOf(context.node, 0));
    return [toPlain(context.emit, outputGradient(context), channels)];
  },

  [`${blockedDomain}:ReorderOutput`](context) {
    return [toBlocked(context.emit, outputGradient(context))];
  },

  /** Inputs: x, weights, bias, and what is added before the activation. */
  [`${blockedDomain}:Conv`](context) {
    const { node, emit, wants, shape, blockSize } = context;
    const dy = beforeActivation(context);
    const conv = describe(context);
    const isAffine = conv.depthwise && conv.axes.every(({ kernel, stride }) => kernel === 1 && stride === 1);
    if (isAffine) return [...affineGradients(context, dy), wants(3) ? dy : null];
    const toWeights = conv.depthwise
      ? weightGradientDepthwise
      : conv.lanes > 1 && conv.axes.every(isPointwise)
        ? weightGradientPointwise
        : weightGradient;
    return [
      wants(0) ? inputGradient(context, inputOf(node, 1), dy, conv) : null,
      wants(1) ? toWeights(emit, inputOf(node, 0), dy, conv) : null,
      wants(2) ? channelSums(emit, dy, shape(outputOf(node)), blockSize) : null,
      wants(3) ? dy : null,
    ];
  },

  /**
   * scale = gamma r, shift = beta - m scale, r = (v + epsilon)^(-1/2), m and v mean and variance of x over M elements. With
   * g = dscale - m dshift:  dgamma = r g,  dbeta = dshift,  dv = -1/2 r^3 gamma g,  dm = -scale dshift,
   *   dx = 2 dv / M * x + (dm - 2 m dv) / M,  since v = E[x^2] - m^2.
   */
  [`${functionDomain}:${batchScale}`](context) {
    const { node, emit, shape, outputGradients } = context;
    const [x, gamma] = [inputOf(node, 0), inputOf(node, 1)];
    const [scale, mean, r] = [outputOf(node, 0), outputOf(node, 2), outputOf(node, 4)];
    const [batch = 1, channels = 1, ...spatial] = shape(x);
    const zeros = () => emit.float(Array<number>(channels).fill(0), [channels]);
    const dscale = outputGradients[0] ?? zeros();
    const dshift = outputGradients[1] ?? zeros();
    const g = emit.op('Sub', [dscale, emit.op('Mul', [mean, dshift])]);
    const dgamma = emit.op('Mul', [r, g]);
    const share = 1 / (batch * elementCount(spatial));
    const square = emit.op('Mul', [emit.op('Mul', [r, r]), gamma]);
    // 2 dv / M
    const slope = emit.op('Mul', [emit.op('Mul', [square, dgamma]), emit.float(-share)]);
    const byMean = emit.op('Mul', [emit.op('Mul', [scale, dshift]), emit.float(-share)]);
    const level = emit.op('Sub', [byMean, emit.op('Mul', [mean, slope])]);
    return [context.wants(0) ? blockedAffine(emit, x, slope, level, channels) : null, dgamma, dshift];
  },
};

/** dY before a convolution's activation: Relu, Clip between two numbers, or none. */
function beforeActivation(context: GradientContext): string {
  const { node, emit } = context;
  const [y, above] = [outputOf(node), outputGradient(context)];
  switch (stringAttribute(node, 'activation', '')) {
    case 'Relu':
      return selectPositive(context, y, above);
    case 'Clip': {
      const [min = 0, max = 0] = floatsAttribute(node, 'activation_params') ?? [];
      return selectWithin(context, y, emit.float(min), emit.float(max), above);
    }
    default:
      return above;
  }
}

function describe({ node, shape, blockSize }: GradientContext): BlockedConvolution {
  const [batch = 1, channels = 1, ...input] = shape(inputOf(node, 0));
  const [, filters = 1, ...output] = shape(outputOf(node));
  const [height, width] = windowAxes(node, input, output, intsAttribute(node, 'kernel_shape') ?? []);
  if (height === undefined || width === undefined) throw new Error('a blocked convolution has two axes');
  const depthwise = intAttribute(node, 'group', 1) > 1;
  const read = depthwise ? 1 : channels;
  const lanes = read < blockSize ? 1 : blockSize;
  return { batch, depthwise, channels: read, filters, block: blockSize, lanes, axes: [height, width] };
}

/** y = w x + b per channel, a depthwise convolution of one tap. */
function affineGradients(context: GradientContext, dy: string): (string | null)[] {
  const { node, emit, shape, wants, constant, blockSize } = context;
  const [x, weights] = [inputOf(node, 0), inputOf(node, 1)];
  const [channels = 1] = shape(weights);
  const known = constant(weights);
  // y = x + b, which is how a floor is put back
  const isShift = known !== undefined && readFloats(known).every((weight) => weight === 1);
  const toInput = () => (isShift ? dy : blockedAffine(emit, dy, weights, undefined, channels));
  const toWeights = () => channelProducts(emit, [dy, x], shape(x), blockSize);
  return [
    wants(0) ? toInput() : null,
    wants(1) ? emit.op('Reshape', [toWeights(), emit.ints([channels, 1, 1, 1])]) : null,
    wants(2) ? channelSums(emit, dy, shape(x), blockSize) : null,
  ];
}

/** dX from dY, in x's layout. */
function inputGradient(context: GradientContext, weights: string, dy: string, conv: BlockedConvolution): string {
  const { emit } = context;
  const { axes, depthwise, filters, lanes } = conv;
  const isPlain = lanes === 1 && !depthwise;
  const [rows, columns] = isPlain ? [null, null] : [phasesOf(axes[0]), phasesOf(axes[1])];
  if (rows !== null && columns !== null) return inputGradientByPhases(emit, weights, dy, conv, rows, columns);
  const groups = depthwise ? filters : 1;
  const dx = spread(context, toPlain(emit, dy, filters), plainWeights(emit, weights, conv), axes, groups);
  return isPlain ? dx : toBlocked(emit, dx);
}

/** The weights as ONNX has them, [M, C, ...kernel], from blocked ones. */
function plainWeights(emit: Emitter, weights: string, { channels, filters, block, lanes, axes }: BlockedConvolution) {
  const kernel = axes.map((axis) => axis.kernel);
  const taps = elementCount(kernel);
  const split = [filters / block, channels / lanes, taps, lanes, block];
  const turned = emit.op('Transpose', [emit.op('Reshape', [weights, emit.ints(split)])], {
    perm: { ints: [0, 1, 3, 2, 4] },
  });
  const rows = emit.op('Reshape', [turned, emit.ints([filters / block, block, channels, taps])]);
  return emit.op('Reshape', [toPlain(emit, rows, block), emit.ints([filters, channels, ...kernel])]);
}

/**
 * The inputs of one residue modulo the stride: input i = stride * j + phase is read by the taps first + stride * m alone,
 * m < taps, and by tap m of the output j + (phase + pad - first) / stride - m. So its gradient is a convolution of stride 1 of
 * dY with those taps turned around: `axis`. With no tap it is zero.
 */
interface Phase {
  readonly first: number;
  readonly taps: number;
  readonly axis: WindowAxis;
}

/** The phases of an axis; null where one of them would need a negative pad or the residues are not equally many. */
function phasesOf({ input, output, kernel, stride, dilation, padBegin }: WindowAxis): Phase[] | null {
  if (dilation !== 1 || input % stride !== 0) return null;
  const phases = Array.from({ length: stride }, (_, phase) => {
    const first = (phase + padBegin) % stride;
    const taps = Math.max(0, Math.ceil((kernel - first) / stride));
    const begin = taps - 1 - (phase + padBegin - first) / stride;
    const axis = {
      input: output,
      output: input / stride,
      kernel: taps,
      stride: 1,
      dilation: 1,
      padBegin: begin,
      padEnd: 0,
    };
    return { first, taps, axis };
  });
  const fits = phases.every(({ taps, axis }) => taps === 0 || (axis.padBegin >= 0 && overhang(axis) >= 0));
  return fits ? phases : null;
}

/** One convolution of dY per pair of phases; their results interleave to dX. For stride 1 that is one, and nothing interleaves. */
function inputGradientByPhases(
  emit: Emitter,
  weights: string,
  dy: string,
  conv: BlockedConvolution,
  rows: readonly Phase[],
  columns: readonly Phase[],
): string {
  const { batch, depthwise, filters, block, axes } = conv;
  const channels = depthwise ? filters : conv.channels;
  const [height, width] = axes;
  const part = (row: Phase, column: Phase): string => {
    if (row.taps === 0 || column.taps === 0) {
      return emit.op('ConstantOfShape', [emit.ints([batch, channels, row.axis.output, column.axis.output])]);
    }
    const kernel = turnedKernel(emit, weights, conv, row, column);
    const group = { int: depthwise ? channels : 1 };
    return blockedConv(emit, [dy, kernel], [row.axis, column.axis], { group });
  };
  const lines = rows.map((row) => {
    const cells = columns.map((column) => part(row, column));
    return interleave(
      emit,
      cells,
      [(batch * channels) / block, row.axis.output, width.input / width.stride, 1, block],
      3,
    );
  });
  const dx = interleave(
    emit,
    lines,
    [(batch * channels) / block, height.input / height.stride, 1, width.input, block],
    2,
  );
  return rows.length * columns.length === 1
    ? dx
    : emit.op('Reshape', [dx, emit.ints([batch, channels, height.input, width.input])]);
}

/** The taps of a pair of phases turned around, as the kernel of a convolution from y's channels to x's. */
function turnedKernel(
  emit: Emitter,
  weights: string,
  { depthwise, channels, filters, block, axes }: BlockedConvolution,
  row: Phase,
  column: Phase,
): string {
  const [height, width] = axes;
  const taps = height.kernel * width.kernel;
  const [lastRow = 0, lastColumn = 0] = [row, column].map(
    ({ first, taps }, i) => first + (taps - 1) * (axes[i]?.stride ?? 1),
  );
  const last = lastRow * width.kernel + lastColumn;
  const turns: readonly Stride[] = [
    [row.taps, -height.stride * width.kernel],
    [column.taps, -width.stride],
  ];
  const outs = filters / block;
  if (depthwise) {
    const turned = gatherStrided(
      emit,
      weights,
      { vector: block, vectors: outs * taps },
      [[outs, taps], ...turns],
      last,
    );
    return emit.op('Reshape', [turned, emit.ints([filters, 1, row.taps, column.taps])]);
  }
  // tiles of a block of filters and one of channels: their order is turned around, and then the two lanes of each change
  // places, which is what reordering 1 x B positions does
  const ins = channels / block;
  const turned = gatherStrided(
    emit,
    weights,
    { vector: block * block, vectors: ins * outs * taps },
    [[ins, taps], [outs, ins * taps], ...turns],
    last,
  );
  const tiles = ins * outs * row.taps * column.taps;
  const swapped = toBlocked(emit, emit.op('Reshape', [turned, emit.ints([tiles, block, 1, block])]));
  return emit.op('Reshape', [swapped, emit.ints([channels, filters, row.taps, column.taps])]);
}

/**
 * dW[m, c, r, s] = sum over n, i, j of dY[n, m, i, j] * X[n, c, i * stride + r - pad, j * stride + s - pad]: itself a convolution,
 * with the batch as its input channels, dY as its kernel, the stride as its dilation, and the taps (r, s) as its positions.
 *
 * Its channels are blocked along the batch, B images to a block, which one transposition of X gives ([N / B, B, ...] read as
 * channels). The lanes c of X come to lie beside each other along a row, [column, lane], so that one row of the result is the
 * taps s of L channels at once, at distance 1, and a step j of the kernel is L * stride further: the same vector kernel as the
 * forward pass, with enough independent sums to run at its speed. Where a batch does not fill its blocks, its images are cut
 * into strips (see `stripsOf`), which are images as well. Nothing is unfolded; X and dY are each copied once or twice.
 */
function weightGradient(emit: Emitter, x: string, dy: string, conv: BlockedConvolution): string {
  const { channels, filters, block, axes } = conv;
  const [height, width] = axes;
  const strips = stripsOf(conv);
  const depth = channels / strips.lanes;
  // ONNX Runtime divides the work by rows of the result; two halves of the batch, as groups, are divided evenly
  const halves = depth === 1 && height.kernel % 2 === 1 && strips.blocks % 2 === 0 ? 2 : 1;
  const unpadded = { padBegin: 0, padEnd: 0 };
  const taps: Axes = [
    strips.count === 1 ? tapsOf(height) : { ...tapsOf(height), ...unpadded, input: strips.reach, kernel: strips.rows },
    {
      ...unpadded,
      input: strips.columns * strips.lanes,
      kernel: width.output,
      output: width.kernel * strips.lanes,
      stride: 1,
      dilation: width.stride * strips.lanes,
    },
  ];
  const inputs = [inputOfStrips(emit, x, conv, strips), kernelOfStrips(emit, dy, conv, strips, halves)];
  const each = blockedConv(emit, inputs, taps, { group: { int: halves } });
  // rows and columns that no window reads leave room for taps too many
  const [rows, columns] = [tapsFound(taps[0]), tapsFound(taps[1])];
  const all = emit.op('Reshape', [each, emit.ints([depth, halves, filters / block, rows, columns * block])]);
  const tapsOfRow = taps[1].output * block;
  const cropped =
    rows === height.kernel && columns === taps[1].output
      ? all
      : emit.op('Slice', [all, emit.ints([0, 0]), emit.ints([height.kernel, tapsOfRow]), emit.ints([3, 4])]);
  const sum = halves === 1 ? cropped : emit.op('ReduceSum', [cropped, emit.ints([1])], { keepdims: { int: 1 } });
  const perFilter = depth === 1 ? sum : swapRows(emit, sum, [depth, filters / block], height.kernel * tapsOfRow);
  return emit.op('Reshape', [
    strips.lanes === conv.lanes ? perFilter : lanesApart(emit, perFilter, conv),
    emit.ints([filters, channels, height.kernel, width.kernel]),
  ]);
}

/**
 * The same for one channel per filter, where every image and channel is a group of its own: x blocked is one image of all of them, and
 * dY lies as a kernel for each does.
 */
function weightGradientDepthwise(
  emit: Emitter,
  x: string,
  dy: string,
  { batch, filters, block, axes }: BlockedConvolution,
): string {
  const groups = batch * filters;
  const [height, width] = [tapsOf(axes[0]), tapsOf(axes[1])];
  const image = emit.op('Reshape', [x, emit.ints([1, groups, height.input, width.input])]);
  const kernels = emit.op('Reshape', [dy, emit.ints([groups, 1, height.kernel, width.kernel])]);
  const each = blockedConv(emit, [image, kernels], [height, width], { group: { int: groups } });
  const found = [height, width].map(tapsFound);
  const all = emit.op('Reshape', [each, emit.ints([batch, filters / block, ...found, block])]);
  const sum = emit.op('ReduceSum', [all, emit.ints([0])], { keepdims: { int: 0 } });
  const kernel = [height.output, width.output];
  const cropped = found.every((size, i) => size === kernel[i])
    ? sum
    : emit.op('Slice', [sum, emit.ints([0, 0]), emit.ints(kernel), emit.ints([1, 2])]);
  return emit.op('Reshape', [cropped, emit.ints([filters, 1, ...kernel])]);
}

/**
 * The same for one tap: dW^T [C, M] = X^T dY over all images and positions, a product of two matrices once each is copied to have its
 * channels side by side.
 */
function weightGradientPointwise(
  emit: Emitter,
  x: string,
  dy: string,
  { batch, channels, filters, axes }: BlockedConvolution,
): string {
  const positions = elementCount(axes.map(({ output }) => output));
  const rowsOf = (value: string, count: number) => toChannelRows(emit, value, [batch, count, positions]);
  const product = emit.op('Gemm', [rowsOf(x, channels), rowsOf(dy, filters)], { transA: { int: 1 } });
  // a block of filters for each channel is how the weights lie
  return emit.op('Reshape', [
    fromChannelRows(emit, product, [channels, filters]),
    emit.ints([filters, channels, 1, 1]),
  ]);
}

/** The axis along which a weight gradient slides: dY over x, tap by tap. */
function tapsOf(axis: WindowAxis): WindowAxis {
  const { output, kernel, stride, dilation } = axis;
  return { ...axis, output: kernel, kernel: output, stride: dilation, dilation: stride };
}

/** How many taps a convolution along such an axis gives: inputs that no window reads leave room for more than there are. */
const tapsFound = (axis: WindowAxis): number => axis.output + Math.max(0, -overhang(axis));

/** X as what the weight gradient convolves: [C / L, images in strips, rows of a strip, columns * L], blocked along the images. */
function inputOfStrips(emit: Emitter, x: string, conv: BlockedConvolution, strips: Strips): string {
  const { batch, channels, block } = conv;
  const [height, width] = conv.axes;
  const { count, images, rows, reach, columns, blocks, lanes } = strips;
  const depth = channels / lanes;
  // a strip has the rows of padding that it reads; a whole image is padded by the convolution
  const last = (count * rows - 1) * height.stride + height.kernel;
  const margins = {
    above: count === 1 ? 0 : height.padBegin,
    below: count === 1 ? 0 : Math.max(0, last - height.padBegin - height.input),
    before: width.padBegin,
    after: Math.max(0, overhang(width)),
  };
  const tall = margins.above + height.input + margins.below;
  const across = margins.before + width.input + margins.after;
  const beside = lanes === conv.lanes ? x : emit.op('Transpose', [x], { perm: { ints: [0, 2, 3, 1] } });
  const padded = lanes === block ? padImages(emit, x, channels, margins) : padPlain(emit, beside, conv, margins);
  const image = depth * tall * across;
  const whole = padBatch(emit, emit.op('Reshape', [padded, emit.ints([batch, image * lanes])]), batch, images, [
    image * lanes,
  ]);
  const perBlock = images / blocks;
  // whole rows are copied at once
  const unit = columns === across ? across : 1;
  const cut =
    count === 1 && unit === across
      ? whole
      : gatherStrided(emit, whole, { vector: unit * lanes, vectors: (images * image) / unit }, [
          [blocks, (perBlock * image) / unit],
          [count, (rows * height.stride * across) / unit],
          [perBlock, image / unit],
          [depth, (tall * across) / unit],
          [reach, across / unit],
          [columns / unit, 1],
        ]);
  const row = columns * lanes;
  const turned = toBlocked(emit, emit.op('Reshape', [cut, emit.ints([blocks, block, depth * reach, row])]));
  const deep = depth === 1 || blocks === 1 ? turned : swapRows(emit, turned, [blocks, depth], reach * row * block);
  return emit.op('Reshape', [deep, emit.ints([depth, blocks * block, reach, row])]);
}

/** dY as the kernel of that convolution: [groups * M, images in strips / groups, rows, OW]. */
function kernelOfStrips(
  emit: Emitter,
  dy: string,
  { batch, filters, block, axes }: BlockedConvolution,
  { count, images, rows, blocks }: Strips,
  groups: number,
): string {
  const [height, width] = axes;
  const whole = padBatch(emit, dy, batch, images, [filters, height.output, width.output]);
  const below = count * rows - height.output;
  const even = padImages(emit, whole, filters, { above: 0, below, before: 0, after: 0 });
  const strip = rows * width.output;
  const image = (filters / block) * count * strip;
  const perBlock = images / blocks;
  const kernels = gatherStrided(emit, even, { vector: block, vectors: images * image }, [
    [groups, (images / groups) * image],
    [filters / block, count * strip],
    [blocks / groups, perBlock * image],
    [strip, 1],
    [count, strip],
    [perBlock, image],
  ]);
  return emit.op('Reshape', [kernels, emit.ints([groups * filters, (blocks * block) / groups, rows, width.output])]);
}

/** [a, b, length] to [b, a, length]. */
function swapRows(emit: Emitter, value: string, [a, b]: readonly [number, number], length: number): string {
  return gatherStrided(emit, value, { vector: length, vectors: a * b }, [
    [b, 1],
    [a, b],
  ]);
}

/** From [M / B, ...kernel, C, B of M], the channels beside each other, to [M / B, C, ...kernel, B of M]. */
function lanesApart(emit: Emitter, gradient: string, { channels, filters, block, axes }: BlockedConvolution): string {
  const taps = elementCount(axes.map(({ kernel }) => kernel));
  const shaped = emit.op('Reshape', [gradient, emit.ints([filters / block, taps, channels, block])]);
  return emit.op('Transpose', [shaped], { perm: { ints: [0, 2, 1, 3] } });
}

/**
 * How a batch is cut so that a weight gradient's blocks of B images are filled: each image into `count` strips of `rows` rows of
 * dY, which read `reach` rows of X and `columns` columns of it; B / count images to a block, `blocks` of them, `images` in all with those of zeros.
 */
interface Strips {
  readonly count: number;
  readonly rows: number;
  readonly reach: number;
  readonly columns: number;
  readonly blocks: number;
  readonly images: number;
  /** the channels of X that lie beside each other: all, where there are fewer than a block */
  readonly lanes: number;
}

/** The strips with the least to multiply. A cut costs a copy of X: it shall save a tenth. */
function stripsOf({ batch, channels, block, axes }: BlockedConvolution): Strips {
  const [height, width] = axes;
  let best: (Strips & { work: number }) | undefined;
  for (let count = 1; count <= Math.min(block, height.output); count *= 2) {
    const perBlock = block / count;
    const blocks = Math.ceil(batch / perBlock);
    const rows = Math.ceil(height.output / count);
    // an odd number of rows of the result is not divided evenly
    const uneven = channels <= block && blocks % 2 === 1 && height.kernel % 2 === 1;
    const found = uneven ? height.kernel + 1 : height.kernel;
    const work = blocks * block * rows * found * (count === 1 ? 1 : 1.1);
    if (best !== undefined && work >= best.work) continue;
    const reach = count === 1 ? height.input : (rows - 1) * height.stride + height.kernel;
    const columns = (width.output - 1) * width.stride + width.kernel + unreadColumns(width);
    const images = blocks * perBlock;
    best = { count, rows, reach, columns, blocks, images, lanes: Math.min(channels, block), work };
  }
  if (best === undefined) throw new Error('a convolution has rows');
  return best;
}

/**
 * Columns at the end of an image that no window reads, where taps too many cost less than a copy without these columns: up to half as
 * many as there are.
 */
function unreadColumns(width: WindowAxis): number {
  const unread = Math.max(0, -overhang(width));
  return 2 * unread <= width.kernel ? unread : 0;
}

/** How often an index counts, and how many vectors further each time. */
type Stride = readonly [count: number, step: number];

/** Vectors of a value, read in strides from `start` on, the last one fastest: [rows, vector]. What PyTorch calls as_strided. */
function gatherStrided(
  emit: Emitter,
  value: string,
  { vector, vectors }: { readonly vector: number; readonly vectors: number },
  strides: readonly Stride[],
  start = 0,
): string {
  const rows = emit.op('Reshape', [value, emit.ints([vectors, vector])]);
  return emit.gather(rows, `${start}:${strides.join(':')}`, () =>
    strides.reduce((firsts, [count, step]) => {
      const positions = new Int32Array(firsts.length * count);
      for (const [i, first] of firsts.entries()) {
        for (let k = 0; k < count; k++) positions[i * count + k] = first + k * step;
      }
      return positions;
    }, Int32Array.of(start)),
  );
}

/** Rows and columns of zeros around an image. */
interface Margins {
  readonly above: number;
  readonly below: number;
  readonly before: number;
  readonly after: number;
}

/** A blocked value [N, C, H, W] with margins: a convolution of one tap pads faster than a Concat. */
function padImages(emit: Emitter, x: string, channels: number, { above, below, before, after }: Margins): string {
  if ([above, below, before, after].every((pad) => pad === 0)) return x;
  const pads = { ints: [above, before, below, after] };
  return emit.op('Conv', [x, unitKernel(emit, channels)], { ...affineAttributes(channels), pads }, blockedDomain);
}

/** x [N, H, W, C] with margins. */
function padPlain(
  emit: Emitter,
  x: string,
  { batch, channels, axes: [height, width] }: BlockedConvolution,
  { above, below, before, after }: Margins,
): string {
  const row = (before + width.input + after) * channels;
  const lines = emit.op('Reshape', [x, emit.ints([batch, height.input, width.input * channels])]);
  const wide = padRows(emit, lines, [batch, height.input], before * channels, after * channels);
  const image = emit.op('Reshape', [wide, emit.ints([batch, height.input * row])]);
  return padRows(emit, image, [batch], above * row, below * row);
}

/** rows [..., W] with zeros before and after: Concat of zeros, which ONNX Runtime copies faster than it pads. */
function padRows(emit: Emitter, rows: string, outer: readonly number[], begin: number, end: number): string {
  if (begin === 0 && end === 0) return rows;
  const zeros = (width: number) => emit.op('ConstantOfShape', [emit.ints([...outer, width])]);
  const parts = [...(begin > 0 ? [zeros(begin)] : []), rows, ...(end > 0 ? [zeros(end)] : [])];
  return emit.concat(parts, outer.length);
}

/** Images of zeros after the batch: they add nothing to a sum over it. */
function padBatch(emit: Emitter, x: string, batch: number, images: number, shape: readonly number[]): string {
  if (images === batch) return x;
  const zeros = emit.op('ConstantOfShape', [emit.ints([images - batch, ...shape])]);
  return emit.concat([x, zeros], 0);
}
