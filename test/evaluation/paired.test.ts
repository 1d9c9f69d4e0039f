import { describe, expect, test } from 'vitest';
import { bootstrapBca, holm, mcnemarExact, newcombePaired, pairedCounts } from '../../src/evaluation/paired.js';

describe('exact McNemar', () => {
  test('Bentur et al. 2009 in Fagerland, Lydersen & Laake 2013: 1 against 7 discordant pairs, p = 0.0703', () => {
    expect(mcnemarExact(1, 7)).toBeCloseTo(0.0703125, 12);
    expect(mcnemarExact(7, 1)).toBe(mcnemarExact(1, 7));
  });

  test('approval of the prime minister in Agresti, Categorical Data Analysis, 10.1: 86 against 150, p = 3.716e-5', () => {
    expect(mcnemarExact(86, 150)).toBeCloseTo(3.716e-5, 8);
  });

  test('ties and nothing changed give 1, not more', () => {
    expect(mcnemarExact(0, 0)).toBe(1);
    expect(mcnemarExact(4, 4)).toBe(1);
    expect(mcnemarExact(1, 0)).toBe(1);
  });
});

describe("Newcombe's paired interval", () => {
  test('Altman et al., Statistics with Confidence, table 6.2: 0.122 with 0.011 to 0.226', () => {
    const [low, high] = newcombePaired({ bothRight: 14, fixed: 5, broken: 0, bothWrong: 22 }) ?? [];
    expect(low).toBeCloseTo(0.011, 3);
    expect(high).toBeCloseTo(0.226, 3);
  });

  test('Bentur et al. 2009 in Fagerland, Lydersen & Laake 2014: -0.286 with -0.507 to -0.026', () => {
    const [low, high] = newcombePaired({ bothRight: 1, fixed: 1, broken: 7, bothWrong: 12 }) ?? [];
    expect(low).toBeCloseTo(-0.507, 3);
    expect(high).toBeCloseTo(-0.026, 3);
  });

  test.each([
    ['one sample, the same answer', { bothRight: 1, fixed: 0, broken: 0, bothWrong: 0 }],
    ['one sample, fixed', { bothRight: 0, fixed: 1, broken: 0, bothWrong: 0 }],
    ['three samples, all wrong', { bothRight: 0, fixed: 0, broken: 0, bothWrong: 3 }],
    ['three samples, one broken', { bothRight: 2, fixed: 0, broken: 1, bothWrong: 0 }],
    ['identical predictions', { bothRight: 90, fixed: 0, broken: 0, bothWrong: 10 }],
  ])('%s: finite, ordered, around the difference', (_, counts) => {
    const n = counts.bothRight + counts.fixed + counts.broken + counts.bothWrong;
    const [low, high] = newcombePaired(counts) ?? [Number.NaN, Number.NaN];
    expect(low).toBeGreaterThanOrEqual(-1);
    expect(low).toBeLessThanOrEqual((counts.fixed - counts.broken) / n);
    expect(high).toBeGreaterThanOrEqual((counts.fixed - counts.broken) / n);
    expect(high).toBeLessThanOrEqual(1);
  });

  test('mirrors when the models change places', () => {
    const [low, high] = newcombePaired({ bothRight: 70, fixed: 12, broken: 5, bothWrong: 13 }) ?? [0, 0];
    const mirrored = newcombePaired({ bothRight: 70, fixed: 5, broken: 12, bothWrong: 13 }) ?? [0, 0];
    expect(mirrored[0]).toBeCloseTo(-high, 12);
    expect(mirrored[1]).toBeCloseTo(-low, 12);
  });

  test('no samples, no interval', () => {
    expect(newcombePaired({ bothRight: 0, fixed: 0, broken: 0, bothWrong: 0 })).toBeNull();
  });

  test('the counts come from two vectors of right and wrong', () => {
    const counts = pairedCounts(Uint8Array.of(1, 0, 1, 0), Uint8Array.of(1, 1, 0, 0));
    expect(counts).toEqual({ bothRight: 1, fixed: 1, broken: 1, bothWrong: 1 });
  });
});

describe('BCa bootstrap', () => {
  // Efron & Tibshirani, An Introduction to the Bootstrap, table 14.1: the spatial test data, statistic theta = variance / n
  const spatial = [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41];
  const variance = (indices: Int32Array) => {
    const mean = indices.reduce((sum, i) => sum + (spatial[i] ?? 0), 0) / indices.length;
    return indices.reduce((sum, i) => sum + ((spatial[i] ?? 0) - mean) ** 2, 0) / indices.length;
  };

  test('spatial test data, Efron & Tibshirani table 14.2: 171.5, BCa 90 % interval (115.8, 259.6), a = 0.061', () => {
    const result = bootstrapBca(spatial.length, variance, { confidence: 0.9 });
    expect(result.estimate).toBeCloseTo(171.5, 1);
    expect(result.acceleration).toBeCloseTo(0.061, 3);
    // z0 = 0.146 there, from 2000 resamples too: each of the two draws has a standard error of 0.028
    expect(Math.abs((result.bias ?? 1) - 0.146)).toBeLessThan(0.08);
    expect(Math.abs((result.interval?.[0] ?? 0) - 115.8)).toBeLessThan(3);
    expect(Math.abs((result.interval?.[1] ?? 0) - 259.6)).toBeLessThan(6);
  });

  test('the same seed repeats exactly, another seed does not', () => {
    expect(bootstrapBca(26, variance)).toEqual(bootstrapBca(26, variance));
    expect(bootstrapBca(26, variance, { seed: 2 }).interval).not.toEqual(bootstrapBca(26, variance).interval);
  });

  test('the p-value and the interval agree on zero', () => {
    const shifted = (by: number) =>
      bootstrapBca(26, (indices) => indices.reduce((sum, i) => sum + (spatial[i] ?? 0) - by, 0) / indices.length);
    for (const by of [22, 24, 25, 26, 35, 36]) {
      const { interval, pValue } = shifted(by);
      const spans = interval !== null && interval[0] <= 0 && interval[1] >= 0;
      expect((pValue ?? 0) >= 0.05).toBe(spans);
    }
  });

  test('identical models differ by exactly zero', () => {
    expect(bootstrapBca(3, () => 0)).toMatchObject({ estimate: 0, interval: [0, 0], pValue: 1 });
  });

  test('one sample, no samples and a statistic without a value have no interval', () => {
    expect(bootstrapBca(1, () => 0.5)).toMatchObject({ estimate: 0.5, interval: null, pValue: null });
    expect(bootstrapBca(0, () => 0)).toMatchObject({ interval: null });
    expect(bootstrapBca(5, () => Number.NaN)).toMatchObject({ interval: null, pValue: null });
  });
});

describe('Holm', () => {
  test('the four p-values of the worked example in the Wikipedia article on the Holm-Bonferroni method', () => {
    // 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, made monotone
    expect(holm([0.01, 0.04, 0.03, 0.005]).map((p) => p?.toFixed(6))).toEqual([
      '0.030000',
      '0.060000',
      '0.060000',
      '0.020000',
    ]);
  });

  test('a class without a test does not count, and nothing exceeds 1', () => {
    expect(holm([null, 0.02, null, 0.9])).toEqual([null, 0.04, null, 0.9]);
    expect(holm([0.8, 0.7])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
  });
});
