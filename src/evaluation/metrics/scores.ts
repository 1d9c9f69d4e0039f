import type { MaskScores, MaskTruth } from './masks.js';

/** What else was measured of each sample, whatever the truth: metrics of the user's. */
interface Measured {
  readonly own?: readonly OwnScores[];
}

/** What a model said about `count` samples: row-major [count, width]. */
export interface Scores extends Measured {
  readonly values: Float32Array;
  readonly width: number;
  /**
   * `logits` go through softmax (width 1 and multi-label: sigmoid); `probabilities` are taken as they are;
   * `values` are regression outputs.
   */
  readonly kind: 'logits' | 'probabilities' | 'values';
}

/** A metric of the user's: its value is the mean over the samples. */
export interface OwnScores {
  readonly name: string;
  readonly higherIsBetter: boolean;
  /** of each sample */
  readonly values: Float32Array;
}

/** What a model said, a row for each sample or counted image by image. */
export type AnyScores = Scores | (MaskScores & Measured);

export type Truth = RowTruth | MaskTruth;

export type RowTruth =
  /** `labels[i]` in [0, classes); two classes may be scored by one column, the probability of class 1 */
  | { readonly kind: 'class'; readonly labels: Int32Array; readonly classes: number }
  /** 0 or 1, [count, width] */
  | { readonly kind: 'multilabel'; readonly values: Float32Array; readonly width: number }
  | { readonly kind: 'values'; readonly values: Float32Array; readonly width: number }
  /** the scores are a value per sample, the larger the stranger; 1 for anomalies; null where nobody knows: all are taken to be normal */
  | { readonly kind: 'anomaly'; readonly labels: Int32Array | null; readonly count: number }
  /** the user's own metrics alone judge */
  | { readonly kind: 'own'; readonly count: number };

/** [count, classes], row-major */
export interface ClassProbabilities {
  readonly values: Float64Array;
  readonly classes: number;
}

/** Scores of a task whose answers are rows. */
export function rowsOf(scores: AnyScores): Scores {
  if (scores.kind === 'mask') throw new RangeError('masks are no rows');
  return scores;
}

/** Scores that were counted image by image. */
export function masksOf(scores: AnyScores): MaskScores {
  if (scores.kind !== 'mask') throw new RangeError('rows are no masks');
  return scores;
}

export function truthCount(truth: Truth): number {
  switch (truth.kind) {
    case 'class':
      return truth.labels.length;
    case 'multilabel':
    case 'values':
      return truth.values.length / truth.width;
    case 'mask':
      return truth.images;
    case 'anomaly':
    case 'own':
      return truth.count;
  }
}

/** @throws RangeError when scores and truth do not describe the same number of samples or columns */
export function checkShapes(scores: AnyScores, truth: Truth): void {
  if (scores.kind === 'mask' || truth.kind === 'mask') {
    const fit = scores.kind === 'mask' && truth.kind === 'mask' && scores.images === truth.images;
    if (!fit || scores.classes !== truth.classes) throw new RangeError('scores and truth are not of the same masks');
    return;
  }
  const count = truthCount(truth);
  if (scores.values.length !== count * scores.width) {
    throw new RangeError(`${scores.values.length} scores of width ${scores.width} do not describe ${count} samples`);
  }
  if (truth.kind === 'own') return;
  const width = truth.kind === 'class' ? truth.classes : truth.kind === 'anomaly' ? 1 : truth.width;
  if (scores.width !== width && !(truth.kind === 'class' && truth.classes === 2 && scores.width === 1)) {
    throw new RangeError(`scores have ${scores.width} columns, the truth has ${width}`);
  }
}

/**
 * The class that each sample is predicted as: the largest score, the lower index on a tie;
 * with one column, class 1 from a probability of 0.5. -1 where the scores hold a NaN.
 */
export function predictedClasses(scores: Scores): Int32Array {
  const { values, width, kind } = scores;
  const threshold = kind === 'logits' ? 0 : 0.5;
  const predicted = new Int32Array(values.length / width);
  for (let i = 0; i < predicted.length; i++) {
    const best = largestAt(values, i * width, width);
    predicted[i] = width > 1 || best < 0 ? best : Number((values[i] ?? Number.NaN) >= threshold);
  }
  return predicted;
}

/** 1 where the predicted class is the sample's, else 0 (a NaN is wrong). */
export const rightClasses = (scores: Scores, labels: Int32Array): Uint8Array =>
  rightAmong(predictedClasses(scores), labels);

/** The same of classes that were predicted before. */
export function rightAmong(predicted: Int32Array, labels: Int32Array): Uint8Array {
  const right = new Uint8Array(labels.length);
  for (let i = 0; i < right.length; i++) right[i] = Number(predicted[i] === labels[i]);
  return right;
}

/** Probabilities [count, classes], float64; one column becomes two. Softmax and sigmoid are computed without overflow. */
export function classProbabilities(scores: Scores): ClassProbabilities {
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
  const result = new Float64Array(values);
  if (kind === 'logits')
    for (let start = 0; start < result.length; start += width) softmaxInPlace(result, start, width);
  return { values: result, classes: width };
}

/** The largest class probability of each sample. */
export function topConfidence(probabilities: ClassProbabilities): Float64Array {
  const { values, classes } = probabilities;
  const top = new Float64Array(values.length / classes);
  for (let i = 0; i < top.length; i++) {
    let largest = 0;
    for (let c = i * classes; c < (i + 1) * classes; c++) largest = Math.max(largest, values[c] ?? Number.NaN);
    top[i] = largest;
  }
  return top;
}

export function sigmoid(logit: number): number {
  return logit >= 0 ? 1 / (1 + Math.exp(-logit)) : Math.exp(logit) / (1 + Math.exp(logit));
}

function softmaxInPlace(values: Float64Array, start: number, width: number): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (let c = start; c < start + width; c++) largest = Math.max(largest, values[c] ?? Number.NaN);
  let sum = 0;
  for (let c = start; c < start + width; c++) {
    const e = Math.exp((values[c] ?? Number.NaN) - largest);
    values[c] = e;
    sum += e;
  }
  for (let c = start; c < start + width; c++) values[c] = (values[c] ?? Number.NaN) / sum;
}

/** Of the `width` values from `start` on, the first of the largest; -1 where one of them is a NaN. */
function largestAt(values: Float32Array, start: number, width: number): number {
  let best = 0;
  let largest = values[start] ?? Number.NaN;
  for (let c = 0; c < width; c++) {
    const value = values[start + c] ?? Number.NaN;
    if (Number.isNaN(value)) return -1;
    if (value > largest) {
      best = c;
      largest = value;
    }
  }
  return best;
}
