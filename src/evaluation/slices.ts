import { isShare, type MetricName } from '../contract/metrics.js';
import type { Interval, SliceDelta, SliceValue } from '../contract/result.js';
import { pairedDelta } from './compare.js';
import { type AnyScores, correctness, finiteOrNull, metricOf, type Truth } from './metrics.js';
import { type BootstrapOptions, bootstrapBca, holm, wilsonInterval } from './paired.js';

/** Some samples that are looked at by themselves. */
export interface SampleSlice {
  readonly column: string;
  readonly value: string;
  /** positions among the scores */
  readonly positions: Int32Array;
}

/** A metric over each slice, with its interval. */
export function sliceValues(
  metric: MetricName,
  slices: readonly SampleSlice[],
  scores: AnyScores,
  truth: Truth,
  bootstrap: BootstrapOptions = {},
): SliceValue[] {
  return slices.map(({ column, value, positions }) => ({
    column,
    value,
    count: positions.length,
    metric,
    ...measuredOver(metric, positions, scores, truth, bootstrap),
  }));
}

/**
 * What each slice gains or loses under `frelu`, paired, with intervals that hold for one slice and for all of them at once. What a few samples
 * cannot tell has a wide interval.
 */
export function sliceDeltas(
  metric: MetricName,
  slices: readonly SampleSlice[],
  arms: { readonly before: AnyScores; readonly control: AnyScores | null; readonly frelu: AnyScores },
  truth: Truth,
  bootstrap: BootstrapOptions = {},
): SliceDelta[] {
  const rows = slices.map(({ column, value, positions }) => {
    const { before, control, frelu } = arms;
    const over = (confidence: number) =>
      pairedDelta(metric, before, frelu, truth, { ...bootstrap, confidence }, positions);
    const delta = over(0.95);
    return {
      column,
      value,
      before: delta.baseline,
      control: control === null ? null : finiteOrNull(metricOf(control, truth)(metric)(positions)),
      frelu: delta.candidate,
      freluCi95: measuredOver(metric, positions, frelu, truth, bootstrap).ci95,
      delta,
      simultaneous: over(1 - 0.05 / slices.length).ci95,
    };
  });
  const adjusted = holm(rows.map(({ delta }) => delta.pValue));
  return rows.map((row, i) => ({ ...row, pHolm: adjusted[i] ?? null }));
}

function measuredOver(
  metric: MetricName,
  positions: Int32Array,
  scores: AnyScores,
  truth: Truth,
  bootstrap: BootstrapOptions,
): { readonly measured: number | null; readonly ci95: Interval | null } {
  const of = metricOf(scores, truth)(metric);
  const measured = finiteOrNull(of(positions));
  const right = isShare(metric) ? correctness(scores, truth, metric) : null;
  if (right !== null) {
    const count = positions.reduce((sum, i) => sum + (right[i] ?? 0), 0);
    return { measured, ci95: measured === null ? null : wilsonInterval(count, positions.length) };
  }
  const resampled = (indices: Int32Array): number => of(Int32Array.from(indices, (i) => positions[i] ?? 0));
  return { measured, ci95: bootstrapBca(positions.length, resampled, bootstrap).interval };
}
