import type { OptimizerSettings } from '../../contract/settings.js';
import { armContextOf } from '../arm-context.js';
import { armSubject } from '../arm-subject.js';
import { findLearningRate } from '../learning-rate.js';
import { networksOf } from '../networks.js';
import { enter } from '../run.js';
import { defineStage } from '../runner.js';

interface Rate {
  readonly learningRate: number;
  readonly offsetLearningRate: number;
}

/** How an optimizer's useful rates lie to those of SGD: AdamW normalises its steps, so that they are about a tenth as high. */
const rateScales: Readonly<Record<OptimizerSettings['kind'], number>> = { sgd: 1, adamw: 0.1 };

/**
 * One rate for all arms, as told, or found on the rewritten model, which at the start computes what the original computes. It is
 * an artifact: a run that is resumed goes on with the rate that it began with.
 */
export const rateStage = defineStage<Rate>({
  name: 'rate',
  phase: null,
  fields: ['learningRate', 'offsetLearningRate'],
  async compute(run) {
    const { learningRate, optimizer, budgetSeconds, offsetLearningRate } = run.options.training;
    if (learningRate !== 'auto') return { learningRate, offsetLearningRate: offsetLearningRate ?? learningRate };
    enter(run, 'learning-rate');
    const subject = armSubject(await armContextOf(run), (await networksOf(run)).frelu);
    try {
      const test = await findLearningRate(subject, budgetSeconds === null ? 40 : 20, rateScales[optimizer.kind]);
      run.hooks.onRangeTest(test);
      return { learningRate: test.learningRate, offsetLearningRate: offsetLearningRate ?? test.learningRate };
    } finally {
      await subject.stepper.release();
    }
  },
});
