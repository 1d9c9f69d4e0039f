import { describe, expect, test } from 'vitest';
import {
  areaUnderRoc,
  calibrationBins,
  confusionCells,
  confusionMatrix,
  correctness,
  evaluateMetrics,
  predictedClasses,
  type Scores,
  type Truth,
} from '../../src/evaluation/metrics.js';

const logits = (width: number, ...values: number[]): Scores => ({
  values: Float32Array.from(values),
  width,
  kind: 'logits',
});
const probabilities = (width: number, ...values: number[]): Scores => ({
  ...logits(width, ...values),
  kind: 'probabilities',
});
const classes = (count: number, ...labels: number[]): Truth => ({
  kind: 'class',
  labels: Int32Array.from(labels),
  classes: count,
});
const everyIndex = (count: number) => Int32Array.from({ length: count }, (_, i) => i);

describe('classification', () => {
  test('log loss agrees with the worked example in the documentation of scikit-learn log_loss', () => {
    const spamHam = probabilities(2, 0.1, 0.9, 0.9, 0.1, 0.8, 0.2, 0.35, 0.65);
    expect(evaluateMetrics(spamHam, classes(2, 1, 0, 0, 1)).logLoss?.value).toBeCloseTo(0.21616, 5);
  });

  test('macro F1 agrees with the worked example in the documentation of scikit-learn f1_score', () => {
    const predictions = [0, 2, 1, 0, 0, 1];
    const scores = logits(3, ...predictions.flatMap((p) => [0, 1, 2].map((c) => Number(c === p))));
    expect(evaluateMetrics(scores, classes(3, 0, 1, 2, 0, 1, 2)).macroF1?.value).toBeCloseTo(0.2666667, 6);
  });

  test('AUROC agrees with the worked example in the documentation of scikit-learn roc_auc_score', () => {
    const scores = probabilities(1, 0.1, 0.4, 0.35, 0.8);
    expect(evaluateMetrics(scores, classes(2, 0, 0, 1, 1)).auroc).toEqual({ value: 0.75, higherIsBetter: true });
  });

  test('a tie between a positive and a negative counts one half', () => {
    const labels = [0, 1, 0, 1];
    const area = areaUnderRoc([0.5, 0.5, 0.1, 0.5], (i) => labels[i] === 1);
    // pairs: (0.5 > 0.5) half twice, (0.5 > 0.1) twice
    expect(area(everyIndex(4))).toBe(0.75);
    expect(area(Int32Array.of(1, 3))).toBeNaN();
  });

  test('expected calibration error is the mean gap between confidence and accuracy, weighted by bin', () => {
    // two samples at 0.9, one right: gap 0.4; two at 0.6, both right: gap 0.4
    const scores = probabilities(2, 0.9, 0.1, 0.9, 0.1, 0.6, 0.4, 0.6, 0.4);
    expect(evaluateMetrics(scores, classes(2, 0, 1, 0, 0)).ece?.value).toBeCloseTo(0.4, 6);
    const bins = calibrationBins(scores, Int32Array.of(0, 1, 0, 0));
    expect(bins.filter((bin) => bin.count > 0).map((bin) => bin.accuracy)).toEqual([1, 0.5]);
    expect(bins[0]).toEqual({ lower: 0, upper: 1 / 15, count: 0, confidence: null, accuracy: null });
  });

  test('top-5 exists beyond five classes only, and gives ties to the lower index as top-1 does', () => {
    const six = logits(6, 1, 1, 1, 1, 1, 1, 9, 0, 1, 2, 3, 4);
    const truth = classes(6, 5, 0);
    expect(evaluateMetrics(six, truth).top5?.value).toBe(0.5);
    expect(correctness(six, truth, 'top5')).toEqual(Uint8Array.of(0, 1));
    expect([...predictedClasses(six)]).toEqual([0, 0]);
    expect(evaluateMetrics(logits(5, 1, 2, 3, 4, 5), classes(5, 0)).top5).toBeUndefined();
  });

  test('one column is the logit or the probability of class 1', () => {
    expect([...predictedClasses(logits(1, -0.1, 0, 3))]).toEqual([0, 1, 1]);
    expect([...predictedClasses(probabilities(1, 0.49, 0.5))]).toEqual([0, 1]);
    const one = evaluateMetrics(logits(1, 1.5, -2), classes(2, 1, 1));
    const two = evaluateMetrics(logits(2, 0, 1.5, 0, -2), classes(2, 1, 1));
    expect(one.logLoss?.value).toBeCloseTo(two.logLoss?.value ?? Number.NaN, 6);
  });

  test('a logit far beyond the others has its finite loss', () => {
    expect(evaluateMetrics(logits(2, 1000, 0), classes(2, 1)).logLoss?.value).toBe(1000);
  });

  test('the confusion matrix counts actual by predicted, and its cells drop what is empty', () => {
    const scores = logits(3, 1, 0, 0, 0, 1, 0, 1, 0, 0);
    const matrix = confusionMatrix(scores, Int32Array.of(0, 1, 1), 3);
    expect(matrix).toEqual([
      [1, 0, 0],
      [1, 1, 0],
      [0, 0, 0],
    ]);
    expect(confusionCells(matrix)).toEqual([
      { actual: 0, predicted: 0, count: 1 },
      { actual: 1, predicted: 0, count: 1 },
      { actual: 1, predicted: 1, count: 1 },
    ]);
  });
});

describe('multi-label', () => {
  test('accuracy is the exact match of all labels; AUROC is the mean over the labels', () => {
    const truth: Truth = { kind: 'multilabel', values: Float32Array.of(1, 0, 0, 1, 1, 1), width: 2 };
    const metrics = evaluateMetrics(probabilities(2, 0.9, 0.2, 0.4, 0.8, 0.7, 0.1), truth);
    expect(metrics.accuracy?.value).toBeCloseTo(2 / 3, 12);
    // first label: both positives above the negative; second: 0.8 above, 0.1 below
    expect(metrics.auroc?.value).toBe(0.75);
  });
});

describe('regression', () => {
  test('agrees with the worked examples in the documentation of scikit-learn', () => {
    const truth: Truth = { kind: 'values', values: Float32Array.of(3, -0.5, 2, 7), width: 1 };
    const metrics = evaluateMetrics({ values: Float32Array.of(2.5, 0, 2, 8), width: 1, kind: 'values' }, truth);
    expect(metrics.mae).toEqual({ value: 0.5, higherIsBetter: false });
    expect(metrics.rmse?.value).toBeCloseTo(Math.sqrt(0.375), 12);
    expect(metrics.r2?.value).toBeCloseTo(0.9486081, 6);
  });

  test('R2 of a constant target has no value', () => {
    const truth: Truth = { kind: 'values', values: Float32Array.of(2, 2), width: 1 };
    expect(evaluateMetrics({ values: Float32Array.of(1, 2), width: 1, kind: 'values' }, truth).r2?.value).toBeNull();
  });
});

describe('what has no value is null', () => {
  test('no samples', () => {
    const values = Object.values(evaluateMetrics(logits(3), classes(3))).map((metric) => metric.value);
    expect(values).toEqual([null, null, null, null]);
  });

  test('a NaN among the scores', () => {
    const values = Object.values(evaluateMetrics(logits(2, 1, Number.NaN), classes(2, 0))).map((m) => m.value);
    expect(values).toEqual([null, null, null, null, null]);
  });

  test('AUROC of one class, while accuracy stands', () => {
    const metrics = evaluateMetrics(logits(2, 1, 0, 0, 1), classes(2, 0, 0));
    expect(metrics.auroc?.value).toBeNull();
    expect(metrics.accuracy?.value).toBe(0.5);
  });

  test('scores that do not describe the samples are a defect, not a metric', () => {
    expect(() => evaluateMetrics(logits(2, 1, 0, 0), classes(2, 0))).toThrow(RangeError);
    expect(() => evaluateMetrics(logits(3, 1, 0, 0), classes(2, 0))).toThrow(RangeError);
  });
});

describe('metrics of the user', () => {
  const own = [
    { name: 'mine', higherIsBetter: true, values: Float32Array.of(1, 2, 6) },
    { name: 'other', higherIsBetter: false, values: Float32Array.of(0, Number.NaN, 1) },
  ];

  test('are the mean of what each sample has, beside those of the task, and have no value where a sample has none', () => {
    const scores: Scores = { ...probabilities(2, 0.1, 0.9, 0.9, 0.1, 0.2, 0.8), own };
    const metrics = evaluateMetrics(scores, classes(2, 1, 0, 0));
    expect(Object.keys(metrics).slice(-2)).toEqual(['mine', 'other']);
    expect(metrics.accuracy?.value).toBeCloseTo(2 / 3, 6);
    expect(metrics.mine).toEqual({ value: 3, higherIsBetter: true });
    expect(metrics.other).toEqual({ value: null, higherIsBetter: false });
  });

  test('alone judge where nothing else is known', () => {
    const scores: Scores = { values: Float32Array.of(5, 5, 5), width: 1, kind: 'values', own };
    expect(Object.keys(evaluateMetrics(scores, { kind: 'own', count: 3 }))).toEqual(['mine', 'other']);
  });
});

describe('anomalies', () => {
  const errors: Scores = { values: Float32Array.of(0.1, 0.4, 0.35, 0.8), width: 1, kind: 'values' };

  test('AUROC agrees with the worked example in the documentation of scikit-learn roc_auc_score', () => {
    const metrics = evaluateMetrics(errors, { kind: 'anomaly', labels: Int32Array.of(0, 0, 1, 1), count: 4 });
    expect(metrics.auroc?.value).toBeCloseTo(0.75, 6);
    // of the normal samples alone
    expect(metrics.reconstructionError?.value).toBeCloseTo(0.25, 6);
    expect(metrics.reconstructionError?.higherIsBetter).toBe(false);
  });

  test('without labels all samples are taken to be normal, and there is no AUROC', () => {
    const metrics = evaluateMetrics(errors, { kind: 'anomaly', labels: null, count: 4 });
    expect(metrics.auroc?.value).toBeNull();
    expect(metrics.reconstructionError?.value).toBeCloseTo(0.4125, 6);
  });
});
