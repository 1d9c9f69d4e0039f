import type { Attributes } from '../model/graph.js';
import type { Emitter } from './emitter.js';
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
