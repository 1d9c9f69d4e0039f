import type { MigrateResult } from '../contract/result.js';
import { readSource } from '../reading/reading.js';
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
    return {
      latency: await compareLatency(
        { source: readSource(model, signature), signature },
        { source: readSource(staged.model, signature), signature },
        data.preprocessing.shape,
        { runs: timedRuns(operations?.before ?? null, device.provider), session: device.session },
      ),
    };
  },
});
