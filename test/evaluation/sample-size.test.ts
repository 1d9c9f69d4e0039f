import { expect, test } from 'vitest';
import type { Delta } from '../../src/contract/result.js';
import { confirmationSize, pairedSampleSize, unpairedSampleSize } from '../../src/evaluation/sample-size.js';

test('0.5 against 0.6 needs 388 per arm: the textbook case (Fleiss, table A.4, without continuity correction)', () => {
  expect(unpairedSampleSize(0.5, 0.6)).toBe(388);
  expect(unpairedSampleSize(0.6, 0.7)).toBe(356);
  expect(unpairedSampleSize(0.6, 0.5)).toBe(388);
});

test('pairs for 20 % fixed and 10 % broken, by the formula of Connor 1987', () => {
  // ((1.95996 sqrt 0.3 + 0.84162 sqrt 0.29) / 0.1)^2 = 233.1
  expect(pairedSampleSize(0.2, 0.1)).toBe(234);
});

test('no difference, no sample size', () => {
  expect(unpairedSampleSize(0.5, 0.5)).toBeNull();
  expect(pairedSampleSize(0.1, 0.1)).toBeNull();
});

const delta: Delta = {
  metric: 'accuracy',
  higherIsBetter: true,
  baseline: 0.5,
  candidate: 0.6,
  value: 0.1,
  ci95: [0.02, 0.18],
  pValue: 0.02,
  test: 'mcnemar-exact',
  interval: 'newcombe-paired',
  fixed: 40,
  broken: 20,
  count: 200,
};

test('a measured accuracy delta: both designs, the paired one with fewer samples', () => {
  expect(confirmationSize(delta)).toEqual({ paired: 234, unpairedPerArm: 388 });
});

test('an error metric scales its standard error', () => {
  const mae: Delta = { ...delta, metric: 'mae', higherIsBetter: false, fixed: null, broken: null, value: 0.1 };
  // standard error 0.04 / 0.98 ... (2.80159 * 0.0408171 / 0.1)^2 * 200
  expect(confirmationSize(mae)).toEqual({ paired: 262, unpairedPerArm: null });
});

test('nothing measured, nothing planned', () => {
  expect(confirmationSize({ ...delta, value: null, candidate: null })).toEqual({ paired: null, unpairedPerArm: null });
  expect(confirmationSize({ ...delta, value: 0, fixed: 0, broken: 0 })).toEqual({ paired: null, unpairedPerArm: null });
});
