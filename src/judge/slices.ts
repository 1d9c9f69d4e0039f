import type { MigrateResult } from '../contract/result.js';
import { sliceDeltas } from '../evaluation/slices.js';
import { defineJudge } from './judge.js';
import { armScores, trainedPredictions, truth } from './predictions.js';

/** The judged metric over each slice of the test split that was asked for. */
export const slices = defineJudge<Pick<MigrateResult, 'slices'>>({
  gives: ['slices'],
  needs: [trainedPredictions],
  async measure(subject) {
    const { data, task, seed } = subject;
    if (data.slices.length === 0) return { slices: [] };
    const arms = await armScores(subject, 'test');
    return { slices: sliceDeltas(task.metric, data.slices, arms, truth(subject, 'test'), { seed }) };
  },
});
