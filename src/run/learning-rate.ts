import { setImmediate } from 'node:timers/promises';
import type { ArmSubject } from '../training/arm.js';
import { scheduleFactor } from '../training/schedule.js';

/** From bold to timid: a thousandfold range around what fine-tuning uses, in steps of about three. */
const candidates = [0.1, 0.03, 0.01, 0.003, 0.001, 0.0003] as const;
const smallest = 0.0001;

export interface RangeTest {
  readonly learningRate: number;
  /** the mean training loss over the last quarter of each candidate's steps; null where it diverged */
  readonly losses: readonly { readonly learningRate: number; readonly loss: number | null }[];
}

/** How much of the loss a bolder rate may cost in so few steps: many more follow, in which a timid rate learns nothing. */
const tolerance = 1.02;

/**
 * A short learning-rate range test (after Smith 2017, with restarts instead of a sweep): every candidate trains the same
 * few batches from the same start, falling along a cosine as training does, since a bold rate shows what it brought only
 * once it has fallen. The largest rate wins whose loss over the last quarter of the steps is within 2 % of the lowest.
 * Uses training data only; the state is as before afterwards.
 * @param steps per candidate, at most; one epoch is the limit
 * @param scale what the candidates are multiplied by
 */
export async function findLearningRate(subject: ArmSubject, steps: number, scale: number): Promise<RangeTest> {
  const { stepper, batches } = subject;
  await stepper.step(batches.batchSize);
  const start = await stepper.read();
  const planned = Math.max(1, Math.min(steps, Math.floor(batches.count / batches.batchSize)));
  const losses: { learningRate: number; loss: number | null }[] = [];
  for (const candidate of [...candidates, smallest]) {
    const learningRate = candidate * scale;
    await stepper.write(start, 0, batches.batchSize);
    let sum = 0;
    let count = 0;
    let taken = 0;
    for await (const feed of batches.epoch(0, 0)) {
      const rate = learningRate * scheduleFactor('cosine', taken / planned);
      const loss = await stepper.run(feed, { weights: rate, sites: rate });
      await setImmediate();
      if (taken++ >= Math.floor((planned * 3) / 4)) {
        sum += loss;
        count++;
      }
      if (taken >= planned || !Number.isFinite(loss)) break;
    }
    const mean = taken < planned ? Number.NaN : sum / count;
    losses.push({ learningRate, loss: Number.isFinite(mean) ? mean : null });
  }
  await stepper.write(start, 0, batches.batchSize);
  const best = Math.min(...losses.map(({ loss }) => loss ?? Number.POSITIVE_INFINITY));
  const good = losses.filter(({ loss }) => loss !== null && loss <= best * tolerance);
  return { learningRate: good[0]?.learningRate ?? smallest * scale, losses };
}
