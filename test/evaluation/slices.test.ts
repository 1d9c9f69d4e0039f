import { expect, it } from 'vitest';
import { present } from '../../src/contract/present.js';
import { pairedDelta } from '../../src/evaluation/compare.js';
import type { Scores, Truth } from '../../src/evaluation/metrics.js';
import { sliceDeltas, sliceValues } from '../../src/evaluation/slices.js';
import { createRandom } from '../../src/math/random.js';

const count = 1200;
const random = createRandom(5);
const labels = Int32Array.from({ length: count }, () => random.below(2));
const truth: Truth = { kind: 'class', labels, classes: 2 };
/** Right where `isRight` says so. */
const answering = (isRight: (i: number) => boolean): Scores => ({
  values: Float32Array.from(
    [...labels].flatMap((label, i) => {
      const answer = isRight(i) ? label : 1 - label;
      return [Number(answer === 0), Number(answer === 1)];
    }),
  ),
  width: 2,
  kind: 'logits',
});
const before = answering((i) => i % 10 !== 0);
// better in all but the last two hundred, and there far worse
const frelu = answering((i) => (i < 1000 ? i % 20 !== 0 : i % 3 !== 0));
const slice = (value: string, from: number, to: number) => ({
  column: 'site',
  value,
  positions: Int32Array.from({ length: to - from }, (_, i) => from + i),
});
const slices = [
  slice('north', 0, 500),
  slice('south', 500, 1000),
  slice('harbour', 1000, 1200),
  slice('pier', 1195, 1200),
];

it('is the comparison of the samples of a slice alone', () => {
  const rows = sliceDeltas('accuracy', slices, { before, control: null, frelu }, truth);
  const harbour = present(rows[2], 'the third slice');
  const part = (scores: Scores): Scores => ({ ...scores, values: scores.values.slice(2 * 1000) });
  const alone = pairedDelta('accuracy', part(before), part(frelu), {
    kind: 'class',
    labels: labels.slice(1000),
    classes: 2,
  });
  expect(harbour.delta).toEqual(alone);
  expect([harbour.before, harbour.frelu]).toEqual([alone.baseline, alone.candidate]);
});

it('holds over all slices at once: wider intervals, larger p', () => {
  const rows = sliceDeltas('accuracy', slices, { before, control: null, frelu }, truth);
  for (const { delta, simultaneous, pHolm } of rows) {
    const [low, high] = present(delta.ci95, 'an interval');
    const [lower, higher] = present(simultaneous, 'an interval');
    expect(lower).toBeLessThan(low);
    expect(higher).toBeGreaterThan(high);
    expect(pHolm).toBeGreaterThanOrEqual(delta.pValue ?? 1);
  }
  expect(rows.map(({ pHolm }) => (pHolm ?? 1) < 0.05)).toEqual([true, true, true, false]);
});

it('gives every figure its interval, wide for a handful of samples', () => {
  const values = sliceValues('accuracy', slices, frelu, truth);
  const width = ([low, high]: readonly [number, number]): number => high - low;
  expect(width(present(values[3]?.ci95, 'the interval of five samples'))).toBeGreaterThan(0.5);
  expect(width(present(values[0]?.ci95, 'the interval of 500 samples'))).toBeLessThan(0.05);
  // Wilson's, by hand: 475 of 500
  expect(values[0]).toMatchObject({ count: 500, measured: 0.95 });
  expect(values[0]?.ci95?.[0]).toBeCloseTo(0.92723, 4);
  expect(values[0]?.ci95?.[1]).toBeCloseTo(0.9659, 4);
});

it('bootstraps a metric that is no share, and has no value where a slice has none', () => {
  const [row] = sliceValues('auroc', slices, frelu, truth);
  expect(row?.ci95?.[0]).toBeLessThan(present(row?.measured, 'the AUROC'));
  const oneClass = { column: 'site', value: 'none', positions: Int32Array.of(labels.indexOf(1)) };
  expect(sliceValues('auroc', [oneClass], frelu, truth)[0]).toMatchObject({ measured: null, ci95: null });
});
