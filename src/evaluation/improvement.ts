import type { Delta, Interval, SliceDelta } from '../contract/result.js';

/** The delta with its sign turned so that positive is better. */
export function improvement(delta: Delta | null): number | null {
  if (delta === null || delta.value === null) return null;
  return delta.higherIsBetter ? delta.value : -delta.value;
}

/** The 95 % interval of `improvement`. */
export function improvementInterval(delta: Delta | null): Interval | null {
  if (delta === null || delta.ci95 === null) return null;
  const [low, high] = delta.ci95;
  return delta.higherIsBetter ? [low, high] : [-high, -low];
}

/** The interval of a slice's improvement, at a level that holds for all slices at once. */
export function sliceImprovement({ delta, simultaneous }: SliceDelta): Interval | null {
  return improvementInterval({ ...delta, ci95: simultaneous });
}
