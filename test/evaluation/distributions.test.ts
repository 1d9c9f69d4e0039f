import { describe, expect, test } from 'vitest';
import { halfBinomialCdf, normalCdf, normalQuantile } from '../../src/evaluation/distributions.js';

describe('normal distribution', () => {
  test('agrees with tabled values on both sides of the change of method at 3', () => {
    // erfc(-x / sqrt 2) / 2 of the C library
    const table = [
      [0.5, 0.6914624612740131],
      [-1.5, 0.06680720126885809],
      [2.9, 0.998134186699616],
      [3.1, 0.9990323967867817],
      [-3, 0.0013498980316300957],
      [-8, 6.220960574271819e-16],
    ] as const;
    for (const [x, p] of table) expect(Math.abs(normalCdf(x) / p - 1)).toBeLessThan(1e-13);
  });

  test('the quantile inverts it', () => {
    for (const p of [1e-12, 0.025, 0.3, 0.8, 0.975]) expect(normalCdf(normalQuantile(p)) / p).toBeCloseTo(1, 12);
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 12);
    expect([normalQuantile(0), normalQuantile(1), normalQuantile(-1)]).toEqual([
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      Number.NaN,
    ]);
  });
});

describe('binomial distribution at 1/2', () => {
  test('is exact for small counts', () => {
    expect(halfBinomialCdf(1, 8)).toBeCloseTo(9 / 256, 15);
    expect(halfBinomialCdf(0, 0)).toBe(1);
    expect(halfBinomialCdf(0, 3)).toBe(1 / 8);
  });

  test('keeps its digits for a million counts', () => {
    // twice the tail is scipy.stats.binomtest(499800, 1000000).pvalue
    expect(2 * halfBinomialCdf(499_800, 1_000_000)).toBeCloseTo(0.6898932248642693, 11);
    expect(halfBinomialCdf(100_000, 1_000_000)).toBe(0);
  });
});
