import { present } from '../contract/present.js';
import type { OptimizerSettings } from '../contract/settings.js';
import type { Emitter } from './emitter.js';

type Kind = OptimizerSettings['kind'];

/** The settings of one kind of optimizer; of any, where the kind is not said. */
type SettingsOf<K extends Kind = Kind> = { [P in K]: Extract<OptimizerSettings, { readonly kind: P }> }[K];

/** What a step reads: the state [rows, size] and the coefficients. */
interface Stepped {
  readonly rows: number;
  readonly size: number;
  /** whether the last row is the running average of the first */
  readonly averaged: boolean;
  readonly input: string;
  readonly coefficients: string;
}

/**
 * How much of the running average of the parameters a step keeps: `average' = D average + (1 - D) p'`, with p' the parameters after the
 * step. A float32, so that 1 - D is exact, and with D all weights together are 1. Null: no average is kept.
 */
export type AverageDecay = number | null;

interface Optimizer<K extends Kind> {
  /** the state per parameter, without an average: [rows, P], row 0 the parameters, the others the optimizer's own */
  readonly rows: number;
  /** the shape of the coefficients that a step is fed with */
  coefficientShape(averaged: boolean): readonly number[];
  coefficients(
    settings: SettingsOf<K>,
    learningRate: number,
    step: number,
    averageDecay: AverageDecay,
  ): readonly number[];
  /** writes one step and returns the new state [rows, size]; gradients lie side by side, [n] each */
  writeStep(emit: Emitter, stepped: Stepped, gradients: readonly string[]): string;
  /** takes the same step in this process's memory: the rows of the state, [n] each, are written over */
  takeStep(rows: readonly Float32Array[], gradient: Float32Array, coefficients: Float32Array): void;
}

const empty = new Float32Array();

/** A row per kind: a new kind without one does not compile. */
const optimizers: { readonly [K in Kind]: Optimizer<K> } = {
  /**
   * SGD as PyTorch has it (Sutskever et al. 2013, without dampening): u = g + wd p, v' = mu v + u, p' = p - lr v', or with
   * Nesterov p' = p - lr (u + mu v'). As a matrix over the rows (p, v, g):
   *   v' = [wd, mu, 1],   p' = [1, 0, 0] - lr v'   (Nesterov: [1, 0, 0] - lr ([wd, 0, 1] + mu v')).
   * An average a is a third row of the state, and of the matrix over (p, v, a, g): a' = D a + (1 - D) p'.
   */
  sgd: {
    rows: 2,
    coefficientShape: (averaged) => (averaged ? [3, 4] : [2, 3]),
    coefficients({ momentum: mu, weightDecay: wd, nesterov }, learningRate, _, averageDecay) {
      const [p, v, g] = nesterov ? [wd + mu * wd, mu * mu, 1 + mu] : [wd, mu, 1];
      const moved = [1 - learningRate * p, -learningRate * v, -learningRate * g] as const;
      if (averageDecay === null) return [...moved, wd, mu, 1];
      const [byP, byV, byG] = moved;
      const fresh = 1 - averageDecay;
      return [byP, byV, 0, byG, wd, mu, 0, 1, fresh * byP, fresh * byV, averageDecay, fresh * byG];
    },
    writeStep(emit, { rows, size, input: state, coefficients: fed }, gradients) {
      const flat = emit.op('Reshape', [state, emit.ints([rows * size])]);
      const stacked = emit.op('Reshape', [emit.concat([flat, ...gradients], 0), emit.ints([rows + 1, size])]);
      return emit.op('MatMul', [fed, stacked]);
    },
    takeStep([parameters = empty, velocity = empty, average], gradient, fed) {
      const columns = average === undefined ? 3 : 4;
      const at = (row: number, column: number): number => fed[row * columns + column] ?? 0;
      const g = columns - 1;
      const [pp, pv, pg, vp, vv] = [at(0, 0), at(0, 1), at(0, g), at(1, 0), at(1, 1)];
      // before the others are written over: it is given by what they were
      if (average !== undefined) {
        const [ap, av, aa, ag] = [at(2, 0), at(2, 1), at(2, 2), at(2, g)];
        for (let i = 0; i < gradient.length; i++) {
          average[i] =
            ap * (parameters[i] ?? 0) + av * (velocity[i] ?? 0) + aa * (average[i] ?? 0) + ag * (gradient[i] ?? 0);
        }
      }
      for (let i = 0; i < gradient.length; i++) {
        const p = parameters[i] ?? 0;
        const v = velocity[i] ?? 0;
        parameters[i] = pp * p + pv * v + pg * (gradient[i] ?? 0);
        velocity[i] = vp * p + vv * v + (gradient[i] ?? 0);
      }
    },
  },

  /**
   * AdamW (Loshchilov and Hutter 2019, algorithm 2): the decay factor 1 - lr wd, the two betas, the step size
   * lr / (1 - beta1^t), 1 / (1 - beta2^t) for the second moment, and epsilon. The rows are parameters, first and second moment.
   * The average's D is the last coefficient, 1 where there is none.
   */
  adamw: {
    rows: 3,
    coefficientShape: () => [7],
    coefficients({ beta1, beta2, epsilon, weightDecay }, learningRate, step, averageDecay) {
      return [
        1 - learningRate * weightDecay,
        beta1,
        beta2,
        learningRate / (1 - beta1 ** step),
        1 / (1 - beta2 ** step),
        epsilon,
        averageDecay ?? 1,
      ];
    },
    writeStep(emit, { rows, averaged, input: state, coefficients: fed }, gradients) {
      const gradient = emit.concat(gradients, 0);
      const along = { axis: { int: 0 } };
      const [decay, beta1, beta2, rate, correction, epsilon, kept] = emit.ops('Split', [fed], 7, {
        ...along,
        num_outputs: { int: 7 },
      });
      const parts: readonly string[] = emit.ops('Split', [state], rows, { ...along, num_outputs: { int: rows } });
      const row = (i: number): string => present(parts[i], `row ${i} of the state`);
      const [parameters, first, second] = [row(0), row(1), row(2)];
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
      const smoothed = averaged ? [average(row(3), moved, kept)] : [];
      return emit.op('Concat', [moved, newFirst, newSecond, ...smoothed], along);
    },
    takeStep([parameters = empty, first = empty, second = empty, average], gradient, fed) {
      const [decay = 1, beta1 = 0, beta2 = 0, rate = 0, correction = 1, epsilon = 0, kept = 1] = fed;
      for (let i = 0; i < gradient.length; i++) {
        const g = gradient[i] ?? 0;
        const m = g + beta1 * ((first[i] ?? 0) - g);
        const v = g * g + beta2 * ((second[i] ?? 0) - g * g);
        first[i] = m;
        second[i] = v;
        parameters[i] = decay * (parameters[i] ?? 0) - (rate * m) / (Math.sqrt(v * correction) + epsilon);
      }
      if (average === undefined) return;
      for (let i = 0; i < gradient.length; i++) {
        const p = parameters[i] ?? 0;
        average[i] = p + kept * ((average[i] ?? 0) - p);
      }
    },
  },
};

/**
 * The rows of the state [rows, P]: row 0 the parameters, then the optimizer's own (momentum; first and second moment), last the average
 * of the parameters, where there is one.
 */
export function stateRows({ kind }: OptimizerSettings, averaged = false): number {
  return optimizers[kind].rows + (averaged ? 1 : 0);
}

/** The shape of the coefficients that a step is fed with. */
export function coefficientShape({ kind }: OptimizerSettings, averaged = false): readonly number[] {
  return optimizers[kind].coefficientShape(averaged);
}

/** The coefficients of step `step` (from 1) at a learning rate, of the shape `coefficientShape`, row by row. */
export function coefficients<K extends Kind>(
  settings: SettingsOf<K>,
  learningRate: number,
  step: number,
  averageDecay: AverageDecay = null,
): Float32Array {
  const kind: K = settings.kind;
  return Float32Array.from(optimizers[kind].coefficients(settings, learningRate, step, averageDecay));
}

/**
 * The D of step `step` (from 1): the one that was asked for, or less at first, min(D, (1 + t) / (10 + t)), so that the start weighs no more than it
 * must (as TensorFlow's ExponentialMovingAverage has it).
 */
export function averageDecayAt(decay: number, step: number): number {
  return Math.fround(Math.min(decay, (1 + step) / (10 + step)));
}

/** Writes one step: returns the new state [rows, size]. `gradients` lie side by side, [n] each, `size` of all together. */
export function writeStep(
  emit: Emitter,
  { optimizer, ...stepped }: Stepped & { readonly optimizer: OptimizerSettings },
  gradients: readonly string[],
): string {
  return optimizers[optimizer.kind].writeStep(emit, stepped, gradients);
}

/**
 * Takes one step in this process's memory: `rows`, of `stateRows`, are written over with what `writeStep` gives; a row, and the gradient, is [n].
 */
export function takeStep(
  { kind }: OptimizerSettings,
  rows: readonly Float32Array[],
  gradient: Float32Array,
  coefficients: Float32Array,
): void {
  optimizers[kind].takeStep(rows, gradient, coefficients);
}

/** Scales gradients [P] of all groups so that their joint Euclidean norm is at most `limit`; of none where nothing is trained. */
export function clipByNorm(emit: Emitter, gradients: readonly string[], limit: number): string[] {
  if (gradients.length === 0) return [];
  const squares = gradients.map((gradient) =>
    emit.op('ReduceSum', [emit.op('Mul', [gradient, gradient])], { keepdims: { int: 0 } }),
  );
  const norm = emit.op('Sqrt', [squares.reduce((left, right) => emit.op('Add', [left, right]))]);
  const scale = emit.op('Div', [emit.float(limit), emit.op('Max', [norm, emit.float(limit)])]);
  return gradients.map((gradient) => emit.op('Mul', [gradient, scale]));
}

export type FourRows = readonly [Float32Array, Float32Array, Float32Array, Float32Array];

/** Adds four rows to a sum in place, each multiplied by one of four weights. */
export function addWeighted(sum: Float32Array, [a, b, c, d]: FourRows, weights: Float32Array): void {
  const [w = 0, x = 0, y = 0, z = 0] = weights;
  for (let i = 0; i < sum.length; i++) {
    sum[i] = (sum[i] ?? 0) + w * (a[i] ?? 0) + x * (b[i] ?? 0) + y * (c[i] ?? 0) + z * (d[i] ?? 0);
  }
}
