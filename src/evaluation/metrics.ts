import type { CalibrationBin, ConfusionCell, MetricName, Metrics } from '../contract/result.js';

/** What a model said about `count` samples: row-major [count, width]. */
export interface Scores {
  readonly values: Float32Array;
  readonly width: number;
  /**
   * `logits` go through softmax (width 1 and multi-label: sigmoid); `probabilities` are taken as they are;
   * `values` are regression outputs.
   */
  readonly kind: 'logits' | 'probabilities' | 'values';
}

export type Truth =
  /** `labels[i]` in [0, classes); two classes may be scored by one column, the probability of class 1 */
  | { readonly kind: 'class'; readonly labels: Int32Array; readonly classes: number }
  /** 0 or 1, [count, width] */
  | { readonly kind: 'multilabel'; readonly values: Float32Array; readonly width: number }
  | { readonly kind: 'values'; readonly values: Float32Array; readonly width: number };

export const higherIsBetter: Readonly<Record<MetricName, boolean>> = {
  accuracy: true,
  top5: true,
  macroF1: true,
  logLoss: false,
  ece: false,
  auroc: true,
  mae: false,
  rmse: false,
  r2: true,
};

/** A probability below this counts as this in the log loss: float32's epsilon, as scikit-learn's log_loss has it. */
const smallestProbability = 2 ** -23;

/** The number of equal-width confidence bins of `calibrationBins` and of `ece`. */
const calibrationBinCount = 15;

export function truthCount(truth: Truth): number {
  return truth.kind === 'class' ? truth.labels.length : truth.values.length / truth.width;
}

/**
 * Every metric of the task, over all samples. A metric without a value is null: no samples, a NaN among the outputs,
 * AUROC with one class present, R2 of a constant target.
 * @throws RangeError when scores and truth do not describe the same number of samples or columns
 */
export function evaluateMetrics(scores: Scores, truth: Truth): Metrics {
  const names = metricNames(truth);
  const metric = metricOf(scores, truth);
  const count = truthCount(truth);
  const all = Int32Array.from({ length: count }, (_, i) => i);
  return Object.fromEntries(
    names.map((name) => [name, { value: finiteOrNull(metric(name)(all)), higherIsBetter: higherIsBetter[name] }]),
  );
}

/** The metrics that exist for a task, the main one first. */
export function metricNames(truth: Truth): MetricName[] {
  if (truth.kind === 'values') return ['rmse', 'mae', 'r2'];
  if (truth.kind === 'multilabel') return ['accuracy', 'macroF1', 'logLoss', 'auroc'];
  return [
    'accuracy',
    ...(truth.classes > 5 ? (['top5'] as const) : []),
    'macroF1',
    'logLoss',
    'ece',
    ...(truth.classes === 2 ? (['auroc'] as const) : []),
  ];
}

/** A statistic of the samples at `indices`, which may repeat; NaN where it has no value. */
export type Statistic = (indices: Int32Array) => number;

/**
 * Prepares what all metrics share (probabilities, predictions), once, so that a bootstrap can ask for the same metric
 * of thousands of resamples.
 * @throws RangeError when scores and truth do not describe the same number of samples or columns
 */
export function metricOf(scores: Scores, truth: Truth): (name: MetricName) => Statistic {
  checkShapes(scores, truth);
  const undefinedStatistic: Statistic = () => Number.NaN;
  if (scores.values.some(Number.isNaN)) return () => undefinedStatistic;
  if (truth.kind === 'values') return (name) => regressionStatistic(name, scores.values, truth);
  if (truth.kind === 'multilabel') {
    const probabilities = scores.kind === 'logits' ? scores.values.map(sigmoid) : scores.values;
    return (name) => multilabelStatistic(name, probabilities, truth);
  }
  const probabilities = classProbabilities(scores);
  return (name) => classStatistic(name, probabilities, scores, truth);
}

/**
 * The class that each sample is predicted as: the largest score, the lower index on a tie;
 * with one column, class 1 from a probability of 0.5. -1 where the scores hold a NaN.
 */
export function predictedClasses(scores: Scores): Int32Array {
  const { values, width, kind } = scores;
  const threshold = kind === 'logits' ? 0 : 0.5;
  return Int32Array.from({ length: values.length / width }, (_, i) => {
    const row = values.subarray(i * width, (i + 1) * width);
    if (row.some(Number.isNaN)) return -1;
    return width === 1 ? Number((row[0] ?? 0) >= threshold) : argmax(row);
  });
}

/** 1 where the prediction is right, else 0 (a NaN is wrong): the input of McNemar's test. */
export function correctness(scores: Scores, truth: Truth, name: 'accuracy' | 'top5'): Uint8Array {
  checkShapes(scores, truth);
  if (truth.kind === 'class') {
    const predicted = predictedClasses(scores);
    return Uint8Array.from(truth.labels, (label, i) =>
      Number(name === 'accuracy' ? predicted[i] === label : isAmongTop(scores, i, label, 5)),
    );
  }
  const threshold = scores.kind === 'logits' ? 0 : 0.5;
  return Uint8Array.from({ length: truthCount(truth) }, (_, i) => {
    for (let c = i * truth.width; c < (i + 1) * truth.width; c++) {
      const score = scores.values[c] ?? Number.NaN;
      if (Number.isNaN(score) || score >= threshold !== (truth.values[c] ?? 0) >= 0.5) return 0;
    }
    return 1;
  });
}

/** Probabilities [count, classes], float64; one column becomes two. Softmax and sigmoid are computed without overflow. */
export function classProbabilities(scores: Scores): { readonly values: Float64Array; readonly classes: number } {
  const { values, width, kind } = scores;
  if (width === 1) {
    const two = new Float64Array(values.length * 2);
    values.forEach((score, i) => {
      const p = kind === 'logits' ? sigmoid(score) : score;
      two[2 * i] = 1 - p;
      two[2 * i + 1] = p;
    });
    return { values: two, classes: 2 };
  }
  const result = Float64Array.from(values);
  if (kind === 'logits')
    for (let start = 0; start < result.length; start += width) softmaxInPlace(result, start, width);
  return { values: result, classes: width };
}

/** `confusion[actual][predicted]`; samples without a prediction (NaN) are in no cell. */
export function confusionMatrix(scores: Scores, labels: Int32Array, classes: number): number[][] {
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const predicted = predictedClasses(scores);
  labels.forEach((label, i) => {
    const row = matrix[label];
    const column = predicted[i] ?? -1;
    if (row !== undefined && column >= 0) row[column] = (row[column] ?? 0) + 1;
  });
  return matrix;
}

/** The non-empty cells, row by row: what is worth keeping of a matrix over a thousand classes. */
export function confusionCells(matrix: readonly (readonly number[])[]): ConfusionCell[] {
  return matrix.flatMap((row, actual) =>
    row.flatMap((count, predicted) => (count > 0 ? [{ actual, predicted, count }] : [])),
  );
}

/**
 * The reliability diagram of Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017), eq. 1-3:
 * predictions in 15 equal-width bins (lower, upper] of their confidence, with mean confidence and accuracy.
 */
export function calibrationBins(scores: Scores, labels: Int32Array): CalibrationBin[] {
  const probabilities = classProbabilities(scores);
  const confidence = topConfidence(probabilities);
  const right = correctness(scores, { kind: 'class', labels, classes: probabilities.classes }, 'accuracy');
  return binned(confidence, right, everyIndex(labels.length)).map(({ count, confidence, accuracy }, bin) => ({
    lower: bin / calibrationBinCount,
    upper: (bin + 1) / calibrationBinCount,
    count,
    confidence: count > 0 ? confidence / count : null,
    accuracy: count > 0 ? accuracy / count : null,
  }));
}

/** The largest class probability of each sample. */
export function topConfidence(probabilities: ReturnType<typeof classProbabilities>): Float64Array {
  const { values, classes } = probabilities;
  return Float64Array.from({ length: values.length / classes }, (_, i) => {
    let largest = 0;
    for (let c = i * classes; c < (i + 1) * classes; c++) largest = Math.max(largest, values[c] ?? Number.NaN);
    return largest;
  });
}

/**
 * The area under the ROC curve as the Mann-Whitney statistic: the share of (positive, negative) pairs in which the
 * positive scores higher, a tie counting one half (Hanley & McNeil, Radiology 143, 1982). NaN with one class only.
 * The scores are ranked once; every set of indices is then one pass over them and one over the ranks.
 */
export function areaUnderRoc(scores: ArrayLike<number>, positive: (i: number) => boolean): Statistic {
  const order = everyIndex(scores.length).sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0));
  const rank = new Int32Array(scores.length);
  let ranks = 0;
  order.forEach((i, k) => {
    if (k > 0 && scores[i] !== scores[order[k - 1] ?? 0]) ranks++;
    rank[i] = ranks;
  });
  return (indices) => {
    const positives = new Float64Array(ranks + 1);
    const negatives = new Float64Array(ranks + 1);
    for (const i of indices) {
      const side = positive(i) ? positives : negatives;
      const at = rank[i] ?? 0;
      side[at] = (side[at] ?? 0) + 1;
    }
    let below = 0;
    let won = 0;
    let positiveCount = 0;
    for (let r = 0; r <= ranks; r++) {
      won += (positives[r] ?? 0) * (below + (negatives[r] ?? 0) / 2);
      below += negatives[r] ?? 0;
      positiveCount += positives[r] ?? 0;
    }
    return won / (positiveCount * below);
  };
}

function classStatistic(
  name: MetricName,
  probabilities: ReturnType<typeof classProbabilities>,
  scores: Scores,
  truth: Extract<Truth, { kind: 'class' }>,
): Statistic {
  const { labels, classes } = truth;
  switch (name) {
    case 'accuracy':
    case 'top5':
      return meanOf(correctness(scores, truth, name));
    case 'macroF1': {
      const predicted = predictedClasses(scores);
      return (indices) => macroF1(classes, indices, (i, count) => count(labels[i] ?? 0, predicted[i] ?? 0));
    }
    case 'logLoss':
      return meanOf(classLogLosses(probabilities, scores, labels));
    case 'ece': {
      const confidence = topConfidence(probabilities);
      const right = correctness(scores, truth, 'accuracy');
      return (indices) =>
        binned(confidence, right, indices).reduce((sum, bin) => sum + Math.abs(bin.accuracy - bin.confidence), 0) /
        indices.length;
    }
    case 'auroc':
      if (probabilities.classes !== 2) return () => Number.NaN;
      return areaUnderRoc(
        probabilities.values.filter((_, j) => j % 2 === 1),
        (i) => labels[i] === 1,
      );
    default:
      return () => Number.NaN;
  }
}

function multilabelStatistic(
  name: MetricName,
  probabilities: Float32Array,
  truth: Extract<Truth, { kind: 'multilabel' }>,
): Statistic {
  const { width } = truth;
  const isPositive = (i: number, c: number) => (truth.values[i * width + c] ?? 0) >= 0.5;
  const probability = (i: number, c: number) => probabilities[i * width + c] ?? 0;
  switch (name) {
    case 'accuracy':
      return meanOf(correctness({ values: probabilities, width, kind: 'probabilities' }, truth, 'accuracy'));
    case 'macroF1':
      return (indices) => {
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
      };
    case 'logLoss':
      return meanOf(
        Float64Array.from({ length: truthCount(truth) }, (_, i) => {
          let sum = 0;
          for (let c = 0; c < width; c++) {
            sum += clippedLogLoss(isPositive(i, c) ? probability(i, c) : 1 - probability(i, c));
          }
          return sum / width;
        }),
      );
    case 'auroc': {
      const perLabel = Array.from({ length: width }, (_, c) =>
        areaUnderRoc(
          probabilities.filter((_, j) => j % width === c),
          (i) => isPositive(i, c),
        ),
      );
      return (indices) => perLabel.reduce((sum, statistic) => sum + statistic(indices), 0) / width;
    }
    default:
      return () => Number.NaN;
  }
}

function regressionStatistic(
  name: MetricName,
  outputs: Float32Array,
  truth: Extract<Truth, { kind: 'values' }>,
): Statistic {
  const { values, width } = truth;
  const error = (j: number) => (outputs[j] ?? Number.NaN) - (values[j] ?? Number.NaN);
  const perSample = (f: (j: number) => number) =>
    Float64Array.from({ length: values.length / width }, (_, i) => {
      let sum = 0;
      for (let j = i * width; j < (i + 1) * width; j++) sum += f(j);
      return sum / width;
    });
  switch (name) {
    case 'mae':
      return meanOf(perSample((j) => Math.abs(error(j))));
    case 'rmse': {
      const meanSquare = meanOf(perSample((j) => error(j) ** 2));
      return (indices) => Math.sqrt(meanSquare(indices));
    }
    case 'r2':
      return (indices) => {
        let sum = 0;
        for (let c = 0; c < width; c++) {
          let mean = 0;
          for (const i of indices) mean += (values[i * width + c] ?? 0) / indices.length;
          let residual = 0;
          let total = 0;
          for (const i of indices) {
            residual += error(i * width + c) ** 2;
            total += ((values[i * width + c] ?? 0) - mean) ** 2;
          }
          sum += total > 0 ? 1 - residual / total : Number.NaN;
        }
        return sum / width;
      };
    default:
      return () => Number.NaN;
  }
}

/** Mean over the classes that are present, as truth or prediction, of 2 tp / (2 tp + fp + fn). */
function macroF1(
  classes: number,
  indices: Int32Array,
  visit: (i: number, count: (actual: number, predicted: number) => void) => void,
): number {
  const both = new Int32Array(classes);
  const either = new Int32Array(classes);
  const count = (actual: number, predicted: number) => {
    if (actual === predicted) both[actual] = (both[actual] ?? 0) + 1;
    either[actual] = (either[actual] ?? 0) + 1;
    either[predicted] = (either[predicted] ?? 0) + 1;
  };
  for (const i of indices) visit(i, count);
  let sum = 0;
  let present = 0;
  for (let c = 0; c < classes; c++) {
    const denominator = either[c] ?? 0;
    if (denominator === 0) continue;
    sum += (2 * (both[c] ?? 0)) / denominator;
    present++;
  }
  return sum / present;
}

function classLogLosses(
  probabilities: ReturnType<typeof classProbabilities>,
  scores: Scores,
  labels: Int32Array,
): Float64Array {
  const { values, width, kind } = scores;
  return Float64Array.from(labels, (label, i) => {
    if (kind === 'logits' && width > 1) {
      // from the logits: a probability that underflows still has its finite loss
      const row = values.subarray(i * width, (i + 1) * width);
      const largest = Math.max(...row);
      let sum = 0;
      for (const logit of row) sum += Math.exp(logit - largest);
      return largest + Math.log(sum) - (row[label] ?? Number.NaN);
    }
    if (kind === 'logits') {
      const logit = label === 1 ? (values[i] ?? 0) : -(values[i] ?? 0);
      return Math.log1p(Math.exp(-Math.abs(logit))) + Math.max(-logit, 0);
    }
    return clippedLogLoss(probabilities.values[i * probabilities.classes + label] ?? Number.NaN);
  });
}

function clippedLogLoss(probability: number): number {
  return -Math.log(Math.min(Math.max(probability, smallestProbability), 1));
}

/** Sums (not means) of confidence and right predictions per bin. */
function binned(confidence: Float64Array, right: Uint8Array, indices: Int32Array) {
  const bins = Array.from({ length: calibrationBinCount }, () => ({ count: 0, confidence: 0, accuracy: 0 }));
  for (const i of indices) {
    const value = confidence[i] ?? 0;
    const bin = bins[Math.min(Math.max(Math.ceil(value * calibrationBinCount) - 1, 0), calibrationBinCount - 1)];
    if (bin === undefined) continue;
    bin.count++;
    bin.confidence += value;
    bin.accuracy += right[i] ?? 0;
  }
  return bins;
}

function meanOf(values: ArrayLike<number>): Statistic {
  return (indices) => {
    let sum = 0;
    for (const i of indices) sum += values[i] ?? Number.NaN;
    return sum / indices.length;
  };
}

function isAmongTop(scores: Scores, i: number, label: number, k: number): boolean {
  const row = scores.values.subarray(i * scores.width, (i + 1) * scores.width);
  const own = row[label] ?? Number.NaN;
  if (row.some(Number.isNaN)) return false;
  let above = 0;
  // ties go to the lower index, as in predictedClasses, so that top-1 of both agrees
  row.forEach((score, c) => {
    if (score > own || (score === own && c < label)) above++;
  });
  return above < k;
}

function argmax(row: Float32Array): number {
  let best = 0;
  for (let c = 1; c < row.length; c++) if ((row[c] ?? 0) > (row[best] ?? 0)) best = c;
  return best;
}

function sigmoid(logit: number): number {
  return logit >= 0 ? 1 / (1 + Math.exp(-logit)) : Math.exp(logit) / (1 + Math.exp(logit));
}

function softmaxInPlace(values: Float64Array, start: number, width: number): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (let c = start; c < start + width; c++) largest = Math.max(largest, values[c] ?? 0);
  let sum = 0;
  for (let c = start; c < start + width; c++) {
    const e = Math.exp((values[c] ?? 0) - largest);
    values[c] = e;
    sum += e;
  }
  for (let c = start; c < start + width; c++) values[c] = (values[c] ?? 0) / sum;
}

function everyIndex(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i);
}

/** JSON has no NaN and no Infinity: what has no value is null. */
export function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function checkShapes(scores: Scores, truth: Truth): void {
  const count = truthCount(truth);
  if (scores.values.length !== count * scores.width) {
    throw new RangeError(`${scores.values.length} scores of width ${scores.width} do not describe ${count} samples`);
  }
  const width = truth.kind === 'class' ? truth.classes : truth.width;
  if (scores.width !== width && !(truth.kind === 'class' && truth.classes === 2 && scores.width === 1)) {
    throw new RangeError(`scores have ${scores.width} columns, the truth has ${width}`);
  }
}
