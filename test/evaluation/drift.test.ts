import { expect, test } from 'vitest';
import {
  binShares,
  monitoringBaseline,
  populationStabilityIndex,
  referenceDistribution,
} from '../../src/evaluation/drift.js';

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
