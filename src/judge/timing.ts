import type { MigrateResult } from '../contract/result.js';
import { readSource } from '../model/source.js';
import { sampleShapesOf } from '../reading/data.js';
import { costs } from './costs.js';
import { defineJudge } from './judge.js';
import { compareLatency, timedRuns } from './latency.js';

/** The latency of both models, timed in turn on the run's device. */
export const timing = defineJudge<Pick<MigrateResult, 'latency'>>({
  gives: ['latency'],
  needs: [costs],
  async measure(subject) {
    const { model, staged, signature, device, data } = subject;
    const { operations } = await costs.of(subject);
    const sampleShapes = sampleShapesOf(data.test);
    return {
      latency: await compareLatency(
        { source: readSource(model, signature), signature, sampleShapes },
        { source: readSource(staged.model, signature), signature, sampleShapes },
        { runs: timedRuns(operations?.before ?? null, device.provider), session: device.session },
      ),
    };
  },
});
