import { type InferenceSession, openSession } from '../runtime/session.js';
import type { TrainingBatches } from './arm.js';
import { writeParameters } from './networks.js';
import { prepareStatistics, type StepSettings, type Trainable } from './prepare.js';

/**
 * Running statistics estimated anew for a trained network, by the initializers that hold them: every BatchNormalization
 * normalises by the batch, and the means and (unbiased) variances of the batches are averaged over one epoch ("precise"
 * batch normalization: Wu and Johnson 2021, arXiv 2105.07576). Whole batches only. Empty where there is no normalization.
 */
export async function recalibrate(
  trainable: Trainable,
  parameters: ReadonlyMap<string, Float32Array>,
  batches: TrainingBatches,
  settings: Pick<StepSettings, 'provider' | 'sampleShapes' | 'pixels'>,
  session: InferenceSession.SessionOptions,
): Promise<Map<string, Float32Array>> {
  const trained = trainable.graph.copy();
  writeParameters(trained, parameters);
  const { graph, running } = await prepareStatistics({ ...trainable, graph: trained }, batches.batchSize, settings);
  if (running.size === 0) return new Map();

  const sums = new Map<string, Float64Array>();
  let count = 0;
  const opened = await openSession(graph.model, session);
  try {
    for await (const feed of batches.epoch(1, 0)) {
      if (feed.count < batches.batchSize) continue;
      const outputs = await opened.run(feed.inputs);
      for (const [name, value] of running) {
        const data = outputs[value]?.data;
        if (!(data instanceof Float32Array)) throw new Error(`the statistics '${name}' are not float32`);
        const sum = sums.get(name) ?? new Float64Array(data.length);
        data.forEach((element, i) => {
          sum[i] = (sum[i] ?? 0) + element;
        });
        sums.set(name, sum);
      }
      count++;
    }
  } finally {
    await opened.release();
  }
  return new Map([...sums].map(([name, sum]) => [name, Float32Array.from(sum, (total) => total / count)]));
}
