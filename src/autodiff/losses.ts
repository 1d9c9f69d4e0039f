import type { LossKind } from '../contract/settings.js';
import { intAttribute } from '../model/attributes.js';
import type { Graph, NodeProto } from '../model/graph.js';
import { DataType, elementCount } from '../model/tensor.js';
import type { Emitter } from './emitter.js';
import { inputOf } from './operands.js';

/** Where the loss reads the model: before a final Softmax or Sigmoid, so that nothing is trained through it. */
export interface LossInput {
  readonly value: string;
  /** the final activation that the loss takes over; 'none' where the model gives logits (or regression values) itself */
  readonly activation: 'softmax' | 'log-softmax' | 'sigmoid' | 'none';
}

export interface Loss {
  /** the mean loss over the batch, shape [] */
  readonly loss: string;
  /** dL/d(the value that the loss reads), its shape */
  readonly gradient: string;
}

interface LossFunction {
  /** what the loss takes over where `node` gives the model's output of that rank */
  takesOver(node: NodeProto, opset: number, rank: number): LossInput['activation'];
  write(emit: Emitter, value: string, targets: string, shape: readonly number[]): Loss;
}

/** A row per kind: a new kind without one does not compile. Only operators that every provider has: LogSoftmax has no WebGPU kernel. */
const losses: Readonly<Record<LossKind, LossFunction>> = {
  /** With z = x - max x: L = log sum e^z - sum t z (t sums to 1), dL/dx = softmax(x) - t. The mean is over samples and positions. */
  'cross-entropy': {
    takesOver(node, opset, rank) {
      if (node.opType !== 'Softmax' && node.opType !== 'LogSoftmax') return 'none';
      const axis = intAttribute(node, 'axis', opset >= 13 ? -1 : 1);
      if ((axis + rank) % rank !== classAxis(rank)) return 'none';
      return node.opType === 'Softmax' ? 'softmax' : 'log-softmax';
    },
    write(emit, value, targets, shape) {
      const axis = classAxis(shape.length);
      const positions = elementCount(shape.toSpliced(axis, 1));
      const axes = emit.ints([axis]);
      const keep = { keepdims: { int: 1 } };
      const shifted = emit.op('Sub', [value, emit.op('ReduceMax', [value, axes], keep)]);
      const exponentials = emit.op('Exp', [shifted]);
      const normaliser = emit.op('ReduceSum', [exponentials, axes], keep);
      const fit = emit.op('ReduceSum', [emit.op('Mul', [targets, shifted]), axes], keep);
      const loss = mean(emit, emit.op('Sub', [emit.op('Log', [normaliser]), fit]), positions);
      const difference = emit.op('Sub', [emit.op('Div', [exponentials, normaliser]), targets]);
      return { loss, gradient: emit.op('Mul', [difference, emit.float(1 / positions)]) };
    },
  },

  /** L = max(x, 0) - x t + log(1 + e^-|x|), dL/dx = sigmoid(x) - t; |x| = max(x, -x). The mean is over all elements. */
  'binary-cross-entropy': {
    takesOver: (node) => (node.opType === 'Sigmoid' ? 'sigmoid' : 'none'),
    write(emit, value, targets, shape) {
      const count = elementCount(shape);
      const negative = emit.op('Neg', [value]);
      const tail = emit.op('Log', [
        emit.op('Add', [emit.op('Exp', [emit.op('Min', [value, negative])]), emit.float(1)]),
      ]);
      const head = emit.op('Sub', [emit.op('Relu', [value]), emit.op('Mul', [value, targets])]);
      const difference = emit.op('Sub', [emit.op('Sigmoid', [value]), targets]);
      return {
        loss: mean(emit, emit.op('Add', [head, tail]), count),
        gradient: emit.op('Mul', [difference, emit.float(1 / count)]),
      };
    },
  },

  /** L = (x - t)^2, dL/dx = 2 (x - t). The mean is over all elements. */
  mse: {
    takesOver: () => 'none',
    write(emit, value, targets, shape) {
      const count = elementCount(shape);
      const difference = emit.op('Sub', [value, targets]);
      return {
        loss: mean(emit, emit.op('Mul', [difference, difference]), count),
        gradient: emit.op('Mul', [difference, emit.float(2 / count)]),
      };
    },
  },
};

/** Looks for a final Softmax, LogSoftmax or Sigmoid before a graph output. */
export function lossInput(graph: Graph, output: string, kind: LossKind, rank: number): LossInput {
  const node = graph.producer(output);
  const activation = node === undefined ? 'none' : losses[kind].takesOver(node, graph.opset(), rank);
  return node === undefined || activation === 'none'
    ? { value: output, activation: 'none' }
    : { value: inputOf(node, 0), activation };
}

/**
 * Writes a loss and its gradient for `value` of shape [N, ...] against `targets` of the same shape: the mean over samples
 * (and positions) for the cross-entropy, over all elements for the others.
 */
export function writeLoss(
  emit: Emitter,
  kind: LossKind,
  value: string,
  targets: string,
  shape: readonly number[],
): Loss {
  return losses[kind].write(emit, value, targets, shape);
}

/** How a loss is held against masks: targets that are the number of a class for each position, below 0 for positions that do not count. */
export interface MaskLoss {
  /** where the classes lie in the value that the loss reads, [N, ...]: 1 of [N, K, H, W], 3 of [N, H, W, K] */
  readonly axis: number;
  /** label smoothing of the cross-entropy, as for classes */
  readonly smoothing: number;
}

/** The shape of the targets of a loss against masks: of the cross-entropy that of the value without the axis of the classes. */
export function maskTargetShape(kind: LossKind, shape: readonly number[], { axis }: MaskLoss): readonly number[] {
  return kind === 'cross-entropy' ? shape.toSpliced(axis, 1) : shape;
}

/**
 * Writes a loss against masks, and its gradient: the mean over the positions of the batch that count, as
 * torch.nn.functional.cross_entropy has it with `ignore_index` (and binary_cross_entropy_with_logits with weights of 0 and 1). A
 * batch of which no position counts has the loss 0 and no gradient.
 * @throws Error for mse, which has no classes
 */
export function writeMaskLoss(
  emit: Emitter,
  kind: LossKind,
  value: string,
  targets: string,
  shape: readonly number[],
  mask: MaskLoss,
): Loss {
  switch (kind) {
    case 'cross-entropy':
      return writeMaskCrossEntropy(emit, value, targets, shape, mask);
    case 'binary-cross-entropy':
      return writeMaskBinaryCrossEntropy(emit, value, targets);
    case 'mse':
      throw new Error('masks have classes, and mse has none');
  }
}

/**
 * With w = 1 where a position counts, else 0, t the one-hot target times w, z = x - max x and n = max(sum w, 1):
 * L = sum (w log sum e^z - sum t z) / n, dL/dx = (w softmax(x) - t) / n.
 */
function writeMaskCrossEntropy(
  emit: Emitter,
  value: string,
  targets: string,
  shape: readonly number[],
  { axis, smoothing }: MaskLoss,
): Loss {
  const classes = elementCount(shape.slice(axis, axis + 1));
  const axes = emit.ints([axis]);
  const keep = { keepdims: { int: 1 } };
  const numbers = emit.float(
    Array.from({ length: classes }, (_, label) => label),
    shape.map((_, at) => (at === axis ? classes : 1)),
  );
  const labels = emit.op('Reshape', [targets, emit.ints(shape.with(axis, 1))]);
  const oneHot = emit.op('Cast', [emit.op('Equal', [labels, numbers])], { to: { int: DataType.FLOAT } });
  // a position whose number is that of no class has zeros alone
  const weight = emit.op('ReduceSum', [oneHot, axes], keep);
  const wanted =
    smoothing === 0
      ? oneHot
      : emit.op('Add', [
          emit.op('Mul', [oneHot, emit.float(1 - smoothing)]),
          emit.op('Mul', [weight, emit.float(smoothing / classes)]),
        ]);
  const shifted = emit.op('Sub', [value, emit.op('ReduceMax', [value, axes], keep)]);
  const exponentials = emit.op('Exp', [shifted]);
  const normaliser = emit.op('ReduceSum', [exponentials, axes], keep);
  const fit = emit.op('ReduceSum', [emit.op('Mul', [wanted, shifted]), axes], keep);
  const terms = emit.op('Sub', [emit.op('Mul', [weight, emit.op('Log', [normaliser])]), fit]);
  const share = emit.op('Div', [weight, normaliser]);
  const difference = emit.op('Sub', [emit.op('Mul', [exponentials, share]), wanted]);
  return counted(emit, terms, difference, weight);
}

/** With t in {0, 1} and w as above: the terms of the binary cross-entropy times w, over n. */
function writeMaskBinaryCrossEntropy(emit: Emitter, value: string, targets: string): Loss {
  const weight = emit.op('Min', [emit.op('Add', [targets, emit.float(1)]), emit.float(1)]);
  const labels = emit.op('Relu', [targets]);
  const negative = emit.op('Neg', [value]);
  const tail = emit.op('Log', [emit.op('Add', [emit.op('Exp', [emit.op('Min', [value, negative])]), emit.float(1)])]);
  const head = emit.op('Sub', [emit.op('Relu', [value]), emit.op('Mul', [value, labels])]);
  const difference = emit.op('Sub', [emit.op('Sigmoid', [value]), labels]);
  return counted(
    emit,
    emit.op('Mul', [weight, emit.op('Add', [head, tail])]),
    emit.op('Mul', [weight, difference]),
    weight,
  );
}

/** The sum of terms, and the gradient, over the number of positions that count. */
function counted(emit: Emitter, terms: string, gradient: string, weight: string): Loss {
  const all = { keepdims: { int: 0 } };
  const count = emit.op('Max', [emit.op('ReduceSum', [weight], all), emit.float(1)]);
  return {
    loss: emit.op('Div', [emit.op('ReduceSum', [terms], all), count]),
    gradient: emit.op('Div', [gradient, count]),
  };
}

/** How much of a loss is against a teacher, and at which temperature. */
export interface Distillation {
  /** W, in [0, 1] */
  readonly weight: number;
  /** T, positive; 1 for mse, which has no logits */
  readonly temperature: number;
}

/** What a loss is held against: both of the value's shape. */
interface TaughtTargets {
  /** the labels; null where the teacher alone counts (W = 1) */
  readonly hard: string | null;
  /** what the teacher says at the temperature: softmax(its logits / T), or sigmoid; for mse its values */
  readonly soft: string;
}

/**
 * The loss of a model that has a teacher beside its labels, and its gradient (Hinton, Vinyals, Dean 2015):
 *   L = (1 - W) loss(z, hard) + W T^2 loss(z / T, soft),  dL/dz = (1 - W) loss'(z, hard) + W T loss'(z / T, soft).
 * T^2 keeps the second gradient's size what it is at T = 1: it falls as 1 / T^2 otherwise.
 */
export function writeTaughtLoss(
  emit: Emitter,
  kind: LossKind,
  value: string,
  { hard, soft }: TaughtTargets,
  shape: readonly number[],
  { weight, temperature }: Distillation,
): Loss {
  const times = (name: string, factor: number): string =>
    factor === 1 ? name : emit.op('Mul', [name, emit.float(factor)]);
  const share = hard === null ? 1 : weight;
  const taught = writeLoss(emit, kind, times(value, 1 / temperature), soft, shape);
  const own = {
    loss: times(taught.loss, share * temperature ** 2),
    gradient: times(taught.gradient, share * temperature),
  };
  if (hard === null) return own;
  const labelled = writeLoss(emit, kind, value, hard, shape);
  const add = (a: string, b: string): string => emit.op('Add', [times(a, 1 - weight), b]);
  return { loss: add(labelled.loss, own.loss), gradient: add(labelled.gradient, own.gradient) };
}

/** The axis of the classes: the last of [N, K], axis 1 of maps [N, K, H, W]. */
function classAxis(rank: number): number {
  return rank > 2 ? 1 : rank - 1;
}

/** The sum of `terms`, divided by `count`. */
function mean(emit: Emitter, terms: string, count: number): string {
  return emit.op('Mul', [emit.op('ReduceSum', [terms], { keepdims: { int: 0 } }), emit.float(1 / count)]);
}
