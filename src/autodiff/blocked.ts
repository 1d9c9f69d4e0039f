import { create } from '@bufbuild/protobuf';
import { FunctionProtoSchema, type ModelProto, OperatorSetIdProtoSchema } from 'onnx-buf';
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
 * Makes a model import what blocked nodes need: the domain, and the function BatchScale(x, gamma, beta, epsilon, rows, parts)
 * that gives what a normalization by the statistics of the batch multiplies and adds per channel:
 *   scale = gamma * r, shift = beta - mean * scale, with the batch's mean, its biased variance, and r = 1 / sqrt(variance + epsilon).
 * The variance is E[x^2] - mean^2, which is exact enough where x lies near zero: callers take the running mean off first.
 * `rows` and `parts` are the two shapes of `channelMeans`.
 */
export function importBlocked(model: ModelProto, opset: number): void {
  const domains = [blockedDomain, functionDomain];
  for (const domain of domains) {
    if (model.opsetImport.some((entry) => entry.domain === domain)) continue;
    model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain, version: 1n }));
  }
  if (model.functions.some(({ domain, name }) => domain === functionDomain && name === batchScale)) return;
  const keep = { keepdims: { int: 0 } };
  const pooled = (x: string, y: string) => [
    makeNode('Reshape', [x, 'rows'], [`${y}/rows`]),
    makeNode('GlobalAveragePool', [`${y}/rows`], [`${y}/row`], {}, '', blockedDomain),
    makeNode('Reshape', [`${y}/row`, 'parts'], [`${y}/parts`]),
    makeNode('ReduceMean', [`${y}/parts`, 'axes'], [`${y}/blocks`], keep),
    makeNode('Reshape', [`${y}/blocks`, 'flat'], [y]),
  ];
  const constant = (tensor: ReturnType<typeof floatTensor>) =>
    makeNode('Constant', [], [tensor.name], { value: { tensor } });
  model.functions.push(
    create(FunctionProtoSchema, {
      domain: functionDomain,
      name: batchScale,
      input: ['x', 'gamma', 'beta', 'epsilon', 'rows', 'parts'],
      output: ['scale', 'shift', 'mean', 'variance', 'r'],
      opsetImport: [
        create(OperatorSetIdProtoSchema, { version: BigInt(opset) }),
        create(OperatorSetIdProtoSchema, { domain: blockedDomain, version: 1n }),
      ],
      node: [
        constant(int64Tensor('axes', [2], [0, 2])),
        constant(int64Tensor('flat', [1], [-1])),
        constant(floatTensor('zero', [], [0])),
        constant(floatTensor('one', [], [1])),
        ...pooled('x', 'mean'),
        makeNode('Mul', ['x', 'x'], ['squares']),
        ...pooled('squares', 'power'),
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

/**
 * The shapes through which a blocked value [N, C, H, W] is averaged per channel: first its rows by the pooling kernel, which
 * adds vectors, then the rows' means. In one go the kernel would add H * W numbers one after another, and the gradient of
 * a normalization, a small difference of such sums, would show it.
 */
export function channelMeans(shape: readonly number[], block: number) {
  const [batch = 1, channels = 1, height = 1, width = 1] = shape;
  const depth = channels / block;
  return { rows: [batch * depth * height, block, 1, width], parts: [batch, depth, height, block] };
}

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
  // it moves to after whatever gives the other one
  emit.nodes.splice(emit.nodes.indexOf(conv), 1);
  emit.nodes.push(conv);
  return outputOf(conv);
}
