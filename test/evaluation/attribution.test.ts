import { expect, test } from 'vitest';
import {
  attributionAgreement,
  largestMagnitudes,
  rankCorrelation,
  topOverlap,
} from '../../src/evaluation/attribution.js';

test("Spearman's correlation of a worked example: IQ and hours of television, -29/165", () => {
  const iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110];
  const hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17];
  expect(rankCorrelation(iq, hours)).toBeCloseTo(-29 / 165, 12);
});

test('equal values share their mean rank', () => {
  // ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5)
  expect(rankCorrelation([0, 1, 1, 2], [10, 20, 30, 40])).toBeCloseTo(Math.sqrt(0.9), 12);
});

test('the correlation is 1 for any growing function, -1 for any falling one, and none for a constant or a NaN', () => {
  expect(rankCorrelation([1, 2, 3], [1, 8, 27])).toBe(1);
  expect(rankCorrelation([1, 2, 3], [-1, -8, -27])).toBe(-1);
  expect(rankCorrelation([1, 1, 1], [1, 2, 3])).toBeNull();
  expect(rankCorrelation([1, Number.NaN, 2], [1, 2, 3])).toBeNull();
  expect(() => rankCorrelation([1], [1, 2])).toThrow(RangeError);
});

test('the largest features are those of largest magnitude, whatever the sign', () => {
  expect(largestMagnitudes([0.1, -5, 3, 0], 2)).toEqual([1, 2]);
  expect(topOverlap([0.1, -5, 3, 0], [9, 5, 0, 0], 2)).toBe(0.5);
});

test('agreement is told per sample; a sample without a correlation does not count for it', () => {
  const twenty = Float64Array.from({ length: 20 }, (_, i) => i - 7);
  const { samples, spearman, topK } = attributionAgreement([
    { before: twenty, after: twenty },
    { before: twenty, after: new Float64Array(20) },
  ]);
  expect({ samples, spearman, k: topK?.k }).toEqual({
    samples: 2,
    spearman: { mean: 1, p05: 1, median: 1, p95: 1 },
    k: 2,
  });
});
