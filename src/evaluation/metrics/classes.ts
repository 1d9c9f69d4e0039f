import type { MetricOf, ShareName } from '../../contract/metrics.js';
import { calibrationError } from './calibration.js';
import {
  type ClassProbabilities,
  classProbabilities,
  predictedClasses,
  rightAmong,
  rightClasses,
  type Scores,
  type Truth,
  topConfidence,
} from './scores.js';
import { areaUnderRoc, clippedLogLoss, meanOf, noValue, type Statistic } from './statistic.js';

interface ScoredClasses {
  readonly scores: Scores;
  readonly probabilities: ClassProbabilities;
  readonly labels: Int32Array;
  readonly classes: number;
  /** of each sample, once for all metrics */
  predicted(): Int32Array;
}

/** Which samples are right, 1 or 0, for the metrics that are the share of them. */
export const rightAnswers: Readonly<
  Record<ShareName & MetricOf<'class'>, (scores: Scores, labels: Int32Array) => Uint8Array>
> = {
  accuracy: rightClasses,
  top5: (scores, labels) => amongTop(scores, labels, 5),
};

const statistics: Readonly<Record<MetricOf<'class'>, (given: ScoredClasses) => Statistic>> = {
  accuracy: ({ labels, predicted }) => meanOf(rightAmong(predicted(), labels)),
  top5: ({ scores, labels }) => meanOf(rightAnswers.top5(scores, labels)),
  macroF1: ({ labels, classes, predicted }) => macroF1(classes, labels, predicted()),
  auroc: ({ probabilities, labels }) =>
    probabilities.classes === 2
      ? areaUnderRoc(
          probabilities.values.filter((_, j) => j % 2 === 1),
          (i) => labels[i] === 1,
        )
      : noValue,
  logLoss: ({ scores, probabilities, labels }) => meanOf(logLosses(probabilities, scores, labels)),
  ece: ({ probabilities, labels, predicted }) =>
    calibrationError(topConfidence(probabilities), rightAmong(predicted(), labels)),
};

/** Prepares what the metrics of classes share. */
export function classMetrics(
  scores: Scores,
  { labels, classes }: Extract<Truth, { kind: 'class' }>,
): (name: MetricOf<'class'>) => Statistic {
  let known: Int32Array | undefined;
  const predicted = () => {
    known ??= predictedClasses(scores);
    return known;
  };
  const given = { scores, probabilities: classProbabilities(scores), labels, classes, predicted };
  return (name) => statistics[name](given);
}

/** Mean over the classes that are present, as truth or prediction, of 2 tp / (2 tp + fp + fn); -1 is no prediction. */
function macroF1(classes: number, labels: Int32Array, predicted: Int32Array): Statistic {
  return (indices) => {
    const both = new Int32Array(classes);
    const either = new Int32Array(classes);
    const count = (counts: Int32Array, at: number) => {
      counts[at] = (counts[at] ?? 0) + 1;
    };
    for (let k = 0; k < indices.length; k++) {
      const i = indices[k] ?? Number.NaN;
      const actual = labels[i] ?? -1;
      const answer = predicted[i] ?? -1;
      if (actual === answer) count(both, actual);
      count(either, actual);
      count(either, answer);
    }
    let sum = 0;
    let present = 0;
    both.forEach((right, c) => {
      const occurrences = either[c] ?? 0;
      if (occurrences === 0) return;
      sum += (2 * right) / occurrences;
      present++;
    });
    return sum / present;
  };
}

/** Of each sample. */
function logLosses(probabilities: ClassProbabilities, scores: Scores, labels: Int32Array): Float64Array {
  const losses = new Float64Array(labels.length);
  for (let i = 0; i < losses.length; i++) losses[i] = logLoss(probabilities, scores, i, labels[i] ?? 0);
  return losses;
}

function logLoss(probabilities: ClassProbabilities, { values, width, kind }: Scores, i: number, label: number): number {
  if (kind === 'logits' && width > 1) {
    // from the logits: a probability that underflows still has its finite loss
    let largest = Number.NEGATIVE_INFINITY;
    for (let c = i * width; c < (i + 1) * width; c++) largest = Math.max(largest, values[c] ?? Number.NaN);
    let sum = 0;
    for (let c = i * width; c < (i + 1) * width; c++) sum += Math.exp((values[c] ?? Number.NaN) - largest);
    return largest + Math.log(sum) - (values[i * width + label] ?? Number.NaN);
  }
  if (kind === 'logits') {
    const logit = label === 1 ? (values[i] ?? Number.NaN) : -(values[i] ?? Number.NaN);
    return Math.log1p(Math.exp(-Math.abs(logit))) + Math.max(-logit, 0);
  }
  return clippedLogLoss(probabilities.values[i * probabilities.classes + label] ?? Number.NaN);
}

/** 1 where fewer than `k` classes score higher than the sample's, else 0 (a NaN is wrong). */
function amongTop({ values, width }: Scores, labels: Int32Array, k: number): Uint8Array {
  const among = new Uint8Array(labels.length);
  for (let i = 0; i < among.length; i++) {
    const label = labels[i] ?? Number.NaN;
    const own = values[i * width + label] ?? Number.NaN;
    let above = 0;
    // ties go to the lower index, as in predictedClasses, so that top-1 of both agrees
    for (let c = 0; c < width; c++) {
      const score = values[i * width + c] ?? Number.NaN;
      if (score > own || (score === own && c < label)) above++;
      else if (Number.isNaN(score)) above = k;
    }
    among[i] = Number(above < k);
  }
  return among;
}
