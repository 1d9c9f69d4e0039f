import { describe, expect, it } from 'vitest';
import { symmetricBeta } from '../../src/math/beta.js';
import { createRandom } from '../../src/math/random.js';

describe('symmetricBeta', () => {
  // scipy.stats.beta(a, a): var(), cdf(0.1), cdf(0.3)
  it.each([
    [0.2, 0.178571, 0.33669, 0.433204],
    [1, 0.083333, 0.1, 0.3],
    [4, 0.027778, 0.002728, 0.126036],
  ])('has the moments and shares of Beta(%f, %f) that SciPy gives', (alpha, variance, tenth, third) => {
    const random = createRandom(11);
    const n = 50_000;
    const drawn = Array.from({ length: n }, () => symmetricBeta(random, alpha));
    const share = (bound: number): number => drawn.filter((value) => value <= bound).length / n;
    const mean = drawn.reduce((sum, value) => sum + value, 0) / n;
    expect(mean).toBeCloseTo(0.5, 1.9);
    expect(drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n / variance).toBeCloseTo(1, 1.3);
    expect(Math.abs(share(0.1) - tenth)).toBeLessThan(0.008);
    expect(Math.abs(share(0.3) - third)).toBeLessThan(0.008);
  });

  it('is a number where both of the numbers that it is made of are below the smallest float', () => {
    const random = createRandom(2);
    const drawn = Array.from({ length: 200 }, () => symmetricBeta(random, 1e-4));
    expect(drawn.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(drawn.filter((value) => value < 0.5).length).toBeGreaterThan(60);
    expect(drawn.filter((value) => value > 0.5).length).toBeGreaterThan(60);
  });
});
