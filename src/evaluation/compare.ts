import { isShare, type MetricName } from '../contract/metrics.js';
import { present } from '../contract/present.js';
import type { ClassDelta, Delta } from '../contract/result.js';
import { intersectionOverUnion, type MaskScores } from './metrics/masks.js';
import { rightClasses } from './metrics/scores.js';
import { everyIndex } from './metrics/statistic.js';
import {
  type AnyScores,
  correctness,
  finiteOrNull,
  isBetterHigher,
  metricOf,
  type Scores,
  type Truth,
  truthCount,
} from './metrics.js';
import { type BootstrapOptions, bootstrapBca, holm, mcnemarExact, newcombePaired, pairedCounts } from './paired.js';

/**
 * The paired comparison of two models' scores on the same samples, candidate - baseline. Metrics that are shares of
 * right answers get Newcombe's paired interval and exact McNemar; all others the BCa bootstrap of the difference.
 * What has no value is null.
 * @param among the samples that are looked at; null: all of them
 */
export function pairedDelta(
  metric: MetricName,
  baseline: AnyScores,
  candidate: AnyScores,
  truth: Truth,
  bootstrap: BootstrapOptions = {},
  among: Int32Array | null = null,
): Delta {
  const all = among ?? everyIndex(truthCount(truth));
  const count = all.length;
  const before = metricOf(baseline, truth)(metric);
  const after = metricOf(candidate, truth)(metric);
  const values = { baseline: finiteOrNull(before(all)), candidate: finiteOrNull(after(all)) };
  const measurable = values.baseline !== null && values.candidate !== null;
  const shared = { metric, higherIsBetter: isBetterHigher(baseline, metric), ...values, count };
  if (isShare(metric)) {
    const [first, second] = [correctness(baseline, truth, metric), correctness(candidate, truth, metric)];
    const counts =
      measurable && first !== null && second !== null ? pairedCounts(some(first, all), some(second, all)) : null;
    return {
      ...shared,
      value: counts === null ? null : (counts.fixed - counts.broken) / count,
      ci95: counts === null ? null : newcombePaired(counts, bootstrap.confidence),
      pValue: counts === null ? null : mcnemarExact(counts.fixed, counts.broken),
      test: 'mcnemar-exact',
      interval: 'newcombe-paired',
      fixed: counts?.fixed ?? null,
      broken: counts?.broken ?? null,
    };
  }
  const { estimate, interval, pValue } = bootstrapBca(
    count,
    (positions) => {
      const indices = among === null ? positions : some(among, positions);
      return after(indices) - before(indices);
    },
    bootstrap,
  );
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

/** The elements at `indices`. */
function some<Values extends Int32Array | Uint8Array>(values: Values, indices: Int32Array): Values;
function some(values: Int32Array | Uint8Array, indices: Int32Array): Int32Array | Uint8Array {
  const picked = new (values instanceof Int32Array ? Int32Array : Uint8Array)(indices.length);
  for (let i = 0; i < indices.length; i++) picked[i] = values[indices[i] ?? 0] ?? 0;
  return picked;
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

/**
 * The intersection over union per class under each arm, what changed against `before`, and the paired bootstrap over images adjusted by
 * Holm over the classes that occur. In the order of `names`.
 */
export function maskClassDeltas(
  names: readonly string[],
  arms: { readonly before: MaskScores; readonly control: MaskScores | null; readonly frelu: MaskScores },
  bootstrap: BootstrapOptions = {},
): ClassDelta[] {
  const { before, control, frelu } = arms;
  const all = Int32Array.from({ length: before.images }, (_, i) => i);
  const rows = names.map((name, index) => {
    const [first, last] = [intersectionOverUnion(before, index), intersectionOverUnion(frelu, index)];
    const change = bootstrapBca(before.images, (indices) => last(indices) - first(indices), bootstrap);
    return {
      index,
      name,
      count: all.filter((image) => [before, frelu].some((scores) => shows(scores, image, index))).length,
      before: finiteOrNull(first(all)),
      control: control === null ? null : finiteOrNull(intersectionOverUnion(control, index)(all)),
      frelu: finiteOrNull(last(all)),
      delta: finiteOrNull(change.estimate),
      fixed: null,
      broken: null,
      pValue: change.pValue,
    };
  });
  const adjusted = holm(rows.map((row) => row.pValue));
  return rows.map((row, i) => ({ ...row, pHolm: adjusted[i] ?? null }));
}

/** Whether a pixel of an image is of a class, or answered with it. */
function shows({ actual, predicted, classes }: MaskScores, image: number, label: number): boolean {
  const at = image * classes + label;
  return (actual[at] ?? 0) + (predicted[at] ?? 0) > 0;
}
