import { setImmediate } from 'node:timers/promises';
import type { ArmSubject } from '../training/arm.js';
import type { StepFeed } from '../training/stepper.js';

/** How fast an arm is trained here and now. */
export interface Pace {
  /** seconds until the first step has been taken: the step is built, its session opened, its memory allocated */
  readonly setup: number;
  /** seconds of every further step, with what is read for it */
  readonly step: number;
  /** of one sample forward; null: not known */
  readonly multiplyAdds: number | null;
}

/** Fewer steps than this tell little: the first ones still warm the processor's caches. */
const fewestSteps = 4;

/**
 * Times steps for about so many seconds, and one call at least. The state is as before afterwards.
 * @throws as `Stepper.runAll`
 */
export async function measurePace(subject: ArmSubject, seconds: number): Promise<Pace> {
  const { stepper, batches } = subject;
  const began = performance.now();
  const { multiplyAdds } = await stepper.step(batches.batchSize);
  const start = await stepper.read();
  const perCall = stepper.stepsPerCall;
  const call = async (feeds: readonly StepFeed[]): Promise<void> => {
    await stepper.runAll(
      feeds,
      feeds.map(() => ({ weights: 0, sites: 0 })),
    );
    // ONNX Runtime computes on this thread: timers and signals get their turn here
    await setImmediate();
  };
  let [setup, timedFrom, taken] = [0, began, 0];
  let group: StepFeed[] = [];
  for await (const feed of batches.epoch(0, 0)) {
    if (feed.count < batches.batchSize) break;
    group.push(feed);
    if (group.length < (setup === 0 ? 1 : perCall)) continue;
    await call(group);
    if (setup === 0) {
      setup = since(began);
      timedFrom = performance.now();
    } else taken += group.length;
    group = [];
    if (taken >= fewestSteps && since(timedFrom) >= seconds) break;
  }
  // an epoch of one batch was all that there is to time
  const step = taken === 0 ? setup : since(timedFrom) / taken;
  await stepper.write(start, 0, batches.batchSize);
  return {
    setup: Math.max(0, setup - step),
    step,
    multiplyAdds: multiplyAdds === null ? null : multiplyAdds / batches.batchSize,
  };
}

const since = (began: number): number => (performance.now() - began) / 1000;
