import type { OptimizerSettings } from '../contract/settings.js';
import {
  advance,
  type Code,
  floats,
  get,
  int,
  loadEverywhere,
  loadVector,
  openWasm,
  pageBytes,
  repeat,
  set,
  storeVector,
  type WasmFunction,
} from '../math/wasm.js';
import { type FourRows, stateRows } from './optimizers.js';

/*
 * `takeStep` of optimizers.ts in WebAssembly, four numbers at a time: JavaScript takes them one by one. Parameters of the functions are addresses in
 * the memory: the rows of the state, the gradient behind them, the end of the first row, and the coefficients.
 */

const { add, subtract, multiply, divide, root } = floats;

/** a + by (b - a) */
const between = (a: Code, b: Code, by: Code): Code => add(a, multiply(by, subtract(b, a)));
const sumOf = (terms: readonly Code[]): Code => terms.reduce((sum, term) => add(sum, term));

/** A function over rows of numbers; `body` gives each row's new value from the old ones, where that is another. */
function overRows<Name extends string>(
  name: Name,
  rows: number,
  coefficients: number,
  body: (rows: readonly Code[], coefficients: readonly Code[]) => readonly (Code | null)[],
): WasmFunction & { readonly name: Name } {
  const addresses = Array.from({ length: rows }, (_, i) => i);
  const [end, fed] = [rows, rows + 1];
  const values = addresses.map((i) => rows + 2 + i);
  const factors = Array.from({ length: coefficients }, (_, i) => 2 * rows + 2 + i);
  const results = Array.from({ length: rows }, (_, i) => 2 * rows + 2 + coefficients + i);
  const next = body(
    values.map((value) => get(value)),
    factors.map((factor) => get(factor)),
  );
  // all are computed before any is written
  const written = next.flatMap((code, i) => (code === null ? [] : [{ code, i }]));
  const four = [
    ...addresses.map((i) => set(values[i] ?? 0, loadVector(get(i)))),
    ...written.map(({ code, i }) => set(results[i] ?? 0, code)),
    ...written.map(({ i }) => storeVector(get(i), get(results[i] ?? 0))),
    ...addresses.map((i) => advance(i, int(16))),
  ];
  const loaded = factors.flatMap((factor) => [set(factor, loadEverywhere(get(fed))), advance(fed, int(4))]);
  return {
    name,
    parameters: rows + 2,
    numbers: 0,
    vectors: 2 * rows + coefficients,
    body: [...loaded.flat(), ...repeat(four, get(0), get(end))],
  };
}

/** The rows (p, v, g), or with an average (p, v, a, g), by the matrix that the coefficients are. */
function sgd<Name extends string>(name: Name, averaged: boolean) {
  const columns = averaged ? 4 : 3;
  return overRows(name, columns, columns * (columns - 1), (rows, factors) => {
    const rowOf = (row: number): Code =>
      sumOf(rows.map((value, column) => multiply(factors[row * columns + column] ?? [], value)));
    return rows.map((_, row) => (row < columns - 1 ? rowOf(row) : null));
  });
}

/** The rows (p, m, v, g), or with an average (p, m, v, a, g). */
function adamw<Name extends string>(name: Name, averaged: boolean) {
  return overRows(name, averaged ? 5 : 4, 7, (rows, factors) => {
    const [p = [], m = [], v = [], a = []] = rows;
    const g = rows.at(-1) ?? [];
    const [decay = [], beta1 = [], beta2 = [], rate = [], correction = [], epsilon = [], kept = []] = factors;
    const first = between(g, m, beta1);
    const second = between(multiply(g, g), v, beta2);
    const moved = subtract(
      multiply(decay, p),
      divide(multiply(rate, first), add(root(multiply(second, correction)), epsilon)),
    );
    return [moved, first, second, ...(averaged ? [between(moved, a, kept)] : []), null];
  });
}

/** The rows (a, b, c, d, s): s + w a + x b + y c + z d, by four coefficients. */
const weighted = overRows('weighted', 5, 4, (rows, factors) => {
  const sum = sumOf([rows[4] ?? [], ...factors.map((factor, i) => multiply(factor, rows[i] ?? []))]);
  return [null, null, null, null, sum];
});

const open = () =>
  openWasm([
    sgd('sgd', false),
    sgd('sgd/averaged', true),
    adamw('adamw', false),
    adamw('adamw/averaged', true),
    weighted,
  ]);

/** floats that the coefficients have room for, before all others */
const room = 16;

/** Memory that the steps of optimizers are taken in. */
export interface StepMemory {
  /** zeros at first; steps are taken in rows and gradients that begin at a multiple of 4 of them */
  readonly floats: Float32Array<ArrayBuffer>;
  /** as `takeStep` of optimizers.ts, of rows and a gradient in this memory; up to three numbers behind the last of each are written too */
  takeStep(
    optimizer: OptimizerSettings,
    rows: readonly Float32Array[],
    gradient: Float32Array,
    coefficients: Float32Array,
  ): void;
  /** as `addWeighted` of optimizers.ts, of rows in this memory whose length is a multiple of 4 */
  addWeighted(sum: Float32Array, rows: FourRows, weights: Float32Array): void;
}

/** Memory of so many numbers; null where WebAssembly is not there, or has not as much. */
export function stepMemory(count: number): StepMemory | null {
  let opened: ReturnType<typeof open>;
  try {
    opened = open();
    opened.memory.grow(Math.ceil(((room + count) * Float32Array.BYTES_PER_ELEMENT) / pageBytes));
  } catch {
    return null;
  }
  const { buffer } = opened.memory;
  const fed = new Float32Array(buffer, 0, room);
  return {
    floats: new Float32Array(buffer, room * Float32Array.BYTES_PER_ELEMENT, count),
    takeStep(optimizer, rows, gradient, coefficients) {
      if (gradient.length === 0) return;
      fed.set(coefficients);
      const { kind } = optimizer;
      const run = opened[rows.length > stateRows(optimizer) ? (`${kind}/averaged` as const) : kind];
      const addresses = [...rows, gradient].map(({ byteOffset }) => byteOffset);
      run(...addresses, (addresses[0] ?? 0) + gradient.byteLength, fed.byteOffset);
    },
    addWeighted(sum, rows, weights) {
      fed.set(weights);
      const addresses = [...rows, sum].map(({ byteOffset }) => byteOffset);
      opened.weighted(...addresses, (addresses[0] ?? 0) + sum.byteLength, fed.byteOffset);
    },
  };
}
