import { present } from '../../contract/present.js';
import { type OptimizerSettings, trainScopes } from '../../contract/settings.js';
import { withScope } from '../../training/networks.js';
import { armContextOf } from '../arm-context.js';
import { armSubject } from '../arm-subject.js';
import { type StageSpec, stagesOf } from '../arms.js';
import { findLearningRate } from '../learning-rate.js';
import { networksOf } from '../networks.js';
import { measurePace, type Pace } from '../pace.js';
import { enter, type Run } from '../run.js';
import { defineStage } from '../runner.js';

interface Rate {
  readonly learningRate: number;
  readonly offsetLearningRate: number;
  /** how fast steps are; null where no budget asks for it */
  readonly pace: Pace | null;
}

/** Of the budget, how much timing steps may take, and looking for a rate. */
const [timingShare, searchShare] = [0.02, 0.1];
/** Rates that are tried at least. */
const fewestRates = 7;

/** The steps that each rate is tried for: with a budget, as many as a share of it pays for. */
function stepsPerRate(budgetSeconds: number | null, pace: Pace | null): number {
  if (budgetSeconds === null || pace === null) return 40;
  const affordable = Math.floor((searchShare * budgetSeconds) / (fewestRates * pace.step));
  return Math.min(40, Math.max(8, affordable));
}

/** How an optimizer's useful rates lie to those of SGD: AdamW normalises its steps, so that they are about a tenth as high. */
const candidateScales: Readonly<Record<OptimizerSettings['kind'], number>> = { sgd: 1, adamw: 0.1 };

/** What the rate must serve for: of several stages, the one that changes most. */
function widestStage({ options }: Run): StageSpec {
  const stages = stagesOf(options);
  const widest = trainScopes.flatMap((scope) => stages.find((stage) => stage.scope === scope) ?? []);
  return present(widest[0], 'a stage of the training');
}

/**
 * One rate for all arms, as told, or found on the rewritten model, which at the start computes what the original computes. It is
 * an artifact: a run that is resumed goes on with the rate that it began with.
 */
export const rateStage = defineStage<Rate>({
  name: 'rate',
  phase: null,
  fields: ['learningRate', 'offsetLearningRate', 'pace'],
  async compute(run) {
    const { learningRate, optimizer, budgetSeconds, offsetLearningRate, rateScales } = run.options.training;
    const withOffsets = (rate: number, pace: Pace | null): Rate => {
      return { learningRate: rate, offsetLearningRate: offsetLearningRate ?? rateScales.offsets * rate, pace };
    };
    if (learningRate !== 'auto' && budgetSeconds === null) return withOffsets(learningRate, null);
    enter(run, 'learning-rate');
    const { scope, epochs } = widestStage(run);
    const network = withScope((await networksOf(run)).frelu, scope);
    const subject = await armSubject(await armContextOf(run), network, { epochs });
    try {
      const pace = budgetSeconds === null ? null : await measurePace(subject, timingShare * budgetSeconds);
      if (learningRate !== 'auto') return withOffsets(learningRate, pace);
      const test = await findLearningRate(subject, {
        steps: stepsPerRate(budgetSeconds, pace),
        scale: candidateScales[optimizer.kind],
        offsetScale: offsetLearningRate === null ? rateScales.offsets : 1,
      });
      run.hooks.onRangeTest(test);
      return withOffsets(test.learningRate, pace);
    } finally {
      await subject.stepper.release();
    }
  },
});
