import type { MigrateResult, TfjsAgreement } from '../contract/result.js';
import { evaluateMetrics } from '../evaluation/metrics.js';
import { type Predictions, predict } from '../reading/predictions.js';
import { scoresOf } from '../reading/task.js';
import { defineJudge } from './judge.js';
import { trainedPredictions, truth } from './predictions.js';
import type { Subject } from './subject.js';
import { checkStaged, requantizationCost, tfjsAgreement } from './tfjs-check.js';

/** The written files in TensorFlow.js, and what storing changed weights in quantised types cost. */
export const agreement = defineJudge<Pick<MigrateResult, 'tfjs'>>({
  gives: ['tfjs'],
  needs: [trainedPredictions],
  async measure(subject) {
    return { tfjs: await agreementOf(subject) };
  },
});

async function agreementOf(subject: Subject): Promise<TfjsAgreement | null> {
  const { model, verified, staged, baked, signature, data, task, device } = subject;
  if (verified === null) return null;
  const after = await checkStaged(staged, baked, model);
  if (staged.patched.requantized.length === 0) return tfjsAgreement(verified, after, null);
  const test = truth(subject, 'test');
  const metricOf = (predictions: Predictions) =>
    evaluateMetrics(scoresOf(task, predictions), test)[task.metric]?.value ?? null;
  const stored = (await trainedPredictions.of(subject)).frelu.test;
  const exact = await predict(baked.model, signature, data.test, device.session);
  const cost = requantizationCost(staged.patched, { exact: metricOf(exact), stored: metricOf(stored) });
  return tfjsAgreement(verified, after, cost);
}
