import { expect, it } from 'vitest';
import { createRandom } from '../../src/math/random.js';
import { bestAssignment } from '../../src/reading/assignment.js';

const sumOf = (profit: readonly (readonly number[])[], columns: ArrayLike<number>): number =>
  profit.reduce((sum, row, i) => sum + (row[columns[i] ?? -1] ?? Number.NaN), 0);

function* permutations(items: readonly number[]): Generator<number[]> {
  if (items.length === 0) yield [];
  for (const item of items) {
    for (const rest of permutations(items.filter((other) => other !== item))) yield [item, ...rest];
  }
}

it('finds the best of all orders', () => {
  const random = createRandom(9);
  for (let trial = 0; trial < 60; trial++) {
    const n = 1 + random.below(6);
    // few different numbers: many orders are as good as each other
    const profit = Array.from({ length: n }, () => Array.from({ length: n }, () => random.below(5) - 1));
    const assigned = bestAssignment(profit);
    expect([...assigned].sort()).toEqual(Array.from({ length: n }, (_, i) => i));
    const best = Math.max(...[...permutations([...assigned].sort())].map((columns) => sumOf(profit, columns)));
    expect(sumOf(profit, assigned)).toBe(best);
  }
});

it('finds an order that was hidden among two hundred', () => {
  const random = createRandom(10);
  const hidden = Array.from({ length: 200 }, (_, i) => (i * 7 + 3) % 200);
  const profit = hidden.map((column) => Array.from({ length: 200 }, (_, j) => random.uniform() + Number(j === column)));
  expect([...bestAssignment(profit)]).toEqual(hidden);
});

it('of nothing is nothing', () => {
  expect([...bestAssignment([])]).toEqual([]);
});
