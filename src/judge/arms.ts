import type { ArmResult, MigrateResult } from '../contract/result.js';
import { type AnyScores, evaluateMetrics } from '../evaluation/metrics.js';
import { defineJudge } from './judge.js';
import { armScores, trainedPredictions, truth } from './predictions.js';
import type { TrainedArm } from './subject.js';

/** Every arm's metrics on both splits, and its training. */
export const arms = defineJudge<Pick<MigrateResult, 'arms'>>({
  gives: ['arms'],
  needs: [trainedPredictions],
  async measure(subject) {
    const truths = { test: truth(subject, 'test'), validation: truth(subject, 'validation') };
    const scores = { test: await armScores(subject, 'test'), validation: await armScores(subject, 'validation') };
    const metricsOf = (test: AnyScores, validation: AnyScores) => ({
      test: evaluateMetrics(test, truths.test),
      validation: evaluateMetrics(validation, truths.validation),
    });
    const { test, validation } = scores;
    const { control, frelu } = subject.arms;
    return {
      arms: {
        before: { ...metricsOf(test.before, validation.before), ...untrained },
        control:
          control === null || test.control === null || validation.control === null
            ? null
            : armResult(metricsOf(test.control, validation.control), control),
        frelu: armResult(metricsOf(test.frelu, validation.frelu), frelu),
      },
    };
  },
});

const untrained = {
  seed: null,
  epochs: 0,
  bestEpoch: null,
  seconds: 0,
  samplesPerSecond: null,
  retreats: [],
  curve: [],
};

function armResult(metrics: Pick<ArmResult, 'test' | 'validation'>, { seed, outcome }: TrainedArm): ArmResult {
  const { epochs, bestEpoch, seconds, samplesPerSecond, retreats, curve } = outcome;
  return { ...metrics, seed, epochs, bestEpoch, seconds, samplesPerSecond, retreats, curve };
}
