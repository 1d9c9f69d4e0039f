import type { MetricName } from '../contract/metrics.js';
import { present } from '../contract/present.js';
import type { Delta, Interval } from '../contract/result.js';
import { createRandom } from '../math/random.js';
import { everyIndex } from './metrics/statistic.js';
import { type AnyScores, finiteOrNull, isBetterHigher, metricOf, type Truth, truthCount } from './metrics.js';
import type { BootstrapOptions } from './paired.js';
import { studentCdf, studentQuantile } from './student.js';

/** What two models that were trained with one seed say of the same samples. */
interface SeedScores {
  readonly baseline: AnyScores;
  readonly candidate: AnyScores;
}

/**
 * The paired comparison of a way of training with another, candidate - baseline, over several seeds of each: the mean of the seeds'
 * differences, with an interval that holds both the chance of training and that of the test samples.
 *
 * Seeds and samples are crossed, since every seed is judged on the same samples: each resample draws both anew, independently of each
 * other (the pigeonhole bootstrap: Owen, Annals of Applied Statistics 1, 2007, 386-411). Of n seeds it draws n - 1, which makes the
 * variance of their mean unbiased; n would have it too small by 1 / n (McCarthy & Snowden, "The bootstrap and finite population
 * sampling", Vital and Health Statistics 2 (95), 1985). The resamples give the standard error. The interval is Student's about the
 * mean, with the degrees of freedom of Satterthwaite (Biometrics Bulletin 2, 1946): many where the samples vary most, n - 1 where the
 * seeds do. Percentiles of resamples of three seeds could never reach beyond the best and the worst of them.
 * `fixed` and `broken` are null: they are of one model.
 * @param seeds two at least, of the same samples
 */
export function deltaOverSeeds(
  metric: MetricName,
  seeds: readonly SeedScores[],
  truth: Truth,
  { confidence = 0.95, resamples = 2000, seed = 20_170_626 }: BootstrapOptions = {},
): Delta {
  const count = truthCount(truth);
  const statistics = seeds.map(({ baseline, candidate }) => ({
    baseline: metricOf(baseline, truth)(metric),
    candidate: metricOf(candidate, truth)(metric),
  }));
  const all = everyIndex(count);
  const meanOf = (of: keyof SeedScores): number =>
    statistics.reduce((sum, each) => sum + each[of](all), 0) / statistics.length;
  const [baseline, candidate] = [meanOf('baseline'), meanOf('candidate')];
  const differences = statistics.map((each) => (indices: Int32Array): number => {
    return each.candidate(indices) - each.baseline(indices);
  });
  const value = candidate - baseline;
  const replicates = count < 2 ? new Float64Array() : resample(differences, count, resamples, seed);
  const isMeasurable = Number.isFinite(value) && replicates.length >= 0.9 * resamples && replicates.length > 0;
  const variance = isMeasurable ? varianceOf(replicates) : Number.NaN;
  const ofSeeds = varianceOf(differences.map((difference) => difference(all))) / seeds.length;
  const freedom = ofSeeds === 0 ? mostFreedom : Math.min(mostFreedom, (seeds.length - 1) * (variance / ofSeeds) ** 2);
  return {
    metric,
    higherIsBetter: isBetterHigher(present(seeds[0], 'the scores of a seed').baseline, metric),
    baseline: finiteOrNull(baseline),
    candidate: finiteOrNull(candidate),
    value: finiteOrNull(value),
    ...(isMeasurable
      ? aboutMean(value, Math.sqrt(variance), Math.max(seeds.length - 1, freedom), confidence)
      : { ci95: null, pValue: null }),
    test: 'bootstrap-seeds',
    interval: 'bootstrap-seeds',
    fixed: null,
    broken: null,
    count,
  };
}

/** Beyond so many, Student's distribution is the normal one to four digits. */
const mostFreedom = 10_000;

function aboutMean(
  value: number,
  error: number,
  freedom: number,
  confidence: number,
): { readonly ci95: Interval; readonly pValue: number } {
  // nothing varies: identical predictions, or a difference that every seed and sample shows alike
  if (error === 0) return { ci95: [value, value], pValue: value === 0 ? 1 : 0 };
  const reach = studentQuantile(1 - (1 - confidence) / 2, freedom) * error;
  return { ci95: [value - reach, value + reach], pValue: 2 * studentCdf(-Math.abs(value) / error, freedom) };
}

/** Over n - 1. */
function varianceOf(values: ArrayLike<number>): number {
  const all = Array.from(values);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  return all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (all.length - 1);
}

/** Mean differences of resampled seeds over resampled samples; those without a value are left out. */
function resample(
  differences: readonly ((indices: Int32Array) => number)[],
  count: number,
  resamples: number,
  seed: number,
): Float64Array {
  const random = createRandom(seed);
  const indices = new Int32Array(count);
  const replicates = Float64Array.from({ length: resamples }, () => {
    random.fillBelow(indices, count);
    const drawn = Array.from({ length: differences.length - 1 }, () => random.below(differences.length));
    // a seed that is drawn twice is computed once
    const values = new Map([...new Set(drawn)].map((at) => [at, differences[at]?.(indices) ?? Number.NaN] as const));
    return drawn.reduce((sum, at) => sum + (values.get(at) ?? Number.NaN), 0) / drawn.length;
  });
  return replicates.filter(Number.isFinite);
}
