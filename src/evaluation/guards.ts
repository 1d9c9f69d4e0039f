import type { MetricName } from '../contract/metrics.js';
import { isShare } from '../contract/metrics.js';
import type { BeforeAfter, ClassDelta, Delta, Goal, SliceDelta } from '../contract/result.js';
import type { Evidence } from './evidence.js';
import { improvementInterval, sliceImprovement } from './improvement.js';
import { newcombePaired } from './paired.js';

/*
 * What must not be bought with an improvement. Each has a margin, and fails only where it is established to be worse by
 * more: noise stops no upgrade.
 */

/** The metrics that are measured of every run for their sake, where the task has them. */
export const guardedMetrics: readonly MetricName[] = ['logLoss', 'ece'];

/** Of the original's log loss. */
const logLossMargin = 0.02;
/** Of the calibration error, which is a mean difference of probabilities. */
const calibrationMargin = 0.01;
/** Of the recall of a class. */
const classMargin = 0.02;
/** Of the judged metric over a slice; of an error or a loss, a share of the original's there. */
const sliceMargin = 0.02;
const sliceErrorMargin = 0.05;
/** After over before. */
const ratioMargin = 1.1;
/** What a few constants and their names take in the file of a small model, in bytes. */
const leastGrowth = 2 ** 16;
/** Two calls of a small model differ by less for reasons of the machine, in milliseconds. */
const leastDelay = 0.1;

/** The guarded quantities that there are, each with whether it is not established worse by more than its margin. */
export function guards({ metrics, delta, perClass, slices, latency, size }: Evidence): readonly Goal[] {
  const judged = delta.vsBefore.metric;
  return [
    ...metrics.filter(({ metric }) => metric !== judged).flatMap(metricGuard),
    ...worstClass(perClass),
    ...worstSlice(slices),
    ...(latency?.ratio == null ? [] : [latencyGuard(latency.ci95?.[0] ?? null, latency.after - latency.before)]),
    ...(size === null || size.before === 0 ? [] : [sizeGuard(size)]),
  ];
}

function guard(subject: string, value: number | null, bound: number, met: boolean): Goal {
  return { code: 'guard', subject, value, bound, met };
}

/** Of a metric that has a margin: whether it is not established worse by more than that. */
export function metricGuard(delta: Delta): readonly Goal[] {
  if (!guardedMetrics.includes(delta.metric)) return [];
  const [, high = null] = improvementInterval(delta) ?? [];
  const margin = delta.metric === 'ece' ? calibrationMargin : logLossMargin * Math.abs(delta.baseline ?? 0);
  // worse by at least so much, as far as the interval says
  const worse = high === null ? null : -high;
  return [guard(delta.metric, worse, margin, worse === null || worse <= margin)];
}

function latencyGuard(low: number | null, delay: number): Goal {
  return guard('latency', low, ratioMargin, low === null || low <= ratioMargin || delay < leastDelay);
}

function sizeGuard({ before, after }: BeforeAfter): Goal {
  return guard('size', after / before, ratioMargin, after / before <= ratioMargin || after - before < leastGrowth);
}

/** The class whose recall fell most, of those of which that is established at all (Holm over the classes). */
function worstClass(perClass: readonly ClassDelta[]): readonly Goal[] {
  const falls = perClass.flatMap((row) => {
    const [, high] = classChange(row, perClass.length) ?? [null, null];
    return high === null ? [] : [{ name: row.name, fall: -high }];
  });
  if (falls.length === 0) return [];
  const worst = falls.reduce((a, b) => (b.fall > a.fall ? b : a));
  return [guard(`class ${worst.name}`, worst.fall, classMargin, worst.fall <= classMargin)];
}

/** What a slice is called in a goal and a rule: its column and value. */
export const sliceName = ({ column, value }: Pick<SliceDelta, 'column' | 'value'>): string => `${column}=${value}`;

/** The slice that lost most, of those of which that is established at all. */
function worstSlice(slices: readonly SliceDelta[]): readonly Goal[] {
  const losses = slices.flatMap(sliceGuard);
  if (losses.length === 0) return [];
  const beyond = ({ value, bound }: Goal): number => (value ?? 0) - (bound ?? 0);
  return [losses.reduce((a, b) => (beyond(b) > beyond(a) ? b : a))];
}

/** Of a slice that has an interval: whether it is not established worse by more than its margin. */
export function sliceGuard(slice: SliceDelta): readonly Goal[] {
  const [, high] = sliceImprovement(slice) ?? [null, null];
  if (high === null) return [];
  const { metric, baseline, higherIsBetter } = slice.delta;
  const margin = isShare(metric) || higherIsBetter ? sliceMargin : sliceErrorMargin * Math.abs(baseline ?? 0);
  return [guard(`slice ${sliceName(slice)}`, -high, margin, -high <= margin)];
}

/**
 * The interval of the change of a class's recall, at a level that holds for so many classes at once (Bonferroni); null without samples, and
 * for the classes of masks, whose pixels are not right or wrong each by itself.
 */
export function classChange(
  { count, before, fixed, broken }: Pick<ClassDelta, 'count' | 'before' | 'fixed' | 'broken'>,
  classes: number,
): readonly [low: number, high: number] | null {
  if (before === null || count === 0 || fixed === null || broken === null) return null;
  const right = Math.round(before * count);
  const bothRight = right - broken;
  return newcombePaired(
    { bothRight, fixed, broken, bothWrong: count - bothRight - fixed - broken },
    1 - 0.05 / classes,
  );
}
