import { isShare, type MetricName } from '../contract/metrics.js';
import { present } from '../contract/present.js';
import type { ClassDelta, Delta } from '../contract/result.js';
import { rightClasses } from './metrics/scores.js';
import { correctness, finiteOrNull, isBetterHigher, metricOf, type Scores, type Truth, truthCount } from './metrics.js';
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
  const shared = { metric, higherIsBetter: isBetterHigher(baseline, metric), ...values, count };
  if (isShare(metric)) {
    const [first, second] = [correctness(baseline, truth, metric), correctness(candidate, truth, metric)];
    const counts = measurable && first !== null && second !== null ? pairedCounts(first, second) : null;
    return {
      ...shared,
      value: counts === null ? null : (counts.fixed - counts.broken) / count,
      ci95: counts === null ? null : newcombePaired(counts),
      pValue: counts === null ? null : mcnemarExact(counts.fixed, counts.broken),
      test: 'mcnemar-exact',
      interval: 'newcombe-paired',
      fixed: counts?.fixed ?? null,
      broken: counts?.broken ?? null,
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
  const before = rightClasses(arms.before, labels);
  const control = arms.control === null ? null : rightClasses(arms.control, labels);
  const frelu = rightClasses(arms.frelu, labels);
  const members = names.map((): number[] => []);
  labels.forEach((label, i) => {
    present(members[label], `a name of class ${label}`).push(i);
  });
  const rows = names.map((name, index) => {
    const of = present(members[index], `class ${index}`);
    const rightOf = (right: Uint8Array) => Uint8Array.from(of, (i) => present(right[i], `sample ${i}`));
    const recall = (right: Uint8Array) =>
      of.length === 0 ? null : rightOf(right).reduce((sum, each) => sum + each, 0) / of.length;
    const { fixed, broken } = pairedCounts(rightOf(before), rightOf(frelu));
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
