import { type StepMemory, stepMemory } from '../autodiff/optimizer-kernels.js';
import { takeStep } from '../autodiff/optimizers.js';
import type { StateGroup, TrainingStep, UpdateByGradients } from '../autodiff/step.js';
import { present } from '../contract/present.js';
import { elementCount } from '../model/tensor.js';
import { float32, type Tensor } from '../runtime/session.js';

/** The state's own memory as a graph uses it. Of hundreds of parameters, objects that are made anew for every run would cost as much as their step. */
export interface Binding {
  /** the parameters, by the graph's inputs; whoever runs the graph adds the others */
  readonly feeds: Record<string, Tensor>;
  /** the graph's outputs: gradients, which are written into what the next step is taken by, and others, which are not (null) */
  readonly outputs: Readonly<Record<string, Tensor | null>>;
  /** which of them are gradients */
  readonly gradients: readonly string[];
}

/** A parameter in the first row of the state, and its part of the gradient. */
interface Place {
  readonly values: Float32Array;
  readonly gradient: Float32Array;
}

/** All groups of one set, end to end: they share their settings, and are stepped at once. */
interface Section {
  readonly group: StateGroup;
  readonly rows: readonly Float32Array[];
  readonly gradient: Float32Array;
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
    const sets = [...new Set(groups.map(({ set }) => set))].map((set) => {
      const same = groups.filter((group) => group.set === set);
      const size = same.reduce((sum, group) => sum + group.size, 0);
      return { same, group: present(same[0], 'a group of the set'), size };
    });
    const numbers = sets.reduce((sum, { group, size }) => sum + (group.rows + 1) * aligned(size), 0);
    this.#memory = stepMemory(numbers);
    let used = 0;
    const allocate = (size: number): Float32Array => {
      const from = used;
      used += aligned(size);
      return this.#memory?.floats.subarray(from, from + size) ?? new Float32Array(size);
    };
    const shapes = new Map(parameters.map(({ name, shape }) => [name, shape] as const));
    this.#sections = sets.map(({ same, group, size }) => {
      const rows = Array.from({ length: group.rows }, () => allocate(size));
      const gradient = allocate(size);
      const bounds: { values: Float32Array; bound: number }[] = [];
      let from = 0;
      for (const { input, size: own, slots } of same) {
        this.#parts.set(input, partsOf(rows, from, own));
        for (const { name, from: piece, offset } of slots) {
          if (piece > 0) continue;
          const count = elementCount(present(shapes.get(name), `the shape of '${name}'`));
          const parts = partsOf(rows, from + offset, count);
          const values = present(parts[0], `the values of '${name}'`);
          this.#places.set(name, { values, gradient: gradient.subarray(from + offset, from + offset + count) });
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
    for (const { name, input, shape, gradient: output } of update.parameters) {
      const { values, gradient } = present(this.#places.get(name), `the state of '${name}'`);
      feeds[input] = float32(values, shape);
      if (output === null) continue;
      outputs[output] = float32(gradient, shape);
      gradients.push(output);
    }
    const binding = { feeds, outputs, gradients };
    this.#bindings.set(update, binding);
    return binding;
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
  addUp(share: number, isFirst: boolean): void {
    if (this.#sums.length === 0) this.#sums = this.#sections.map(({ gradient }) => new Float32Array(gradient.length));
    for (const [i, { gradient }] of this.#sections.entries()) {
      const sum = present(this.#sums[i], 'the sum of the gradients');
      for (let k = 0; k < sum.length; k++) sum[k] = (isFirst ? 0 : (sum[k] ?? 0)) + share * (gradient[k] ?? 0);
    }
  }

  /** Makes what was added up the gradients of the step. */
  takeSums(): void {
    for (const [i, sum] of this.#sums.entries()) this.#sections[i]?.gradient.set(sum);
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
      if (scale !== 1) multiply(gradient, scale);
      take(group.optimizer, rows, gradient, coefficientsOf(group));
      for (const { values, bound } of bounds) lower(values, bound);
    }
  }

  #rowsOf(input: string): readonly Float32Array[] {
    return present(this.#parts.get(input), `the state '${input}'`);
  }
}

const partsOf = (rows: readonly Float32Array[], from: number, size: number): readonly Float32Array[] =>
  rows.map((row) => row.subarray(from, from + size));

/** What gradients are multiplied by so that their joint Euclidean norm is at most `limit`. */
function clippedBy(gradients: readonly Float32Array[], limit: number): number {
  let squares = 0;
  for (const gradient of gradients) {
    for (let i = 0; i < gradient.length; i++) squares += (gradient[i] ?? 0) ** 2;
  }
  return limit / Math.max(Math.sqrt(squares), limit);
}

function multiply(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = (values[i] ?? 0) * factor;
}

function lower(values: Float32Array, bound: number): void {
  for (let i = 0; i < values.length; i++) values[i] = Math.min(values[i] ?? 0, bound);
}
