import { describe, expect, it } from 'vitest';
import { median, momentsOf } from '../../src/math/summary.js';

describe('the median', () => {
  it('lies in the middle, or between the two that do', () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });
});

describe('mean and standard deviation', () => {
  it('are those of a sample', () => {
    expect(momentsOf([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, deviation: Math.sqrt(32 / 7) });
  });

  it('need two values', () => {
    expect(momentsOf([1])).toBeNull();
  });
});
