import { expect, test } from 'vitest';
import { attributionAgreement, largestMagnitudes, rankCorrelation } from '../../src/evaluation/attribution.js';

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
  expect(largestMagnitudes([2, -2, 1, 2], 2)).toEqual([0, 1]);
});

test('agreement is told per sample; a sample without a correlation does not count for it', () => {
  const twenty = Float64Array.from({ length: 20 }, (_, i) => i - 7);
  const flat = new Float64Array(20);
  const frelu = [twenty, flat];
  const { spearman, topK, control } = attributionAgreement({ before: [twenty, twenty], frelu, control: null }, 1);
  expect({ spearman, control }).toEqual({ spearman: { mean: 1, p05: 1, median: 1, p95: 1 }, control: null });
  // of a map that is flat the first two features count as the strongest; of the other, the last one and the one before it
  expect(topK).toMatchObject({ k: 2, overlap: { mean: 0.5 } });
});

/** Maps of eight features; `swaps` neighbours change places in that of the trained model. */
function mapsWith(swaps: (sample: number) => number, count: number) {
  const before = Array.from({ length: count }, (_, sample) =>
    Float64Array.from({ length: 8 }, (_, i) => ((i * (3 + 2 * (sample % 3))) % 8) - 3),
  );
  const after = before.map((map, sample) => {
    const moved = map.slice();
    for (let i = 0; i < swaps(sample); i++) moved.set([map[2 * i + 1] ?? 0, map[2 * i] ?? 0], 2 * i);
    return moved;
  });
  return { before, after };
}

test.each([
  ['moved more than the control arm', (i: number) => 2 + (i % 3), [-1, -1]],
  ['moved less than the control arm', () => 0, [1, 1]],
  ['moved now more, now less', (i: number) => 2 - (i % 2), [-1, 1]],
] as const)('what FReLU %s is told beside it', (_, swaps, signs) => {
  const { before, after: control } = mapsWith((i) => 1 + (i % 2), 40);
  const found = attributionAgreement({ before, frelu: mapsWith(swaps, 40).after, control }, 1);
  const alone = attributionAgreement({ before, frelu: control, control: null }, 1);
  expect(found.control?.spearman).toEqual(alone.spearman);
  expect(found.control?.topK).toEqual(alone.topK);
  expect(found.control?.difference?.ci95?.map(Math.sign)).toEqual(signs);
});

test('nine samples have no interval, and samples without a correlation are no pair', () => {
  const { before, after: control } = mapsWith(() => 1, 9);
  const nine = attributionAgreement({ before, frelu: mapsWith(() => 3, 9).after, control }, 1);
  expect(nine.control?.difference?.mean).toBeLessThan(0);
  expect(nine.control?.difference?.ci95).toBeNull();
  const flat = before.map(() => new Float64Array(8));
  expect(attributionAgreement({ before, frelu: flat, control }, 1).control?.difference).toBeNull();
});
