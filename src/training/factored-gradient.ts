import { addWeighted, type FourRows } from '../autodiff/optimizers.js';

/** One product of a gradient [m, n]: left^T right, of `count` rows each. */
export interface Product {
  /** [count, m] */
  readonly left: Float32Array;
  /** [count, n] */
  readonly right: Float32Array;
  readonly count: number;
}

/** Rows of a gradient, from number `from` of it on. */
export interface GradientRows {
  readonly from: number;
  readonly gradient: Float32Array;
}

/** numbers of a gradient that are there at once: what a processor's cache holds */
const blockSize = 2 ** 18;

/** The gradient of a matrix [m, n] as a sum of products, computed some rows at a time. */
export class FactoredGradient {
  readonly #rows: number;
  readonly #columns: number;
  readonly #block: Float32Array;
  readonly #four: FourRows;
  #products: readonly Product[] = [];

  /** How many numbers `allocate` is asked for. */
  static memoryOf([rows = 0, columns = 0]: readonly number[]): number {
    return (blockRows(rows, columns) + 4) * columns;
  }

  /**
   * @param shape [m, n], n a multiple of 4
   * @param add as `addWeighted`, of what `allocate` gives
   */
  constructor(
    [rows = 0, columns = 0]: readonly number[],
    allocate: (size: number) => Float32Array,
    private readonly add = addWeighted,
  ) {
    this.#rows = rows;
    this.#columns = columns;
    this.#block = allocate(blockRows(rows, columns) * columns);
    this.#four = [allocate(columns), allocate(columns), allocate(columns), allocate(columns)];
  }

  /** Makes products the gradient. They are not copied. */
  set(products: readonly Product[]): void {
    this.#products = products;
  }

  /** Adds a copy of a product, by its share. */
  addUp({ left, right, count }: Product, share: number): void {
    this.#products = [...this.#products, { left: left.map((value) => share * value), right: right.slice(), count }];
  }

  /** The sum of the squares of all its numbers: that of (L L^T) (R R^T), element by element, over all rows of the factors. */
  get squares(): number {
    const rowsOf = (side: 'left' | 'right', width: number): Float32Array[] =>
      this.#products.flatMap((product) =>
        Array.from({ length: product.count }, (_, i) => product[side].subarray(i * width, (i + 1) * width)),
      );
    const [left, right] = [rowsOf('left', this.#rows), rowsOf('right', this.#columns)];
    let sum = 0;
    for (const [i, a] of left.entries()) {
      for (const [k, b] of left.entries()) sum += inner(a, b) * inner(right[i], right[k]);
    }
    // rounding may leave less than nothing of terms that cancel
    return Math.max(sum, 0);
  }

  /** The gradient times `scale`, from its first row to its last; each piece is overwritten by the next one. */
  *pieces(scale: number): Generator<GradientRows> {
    const columns = this.#columns;
    for (let row = 0; row < this.#rows; row += blockRows(this.#rows, columns)) {
      const gradient = this.#block.subarray(0, (this.#rows - row) * columns);
      gradient.fill(0);
      for (const product of this.#products) this.#addRows(gradient, product, row, scale);
      yield { from: row * columns, gradient };
    }
  }

  /** Adds a product's rows from `row` on, as many as there is room for. */
  #addRows(gradient: Float32Array, { left, right, count }: Product, row: number, scale: number): void {
    const columns = this.#columns;
    const weights = new Float32Array(4);
    for (let first = 0; first < count; first += 4) {
      for (const [i, four] of this.#four.entries()) {
        if (first + i < count) four.set(right.subarray((first + i) * columns, (first + i + 1) * columns));
        else four.fill(0);
      }
      for (let at = 0; at < gradient.length; at += columns) {
        for (let i = 0; i < 4; i++) {
          weights[i] = scale * (left[(first + i) * this.#rows + row + at / columns] ?? 0);
        }
        this.add(gradient.subarray(at, at + columns), this.#four, weights);
      }
    }
  }
}

/** Writes a product [m, n] as a whole, over what is there. */
export function expand({ left, right, count }: Product, gradient: Float32Array): void {
  const [rows, columns] = [left.length / count, right.length / count];
  gradient.fill(0);
  for (let i = 0; i < count; i++) {
    for (let row = 0; row < rows; row++) {
      const weight = left[i * rows + row] ?? 0;
      for (let k = 0; k < columns; k++) {
        gradient[row * columns + k] = (gradient[row * columns + k] ?? 0) + weight * (right[i * columns + k] ?? 0);
      }
    }
  }
}

const blockRows = (rows: number, columns: number): number =>
  Math.min(rows, Math.max(1, Math.floor(blockSize / columns)));

function inner(a: Float32Array = new Float32Array(), b: Float32Array = new Float32Array()): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
