import type { ClassDelta, Delta, MetricName } from '../contract/result.js';
import {
  correctness,
  finiteOrNull,
  higherIsBetter,
  metricOf,
  predictedClasses,
  type Scores,
  type Truth,
  truthCount,
} from './metrics.js';
import { type BootstrapOptions, bootstrapBca, holm, mcnemarExact, newcombePaired, pairedCounts } from './paired.js';

/**
 * The paired comparison of two models' scores on the same samples, candidate - baseline. Metrics that are shares of
 * right answers get Newcombe's paired interval and exact McNemar; all others the BCa bootstrap of the difference.
 * What has no value is null.
 */
export function pairedDelta(
  metric: MetricName,
  baseline: Scores,
  candidate: Scores,
  truth: Truth,
  bootstrap: BootstrapOptions = {},
): Delta {
  const count = truthCount(truth);
  const all = Int32Array.from({ length: count }, (_, i) => i);
  const before = metricOf(baseline, truth)(metric);
  const after = metricOf(candidate, truth)(metric);
  const values = { baseline: finiteOrNull(before(all)), candidate: finiteOrNull(after(all)) };
  const measurable = values.baseline !== null && values.candidate !== null;
  const shared = { metric, higherIsBetter: higherIsBetter[metric], ...values, count };
  if (metric === 'accuracy' || metric === 'top5') {
    const counts = pairedCounts(correctness(baseline, truth, metric), correctness(candidate, truth, metric));
    return {
      ...shared,
      value: measurable ? (counts.fixed - counts.broken) / count : null,
      ci95: measurable ? newcombePaired(counts) : null,
      pValue: measurable ? mcnemarExact(counts.fixed, counts.broken) : null,
      test: 'mcnemar-exact',
      interval: 'newcombe-paired',
      fixed: measurable ? counts.fixed : null,
      broken: measurable ? counts.broken : null,
    };
  }
  const { estimate, interval, pValue } = bootstrapBca(count, (indices) => after(indices) - before(indices), bootstrap);
  return {
    ...shared,
    value: finiteOrNull(estimate),
    ci95: interval,
    pValue,
    test: 'bootstrap-bca',
    interval: 'bootstrap-bca',
    fixed: null,
    broken: null,
  };
}

/**
 * Recall per class under each arm, what changed against `before`, and exact McNemar adjusted by Holm over the classes
 * that have samples. In the order of `names`.
 */
export function classDeltas(
  names: readonly string[],
  labels: Int32Array,
  arms: { readonly before: Scores; readonly control: Scores | null; readonly frelu: Scores },
): ClassDelta[] {
  const rightOf = (scores: Scores) => {
    const predicted = predictedClasses(scores);
    return Uint8Array.from(labels, (label, i) => Number(predicted[i] === label));
  };
  const before = rightOf(arms.before);
  const control = arms.control === null ? null : rightOf(arms.control);
  const frelu = rightOf(arms.frelu);
  const members = names.map((): number[] => []);
  labels.forEach((label, i) => {
    members[label]?.push(i);
  });
  const rows = names.map((name, index) => {
    const of = members[index] ?? [];
    const recall = (right: Uint8Array) =>
      of.length === 0 ? null : of.reduce((sum, i) => sum + (right[i] ?? 0), 0) / of.length;
    const { fixed, broken } = pairedCounts(
      Uint8Array.from(of, (i) => before[i] ?? 0),
      Uint8Array.from(of, (i) => frelu[i] ?? 0),
    );
    return {
      index,
      name,
      count: of.length,
      before: recall(before),
      control: control === null ? null : recall(control),
      frelu: recall(frelu),
      delta: of.length === 0 ? null : (fixed - broken) / of.length,
      fixed,
      broken,
      pValue: of.length === 0 ? null : mcnemarExact(fixed, broken),
    };
  });
  const adjusted = holm(rows.map((row) => row.pValue));
  return rows.map((row, i) => ({ ...row, pHolm: adjusted[i] ?? null }));
}
