import { present } from '../contract/present.js';
import type { AttributionAgreement, Distribution, MapAgreement } from '../contract/result.js';
import { bootstrapBca } from './paired.js';

/** Of each sample: what each feature (pixel, column) contributed to the answer. */
type Maps = readonly Float64Array[];

/** The share of features that count as the most important ones. */
const topShare = 0.1;

/** A bootstrap of fewer samples gives intervals that are too narrow to be believed. */
const fewestCompared = 10;

/**
 * How far the maps of each sample agree, before and with FReLU: rank correlation of the signed values, and what their largest magnitudes
 * share. The same of the control arm, and by how much the rank correlation differs from that of the control arm, paired by sample: further
 * training alone moves explanations too.
 * @param control the maps of that arm; null without one
 * @param seed of the bootstrap; of fewer than 10 samples there is no interval
 */
export function attributionAgreement(
  { before, frelu, control }: { readonly before: Maps; readonly frelu: Maps; readonly control: Maps | null },
  seed: number,
): MapAgreement & Pick<AttributionAgreement, 'control'> {
  const features = before[0]?.length ?? 0;
  const k = Math.max(1, Math.round(features * topShare));
  // each map is compared several times
  const read = (maps: Maps): readonly ReadMap[] =>
    maps.map((values) => ({ ranks: ranks(values), strongest: largestMagnitudes(values, k) }));
  const first = read(before);
  const ours = comparisonsWith(first, read(frelu));
  if (control === null) return { ...agreementOf(ours, k), control: null };
  const theirs = comparisonsWith(first, read(control));
  const differences = ours
    .map(({ correlation }, i) => correlation - (theirs[i]?.correlation ?? Number.NaN))
    .filter(Number.isFinite);
  return {
    ...agreementOf(ours, k),
    control: { ...agreementOf(theirs, k), difference: meanDifference(differences, seed) },
  };
}

function meanDifference(
  differences: readonly number[],
  seed: number,
): NonNullable<AttributionAgreement['control']>['difference'] {
  if (differences.length === 0) return null;
  const meanOf = (indices: Int32Array): number =>
    indices.reduce((sum, index) => sum + (differences[index] ?? Number.NaN), 0) / indices.length;
  const { estimate, interval } = bootstrapBca(differences.length, meanOf, { seed });
  return { mean: estimate, ci95: differences.length < fewestCompared ? null : interval };
}

interface ReadMap {
  readonly ranks: Float64Array;
  /** the features of largest magnitude */
  readonly strongest: readonly number[];
}

/** Of one sample. */
interface Comparison {
  /** NaN where there is none */
  readonly correlation: number;
  readonly overlap: number;
}

function comparisonsWith(before: readonly ReadMap[], after: readonly ReadMap[]): readonly Comparison[] {
  return before.map((map, i) => {
    const other = present(after[i], `the map of sample ${i}`);
    return {
      correlation: correlationOf(map.ranks, other.ranks) ?? Number.NaN,
      overlap: shareOf(map.strongest, other.strongest),
    };
  });
}

function agreementOf(comparisons: readonly Comparison[], k: number): MapAgreement {
  const overlap = distributionOf(comparisons.map((each) => each.overlap));
  return {
    spearman: distributionOf(comparisons.map(({ correlation }) => correlation).filter(Number.isFinite)),
    topK: overlap === null ? null : { k, overlap },
  };
}

/**
 * Spearman's rank correlation: Pearson's of the ranks, equal values sharing their mean rank. Null where one of them is
 * constant or holds a NaN.
 * @throws RangeError when the lengths differ
 */
export function rankCorrelation(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  if (a.length !== b.length) throw new RangeError(`${a.length} values against ${b.length}`);
  return correlationOf(ranks(a), ranks(b));
}

/** Pearson's correlation of ranks. */
function correlationOf(x: Float64Array, y: Float64Array): number | null {
  const mean = (x.length + 1) / 2;
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
function shareOf(a: readonly number[], b: readonly number[]): number {
  const inA = new Set(a);
  return b.filter((feature) => inA.has(feature)).length / a.length;
}

/** The positions of the k largest magnitudes, largest first; of equal ones the first. */
export function largestMagnitudes(values: ArrayLike<number>, k: number): number[] {
  const magnitudes = Float64Array.from(values, Math.abs);
  const least = magnitudes.toSorted()[magnitudes.length - k] ?? 0;
  const among: number[] = [];
  for (let i = 0; i < magnitudes.length; i++) if ((magnitudes[i] ?? Number.NaN) >= least) among.push(i);
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
