import type { LatencyComparison } from '../evaluation/result.js';
import type { ModelProto } from '../model/graph.js';
import { elementCount } from '../model/tensor.js';
import { openPredictor, type Signature } from '../runtime/predictor.js';
import type { InferenceSession } from '../runtime/session.js';

const warmUps = 3;

export interface TimedModel {
  readonly source: ModelProto | Uint8Array | string;
  readonly signature: Signature;
}

/**
 * Times inference of two models in turn, a, b, a, b ..., so that a change of the machine's speed meets both alike.
 * Milliseconds per call with `batchSize` samples (the exported size where that is fixed), medians after a warm-up.
 */
export async function compareLatency(
  before: TimedModel,
  after: TimedModel,
  sampleShape: readonly number[],
  {
    runs = 30,
    batchSize = 1,
    session = {},
  }: { runs?: number; batchSize?: number; session?: InferenceSession.SessionOptions },
): Promise<LatencyComparison> {
  const predictors = [
    await openPredictor(before.source, before.signature, session),
    await openPredictor(after.source, after.signature, session),
  ];
  const count = before.signature.inputShape[0] ?? after.signature.inputShape[0] ?? batchSize;
  const inputs = new Float32Array(count * elementCount(sampleShape)).fill(0.5);
  const times: number[][] = predictors.map(() => []);
  try {
    for (let run = 0; run < warmUps + runs; run++) {
      for (const [i, predictor] of predictors.entries()) {
        const began = performance.now();
        await predictor.predict(inputs, count, sampleShape);
        if (run >= warmUps) times[i]?.push(performance.now() - began);
      }
    }
  } finally {
    for (const predictor of predictors) await predictor.release();
  }
  const [a, b] = times.map(median);
  const [medianBefore = 0, medianAfter = 0] = [a, b];
  return {
    before: medianBefore,
    after: medianAfter,
    ratio: medianBefore === 0 ? null : medianAfter / medianBefore,
    runs,
    batchSize: count,
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
