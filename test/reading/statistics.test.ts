import { expect, it } from 'vitest';
import { binomialCdf, meanTest } from '../../src/reading/statistics.js';

// scipy.stats.binom.cdf of SciPy
it.each([
  [3, 10, 0.5, 0.171875],
  [0, 10, 0.1, 0.3486784401],
  [500, 1000, 0.55, 0.0008465492],
  [120, 1000, 0.1, 0.9827427695],
])('P(X <= %i) of %i draws at %f is %f', (k, n, p, expected) => {
  expect(binomialCdf(k, n, p)).toBeCloseTo(expected, 8);
});

it('has its edges', () => {
  expect(binomialCdf(-1, 10, 0.3)).toBe(0);
  expect(binomialCdf(10, 10, 0.3)).toBe(1);
  expect(binomialCdf(4, 10, 0)).toBe(1);
  expect(binomialCdf(4, 10, 1)).toBe(0);
});

it('compares paired means', () => {
  const a = Float64Array.from({ length: 100 }, (_, i) => i % 7);
  expect(meanTest(a, a)).toMatchObject({ p: 1, first: meanTest(a, a).second });
  expect(
    meanTest(
      a,
      a.map((value) => value + 1),
    ).p,
  ).toBe(0);
  // differences of 1 and -1 in turn, less one: a mean of 0.02 with the standard error 0.1005
  const b = a.map((value, i) => value + (i % 2 === 0 ? 1 : -1) + (i === 0 ? -2 : 0));
  expect(meanTest(a, b).p).toBeCloseTo(0.8422, 3);
});
