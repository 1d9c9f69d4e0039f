import type { Random } from '../math/random.js';

/** How the values of a tensor are drawn before any training; `uniform` is symmetric about 0, `normal` has mean 0. */
export type Initializer =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'uniform'; readonly limit: number }
  | { readonly kind: 'normal'; readonly deviation: number }
  /** matrices [rows, columns] behind one another, each with orthonormal columns, or rows where these are fewer */
  | { readonly kind: 'orthogonal'; readonly rows: number; readonly columns: number }
  /** zeros, but for ones in the elements [from, to) of every `period` */
  | { readonly kind: 'unit-block'; readonly period: number; readonly from: number; readonly to: number };

/** What weights of a layer are drawn by: the number of its inputs, and of its outputs, that one weight connects. */
export interface Fans {
  readonly inputs: number;
  readonly outputs: number;
}

/**
 * Kaiming's uniform distribution with a negative slope of sqrt(5), which PyTorch draws convolutions and dense layers from
 * (`nn.Linear.reset_parameters`): its bound is 1 / sqrt(inputs), and so is that of their biases.
 */
export const fanInUniform = ({ inputs }: Fans): Initializer => ({ kind: 'uniform', limit: 1 / Math.sqrt(inputs) });

/** Glorot and Bengio's uniform distribution (2010, equation 16), which Keras draws kernels from. */
export const glorotUniform = ({ inputs, outputs }: Fans): Initializer => {
  return { kind: 'uniform', limit: Math.sqrt(6 / (inputs + outputs)) };
};

/** So many values of an initializer, in the tensor's order. */
export function draw(initializer: Initializer, count: number, random: Random): Float32Array {
  switch (initializer.kind) {
    case 'constant':
      return new Float32Array(count).fill(initializer.value);
    case 'uniform':
      return Float32Array.from({ length: count }, () => initializer.limit * (2 * random.uniform() - 1));
    case 'normal':
      return Float32Array.from({ length: count }, () => initializer.deviation * random.normal());
    case 'unit-block': {
      const { period, from, to } = initializer;
      return Float32Array.from({ length: count }, (_, i) => (i % period >= from && i % period < to ? 1 : 0));
    }
    case 'orthogonal': {
      const { rows, columns } = initializer;
      const values = new Float32Array(count);
      for (let at = 0; at < count; at += rows * columns) values.set(orthogonal(rows, columns, random), at);
      return values;
    }
  }
}

/**
 * A matrix [rows, columns], drawn evenly from all that are orthogonal: the vectors of a Gaussian matrix, made orthonormal one after
 * the other (Saxe et al. 2014, arXiv 1312.6120; modified Gram-Schmidt, by which the diagonal of R is positive).
 */
function orthogonal(rows: number, columns: number, random: Random): Float32Array {
  const [length, count] = rows >= columns ? [rows, columns] : [columns, rows];
  const vectors: Float64Array[] = [];
  for (let i = 0; i < count; i++) {
    const vector = Float64Array.from({ length }, () => random.normal());
    for (const earlier of vectors) {
      const along = dot(vector, earlier);
      earlier.forEach((element, k) => {
        vector[k] = (vector[k] ?? 0) - along * element;
      });
    }
    const norm = Math.sqrt(dot(vector, vector));
    vectors.push(vector.map((element) => element / norm));
  }
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const [vector, element] = rows >= columns ? [column, row] : [row, column];
    return vectors[vector]?.[element] ?? 0;
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, element, i) => sum + element * (b[i] ?? 0), 0);
}
