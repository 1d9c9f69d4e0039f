import { setImmediate } from 'node:timers/promises';
import type { LearningRates } from '../autodiff/step.js';
import { present } from '../contract/present.js';
import type { ArmSubject } from '../training/arm.js';
import { scheduleFactor } from '../training/schedule.js';

/** From bold to timid: a thousandfold range around what fine-tuning uses, in steps of about three. */
const candidates = [0.1, 0.03, 0.01, 0.003, 0.001, 0.0003] as const;
const smallest = 0.0001;

export interface RangeTestOptions {
  /** per candidate, at most; one epoch is the limit */
  readonly steps: number;
  /** what the candidates are multiplied by */
  readonly scale: number;
  /** what they are multiplied by once more for shifts and offsets (1) */
  readonly offsetScale?: number;
}

export interface RangeTest {
  readonly learningRate: number;
  /** the mean training loss over the last quarter of each candidate's steps; null where it diverged */
  readonly losses: readonly { readonly learningRate: number; readonly loss: number | null }[];
}

/** How far below the timidest candidate rates are looked for where that one still makes the loss worse. */
const farther = [0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001] as const;

/** How much of the loss a bolder rate may cost in so few steps: many more follow, in which a timid rate learns nothing. */
const tolerance = 1.02;

/**
 * A short learning-rate range test (after Smith 2017, with restarts instead of a sweep): every candidate trains the same
 * few batches from the same start, falling along a cosine as training does, since a bold rate shows what it brought only
 * once it has fallen. The largest rate wins whose loss over the last quarter of the steps is within 2 % of the lowest.
 * Where even the smallest makes the loss worse than no step does, smaller ones are tried.
 * Uses training data only; the state is as before afterwards.
 */
export async function findLearningRate(
  subject: ArmSubject,
  { steps, scale, offsetScale = 1 }: RangeTestOptions,
): Promise<RangeTest> {
  const { stepper, batches } = subject;
  await stepper.step(batches.batchSize);
  const start = await stepper.read();
  const planned = Math.max(1, Math.min(steps, Math.floor(batches.count / batches.batchSize)));
  const losses: { learningRate: number; loss: number | null }[] = [];
  const rates = (rate: number): LearningRates => ({ weights: rate, sites: offsetScale * rate });
  const lossAt = async (learningRate: number): Promise<number | null> => {
    await stepper.write(start, 0, batches.batchSize);
    const loss = await lossAfter(subject, rates(learningRate), planned);
    losses.push({ learningRate, loss });
    return loss;
  };
  for (const candidate of candidates) await lossAt(candidate * scale);
  const timid = await lossAt(smallest * scale);
  const best = (): number => Math.min(...losses.map(({ loss }) => loss ?? Number.POSITIVE_INFINITY));
  if (timid === null || timid === best()) {
    // nothing bolder serves: a rate that serves at all is one under which the loss does not rise
    await stepper.write(start, 0, batches.batchSize);
    const untrained = (await lossAfter(subject, rates(0), planned)) ?? Number.POSITIVE_INFINITY;
    let loss = timid;
    for (const factor of farther) {
      if (loss !== null && loss <= untrained * tolerance) break;
      loss = await lossAt(smallest * scale * factor);
    }
  }
  await stepper.write(start, 0, batches.batchSize);
  const good = losses.find(({ loss }) => loss !== null && loss <= best() * tolerance);
  return { learningRate: good?.learningRate ?? present(losses.at(-1), 'a candidate').learningRate, losses };
}

/** The mean loss over the last quarter of the steps at a rate that falls along a cosine; null where it diverged. */
async function lossAfter(
  { stepper, batches }: ArmSubject,
  { weights, sites }: LearningRates,
  planned: number,
): Promise<number | null> {
  let [sum, count, taken] = [0, 0, 0];
  for await (const feed of batches.epoch(0, 0)) {
    const factor = scheduleFactor('cosine', taken / planned);
    const loss = await stepper.run(feed, { weights: factor * weights, sites: factor * sites });
    await setImmediate();
    if (taken++ >= Math.floor((planned * 3) / 4)) {
      sum += loss;
      count++;
    }
    if (taken >= planned || !Number.isFinite(loss)) break;
  }
  const mean = taken < planned ? Number.NaN : sum / count;
  return Number.isFinite(mean) ? mean : null;
}
