import type { OptimizerSettings } from '../contract/settings.js';
import type { Emitter } from './emitter.js';

/** The state per parameter: [rows, P], row 0 the parameters, the others the optimizer's own (momentum; first and second moment). */
export function stateRows(optimizer: OptimizerSettings): number {
  return optimizer.kind === 'sgd' ? 2 : 3;
}

/** The shape of the coefficients that a step is fed with. */
export function coefficientShape(optimizer: OptimizerSettings): readonly number[] {
  return optimizer.kind === 'sgd' ? [2, 3] : [6];
}

/**
 * The coefficients of step `step` (from 1) at a learning rate.
 *
 * SGD as PyTorch has it (Sutskever et al. 2013, without dampening): u = g + wd p, v' = mu v + u, p' = p - lr v', or with
 * Nesterov p' = p - lr (u + mu v'). As a matrix over the rows (p, v, g):
 *   v' = [wd, mu, 1],   p' = [1, 0, 0] - lr v'   (Nesterov: [1, 0, 0] - lr ([wd, 0, 1] + mu v')).
 * AdamW (Loshchilov and Hutter 2019, algorithm 2): the decay factor 1 - lr wd, the two betas, epsilon, and the step size
 * lr / (1 - beta1^t) with 1 / (1 - beta2^t) for the second moment.
 */
export function coefficients(optimizer: OptimizerSettings, learningRate: number, step: number): Float32Array {
  if (optimizer.kind === 'sgd') {
    const { momentum: mu, weightDecay: wd, nesterov } = optimizer;
    const velocity = [wd, mu, 1];
    const direction = nesterov ? [wd + mu * wd, mu * mu, 1 + mu] : velocity;
    const [p = 0, v = 0, g = 0] = direction;
    return Float32Array.from([1 - learningRate * p, -learningRate * v, -learningRate * g, ...velocity]);
  }
  const { beta1, beta2, epsilon, weightDecay } = optimizer;
  return Float32Array.from([
    1 - learningRate * weightDecay,
    beta1,
    beta2,
    learningRate / (1 - beta1 ** step),
    1 / (1 - beta2 ** step),
    epsilon,
  ]);
}

/** What a step reads: the state [rows, size] and the coefficients. */
interface Stepped {
  readonly optimizer: OptimizerSettings;
  readonly rows: number;
  readonly size: number;
  readonly input: string;
  readonly coefficients: string;
}

/** Writes one step: returns the new state [rows, size]. `gradients` lie side by side, [1, n] each, `size` of all together. */
export function writeStep(emit: Emitter, stepped: Stepped, gradients: readonly string[]): string {
  const { optimizer, rows, size, input: state, coefficients: fed } = stepped;
  if (optimizer.kind === 'sgd') {
    const flat = emit.op('Reshape', [state, emit.ints([1, rows * size])]);
    const stacked = emit.op('Reshape', [emit.concat([flat, ...gradients], 1), emit.ints([rows + 1, size])]);
    return emit.op('MatMul', [fed, stacked]);
  }
  const gradient = emit.concat(gradients, 1);
  const [decay = '', beta1 = '', beta2 = '', rate = '', correction = '', epsilon = ''] = emit.ops('Split', [fed], 6, {
    axis: { int: 0 },
    num_outputs: { int: 6 },
  });
  const [parameters = '', first = '', second = ''] = emit.ops('Split', [state], 3, {
    axis: { int: 0 },
    num_outputs: { int: 3 },
  });
  /** beta * old + (1 - beta) * fresh, as fresh + beta * (old - fresh) */
  const average = (old: string, fresh: string, beta: string): string =>
    emit.op('Add', [fresh, emit.op('Mul', [beta, emit.op('Sub', [old, fresh])])]);
  const newFirst = average(first, gradient, beta1);
  const newSecond = average(second, emit.op('Mul', [gradient, gradient]), beta2);
  const root = emit.op('Add', [emit.op('Sqrt', [emit.op('Mul', [newSecond, correction])]), epsilon]);
  const moved = emit.op('Sub', [
    emit.op('Mul', [parameters, decay]),
    emit.op('Mul', [rate, emit.op('Div', [newFirst, root])]),
  ]);
  return emit.op('Concat', [moved, newFirst, newSecond], { axis: { int: 0 } });
}

/** Scales gradients [1, P] of all groups so that their joint Euclidean norm is at most `limit`; of none where nothing is trained. */
export function clipByNorm(emit: Emitter, gradients: readonly string[], limit: number): string[] {
  if (gradients.length === 0) return [];
  const squares = gradients.map((gradient) =>
    emit.op('ReduceSum', [emit.op('Mul', [gradient, gradient])], { keepdims: { int: 0 } }),
  );
  const norm = emit.op('Sqrt', [squares.reduce((left, right) => emit.op('Add', [left, right]))]);
  const scale = emit.op('Div', [emit.float(limit), emit.op('Max', [norm, emit.float(limit)])]);
  return gradients.map((gradient) => emit.op('Mul', [gradient, scale]));
}
