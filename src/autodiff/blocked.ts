import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  FunctionProtoSchema,
  type ModelProto,
  OperatorSetIdProtoSchema,
} from 'onnx-buf';
import { type Attributes, makeNode } from '../model/graph.js';
import { floatTensor, int64Tensor } from '../model/tensor.js';
import type { Emitter } from './emitter.js';
import { outputOf } from './operands.js';
import { type WindowAxis, windowAttributes } from './window.js';

/**
 * ONNX Runtime's own domain for tensors in blocked channel layout, NCHWc: a value declared [N, C, H, W] lies in memory as
 * [N, C / B, H, W, B], B the vector width. Its convolutions run at the processor's peak where the plain ones reach a third
 * of it. ONNX Runtime itself only uses them where weights are constants; here the weights are brought into their order by
 * ordinary nodes, so that they can be trained. The domain is not a documented interface: `findBlockSize` (runtime/) tries it
 * out before it is used, and everything works without it.
 */
export const blockedDomain = 'com.microsoft.nchwc';

/** x [N, C, H, W] from plain to blocked layout; C a multiple of the block. */
export function toBlocked(emit: Emitter, x: string): string {
  return emit.op('ReorderInput', [x], {}, blockedDomain);
}

/** x from blocked to plain layout. */
export function toPlain(emit: Emitter, x: string, channels: number): string {
  return emit.op('ReorderOutput', [x], { channels: { int: channels } }, blockedDomain);
}

/** x [N, C, H, W] from blocked layout to rows of channels, [N * H * W, C], by ONNX Runtime's own kernel: for small maps twice as fast as a Gather. */
export function toChannelRows(
  emit: Emitter,
  x: string,
  [batch, channels, positions]: readonly [batch: number, channels: number, positions: number],
): string {
  const attributes = { channels: { int: channels }, channels_last: { int: 1 } };
  const rows = emit.op('ReorderOutput', [x], attributes, blockedDomain);
  return emit.op('Reshape', [rows, emit.ints([batch * positions, channels])]);
}

/** Rows of channels, [H * W, C], as a blocked image [1, C, H * W, 1]; C a multiple of the block. */
export function fromChannelRows(emit: Emitter, rows: string, [positions, channels]: readonly [number, number]): string {
  const image = emit.op('Reshape', [rows, emit.ints([1, positions, 1, channels])]);
  return emit.op('ReorderInput', [image], { channels_last: { int: 1 } }, blockedDomain);
}

/**
 * A convolution of blocked tensors, groups of one. `weights` are declared [M, C, ...kernel] and lie as
 * [M / B, C / B, ...kernel, B of C, B of M]; with fewer than B channels x is plain, and they lie as [M / B, C, ...kernel, B of M].
 */
export function blockedConv(
  emit: Emitter,
  inputs: readonly string[],
  axes: readonly WindowAxis[],
  attributes: Attributes = {},
): string {
  return emit.op('Conv', inputs, { ...convAttributes(axes), ...attributes }, blockedDomain);
}

export function convAttributes(axes: readonly WindowAxis[]): Attributes {
  return { ...windowAttributes(axes), group: { int: 1 }, auto_pad: { string: 'NOTSET' } };
}

/**
 * How the weights [filters, channels, taps] of a blocked convolution lie: [filters / block, channels / lanes, taps, lanes, block].
 * Lanes are the block, or 1 where there are fewer channels.
 */
export interface WeightOrder {
  readonly filters: number;
  readonly channels: number;
  readonly taps: number;
  readonly block: number;
  readonly lanes: number;
}

/** Weights in the other order: from the one that ONNX has to that of a blocked convolution, or back. */
export function reorderWeights(values: Float32Array, order: WeightOrder, to: 'blocked' | 'plain'): Float32Array {
  const { filters, channels, taps, block, lanes } = order;
  const reordered = new Float32Array(values.length);
  const next = channels * taps;
  // `block` filters lie beside each other in one order, `next` apart in the other
  let vector = 0;
  for (let m = 0; m < filters; m += block) {
    for (let c = 0; c < channels; c += lanes) {
      for (let tap = 0; tap < taps; tap++) {
        for (let lane = c; lane < c + lanes; lane++, vector += block) {
          let plain = (m * channels + lane) * taps + tap;
          for (let i = vector; i < vector + block; i++, plain += next) {
            if (to === 'blocked') reordered[i] = values[plain] ?? 0;
            else reordered[plain] = values[i] ?? 0;
          }
        }
      }
    }
  }
  return reordered;
}

/** The domain of functions of our own: nodes with a gradient rule and a body that ONNX Runtime inlines. */
export const functionDomain = 'frelu';
export const batchScale = 'BatchScale';

/**
 * Makes a model import what blocked nodes need: the domain, and the function BatchScale(x, gamma, beta, epsilon, image, kernel, parts, share)
 * that gives what a normalization by the statistics of the batch multiplies and adds per channel:
 *   scale = gamma * r, shift = beta - mean * scale, with the batch's mean, its biased variance, and r = 1 / sqrt(variance + epsilon).
 * The variance is E[x^2] - mean^2, which is exact enough where x lies near zero: callers take the running mean off first.
 * `image`, `kernel` and `parts` are the shapes of `summedRows`, `share` is 1 over the positions of a row, and the attribute `group` its groups.
 */
export function importBlocked(model: ModelProto, opset: number): void {
  const domains = [blockedDomain, functionDomain];
  for (const domain of domains) {
    if (model.opsetImport.some((entry) => entry.domain === domain)) continue;
    model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain, version: 1n }));
  }
  if (model.functions.some(({ domain, name }) => domain === functionDomain && name === batchScale)) return;
  const keep = { keepdims: { int: 0 } };
  const averaged = (rows: string, y: string) => [
    makeNode('Reshape', [rows, 'parts'], [`${y}/parts`]),
    makeNode('ReduceMean', [`${y}/parts`, 'axes'], [`${y}/blocks`], keep),
    makeNode('Reshape', [`${y}/blocks`, 'flat'], [y]),
  ];
  const constant = (tensor: ReturnType<typeof floatTensor>) =>
    makeNode('Constant', [], [tensor.name], { value: { tensor } });
  const squares = makeNode(
    'Conv',
    ['rows', 'filters'],
    ['squares'],
    { auto_pad: { string: 'NOTSET' } },
    '',
    blockedDomain,
  );
  squares.attribute.push(
    create(AttributeProtoSchema, { name: 'group', refAttrName: 'group', type: AttributeType.INT }),
  );
  model.functions.push(
    create(FunctionProtoSchema, {
      domain: functionDomain,
      name: batchScale,
      input: ['x', 'gamma', 'beta', 'epsilon', 'image', 'kernel', 'parts', 'share'],
      output: ['scale', 'shift', 'mean', 'variance', 'r'],
      attribute: ['group'],
      opsetImport: [
        create(OperatorSetIdProtoSchema, { version: BigInt(opset) }),
        create(OperatorSetIdProtoSchema, { domain: blockedDomain, version: 1n }),
      ],
      node: [
        constant(int64Tensor('axes', [2], [0, 2])),
        constant(int64Tensor('flat', [1], [-1])),
        constant(floatTensor('zero', [], [0])),
        constant(floatTensor('one', [], [1])),
        makeNode('Reshape', ['x', 'image'], ['rows']),
        makeNode('Reshape', ['x', 'kernel'], ['filters']),
        makeNode('GlobalAveragePool', ['rows'], ['means'], {}, '', blockedDomain),
        ...averaged('means', 'mean'),
        squares,
        ...averaged('squares', 'energy'),
        makeNode('Mul', ['energy', 'share'], ['power']),
        makeNode('Mul', ['mean', 'mean'], ['offset']),
        makeNode('Sub', ['power', 'offset'], ['difference']),
        makeNode('Max', ['difference', 'zero'], ['variance']),
        makeNode('Add', ['variance', 'epsilon'], ['padded']),
        makeNode('Sqrt', ['padded'], ['deviation']),
        makeNode('Div', ['one', 'deviation'], ['r']),
        makeNode('Mul', ['gamma', 'r'], ['scale']),
        makeNode('Mul', ['mean', 'scale'], ['moved']),
        makeNode('Sub', ['beta', 'moved'], ['shift']),
      ],
    }),
  );
}

/** Positions that a kernel adds one after another, as one sum. */
const fewPositions = 256;

/**
 * A blocked value [N, C, H, W] as rows of positions that are summed per channel, each by a kernel that adds vectors: whole maps, or where they are larger
 * their lines. In one go the kernel would add H * W numbers one after another, and the gradient of a normalization, a small difference of such sums,
 * would show it.
 */
export interface SummedRows {
  /** of a map */
  readonly lines: number;
  /** of a row */
  readonly positions: number;
  /** rows as channels: their number times the block */
  readonly groups: number;
  /** the value as an image whose channels are its rows, and as a kernel for each of those */
  readonly image: readonly number[];
  readonly kernel: readonly number[];
  /** the rows' sums: [N, C / B, lines, B] */
  readonly parts: readonly number[];
}

export function summedRows(shape: readonly number[], block: number): SummedRows {
  const [batch = 1, channels = 1, height = 1, width = 1] = shape;
  const lines = height * width <= fewPositions ? 1 : height;
  const positions = (height * width) / lines;
  const groups = batch * channels * lines;
  return {
    lines,
    positions,
    groups,
    image: [1, groups, 1, positions],
    kernel: [groups, 1, 1, positions],
    parts: [batch, channels / block, lines, block],
  };
}

/** The sum of a blocked value [N, C, H, W] over batch and positions, [C]. */
export function channelSums(emit: Emitter, value: string, shape: readonly number[], block: number): string {
  const rows = summedRows(shape, block);
  // whole maps are rows as they are
  const image = rows.lines === 1 ? value : emit.op('Reshape', [value, emit.ints(rows.image)]);
  const means = emit.op('GlobalAveragePool', [image], {}, blockedDomain);
  return emit.op('Mul', [sumOfRows(emit, means, rows, shape), emit.float(rows.positions)]);
}

/**
 * The sum of the products of two blocked values [N, C, H, W] over batch and positions, [C]: each row of the one is all that a depthwise convolution's only
 * window sees, and the same row of the other is its kernel, so that no product is written to memory.
 */
export function channelProducts(
  emit: Emitter,
  [left, right]: readonly [string, string],
  shape: readonly number[],
  block: number,
): string {
  const rows = summedRows(shape, block);
  const image = emit.op('Reshape', [left, emit.ints(rows.image)]);
  const kernel = emit.op('Reshape', [right, emit.ints(rows.kernel)]);
  const group = { int: rows.groups };
  const sums = emit.op('Conv', [image, kernel], { group, auto_pad: { string: 'NOTSET' } }, blockedDomain);
  return sumOfRows(emit, sums, rows, shape);
}

function sumOfRows(emit: Emitter, sums: string, { lines, parts }: SummedRows, shape: readonly number[]): string {
  const [batch = 1, channels = 1] = shape;
  const sum = (value: string, axes: readonly number[]) =>
    emit.op('ReduceSum', [value, emit.ints(axes)], { keepdims: { int: 0 } });
  if (lines === 1) return sum(emit.op('Reshape', [sums, emit.ints([batch, channels])]), [0]);
  const summed = sum(emit.op('Reshape', [sums, emit.ints(parts)]), [0, 2]);
  return emit.op('Reshape', [summed, emit.ints([channels])]);
}

/** Parts side by side along an axis of `shape`, which each of them has. */
export function interleave(emit: Emitter, parts: readonly string[], shape: readonly number[], axis: number): string {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const shaped = parts.map((part) => emit.op('Reshape', [part, emit.ints(shape)]));
  return emit.concat(shaped, axis);
}

/** The weights of a depthwise convolution that leaves every channel as it is. */
export const unitKernel = (emit: Emitter, channels: number): string =>
  emit.float(Array<number>(channels).fill(1), [channels, 1, 1, 1]);

/** x * weights + bias per channel, [C] each, in one pass: a depthwise convolution of one tap. */
export function blockedAffine(
  emit: Emitter,
  x: string,
  weights: string,
  bias: string | undefined,
  channels: number,
): string {
  const kernel = emit.op('Reshape', [weights, emit.ints([channels, 1, 1, 1])]);
  const inputs = bias === undefined ? [x, kernel] : [x, kernel, bias];
  return emit.op('Conv', inputs, affineAttributes(channels), blockedDomain);
}

export function affineAttributes(channels: number): Attributes {
  return {
    kernel_shape: { ints: [1, 1] },
    strides: { ints: [1, 1] },
    dilations: { ints: [1, 1] },
    pads: { ints: [0, 0, 0, 0] },
    group: { int: channels },
    auto_pad: { string: 'NOTSET' },
  };
}

/**
 * The sum of two values of one shape. Where one of them was just written as a blocked convolution that nothing else reads
 * (`isFree`), the convolution takes the other one in as it writes its result, which saves a pass over memory.
 */
export function addToBlocked(emit: Emitter, left: string, right: string, isFree: (value: string) => boolean): string {
  const candidates = emit.nodes.filter(
    (node) =>
      node.domain === blockedDomain &&
      node.opType === 'Conv' &&
      node.input.length < 4 &&
      [left, right].includes(outputOf(node)) &&
      isFree(outputOf(node)) &&
      !node.attribute.some(({ name }) => name === 'activation'),
  );
  const conv = candidates.at(-1);
  if (conv === undefined || left === right) return emit.op('Add', [left, right]);
  while (conv.input.length < 3) conv.input.push('');
  conv.input.push(conv.output[0] === left ? right : left);
  emit.moveLast(conv);
  return outputOf(conv);
}
