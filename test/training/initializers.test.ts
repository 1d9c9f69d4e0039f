import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/math/random.js';
import { draw, fanInUniform, glorotUniform } from '../../src/training/initializers.js';

const count = 20_000;
const drawn = (initializer: Parameters<typeof draw>[0]): Float32Array => draw(initializer, count, createRandom(5));
const varianceOf = (values: Float32Array): number => values.reduce((sum, value) => sum + value ** 2, 0) / values.length;

describe('what is drawn', () => {
  it('has the variance of its distribution, and its bounds', () => {
    const linear = drawn(fanInUniform({ inputs: 100, outputs: 7 }));
    // PyTorch: gain^2 / fan-in with gain^2 = 2 / (1 + 5) is a third of 1 / fan-in
    expect(varianceOf(linear)).toBeCloseTo(1 / 300, 4);
    expect(Math.max(...linear.map(Math.abs))).toBeLessThanOrEqual(0.1);
    expect(varianceOf(drawn(glorotUniform({ inputs: 100, outputs: 300 })))).toBeCloseTo(2 / 400, 4);
    expect(varianceOf(drawn({ kind: 'normal', deviation: 0.5 }))).toBeCloseTo(0.25, 2);
  });

  it.each([
    [6, 3],
    [3, 6],
    [4, 4],
  ])('is orthogonal: %i x %i, several behind one another', (rows, columns) => {
    const values = draw({ kind: 'orthogonal', rows, columns }, 2 * rows * columns, createRandom(1));
    for (const matrix of [values.subarray(0, rows * columns), values.subarray(rows * columns)]) {
      const [vectors, length] = rows >= columns ? [columns, rows] : [rows, columns];
      const at = (vector: number, i: number): number =>
        matrix[rows >= columns ? i * columns + vector : vector * columns + i] ?? Number.NaN;
      for (let a = 0; a < vectors; a++) {
        for (let b = 0; b < vectors; b++) {
          const product = Array.from({ length }, (_, i) => at(a, i) * at(b, i)).reduce((sum, each) => sum + each, 0);
          expect(product).toBeCloseTo(a === b ? 1 : 0, 5);
        }
      }
    }
  });

  it('is 1 in a block of each period, 0 elsewhere', () => {
    const values = draw({ kind: 'unit-block', period: 4, from: 1, to: 3 }, 8, createRandom(0));
    expect([...values]).toEqual([0, 1, 1, 0, 0, 1, 1, 0]);
  });
});
