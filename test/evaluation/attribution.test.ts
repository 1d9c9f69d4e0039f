import { expect, test } from 'vitest';
import {
  agreementBesideControl,
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
  const { spearman, topK } = attributionAgreement([
    { before: twenty, after: twenty },
    { before: twenty, after: new Float64Array(20) },
  ]);
  expect({ spearman, k: topK?.k }).toEqual({
    spearman: { mean: 1, p05: 1, median: 1, p95: 1 },
    k: 2,
  });
});

/** Maps of eight features; `swaps` neighbours change places in that of the trained model. */
function pairsWith(swaps: (sample: number) => number, count: number) {
  return Array.from({ length: count }, (_, sample) => {
    const before = Float64Array.from({ length: 8 }, (_, i) => ((i * (3 + 2 * (sample % 3))) % 8) - 3);
    const after = before.slice();
    for (let i = 0; i < swaps(sample); i++) after.set([before[2 * i + 1] ?? 0, before[2 * i] ?? 0], 2 * i);
    return { before, after };
  });
}

test.each([
  ['moved more than the control arm', (i: number) => 2 + (i % 3), [-1, -1]],
  ['moved less than the control arm', () => 0, [1, 1]],
  ['moved now more, now less', (i: number) => 2 - (i % 2), [-1, 1]],
] as const)('what FReLU %s is told beside it', (_, swaps, signs) => {
  const control = pairsWith((i) => 1 + (i % 2), 40);
  const { spearman, difference } = agreementBesideControl(pairsWith(swaps, 40), control, 1);
  expect(spearman).toEqual(attributionAgreement(control).spearman);
  expect(difference?.ci95?.map(Math.sign)).toEqual(signs);
});

test('nine samples have no interval, and samples without a correlation are no pair', () => {
  const control = pairsWith(() => 1, 9);
  const { difference } = agreementBesideControl(
    pairsWith(() => 3, 9),
    control,
    1,
  );
  expect(difference?.mean).toBeLessThan(0);
  expect(difference?.ci95).toBeNull();
  const flat = control.map(({ before }) => ({ before, after: new Float64Array(8) }));
  expect(agreementBesideControl(flat, control, 1).difference).toBeNull();
});
