import type { Convergence, CurvePoint, ReachedLoss } from '../contract/result.js';

/** What is asked of an arm: its learning curve, and the epoch that it kept. */
interface Trained {
  readonly curve: readonly CurvePoint[];
  readonly bestEpoch: number;
}

/** How soon two arms of one seed, which see the same batches, come down to the validation loss that the control arm ends with. */
export function convergenceOf(seed: number, control: Trained, frelu: Trained): Convergence {
  const kept = control.curve.find(({ epoch }) => epoch === control.bestEpoch)?.validationLoss ?? null;
  // an arm that kept the model as it came had come to nothing
  const validationLoss = control.bestEpoch === 0 ? null : kept;
  if (validationLoss === null) return { seed, validationLoss, control: null, frelu: null, ratio: null };
  const reached = {
    control: firstReached(control.curve, validationLoss),
    frelu: firstReached(frelu.curve, validationLoss),
  };
  return { seed, validationLoss, ...reached, ratio: ratioOf(reached.frelu, reached.control) };
}

/**
 * When a learning curve first comes down to `loss`: on the straight line between two validations, since nothing is known of what lies
 * between them. Validations without a loss are passed over; null: it never comes down to it.
 */
function firstReached(curve: readonly CurvePoint[], loss: number): ReachedLoss | null {
  let earlier: { readonly point: CurvePoint; readonly loss: number } | null = null;
  for (const point of curve) {
    const { validationLoss } = point;
    if (validationLoss === null) continue;
    if (validationLoss <= loss) {
      if (earlier === null) return { samples: point.samples, epochs: point.epoch };
      const share = (earlier.loss - loss) / (earlier.loss - validationLoss);
      const between = (from: number, to: number): number => from + share * (to - from);
      return {
        samples: Math.round(between(earlier.point.samples, point.samples)),
        epochs: between(earlier.point.epoch, point.epoch),
      };
    }
    earlier = { point, loss: validationLoss };
  }
  return null;
}

function ratioOf(frelu: ReachedLoss | null, control: ReachedLoss | null): number | null {
  return frelu === null || control === null || control.samples === 0 ? null : frelu.samples / control.samples;
}
