import type { LossKind } from '../contract/settings.js';
import { intAttribute } from '../model/attributes.js';
import type { Graph } from '../model/graph.js';
import { elementCount } from '../model/tensor.js';
import type { Emitter } from './emitter.js';

/** Where the loss reads the model: before a final Softmax or Sigmoid, so that nothing is trained through it. */
export interface LossInput {
  readonly value: string;
  /** the final activation that the loss takes over; 'none' where the model gives logits (or regression values) itself */
  readonly activation: 'softmax' | 'log-softmax' | 'sigmoid' | 'none';
}

/** Looks for a final Softmax, LogSoftmax or Sigmoid before a graph output. */
export function lossInput(graph: Graph, output: string, kind: LossKind, rank: number): LossInput {
  const node = graph.producer(output);
  const input = node?.input[0];
  if (node === undefined || input === undefined || kind === 'mse') return { value: output, activation: 'none' };
  if (kind === 'cross-entropy' && (node.opType === 'Softmax' || node.opType === 'LogSoftmax')) {
    const axis = intAttribute(node, 'axis', graph.opset() >= 13 ? -1 : 1);
    if ((axis + rank) % rank === classAxis(rank)) {
      return { value: input, activation: node.opType === 'Softmax' ? 'softmax' : 'log-softmax' };
    }
  }
  if (kind === 'binary-cross-entropy' && node.opType === 'Sigmoid') return { value: input, activation: 'sigmoid' };
  return { value: output, activation: 'none' };
}

/** The axis of the classes: the last of [N, K], axis 1 of maps [N, K, H, W]. */
function classAxis(rank: number): number {
  return rank > 2 ? 1 : rank - 1;
}

export interface Loss {
  /** the mean loss over the batch, shape [] */
  readonly loss: string;
  /** dL/d(the value that the loss reads), its shape */
  readonly gradient: string;
}

/**
 * Writes a loss and its gradient for `value` of shape [N, ...] against `targets` of the same shape.
 * The mean is over samples (and positions) for the cross-entropies, over all elements for `mse`.
 *
 * cross-entropy: with z = x - max x, L = log sum e^z - sum t z (t sums to 1), dL/dx = softmax(x) - t.
 * binary: L = max(x, 0) - x t + log(1 + e^-|x|), dL/dx = sigmoid(x) - t; |x| = max(x, -x).
 * Only operators that every provider has: LogSoftmax has no WebGPU kernel.
 */
export function writeLoss(
  emit: Emitter,
  kind: LossKind,
  value: string,
  targets: string,
  shape: readonly number[],
): Loss {
  const mean = (terms: string, count: number): string =>
    emit.op('Mul', [emit.op('ReduceSum', [terms], { keepdims: { int: 0 } }), emit.float(1 / count)]);
  switch (kind) {
    case 'cross-entropy': {
      const axis = classAxis(shape.length);
      const positions = elementCount(shape) / (shape[axis] ?? 1);
      const axes = emit.ints([axis]);
      const keep = { keepdims: { int: 1 } };
      const shifted = emit.op('Sub', [value, emit.op('ReduceMax', [value, axes], keep)]);
      const exponentials = emit.op('Exp', [shifted]);
      const normaliser = emit.op('ReduceSum', [exponentials, axes], keep);
      const fit = emit.op('ReduceSum', [emit.op('Mul', [targets, shifted]), axes], keep);
      const loss = mean(emit.op('Sub', [emit.op('Log', [normaliser]), fit]), positions);
      const difference = emit.op('Sub', [emit.op('Div', [exponentials, normaliser]), targets]);
      return { loss, gradient: emit.op('Mul', [difference, emit.float(1 / positions)]) };
    }
    case 'binary-cross-entropy': {
      const count = elementCount(shape);
      const negative = emit.op('Neg', [value]);
      const tail = emit.op('Log', [
        emit.op('Add', [emit.op('Exp', [emit.op('Min', [value, negative])]), emit.float(1)]),
      ]);
      const head = emit.op('Sub', [emit.op('Relu', [value]), emit.op('Mul', [value, targets])]);
      const difference = emit.op('Sub', [emit.op('Sigmoid', [value]), targets]);
      return {
        loss: mean(emit.op('Add', [head, tail]), count),
        gradient: emit.op('Mul', [difference, emit.float(1 / count)]),
      };
    }
    case 'mse': {
      const count = elementCount(shape);
      const difference = emit.op('Sub', [value, targets]);
      return {
        loss: mean(emit.op('Mul', [difference, difference]), count),
        gradient: emit.op('Mul', [difference, emit.float(2 / count)]),
      };
    }
  }
}
