import {
  isMetricOf,
  isTableMetric,
  type MetricName,
  metricsOf,
  metricTable,
  type ShareName,
  type TableMetric,
} from '../contract/metrics.js';
import { present } from '../contract/present.js';
import type { Metrics } from '../contract/result.js';
import { anomalyMetrics } from './metrics/anomaly.js';
import { classMetrics, rightAnswers } from './metrics/classes.js';
import { maskMetrics } from './metrics/masks.js';
import { multilabelMetrics, rightLabels } from './metrics/multilabel.js';
import { regressionMetrics } from './metrics/regression.js';
import { type AnyScores, checkShapes, type OwnScores, type Truth, truthCount } from './metrics/scores.js';
import { everyIndex, meanOf, noValue, type Statistic } from './metrics/statistic.js';

export { calibrationBins } from './metrics/calibration.js';
export { confusionCells, confusionMatrix } from './metrics/confusion.js';
export { type MaskScores, maskConfusion } from './metrics/masks.js';
export {
  type AnyScores,
  classProbabilities,
  masksOf,
  type OwnScores,
  predictedClasses,
  type RowTruth,
  rowsOf,
  type Scores,
  sigmoid,
  type Truth,
  topConfidence,
  truthCount,
} from './metrics/scores.js';
export { areaUnderRoc } from './metrics/statistic.js';

/**
 * Every metric of the task, over all samples. A metric without a value is null: no samples, a NaN among the outputs,
 * AUROC with one class present, R2 of a constant target.
 * @throws RangeError when scores and truth do not describe the same number of samples or columns
 */
export function evaluateMetrics(scores: AnyScores, truth: Truth): Metrics {
  const metric = metricOf(scores, truth);
  const all = everyIndex(truthCount(truth));
  const names = [...metricNames(truth), ...(scores.own ?? []).map(({ name }) => name)];
  return Object.fromEntries(
    names.map((name) => {
      return [name, { value: finiteOrNull(metric(name)(all)), higherIsBetter: isBetterHigher(scores, name) }];
    }),
  );
}

/** Which way a metric is better. @throws Error for one that is neither of the table nor among the scores */
export function isBetterHigher(
  { own = [] }: { readonly own?: readonly Pick<OwnScores, 'name' | 'higherIsBetter'>[] },
  name: MetricName,
): boolean {
  if (isTableMetric(name)) return metricTable[name].higherIsBetter;
  return present(
    own.find((each) => each.name === name),
    `the metric '${name}' among the scores`,
  ).higherIsBetter;
}

/** The metrics of the table that exist for a task, the main one first. */
export function metricNames(truth: Truth): TableMetric[] {
  return metricsOf(truth.kind, truth.kind === 'class' ? truth.classes : 0);
}

/**
 * Prepares what all metrics share (probabilities, predictions), once, so that a bootstrap can ask for the same metric
 * of thousands of resamples. A metric that does not exist for this kind of truth has no value.
 * @throws RangeError when scores and truth do not describe the same number of samples or columns
 */
export function metricOf(scores: AnyScores, truth: Truth): (name: MetricName) => Statistic {
  checkShapes(scores, truth);
  const ofTruth = truthMetric(scores, truth);
  return (name) => {
    const own = scores.own?.find((each) => each.name === name);
    return own === undefined ? ofTruth(name) : meanOf(own.values);
  };
}

function truthMetric(scores: AnyScores, truth: Truth): (name: MetricName) => Statistic {
  if (scores.kind === 'mask') {
    const metric = maskMetrics(scores);
    return (name) => (isMetricOf('mask', name) ? metric(name) : noValue);
  }
  if (scores.values.some(Number.isNaN)) return () => noValue;
  switch (truth.kind) {
    case 'mask':
      return () => noValue;
    case 'class': {
      const metric = classMetrics(scores, truth);
      return (name) => (isMetricOf('class', name) ? metric(name) : noValue);
    }
    case 'multilabel': {
      const metric = multilabelMetrics(scores, truth);
      return (name) => (isMetricOf('multilabel', name) ? metric(name) : noValue);
    }
    case 'values': {
      const metric = regressionMetrics(scores, truth);
      return (name) => (isMetricOf('values', name) ? metric(name) : noValue);
    }
    case 'anomaly': {
      const metric = anomalyMetrics(scores, truth);
      return (name) => (isMetricOf('anomaly', name) ? metric(name) : noValue);
    }
    case 'own':
      return () => noValue;
  }
}

/**
 * 1 where the prediction is right, else 0 (a NaN is wrong): the input of McNemar's test. Null where the metric does not
 * exist for this kind of truth.
 * @throws RangeError when scores and truth do not describe the same number of samples or columns
 */
export function correctness(scores: AnyScores, truth: Truth, name: ShareName): Uint8Array | null {
  checkShapes(scores, truth);
  if (scores.kind === 'mask') return null;
  if (truth.kind === 'class') return rightAnswers[name](scores, truth.labels);
  return truth.kind === 'multilabel' && isMetricOf('multilabel', name) ? rightLabels(scores, truth) : null;
}

/** JSON has no NaN and no Infinity: what has no value is null. */
export function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
