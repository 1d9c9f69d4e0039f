import { type StepMemory, stepMemory } from '../autodiff/optimizer-kernels.js';
import { takeStep } from '../autodiff/optimizers.js';
import type { FedParameter, StateGroup, TrainingStep, UpdateByGradients } from '../autodiff/step.js';
import { present } from '../contract/present.js';
import { elementCount } from '../model/tensor.js';
import { float32, type Tensor } from '../runtime/session.js';
import { expand, FactoredGradient, type Product } from './factored-gradient.js';

/** The state's own memory as a graph uses it. Of hundreds of parameters, objects that are made anew for every run would cost as much as their step. */
export interface Binding {
  /** the parameters, by the graph's inputs; whoever runs the graph adds the others */
  readonly feeds: Record<string, Tensor>;
  /** the graph's outputs: gradients, which are written into what the next step is taken by, and others, which are not (null) */
  readonly outputs: Readonly<Record<string, Tensor | null>>;
  /** which of them are gradients, or factors of these */
  readonly gradients: readonly string[];
  /** what the factors of a parameter's gradient are written to, by its name */
  readonly products: ReadonlyMap<string, Product>;
}

/** A parameter in the first row of the state, and its part of the gradient. */
interface Place {
  readonly values: Float32Array;
  readonly gradient: Float32Array | FactoredGradient;
}

/** Groups of one set, end to end: they share their settings, and are stepped at once. What has a factored gradient has a section of its own. */
interface Section {
  readonly group: StateGroup;
  readonly rows: readonly Float32Array[];
  readonly gradient: Float32Array | FactoredGradient;
  /** parts of rows that a step leaves no number in that is larger */
  readonly bounds: readonly { readonly values: Float32Array; readonly bound: number }[];
}

/** Sections begin at a multiple of so many numbers. */
const alignment = 4;
const aligned = (count: number): number => Math.ceil(count / alignment) * alignment;

/**
 * An optimizer's state in this process's memory, which a graph reads its parameters from and steps are taken in. A parameter is in one piece there, though
 * several groups hold parts of it.
 */
export class HostState {
  readonly #clipNorm: number | null;
  /** null: steps are taken number by number */
  readonly #memory: StepMemory | null;
  readonly #sections: readonly Section[];
  /** by the group's input: its part of each row */
  readonly #parts = new Map<string, readonly Float32Array[]>();
  readonly #places = new Map<string, Place>();
  readonly #bindings = new WeakMap<UpdateByGradients, Binding>();
  /** of parts of a batch; none before the first batch in parts */
  #sums: readonly Float32Array[] = [];

  /** All zeros. */
  constructor(groups: readonly StateGroup[], { parameters, clipNorm, upperBounds }: UpdateByGradients) {
    this.#clipNorm = clipNorm;
    const ofParameters = new Map(parameters.map((parameter) => [parameter.name, parameter] as const));
    const runs = runsOf(groups, ofParameters);
    const numbers = runs.reduce((sum, { group, size, factored }) => {
      const gradient = factored === null ? aligned(size) : FactoredGradient.memoryOf(factored.shape);
      return sum + group.rows * aligned(size) + gradient;
    }, 0);
    this.#memory = stepMemory(numbers);
    let used = 0;
    const allocate = (size: number): Float32Array => {
      const from = used;
      used += aligned(size);
      return this.#memory?.floats.subarray(from, from + size) ?? new Float32Array(size);
    };
    this.#sections = runs.map(({ same, group, size, factored }) => {
      const rows = Array.from({ length: group.rows }, () => allocate(size));
      const gradient =
        factored === null ? allocate(size) : new FactoredGradient(factored.shape, allocate, this.#memory?.addWeighted);
      const bounds: { values: Float32Array; bound: number }[] = [];
      let from = 0;
      for (const { input, size: own, slots } of same) {
        this.#parts.set(input, partsOf(rows, from, own));
        for (const { name, from: piece, offset } of slots) {
          if (piece > 0) continue;
          const count = elementCount(present(ofParameters.get(name), `the parameter '${name}'`).shape);
          const parts = partsOf(rows, from + offset, count);
          const values = present(parts[0], `the values of '${name}'`);
          const own =
            gradient instanceof FactoredGradient ? gradient : gradient.subarray(from + offset, from + offset + count);
          this.#places.set(name, { values, gradient: own });
          const bound = upperBounds.get(name);
          // the parameter, and the average of it
          const bounded = group.averageDecay === null ? [values] : [values, ...parts.slice(-1)];
          if (bound !== undefined) bounds.push(...bounded.map((part) => ({ values: part, bound })));
        }
        from += own;
      }
      return { group, rows, gradient, bounds };
    });
  }

  /** How the graph of a step, of whatever batch size, is fed and what it writes to. */
  bindingOf({ update, loss, next }: TrainingStep): Binding {
    if (update.kind === 'in-graph') throw new Error('the graph holds its state itself');
    const known = this.#bindings.get(update);
    if (known !== undefined) return known;
    const feeds: Record<string, Tensor> = {};
    const outputs: Record<string, Tensor | null> = { [loss]: null };
    for (const { output } of next) outputs[output] = null;
    const gradients: string[] = [];
    const products = new Map<string, Product>();
    const give = (output: string, memory: Float32Array, shape: readonly number[]): void => {
      outputs[output] = float32(memory, shape);
      gradients.push(output);
    };
    for (const { name, input, shape, gradient: given } of update.parameters) {
      const { values, gradient } = present(this.#places.get(name), `the state of '${name}'`);
      feeds[input] = float32(values, shape);
      if (given === null) continue;
      if (typeof given === 'string') {
        if (gradient instanceof FactoredGradient) throw new Error(`there is no room for the gradient of '${name}'`);
        give(given, gradient, shape);
        continue;
      }
      const { count } = given;
      const [rows = 0, columns = 0] = shape;
      const product = { left: new Float32Array(count * rows), right: new Float32Array(count * columns), count };
      give(given.left, product.left, [count, rows]);
      give(given.right, product.right, [count, columns]);
      products.set(name, product);
    }
    const binding = { feeds, outputs, gradients, products };
    this.#bindings.set(update, binding);
    return binding;
  }

  /** Whether the gradients of a step can be written here: one that is given as a whole needs room for it. */
  takes({ parameters }: UpdateByGradients): boolean {
    return parameters.every(({ name, gradient }) => {
      return typeof gradient !== 'string' || !(this.#places.get(name)?.gradient instanceof FactoredGradient);
    });
  }

  /** Makes what a run of a whole batch wrote the gradients of the step. */
  take(step: TrainingStep): void {
    for (const [name, product] of this.bindingOf(step).products) {
      const gradient = this.#gradientOf(name);
      if (gradient instanceof FactoredGradient) gradient.set([product]);
      else expand(product, gradient);
    }
  }

  /** A copy of a group's state, [rows, size]. */
  read(input: string): Float32Array {
    const rows = this.#rowsOf(input);
    const size = rows[0]?.length ?? 0;
    const state = new Float32Array(rows.length * size);
    for (const [i, row] of rows.entries()) state.set(row, i * size);
    return state;
  }

  /** Sets a group's state, [rows, size]; it is copied. */
  write(input: string, state: Float32Array): void {
    for (const [i, row] of this.#rowsOf(input).entries()) {
      row.set(state.subarray(i * row.length, (i + 1) * row.length));
    }
  }

  /**
   * Adds the gradients of a part of a batch to those of the parts before it.
   * @param share of the part in the batch
   */
  addUp(step: TrainingStep, share: number, isFirst: boolean): void {
    const whole = this.#wholeGradients();
    if (this.#sums.length === 0) this.#sums = whole.map(({ length }) => new Float32Array(length));
    for (const [name, product] of this.bindingOf(step).products) {
      const gradient = this.#gradientOf(name);
      if (!(gradient instanceof FactoredGradient)) expand(product, gradient);
      else {
        if (isFirst) gradient.set([]);
        gradient.addUp(product, share);
      }
    }
    for (const [i, gradient] of whole.entries()) {
      const sum = present(this.#sums[i], 'the sum of the gradients');
      for (let k = 0; k < sum.length; k++) sum[k] = (isFirst ? 0 : (sum[k] ?? 0)) + share * (gradient[k] ?? 0);
    }
  }

  /** Makes what was added up the gradients of the step. */
  takeSums(): void {
    for (const [i, gradient] of this.#wholeGradients().entries()) {
      gradient.set(present(this.#sums[i], 'the sum of the gradients'));
    }
  }

  /**
   * Takes one step of the optimizer, by the gradients that were written.
   * @param coefficientsOf what a group's step is taken with, as `coefficients` gives it
   */
  step(coefficientsOf: (group: StateGroup) => Float32Array): void {
    const gradients = this.#sections.map(({ gradient }) => gradient);
    const scale = this.#clipNorm === null ? 1 : clippedBy(gradients, this.#clipNorm);
    const take = this.#memory?.takeStep ?? takeStep;
    for (const { group, rows, gradient, bounds } of this.#sections) {
      const coefficients = coefficientsOf(group);
      if (gradient instanceof FactoredGradient) {
        for (const { from, gradient: piece } of gradient.pieces(scale)) {
          take(group.optimizer, partsOf(rows, from, piece.length), piece, coefficients);
        }
      } else {
        if (scale !== 1) multiply(gradient, scale);
        take(group.optimizer, rows, gradient, coefficients);
      }
      for (const { values, bound } of bounds) lower(values, bound);
    }
  }

  #gradientOf(name: string): Float32Array | FactoredGradient {
    return present(this.#places.get(name), `the state of '${name}'`).gradient;
  }

  /** Of the sections whose gradients are there as a whole. */
  #wholeGradients(): readonly Float32Array[] {
    return this.#sections.flatMap(({ gradient }) => (gradient instanceof FactoredGradient ? [] : [gradient]));
  }

  #rowsOf(input: string): readonly Float32Array[] {
    return present(this.#parts.get(input), `the state '${input}'`);
  }
}

/** Groups of one set that follow each other, and the parameter that they are where its gradient is factored. */
interface Run {
  readonly same: StateGroup[];
  readonly group: StateGroup;
  size: number;
  readonly factored: FedParameter | null;
}

function runsOf(groups: readonly StateGroup[], parameters: ReadonlyMap<string, FedParameter>): readonly Run[] {
  const runs: Run[] = [];
  for (const group of groups) {
    const [first] = group.slots;
    const parameter = first === undefined ? undefined : parameters.get(first.name);
    const gradient = parameter?.gradient ?? null;
    const factored = parameter === undefined || gradient === null || typeof gradient === 'string' ? null : parameter;
    const last = runs.at(-1);
    if (last !== undefined && last.group.set === group.set && last.factored === factored) {
      last.same.push(group);
      last.size += group.size;
    } else runs.push({ same: [group], group, size: group.size, factored });
  }
  return runs;
}

const partsOf = (rows: readonly Float32Array[], from: number, size: number): readonly Float32Array[] =>
  rows.map((row) => row.subarray(from, from + size));

/** What gradients are multiplied by so that their joint Euclidean norm is at most `limit`. */
function clippedBy(gradients: readonly (Float32Array | FactoredGradient)[], limit: number): number {
  let squares = 0;
  for (const gradient of gradients) {
    if (gradient instanceof FactoredGradient) squares += gradient.squares;
    else for (let i = 0; i < gradient.length; i++) squares += (gradient[i] ?? 0) ** 2;
  }
  return limit / Math.max(Math.sqrt(squares), limit);
}

function multiply(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = (values[i] ?? 0) * factor;
}

function lower(values: Float32Array, bound: number): void {
  for (let i = 0; i < values.length; i++) values[i] = Math.min(values[i] ?? 0, bound);
}
