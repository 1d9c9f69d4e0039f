import type { Delta } from '../contract/result.js';
import { normalQuantile } from './distributions.js';

export interface Power {
  /** two-sided */
  readonly level?: number;
  readonly power?: number;
}

/**
 * Samples per arm of an A/B test that gives each request to one model only, to find the difference of two proportions:
 * Fleiss, Levin & Paik, "Statistical Methods for Rates and Proportions", 3rd ed., eq. 4.14, without continuity correction.
 * Null when the proportions are equal.
 */
export function unpairedSampleSize(p1: number, p2: number, { level = 0.05, power = 0.8 }: Power = {}): number | null {
  if (p1 === p2) return null;
  const mean = (p1 + p2) / 2;
  const root =
    normalQuantile(1 - level / 2) * Math.sqrt(2 * mean * (1 - mean)) +
    normalQuantile(power) * Math.sqrt(p1 * (1 - p1) + p2 * (1 - p2));
  return Math.ceil((root / (p1 - p2)) ** 2);
}

/**
 * Samples that both models answer (a shadow test), to find by McNemar's test a difference of which `fixed` and `broken`
 * are the shares of discordant answers: Connor, Biometrics 43, 1987, 207-211. Null when the shares are equal.
 */
export function pairedSampleSize(
  fixed: number,
  broken: number,
  { level = 0.05, power = 0.8 }: Power = {},
): number | null {
  const difference = fixed - broken;
  const discordant = fixed + broken;
  if (difference === 0) return null;
  const root =
    normalQuantile(1 - level / 2) * Math.sqrt(discordant) +
    normalQuantile(power) * Math.sqrt(discordant - difference * difference);
  return Math.ceil((root / difference) ** 2);
}

/** What it takes to confirm a measured delta on new data, if it is as large as it was measured. */
export interface ConfirmationSize {
  /** samples that both models answer; null where nothing was measured or the delta is 0 */
  readonly paired: number | null;
  /** samples per arm, each answered by one model; null also for metrics that are not proportions */
  readonly unpairedPerArm: number | null;
}

/**
 * Both sizes for a measured delta at 80 % power and 5 %, two-sided. For a metric that is no proportion the paired size
 * scales the delta's standard error, read off the width of its interval, with 1 / sqrt(n).
 */
export function confirmationSize(delta: Delta, power: Power = {}): ConfirmationSize {
  const { value, baseline, candidate, count, fixed, broken, ci95 } = delta;
  if (value === null || baseline === null || candidate === null || value === 0) {
    return { paired: null, unpairedPerArm: null };
  }
  if (fixed !== null && broken !== null) {
    return {
      paired: pairedSampleSize(fixed / count, broken / count, power),
      unpairedPerArm: unpairedSampleSize(baseline, candidate, power),
    };
  }
  if (ci95 === null || ci95[0] === ci95[1]) return { paired: null, unpairedPerArm: null };
  const z = normalQuantile(1 - (power.level ?? 0.05) / 2) + normalQuantile(power.power ?? 0.8);
  const standardError = (ci95[1] - ci95[0]) / (2 * normalQuantile(0.975));
  return { paired: Math.ceil(count * ((z * standardError) / value) ** 2), unpairedPerArm: null };
}
