import { expect, test } from 'vitest';
import { classDeltas, pairedDelta } from '../../src/evaluation/compare.js';
import type { Scores, Truth } from '../../src/evaluation/metrics.js';

/** Scores that predict the given classes with a margin of one. */
const predicting = (classes: number, ...predictions: number[]): Scores => ({
  values: Float32Array.from(predictions.flatMap((p) => Array.from({ length: classes }, (_, c) => Number(c === p)))),
  width: classes,
  kind: 'logits',
});

test('accuracy is compared by McNemar and Newcombe on the samples that changed', () => {
  const truth: Truth = { kind: 'class', labels: Int32Array.of(0, 1, 2, 0, 1), classes: 3 };
  const delta = pairedDelta('accuracy', predicting(3, 0, 1, 0, 1, 0), predicting(3, 0, 1, 2, 0, 0), truth);
  expect(delta).toMatchObject({
    baseline: 0.4,
    candidate: 0.8,
    value: 0.4,
    fixed: 2,
    broken: 0,
    pValue: 0.5,
    test: 'mcnemar-exact',
    interval: 'newcombe-paired',
  });
});

test('an error metric is compared by the bootstrap of the paired difference', () => {
  const target = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));
  const truth: Truth = { kind: 'values', values: target, width: 1 };
  const off = (by: number): Scores => ({
    values: target.map((v, i) => v + by * (1 + (i % 3))),
    width: 1,
    kind: 'values',
  });
  const delta = pairedDelta('mae', off(0.2), off(0.1), truth);
  expect(delta.value).toBeCloseTo(-0.1975, 3);
  expect(delta.ci95?.[1]).toBeLessThan(0);
  expect(delta.pValue).toBeLessThan(0.01);
  expect(delta).toMatchObject({ higherIsBetter: false, fixed: null, broken: null, interval: 'bootstrap-bca' });
});

test('identical models: a difference of zero with its interval', () => {
  const truth: Truth = { kind: 'class', labels: Int32Array.of(0, 1, 0), classes: 2 };
  const scores = predicting(2, 0, 1, 1);
  expect(pairedDelta('accuracy', scores, scores, truth)).toMatchObject({ value: 0, pValue: 1, fixed: 0, broken: 0 });
  expect(pairedDelta('logLoss', scores, scores, truth)).toMatchObject({ value: 0, pValue: 1, ci95: [0, 0] });
});

test('a metric that the task does not have is not made up', () => {
  const truth: Truth = { kind: 'class', labels: Int32Array.of(0, 1, 2), classes: 3 };
  const scores = predicting(3, 0, 1, 1);
  expect(pairedDelta('auroc', scores, scores, truth)).toMatchObject({ baseline: null, value: null, ci95: null });
  expect(pairedDelta('mae', scores, scores, truth)).toMatchObject({ baseline: null, value: null, pValue: null });
});

test('a NaN in one model leaves the delta without a value, in every metric', () => {
  const truth: Truth = { kind: 'class', labels: Int32Array.of(0, 1), classes: 2 };
  const broken: Scores = { values: Float32Array.of(Number.NaN, 0, 0, 1), width: 2, kind: 'logits' };
  for (const metric of ['accuracy', 'logLoss'] as const) {
    const delta = pairedDelta(metric, predicting(2, 0, 1), broken, truth);
    expect(delta).toMatchObject({ candidate: null, value: null, ci95: null, pValue: null });
  }
});

test('classes: recall, changes, and p-values adjusted over the classes that have samples', () => {
  const labels = Int32Array.from({ length: 24 }, (_, i) => i % 2);
  const right = predicting(3, ...labels);
  const ones = predicting(3, ...labels.map(() => 1));
  const rows = classDeltas(['zero', 'one', 'never seen'], labels, { before: ones, control: null, frelu: right });
  expect(rows[0]).toMatchObject({ name: 'zero', count: 12, before: 0, frelu: 1, delta: 1, fixed: 12, control: null });
  expect(rows[0]?.pValue).toBeCloseTo(2 / 4096, 10);
  expect(rows[0]?.pHolm).toBeCloseTo(4 / 4096, 10);
  expect(rows[1]).toMatchObject({ before: 1, frelu: 1, delta: 0, pValue: 1, pHolm: 1 });
  expect(rows[2]).toMatchObject({ count: 0, before: null, frelu: null, delta: null, pValue: null, pHolm: null });
});
