import type { MetricOf } from '../../contract/metrics.js';
import { type Scores, sigmoid, type Truth, truthCount } from './scores.js';
import { areaUnderRoc, clippedLogLoss, meanOf, type Statistic } from './statistic.js';

interface ScoredLabels {
  readonly count: number;
  /** the number of labels */
  readonly width: number;
  /** of label c of sample i */
  readonly probability: (i: number, c: number) => number;
  readonly isPositive: (i: number, c: number) => boolean;
}

const statistics: Readonly<Record<MetricOf<'multilabel'>, (given: ScoredLabels) => Statistic>> = {
  accuracy: (given) => meanOf(everyLabelRight(given)),
  macroF1:
    ({ width, probability, isPositive }) =>
    (indices) => {
      let sum = 0;
      for (let c = 0; c < width; c++) {
        let both = 0;
        let either = 0;
        for (const i of indices) {
          const predicted = probability(i, c) >= 0.5;
          if (predicted && isPositive(i, c)) both++;
          either += Number(predicted) + Number(isPositive(i, c));
        }
        sum += either > 0 ? (2 * both) / either : 0;
      }
      return sum / width;
    },
  auroc: ({ count, width, probability, isPositive }) => {
    const perLabel = Array.from({ length: width }, (_, c) =>
      areaUnderRoc(
        Float64Array.from({ length: count }, (_, i) => probability(i, c)),
        (i) => isPositive(i, c),
      ),
    );
    return (indices) => perLabel.reduce((sum, statistic) => sum + statistic(indices), 0) / width;
  },
  logLoss: ({ count, width, probability, isPositive }) =>
    meanOf(
      Float64Array.from({ length: count }, (_, i) => {
        let sum = 0;
        for (let c = 0; c < width; c++) {
          sum += clippedLogLoss(isPositive(i, c) ? probability(i, c) : 1 - probability(i, c));
        }
        return sum / width;
      }),
    ),
};

/** Prepares what the metrics of several labels share. */
export function multilabelMetrics(
  scores: Scores,
  truth: Extract<Truth, { kind: 'multilabel' }>,
): (name: MetricOf<'multilabel'>) => Statistic {
  const given = scored(scores, truth);
  return (name) => statistics[name](given);
}

/** 1 for samples of which every label is right, else 0 (a NaN is wrong). */
export function rightLabels(scores: Scores, truth: Extract<Truth, { kind: 'multilabel' }>): Uint8Array {
  return everyLabelRight(scored(scores, truth));
}

function scored({ values, kind }: Scores, truth: Extract<Truth, { kind: 'multilabel' }>): ScoredLabels {
  const { width } = truth;
  const probabilities = kind === 'logits' ? values.map(sigmoid) : values;
  return {
    count: truthCount(truth),
    width,
    probability: (i, c) => probabilities[i * width + c] ?? Number.NaN,
    isPositive: (i, c) => (truth.values[i * width + c] ?? Number.NaN) >= 0.5,
  };
}

function everyLabelRight({ count, width, probability, isPositive }: ScoredLabels): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => {
    for (let c = 0; c < width; c++) {
      const p = probability(i, c);
      if (Number.isNaN(p) || p >= 0.5 !== isPositive(i, c)) return 0;
    }
    return 1;
  });
}
