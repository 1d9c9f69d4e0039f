import { capturedBy, type NodeProto } from '../model/graph.js';
import { addToBlocked, blockedDomain } from './blocked.js';
import type { Emitter } from './emitter.js';
import { inputOf } from './operands.js';

/**
 * The sum of two gradients of one shape, in as few passes over memory as there can be: what was just spread over that shape (Expand) is added
 * as it was before, and a product, or a blocked convolution, takes the other term in as it writes its result.
 * @param isFree whether a gradient is read by nothing but this sum
 */
export function addGradients(emit: Emitter, left: string, right: string, isFree: (value: string) => boolean): string {
  const isOwn = (value: string): boolean => isFree(value) && !isRead(emit, value);
  return (
    addSpread(emit, left, right, isOwn) ??
    addSpread(emit, right, left, isOwn) ??
    addToBlocked(emit, left, right, isFree)
  );
}

/** `whole` and what was spread over its shape; null where `spread` is no such value, or its shape is needed. */
function addSpread(emit: Emitter, whole: string, spread: string, isOwn: (value: string) => boolean): string | null {
  const expand = written(emit, spread);
  if (expand?.opType !== 'Expand' || whole === spread || !isOwn(spread)) return null;
  const product = written(emit, whole);
  // a blocked convolution adds what has its own shape
  if (product?.domain === blockedDomain) return null;
  emit.takeBack(expand);
  const narrow = inputOf(expand, 0);
  if (product?.opType !== 'Gemm' || product.input.length > 2 || !isOwn(whole)) return emit.op('Add', [whole, narrow]);
  product.input.push(narrow);
  emit.moveLast(product);
  return whole;
}

const written = (emit: Emitter, value: string): NodeProto | undefined =>
  emit.nodes.findLast((node) => node.output.includes(value));

const isRead = (emit: Emitter, value: string): boolean =>
  emit.nodes.some((node) => node.input.includes(value) || capturedBy(node).has(value));
