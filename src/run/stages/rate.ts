import { type OptimizerSettings, type TrainScope, trainScopes } from '../../contract/settings.js';
import { withScope } from '../../training/networks.js';
import { armContextOf } from '../arm-context.js';
import { armSubject } from '../arm-subject.js';
import { stagesOf } from '../arms.js';
import { findLearningRate } from '../learning-rate.js';
import { networksOf } from '../networks.js';
import { enter, type Run } from '../run.js';
import { defineStage } from '../runner.js';

interface Rate {
  readonly learningRate: number;
  readonly offsetLearningRate: number;
}

/** How an optimizer's useful rates lie to those of SGD: AdamW normalises its steps, so that they are about a tenth as high. */
const candidateScales: Readonly<Record<OptimizerSettings['kind'], number>> = { sgd: 1, adamw: 0.1 };

/** What the rate must serve for: of several stages, the one that changes most. */
function widestScope({ options }: Run): TrainScope {
  const scopes = stagesOf(options).map(({ scope }) => scope);
  return trainScopes.find((scope) => scopes.includes(scope)) ?? 'all';
}

/**
 * One rate for all arms, as told, or found on the rewritten model, which at the start computes what the original computes. It is
 * an artifact: a run that is resumed goes on with the rate that it began with.
 */
export const rateStage = defineStage<Rate>({
  name: 'rate',
  phase: null,
  fields: ['learningRate', 'offsetLearningRate'],
  async compute(run) {
    const { learningRate, optimizer, budgetSeconds, offsetLearningRate, rateScales } = run.options.training;
    const withOffsets = (rate: number): Rate => {
      return { learningRate: rate, offsetLearningRate: offsetLearningRate ?? rateScales.offsets * rate };
    };
    if (learningRate !== 'auto') return withOffsets(learningRate);
    enter(run, 'learning-rate');
    const network = withScope((await networksOf(run)).frelu, widestScope(run));
    const subject = armSubject(await armContextOf(run), network);
    try {
      const test = await findLearningRate(subject, {
        steps: budgetSeconds === null ? 40 : 20,
        scale: candidateScales[optimizer.kind],
        offsetScale: offsetLearningRate === null ? rateScales.offsets : 1,
      });
      run.hooks.onRangeTest(test);
      return withOffsets(test.learningRate);
    } finally {
      await subject.stepper.release();
    }
  },
});
