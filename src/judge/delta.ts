import type { MigrateResult } from '../contract/result.js';
import { pairedDelta } from '../evaluation/compare.js';
import { defineJudge } from './judge.js';
import { overSeeds } from './over-seeds.js';
import { armScores, trainedPredictions, truth } from './predictions.js';

/** frelu - before and frelu - control on the test split, paired; over all seeds where there are several. */
export const delta = defineJudge<Pick<MigrateResult, 'delta'>>({
  gives: ['delta'],
  needs: [trainedPredictions, overSeeds],
  async measure(subject) {
    const { together } = await overSeeds.of(subject);
    if (together !== null) return { delta: together };
    const { metric } = subject.task;
    const scores = await armScores(subject, 'test');
    const test = truth(subject, 'test');
    const bootstrap = { seed: subject.seed };
    return {
      delta: {
        vsBefore: pairedDelta(metric, scores.before, scores.frelu, test, bootstrap),
        vsControl: scores.control === null ? null : pairedDelta(metric, scores.control, scores.frelu, test, bootstrap),
      },
    };
  },
});
