import type { AttributionAgreement, Distribution, MapAgreement } from '../contract/result.js';
import { bootstrapBca } from './paired.js';

/** Of one sample: what each feature (pixel, column) contributed to the answer, before and after. */
export interface AttributionPair {
  readonly before: ArrayLike<number>;
  readonly after: ArrayLike<number>;
}

/** The share of features that count as the most important ones. */
const topShare = 0.1;

/** A bootstrap of fewer samples gives intervals that are too narrow to be believed. */
const fewestCompared = 10;

/** How far the maps of each sample agree: rank correlation of the signed values, and what their largest magnitudes share. */
export function attributionAgreement(pairs: readonly AttributionPair[]): MapAgreement {
  return agreementOf(pairs, correlationsOf(pairs));
}

/** Of each sample; NaN where it has none. */
function correlationsOf(pairs: readonly AttributionPair[]): readonly number[] {
  return pairs.map(({ before, after }) => rankCorrelation(before, after) ?? Number.NaN);
}

function agreementOf(pairs: readonly AttributionPair[], correlations: readonly number[]): MapAgreement {
  const features = pairs[0]?.before.length ?? 0;
  const k = Math.max(1, Math.round(features * topShare));
  const overlap = distributionOf(pairs.map(({ before, after }) => topOverlap(before, after, k)));
  return {
    spearman: distributionOf(correlations.filter(Number.isFinite)),
    topK: overlap === null ? null : { k, overlap },
  };
}

/**
 * The same of the control arm, and by how much the migrated model's rank correlation with the original differs from the control
 * arm's, paired by sample: further training alone moves explanations too.
 * @param frelu the maps of each sample before and with FReLU
 * @param control those of the same samples before and of the control arm
 * @param seed of the bootstrap; of fewer than 10 samples there is no interval
 */
export function agreementBesideControl(
  frelu: readonly AttributionPair[],
  control: readonly AttributionPair[],
  seed: number,
): NonNullable<AttributionAgreement['control']> {
  const theirs = correlationsOf(control);
  const differences = correlationsOf(frelu)
    .map((correlation, i) => correlation - (theirs[i] ?? Number.NaN))
    .filter(Number.isFinite);
  const meanOf = (indices: Int32Array): number =>
    indices.reduce((sum, index) => sum + (differences[index] ?? Number.NaN), 0) / indices.length;
  const { estimate, interval } = bootstrapBca(differences.length, meanOf, { seed });
  return {
    ...agreementOf(control, theirs),
    difference:
      differences.length === 0 ? null : { mean: estimate, ci95: differences.length < fewestCompared ? null : interval },
  };
}

/**
 * Spearman's rank correlation: Pearson's of the ranks, equal values sharing their mean rank. Null where one of them is
 * constant or holds a NaN.
 * @throws RangeError when the lengths differ
 */
export function rankCorrelation(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  if (a.length !== b.length) throw new RangeError(`${a.length} values against ${b.length}`);
  const [x, y] = [ranks(a), ranks(b)];
  const mean = (a.length + 1) / 2;
  let covariance = 0;
  let varianceX = 0;
  let varianceY = 0;
  for (let i = 0; i < x.length; i++) {
    const dx = (x[i] ?? Number.NaN) - mean;
    const dy = (y[i] ?? Number.NaN) - mean;
    covariance += dx * dy;
    varianceX += dx * dx;
    varianceY += dy * dy;
  }
  const scale = Math.sqrt(varianceX * varianceY);
  return scale > 0 ? covariance / scale : null;
}

/** Ranks from 1; NaN throughout where a value is NaN. */
function ranks(values: ArrayLike<number>): Float64Array {
  // numbers that are sorted without a function take a fraction of the time, and NaN comes last
  const sorted = Float64Array.from(values).sort();
  if (Number.isNaN(sorted.at(-1))) return sorted.fill(Number.NaN);
  const rankOf = new Float64Array(sorted.length);
  for (let start = 0; start < sorted.length; ) {
    let end = start + 1;
    while (end < sorted.length && sorted[end] === sorted[start]) end++;
    rankOf[start] = (start + 1 + end) / 2;
    start = end;
  }
  return Float64Array.from(values, (value) => rankOf[firstNotBelow(sorted, value)] ?? Number.NaN);
}

/** The position of the first of ascending values that is not below one. */
function firstNotBelow(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? Number.NaN) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The share that the k features of largest magnitude have in common (the top-k intersection of Ghorbani, Abid, Zou:
 * "Interpretation of Neural Networks is Fragile", AAAI 2019). Of equal magnitudes the earlier feature counts.
 */
export function topOverlap(a: ArrayLike<number>, b: ArrayLike<number>, k: number): number {
  const inA = new Set(largestMagnitudes(a, k));
  return largestMagnitudes(b, k).filter((feature) => inA.has(feature)).length / k;
}

/** The positions of the k largest magnitudes, largest first; of equal ones the first. */
export function largestMagnitudes(values: ArrayLike<number>, k: number): number[] {
  const magnitudes = Float64Array.from(values, Math.abs);
  const least = magnitudes.toSorted()[magnitudes.length - k] ?? 0;
  const among = [...magnitudes.keys()].filter((i) => (magnitudes[i] ?? Number.NaN) >= least);
  return among.sort((i, j) => (magnitudes[j] ?? Number.NaN) - (magnitudes[i] ?? Number.NaN) || i - j).slice(0, k);
}

/** Mean and quantiles (nearest rank); null without values. */
function distributionOf(values: readonly number[]): Distribution | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const quantile = (p: number): number => sorted[Math.round(p * (sorted.length - 1))] ?? Number.NaN;
  return {
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    p05: quantile(0.05),
    median: quantile(0.5),
    p95: quantile(0.95),
  };
}
