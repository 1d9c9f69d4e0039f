import { createRandom } from '../math/random.js';
import { halfBinomialCdf, normalCdf, normalQuantile } from './distributions.js';
import { everyIndex } from './metrics/statistic.js';

/** How two models did on the same samples, right or wrong. */
export interface PairedCounts {
  readonly bothRight: number;
  /** wrong under the baseline, right under the candidate */
  readonly fixed: number;
  /** right under the baseline, wrong under the candidate */
  readonly broken: number;
  readonly bothWrong: number;
}

/** Counts the four outcomes of two 0/1 vectors of equal length. */
export function pairedCounts(baseline: Uint8Array, candidate: Uint8Array): PairedCounts {
  if (baseline.length !== candidate.length) throw new RangeError('paired vectors differ in length');
  let bothRight = 0;
  let fixed = 0;
  let broken = 0;
  baseline.forEach((right, i) => {
    if (right && candidate[i]) bothRight++;
    else if (candidate[i]) fixed++;
    else if (right) broken++;
  });
  return { bothRight, fixed, broken, bothWrong: baseline.length - bothRight - fixed - broken };
}

/**
 * The exact conditional McNemar test, two-sided: twice the smaller binomial tail of (fixed, broken) at 1/2, at most 1.
 * McNemar, Psychometrika 12, 1947; exact form as in Fagerland, Lydersen & Laake, BMC Med Res Methodol 13:91, 2013.
 * 1 when no sample changed.
 */
export function mcnemarExact(fixed: number, broken: number): number {
  return Math.min(1, 2 * halfBinomialCdf(Math.min(fixed, broken), fixed + broken));
}

/**
 * The interval for the difference of paired proportions, candidate - baseline: method 10 of Newcombe,
 * Statistics in Medicine 17, 1998, 2635-2650 (Wilson intervals, squared and added, with a continuity-corrected phi).
 * Null without samples.
 */
export function newcombePaired(counts: PairedCounts, confidence = 0.95): readonly [low: number, high: number] | null {
  const { bothRight, fixed, broken, bothWrong } = counts;
  const n = bothRight + fixed + broken + bothWrong;
  if (n === 0) return null;
  const z = normalQuantile(1 - (1 - confidence) / 2);
  const candidate = wilson(bothRight + fixed, n, z);
  const baseline = wilson(bothRight + broken, n, z);
  const margins = (bothRight + fixed) * (broken + bothWrong) * (bothRight + broken) * (fixed + bothWrong);
  const cross = bothRight * bothWrong - fixed * broken;
  const corrected = cross > 0 ? Math.max(cross - n / 2, 0) : cross;
  // an empty margin: one proportion is 0 or 1 and correlates with nothing
  const phi = margins > 0 ? corrected / Math.sqrt(margins) : 0;
  const distance = (a: number, b: number) => Math.sqrt(Math.max(0, a * a - 2 * phi * a * b + b * b));
  const difference = (fixed - broken) / n;
  return [
    Math.max(-1, difference - distance(candidate.p - candidate.low, baseline.high - baseline.p)),
    Math.min(1, difference + distance(baseline.p - baseline.low, candidate.high - candidate.p)),
  ];
}

/** Wilson's score interval of a share, `successes` of `n`; null without samples. */
export function wilsonInterval(
  successes: number,
  n: number,
  confidence = 0.95,
): readonly [low: number, high: number] | null {
  if (n === 0) return null;
  const { low, high } = wilson(successes, n, normalQuantile(1 - (1 - confidence) / 2));
  return [low, high];
}

/** Wilson's score interval for `successes` of `n`; J. Amer. Stat. Assoc. 22, 1927. */
function wilson(successes: number, n: number, z: number) {
  const p = successes / n;
  const centre = (successes + (z * z) / 2) / (n + z * z);
  const half = (z / (n + z * z)) * Math.sqrt(n * p * (1 - p) + (z * z) / 4);
  return { p, low: successes === 0 ? 0 : centre - half, high: successes === n ? 1 : centre + half };
}

export interface BootstrapOptions {
  readonly confidence?: number;
  readonly resamples?: number;
  readonly seed?: number;
}

export interface Bootstrap {
  readonly estimate: number;
  /** null where the data cannot tell: fewer than two samples, or a statistic without a value */
  readonly interval: readonly [low: number, high: number] | null;
  /** two-sided, that the statistic is 0: the level at which the interval just touches 0 */
  readonly pValue: number | null;
  /** the bias correction z0 and the acceleration a of the interval; null with it */
  readonly bias: number | null;
  readonly acceleration: number | null;
}

/** At most this many jackknife groups; each costs one evaluation of the statistic over nearly all samples. */
const jackknifeGroups = 200;

/**
 * The bias-corrected and accelerated (BCa) bootstrap interval of a statistic of `count` samples, which is given the
 * indices of each resample. For a paired comparison the statistic is the difference of both models on those indices.
 * Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, eq. 14.9-14.15; above 200 samples the acceleration
 * comes from a grouped jackknife. Resamples on which the statistic is NaN (one class only, say) are left out; where that
 * is more than one in ten, there is no interval. The same seed gives the same interval.
 */
export function bootstrapBca(
  count: number,
  statistic: (indices: Int32Array) => number,
  { confidence = 0.95, resamples = 2000, seed = 20_170_626 }: BootstrapOptions = {},
): Bootstrap {
  const all = everyIndex(count);
  const estimate = count > 0 ? statistic(all) : Number.NaN;
  const unknown: Bootstrap = { estimate, interval: null, pValue: null, bias: null, acceleration: null };
  if (count < 2 || !Number.isFinite(estimate)) return unknown;

  const random = createRandom(seed);
  const indices = new Int32Array(count);
  const replicates = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    random.fillBelow(indices, count);
    replicates[r] = statistic(indices);
  }
  const sorted = replicates.filter(Number.isFinite).sort();
  if (sorted.length < 0.9 * resamples) return unknown;
  if (sorted[0] === sorted.at(-1)) {
    // nothing varies: identical predictions, or a difference that every sample shows alike
    return { ...unknown, interval: [estimate, estimate], pValue: estimate === 0 ? 1 : null };
  }

  // ties count half, so that a discrete statistic without bias has z0 = 0
  const bias = normalQuantile(shareBelow(sorted, estimate));
  const acceleration = jackknifeAcceleration(all, statistic);
  const adjusted = (z: number) => normalCdf(bias + (bias + z) / (1 - acceleration * (bias + z)));
  const z = normalQuantile(1 - (1 - confidence) / 2);
  // the interval's endpoint solved for 0 instead of for a level
  const atZero = normalQuantile(shareBelow(sorted, 0)) - bias;
  const tail = normalCdf(atZero / (1 + acceleration * atZero) - bias);
  return {
    estimate,
    interval: [quantile(sorted, adjusted(-z)), quantile(sorted, adjusted(z))],
    pValue: Math.min(1, Math.max(2 * Math.min(tail, 1 - tail), 1 / (sorted.length + 1))),
    bias,
    acceleration,
  };
}

/** (the values below + half of those equal), kept off 0 and 1 by what `sorted.length` resamples can resolve. */
function shareBelow(sorted: Float64Array, value: number): number {
  let below = 0;
  for (const replicate of sorted) below += replicate < value ? 1 : replicate === value ? 0.5 : 0;
  const n = sorted.length;
  return Math.min(Math.max(below, 0.5), n - 0.5) / n;
}

function quantile(sorted: Float64Array, p: number): number {
  const index = Math.min(Math.max(Math.floor(p * (sorted.length + 1)) - 1, 0), sorted.length - 1);
  return sorted[index] ?? Number.NaN;
}

/** Efron & Tibshirani eq. 14.15. 0 where the jackknife values do not vary or are undefined: then only the bias is corrected. */
function jackknifeAcceleration(all: Int32Array, statistic: (indices: Int32Array) => number): number {
  const groups = Math.min(all.length, jackknifeGroups);
  const values = Array.from({ length: groups }, (_, g) => statistic(withoutGroup(all, g, groups)));
  const mean = values.reduce((sum, value) => sum + value, 0) / groups;
  let cubes = 0;
  let squares = 0;
  for (const value of values) {
    cubes += (mean - value) ** 3;
    squares += (mean - value) ** 2;
  }
  const acceleration = cubes / (6 * squares ** 1.5);
  return Number.isFinite(acceleration) ? acceleration : 0;
}

/** All but every `groups`-th one from `group` on. */
function withoutGroup(all: Int32Array, group: number, groups: number): Int32Array {
  const kept = new Int32Array(all.length - Math.ceil((all.length - group) / groups));
  let at = 0;
  for (let from = 0, to = group; from < all.length; from = to + 1, to += groups) {
    const part = all.subarray(from, to);
    kept.set(part, at);
    at += part.length;
  }
  return kept;
}

/**
 * Holm's step-down adjustment (Scandinavian Journal of Statistics 6, 1979), in the order given: adjusted values below a
 * level control the family-wise error at it. Null (no test) stays null and does not count.
 */
export function holm(pValues: readonly (number | null)[]): (number | null)[] {
  const tested = pValues.flatMap((p, index) => (p === null ? [] : [{ p, index }])).sort((a, b) => a.p - b.p);
  const adjusted: (number | null)[] = pValues.map(() => null);
  let largest = 0;
  tested.forEach(({ p, index }, rank) => {
    largest = Math.max(largest, Math.min(1, (tested.length - rank) * p));
    adjusted[index] = largest;
  });
  return adjusted;
}
