import type { LatencyComparison } from '../contract/result.js';
import type { Provider } from '../contract/settings.js';
import { median } from '../math/summary.js';
import type { ModelProto } from '../model/graph.js';
import {
  type Feeds,
  filledFeeds,
  fixedBatch,
  openPredictor,
  type Predictor,
  type SampleShapes,
  type Signature,
} from '../runtime/predictor.js';
import type { InferenceSession } from '../runtime/session.js';
import { sleepingThreads } from '../runtime/threads.js';

/** Small models answer in microseconds, where a median of a few calls is chance: about this much work is timed for each. */
const work = 1e10;
const [fewestRuns, mostRuns] = [30, 400];
/** A device is sent its work and asked for the result, which takes a millisecond for the smallest of models. */
const mostRunsOnDevice = 100;

export interface TimedModel {
  readonly source: ModelProto | Uint8Array | string;
  readonly signature: Signature;
  readonly sampleShapes: SampleShapes;
}

/**
 * How many calls are timed of a model with so many multiply-adds a call; null: not known. The same for the same model and
 * device, so that a run's result repeats.
 */
export function timedRuns(multiplyAdds: number | null, provider: Provider): number {
  if (multiplyAdds === null) return fewestRuns;
  const most = provider === 'cpu' ? mostRuns : mostRunsOnDevice;
  return Math.min(most, Math.max(fewestRuns, Math.ceil(work / (multiplyAdds + 1))));
}

export interface LatencyOptions {
  readonly runs: number;
  /** 1 where it is left out; the exported size where that is fixed */
  readonly batchSize?: number;
  readonly session?: InferenceSession.SessionOptions;
}

/**
 * Times inference of two models in turn, a, b, a, b ..., so that a change of the machine's speed meets both alike.
 * Milliseconds per call, medians after a warm-up.
 */
export async function compareLatency(
  before: TimedModel,
  after: TimedModel,
  { runs, batchSize = 1, session = {} }: LatencyOptions,
): Promise<LatencyComparison> {
  const warmUps = Math.ceil(runs / 10);
  // idle threads that spin, the one model's, would take the processor from the other's
  const options = { ...session, extra: { ...session.extra, ...sleepingThreads } };
  const count = fixedBatch(before.signature) ?? fixedBatch(after.signature) ?? batchSize;
  const predictors: { readonly predictor: Predictor; readonly feeds: Feeds }[] = [];
  for (const { source, signature, sampleShapes } of [before, after]) {
    const predictor = await openPredictor(source, signature, options);
    predictors.push({ predictor, feeds: filledFeeds(sampleShapes, count, 0.5) });
  }
  const times: number[][] = predictors.map(() => []);
  try {
    for (let run = 0; run < warmUps + runs; run++) {
      for (const [i, { predictor, feeds }] of predictors.entries()) {
        const began = performance.now();
        await predictor.predict(feeds, count);
        if (run >= warmUps) times[i]?.push(performance.now() - began);
      }
    }
  } finally {
    for (const { predictor } of predictors) await predictor.release();
  }
  const [a, b] = times.map(median);
  const [medianBefore = 0, medianAfter = 0] = [a, b];
  return {
    before: medianBefore,
    after: medianAfter,
    ratio: medianBefore === 0 ? null : medianAfter / medianBefore,
    ci95: medianInterval((times[1] ?? []).map((time, i) => time / (times[0]?.[i] ?? Number.NaN))),
    runs,
    batchSize: count,
  };
}

/**
 * The 95 % interval of a median by order statistics, which asks nothing of the distribution (the normal approximation of the
 * binomial ranks; Conover, Practical Nonparametric Statistics, 1999, 3.2). Null for fewer than 20 values.
 */
function medianInterval(values: readonly number[]): readonly [low: number, high: number] | null {
  if (values.length < 20 || !values.every(Number.isFinite)) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const half = 0.98 * Math.sqrt(sorted.length);
  const low = sorted[Math.floor(sorted.length / 2 - half)];
  const high = sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length / 2 + half) - 1)];
  return low === undefined || high === undefined ? null : [low, high];
}
