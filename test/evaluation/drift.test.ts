import { expect, test } from 'vitest';
import {
  binShares,
  chancePsi,
  checkDrift,
  monitoringBaseline,
  populationStabilityIndex,
  referenceDistribution,
  worstLevel,
} from '../../src/evaluation/drift.js';
import { createRandom } from '../../src/math/random.js';

test('the stability index of a worked example: 50/30/20 % becoming 40/35/25 %', () => {
  // -0.1 ln 0.8 + 0.05 ln (35/30) + 0.05 ln 1.25
  expect(populationStabilityIndex([0.5, 0.3, 0.2], [0.4, 0.35, 0.25])).toBeCloseTo(0.041179, 6);
});

test('the same distribution has no drift; an emptied bin has a finite one', () => {
  expect(populationStabilityIndex([0.5, 0.5], [0.5, 0.5])).toBe(0);
  expect(populationStabilityIndex([0.5, 0.5], [1, 0])).toBeGreaterThan(1);
  expect(populationStabilityIndex([0.5, 0.5], [1, 0])).toBeLessThan(10);
  expect(() => populationStabilityIndex([1], [0.5, 0.5])).toThrow(RangeError);
});

test('a reference distribution has bins between deciles; new values beyond the extremes fall into the outer ones', () => {
  const values = Float32Array.from({ length: 1000 }, (_, i) => i);
  const reference = referenceDistribution('height', values);
  expect(reference?.edges.length).toBe(11);
  expect(reference?.shares.every((share) => Math.abs(share - 0.1) < 0.01)).toBe(true);
  expect(binShares(reference?.edges ?? [], [-50, 5000])).toEqual([0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0.5]);
});

test('repeated values make fewer bins, a constant feature shows any other value as drift', () => {
  expect(referenceDistribution('flag', [0, 0, 0, 1])?.shares).toEqual([1]);
  const constant = referenceDistribution('constant', [5, 5, 5]);
  expect(constant?.shares).toEqual([0, 1, 0]);
  expect(populationStabilityIndex(constant?.shares ?? [], binShares(constant?.edges ?? [], [5.1]))).toBeGreaterThan(
    0.25,
  );
});

test('values that are not finite do not count; without any there is no reference', () => {
  expect(referenceDistribution('empty', [Number.NaN])).toBeNull();
  expect(binShares([0, 1, 2], [0.5, Number.NaN, 1.5])).toEqual([0.5, 0.5]);
});

test('the baseline of a classifier: inputs, predicted classes, confidence, floor rates', () => {
  const scores = { values: Float32Array.of(0.9, 0.1, 0.8, 0.2, 0.3, 0.7), width: 2, kind: 'probabilities' } as const;
  const floorRates = [{ site: 'relu1', share: 0.25, value: 'x', floor: 0 }];
  const baseline = monitoringBaseline([{ name: 'channel 0', values: [1, 2, 3] }], scores, ['cat', 'dog'], floorRates);
  expect(baseline.samples).toBe(3);
  expect(baseline.predicted).toEqual([
    { name: 'cat', share: 2 / 3 },
    { name: 'dog', share: 1 / 3 },
  ]);
  expect(baseline.confidence?.mean).toBeCloseTo(0.8, 6);
  expect(baseline.confidence?.median).toBeCloseTo(0.8, 6);
  expect(baseline.floorRates).toEqual(floorRates);
  expect(baseline.inputs[0]?.name).toBe('channel 0');
});

test('the baseline of a regression has neither classes nor confidence', () => {
  const baseline = monitoringBaseline([], { values: Float32Array.of(1.5), width: 1, kind: 'values' }, null, []);
  expect(baseline).toEqual({ samples: 1, inputs: [], predicted: null, confidence: null, floorRates: [] });
});

const watched = {
  samples: 4000,
  inputs: [{ name: 'x1', edges: [0, 1, 2], shares: [0.5, 0.5] }],
  predicted: [
    { name: 'cat', share: 0.5 },
    { name: 'dog', share: 0.5 },
  ],
  confidence: { mean: 0.8, p05: 0.7, median: 0.8 },
  floorRates: [{ site: 'relu1', share: 0.4, value: 'x', floor: 0 }],
} as const;
const answers = (...values: number[]) =>
  ({ values: Float32Array.from(values), width: 2, kind: 'probabilities' }) as const;

test('data like the test split raises nothing', () => {
  const checks = checkDrift(watched, {
    inputs: [{ name: 'x1', values: [0.5, 1.5] }],
    scores: answers(0.8, 0.2, 0.2, 0.8),
    floorRates: new Map([['relu1', 0.43]]),
  });
  expect(checks.map(({ quantity, level }) => [quantity, level])).toEqual([
    ['input', 'ok'],
    ['predicted', 'ok'],
    ['confidence', 'ok'],
    ['floor-rate', 'ok'],
  ]);
  expect(worstLevel(checks)).toBe('ok');
});

test('each quantity alarms for itself, at thresholds that can be moved', () => {
  const pairs = Array.from({ length: 500 }, () => [0.74, 0.26, 0.26, 0.74]).flat();
  const moved = {
    inputs: [{ name: 'x1', values: [1.5, 1.5, 1.5, 0.5] }],
    scores: answers(...pairs),
    floorRates: new Map([['relu1', 0.29]]),
  };
  const checks = checkDrift(watched, moved);
  // 0.25 ln 1.5 - 0.25 ln 0.5; a fall by 0.06; a change by 0.11
  expect(checks.map(({ value }) => value)).toEqual([0.27465, 0, 0.06, 0.11].map((value) => expect.closeTo(value, 5)));
  expect(checks.map(({ level }) => level)).toEqual(['alarm', 'ok', 'alarm', 'alarm']);
  const lenient = { psiWarning: 0.2, psiAlarm: 0.5, confidenceFall: 0.1, floorRateChange: 0.3 };
  const levels = checkDrift(watched, moved, lenient).map(({ level }) => level);
  expect(levels).toEqual(['warning', 'ok', 'warning', 'ok']);
});

test('chance moves the index of few samples as far as drift that of many: the limit follows', () => {
  // chi-square with 9 degrees of freedom: its 99.9 % quantile is 27.877
  expect(chancePsi(10, 100, 100, 0.001)).toBeCloseTo(0.02 * 27.877, 2);
  const random = createRandom(11);
  const sample = (count: number) => Float64Array.from({ length: count }, () => random.normal());
  const alarms = Array.from({ length: 200 }, () => {
    const reference = referenceDistribution('x1', sample(400));
    const scores = { values: new Float32Array(200), width: 1, kind: 'values' } as const;
    const baseline = { ...watched, samples: 400, inputs: reference === null ? [] : [reference], predicted: null };
    const inputs = [{ name: 'x1', values: sample(200) }];
    const checks = checkDrift(
      { ...baseline, confidence: null, floorRates: [] },
      { inputs, scores, floorRates: new Map() },
    );
    return worstLevel(checks) === 'alarm';
  });
  expect(alarms.filter(Boolean).length).toBeLessThan(5);
});

test('what the new data cannot show alarms, without a value', () => {
  const checks = checkDrift(watched, {
    inputs: [],
    scores: answers(Number.NaN, Number.NaN),
    floorRates: new Map(),
  });
  expect(checks.every(({ value, level }) => value === null && level === 'alarm')).toBe(true);
});
