import type { DriftCheck, DriftLevel, MonitoringBaseline } from '../contract/result.js';
import { normalQuantile } from './distributions.js';
import { type AnyScores, classProbabilities, predictedClasses, topConfidence } from './metrics/scores.js';
import { finiteOrNull } from './metrics.js';

/**
 * When to look and when to act. The PSI levels are those usual in credit scoring (Siddiqi, "Credit Risk Scorecards",
 * 2006); the others are absolute changes that are far beyond the noise of a few thousand samples.
 */
export const driftThresholds = {
  psiWarning: 0.1,
  psiAlarm: 0.25,
  /** fall of the mean confidence */
  confidenceFall: 0.05,
  /** change of a site's floor rate, either way */
  floorRateChange: 0.1,
} as const;

export type DriftThresholds = { readonly [name in keyof typeof driftThresholds]: number };

/** A share of 0 in one distribution would make the index infinite; it counts as this. */
const smallestShare = 1e-4;

/**
 * The population stability index of two distributions over the same bins: sum of (observed - expected) ln(observed /
 * expected), which is the symmetrised Kullback-Leibler divergence. Both add up to 1; an empty bin counts as 0.0001.
 * @throws RangeError when the numbers of bins differ
 */
export function populationStabilityIndex(expected: readonly number[], observed: readonly number[]): number {
  if (expected.length !== observed.length) throw new RangeError('the distributions have different bins');
  return expected.reduce((sum, share, bin) => {
    const e = Math.max(share, smallestShare);
    const o = Math.max(observed[bin] ?? Number.NaN, smallestShare);
    return sum + (o - e) * Math.log(o / e);
  }, 0);
}

/**
 * The reference that new data is compared with, from the migrated model's answers on the test split.
 * `inputs` holds, per feature or channel, the values that the model was fed, of all samples or of a part of them; `classNames` is null for
 * tasks without classes, which have no predicted distribution and no confidence.
 */
export function monitoringBaseline(
  inputs: readonly { readonly name: string; readonly values: ArrayLike<number> }[],
  scores: AnyScores,
  classNames: readonly string[] | null,
  floorRates: MonitoringBaseline['floorRates'],
): MonitoringBaseline {
  const samples = sampleCount(scores);
  const shares = classNames === null ? null : answerShares(scores, classNames.length);
  const confidence = classNames === null ? null : confidences(scores).sort();
  return {
    samples,
    inputs: inputs.flatMap(({ name, values }) => referenceDistribution(name, values) ?? []),
    predicted:
      classNames === null || shares === null || samples === 0
        ? null
        : classNames.map((name, index) => ({ name, share: shares[index] ?? 0 })),
    confidence:
      confidence === null || samples === 0 || confidence.some(Number.isNaN)
        ? null
        : {
            mean: confidence.reduce((sum, value) => sum + value, 0) / samples,
            p05: quantile(confidence, 0.05),
            median: quantile(confidence, 0.5),
          },
    floorRates,
  };
}

function sampleCount(scores: AnyScores): number {
  return scores.kind === 'mask' ? scores.images : scores.values.length / scores.width;
}

/** Of each sample the largest class probability, of an image its mean over the pixels. */
function confidences(scores: AnyScores): Float64Array {
  return scores.kind === 'mask' ? scores.confidences.slice() : topConfidence(classProbabilities(scores));
}

/** The share of the samples, of masks that of the pixels, that are answered with each class; -1 and others are of none. */
function answerShares(scores: AnyScores, classes: number): number[] {
  const counts = new Float64Array(classes);
  if (scores.kind === 'mask') counts.set(scores.answers.subarray(0, classes));
  else
    for (const index of predictedClasses(scores))
      if (index >= 0 && index < classes) counts[index] = (counts[index] ?? 0) + 1;
  const total = scores.kind === 'mask' ? counts.reduce((sum, count) => sum + count, 0) : sampleCount(scores);
  return Array.from(counts, (count) => count / total);
}

/** What new data showed, quantity by quantity as in the baseline; what is missing could not be observed. */
export interface Observed {
  readonly inputs: readonly { readonly name: string; readonly values: ArrayLike<number> }[];
  readonly scores: AnyScores;
  /** by site */
  readonly floorRates: ReadonlyMap<string, number>;
}

/** How often data without drift may warn, and alarm, for one distribution. */
const chance = { warning: 0.05, alarm: 0.001 } as const;

/**
 * The index that two samples of one distribution exceed with probability `p`: without drift it is distributed as
 * (1/n + 1/m) times chi-square with bins - 1 degrees of freedom (Yurdakul, "Statistical Properties of Population Stability
 * Index", 2018); its quantile by Wilson and Hilferty.
 */
export function chancePsi(bins: number, n: number, m: number, p: number): number {
  const freedom = bins - 1;
  if (freedom < 1) return 0;
  const spread = 2 / (9 * freedom);
  return (1 / n + 1 / m) * freedom * (1 - spread + normalQuantile(1 - p) * Math.sqrt(spread)) ** 3;
}

/**
 * Compares new data with the baseline. A distribution must move further than its thresholds and than chance alone moves
 * it between so few samples. Half of an absolute change that alarms is a warning. A quantity that the baseline
 * has and the new data cannot show (another number of channels, NaN outputs) alarms: it has no value.
 */
export function checkDrift(
  baseline: MonitoringBaseline,
  { inputs, scores, floorRates }: Observed,
  thresholds: DriftThresholds = driftThresholds,
): DriftCheck[] {
  const { psiWarning, psiAlarm, confidenceFall, floorRateChange } = thresholds;
  const count = sampleCount(scores);
  const psi = (bins: number) =>
    ({
      statistic: 'psi',
      warning: Math.max(psiWarning, chancePsi(bins, baseline.samples, count, chance.warning)),
      alarm: Math.max(psiAlarm, chancePsi(bins, baseline.samples, count, chance.alarm)),
      baseline: null,
      observed: null,
    }) as const;
  const values = new Map(inputs.map((input) => [input.name, input.values]));
  const checks: Omit<DriftCheck, 'level'>[] = baseline.inputs.map(({ name, edges, shares }) => {
    const seen = values.get(name);
    const found = seen === undefined ? [] : binShares(edges, seen);
    const value = found.some((share) => share > 0) ? populationStabilityIndex(shares, found) : null;
    return { quantity: 'input', name, ...psi(shares.length), value };
  });
  if (baseline.predicted !== null) {
    const expected = baseline.predicted.map(({ share }) => share);
    checks.push({
      quantity: 'predicted',
      name: null,
      ...psi(expected.length),
      value: predictedShift(expected, scores),
    });
  }
  if (baseline.confidence !== null) {
    const { mean } = baseline.confidence;
    const confidence = confidences(scores);
    const observed = finiteOrNull(confidence.reduce((sum, value) => sum + value, 0) / confidence.length);
    checks.push({
      quantity: 'confidence',
      name: null,
      baseline: mean,
      observed,
      statistic: 'fall',
      value: observed === null ? null : mean - observed,
      warning: confidenceFall / 2,
      alarm: confidenceFall,
    });
  }
  for (const { site, share } of baseline.floorRates) {
    const observed = finiteOrNull(floorRates.get(site) ?? Number.NaN);
    checks.push({
      quantity: 'floor-rate',
      name: site,
      baseline: share,
      observed,
      statistic: 'change',
      value: observed === null ? null : Math.abs(observed - share),
      warning: floorRateChange / 2,
      alarm: floorRateChange,
    });
  }
  return checks.map((check) => ({ ...check, level: levelOf(check) }));
}

/** The worst level among checks; `ok` without any. */
export function worstLevel(checks: readonly DriftCheck[]): DriftLevel {
  const levels = checks.map(({ level }) => level);
  return levels.includes('alarm') ? 'alarm' : levels.includes('warning') ? 'warning' : 'ok';
}

function levelOf({ value, warning, alarm }: Omit<DriftCheck, 'level'>): DriftLevel {
  if (value === null || value > alarm) return 'alarm';
  return value > warning ? 'warning' : 'ok';
}

/** Null where an answer is no class, or one that the baseline does not know. */
function predictedShift(expected: readonly number[], scores: AnyScores): number | null {
  if (scores.kind === 'mask') {
    if (scores.images === 0 || scores.unanswered > 0 || scores.classes !== expected.length) return null;
  } else {
    const predicted = predictedClasses(scores);
    if (predicted.length === 0 || predicted.some((index) => index < 0 || index >= expected.length)) return null;
  }
  return populationStabilityIndex(expected, answerShares(scores, expected.length));
}

/**
 * The reference distribution of a feature or channel: bins between its deciles (fewer where values repeat), so that each
 * holds about as much as the others. The outer edges are the extremes seen; `binShares` lets new values beyond them fall
 * into the outer bins. Null without a finite value.
 */
export function referenceDistribution(
  name: string,
  values: ArrayLike<number>,
  bins = 10,
): MonitoringBaseline['inputs'][number] | null {
  const sorted = Float64Array.from(values).filter(Number.isFinite).sort();
  if (sorted.length === 0) return null;
  const edges = [...new Set(Array.from({ length: bins + 1 }, (_, i) => quantile(sorted, i / bins)))];
  const [only] = edges;
  // a constant feature has one bin of its own between two others, so that any other value is drift
  const spread = edges.length > 1 || only === undefined ? edges : constantEdges(only);
  return { name, edges: spread, shares: binShares(spread, values) };
}

/** The share of the finite `values` in each bin [edges[i], edges[i + 1]); the outer bins are open-ended. */
export function binShares(edges: readonly number[], values: ArrayLike<number>): number[] {
  const counts = new Array<number>(Math.max(edges.length - 1, 1)).fill(0);
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (!Number.isFinite(value)) continue;
    let bin = 0;
    while (bin < counts.length - 1 && value >= (edges[bin + 1] ?? Number.POSITIVE_INFINITY)) bin++;
    counts[bin] = (counts[bin] ?? 0) + 1;
    total++;
  }
  return counts.map((count) => (total > 0 ? count / total : 0));
}

function constantEdges(value: number): number[] {
  const step = Math.max(Math.abs(value), 1) * 1e-6;
  return [value - 2 * step, value - step, value + step, value + 2 * step];
}

function quantile(sorted: Float64Array, p: number): number {
  return sorted[Math.round(p * (sorted.length - 1))] ?? Number.NaN;
}
