import { present } from '../contract/present.js';
import type { CurvePoint } from '../contract/result.js';
import type { EndedArm, Retreat } from './arm.js';
import { type Criterion, isBetter, keptValidation } from './criterion.js';

/**
 * What an arm is after two trainings of which the second went on from where the first ended, which need not be what that kept: of both, what
 * validates better is kept.
 */
export function continueOutcome(before: EndedArm, after: EndedArm, criterion: Criterion): EndedArm {
  const joined = joinOutcomes(before, after);
  if (after.bestEpoch > 0 && isBetter(criterion, keptValidation(after), keptValidation(before))) return joined;
  return { ...joined, parameters: before.parameters, bestEpoch: before.bestEpoch };
}

/** What an arm is after two trainings of which the second went on from what the first kept: as if it were one, whose epochs count on. */
export function joinOutcomes(before: EndedArm, after: EndedArm): EndedArm {
  const [, ...trained] = after.curve;
  const curve = [...before.curve, ...trained.map((point) => laterPoint(before, point))];
  const seconds = before.seconds + after.seconds;
  return {
    parameters: new Map([...before.parameters, ...after.parameters]),
    reached: new Map([...before.reached, ...after.reached]),
    // the second one's start is what the first one kept
    bestEpoch: after.bestEpoch === 0 ? before.bestEpoch : before.epochs + after.bestEpoch,
    epochs: before.epochs + after.epochs,
    seconds,
    samplesPerSecond: seconds > 0 ? lastOf(curve).samples / seconds : null,
    curve,
    retreats: [...before.retreats, ...after.retreats.map((retreat) => laterRetreat(before, retreat))],
  };
}

/** A point of the curve of a training that went on from another, as one of the whole. */
export function laterPoint(before: EndedArm, point: CurvePoint): CurvePoint {
  const { step, samples } = lastOf(before.curve);
  return { ...point, epoch: before.epochs + point.epoch, step: step + point.step, samples: samples + point.samples };
}

export function laterRetreat(before: EndedArm, retreat: Retreat): Retreat {
  return { ...retreat, epoch: before.epochs + retreat.epoch, step: lastOf(before.curve).step + retreat.step };
}

const lastOf = (curve: readonly CurvePoint[]): CurvePoint => present(curve.at(-1), 'the curve of an arm');
