import type { AblatedValidation, AblationResult, ArmResult, MigrateResult } from '../contract/result.js';
import { type AnyScores, evaluateMetrics, finiteOrNull } from '../evaluation/metrics.js';
import type { MigrationPlan } from '../model/plan.js';
import type { AblatedSites } from '../training/arm.js';
import type { Validation } from '../training/criterion.js';
import { defineJudge } from './judge.js';
import { armScores, trainedPredictions, truth } from './predictions.js';
import { siteConstants } from './sites.js';
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
            : armResult(metricsOf(test.control, validation.control), control, subject.plan),
        frelu: armResult(metricsOf(test.frelu, validation.frelu), frelu, subject.plan),
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
  ablation: null,
};

function armResult(
  metrics: Pick<ArmResult, 'test' | 'validation'>,
  { seed, outcome }: TrainedArm,
  plan: MigrationPlan,
): ArmResult {
  const { epochs, bestEpoch, seconds, samplesPerSecond, retreats, curve } = outcome;
  const ablation = outcome.ablation?.sites.map((each) => ablationResult(each, plan)) ?? null;
  return { ...metrics, seed, epochs, bestEpoch, seconds, samplesPerSecond, retreats, curve, ablation };
}

function ablationResult(
  { sites, parameters, kept, without, pValue, reverted }: AblatedSites,
  plan: MigrationPlan,
): AblationResult {
  return {
    sites: sites.map((id) => {
      const learned = parameters.find((each) => each.id === id);
      return learned === undefined ? { id, shift: null, offset: null } : siteConstants(learned, plan);
    }),
    kept: figuresOf(kept),
    without: figuresOf(without),
    pValue,
    reverted,
  };
}

const figuresOf = ({ loss, metric }: Validation): AblatedValidation => ({
  validationLoss: finiteOrNull(loss),
  validationMetric: metric,
});
