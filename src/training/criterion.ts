import { present } from '../contract/present.js';
import type { CurvePoint } from '../contract/result.js';

/** What is asked of an arm's outcome: its curve, and the epoch that was kept. */
interface Curved {
  readonly curve: readonly CurvePoint[];
  readonly bestEpoch: number;
}

/** What a validation pass says of a graph with the trained values in place. */
export interface Validation {
  readonly loss: number;
  /** the run's metric; null where it has no value */
  readonly metric: number | null;
}

/** How what was kept of an arm validated. */
export function keptValidation({ curve, bestEpoch }: Curved): Validation {
  return validationAt(curve.find(({ epoch }) => epoch === bestEpoch));
}

/** How an arm validated where its training ended. */
export function lastValidation({ curve }: Pick<Curved, 'curve'>): Validation {
  return validationAt(curve.at(-1));
}

function validationAt(point: CurvePoint | undefined): Validation {
  const { validationLoss, validationMetric } = present(point, 'an epoch in a curve');
  return { loss: validationLoss ?? Number.POSITIVE_INFINITY, metric: validationMetric };
}

/**
 * What an epoch is kept for, and what early stopping watches. The loss by default: a share of right answers on a few
 * hundred samples moves by chance more than an epoch does, and an arm that stops at a lucky epoch is compared unfairly
 * with one that does not.
 */
export type Criterion = { readonly by: 'loss' } | { readonly by: 'metric'; readonly higherIsBetter: boolean };

/**
 * Whether `candidate` validates better than `best`; by the loss where the metric ties or has no value. A loss that is a finite
 * number is better than one that is not.
 */
export function isBetter(criterion: Criterion, candidate: Validation, best: Validation): boolean {
  const { metric } = candidate;
  if (criterion.by === 'metric' && metric !== null && best.metric !== null && metric !== best.metric) {
    return metric > best.metric === criterion.higherIsBetter;
  }
  if (!Number.isFinite(best.loss)) return Number.isFinite(candidate.loss);
  return candidate.loss < best.loss;
}
