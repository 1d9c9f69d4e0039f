import { metricsOf } from '../contract/metrics.js';
import type { MigrateResult } from '../contract/result.js';
import { namedMetrics } from '../evaluation/acceptance.js';
import { pairedDelta } from '../evaluation/compare.js';
import { guardedMetrics } from '../evaluation/guards.js';
import { defineJudge } from './judge.js';
import { armScores, trainedPredictions, truth } from './predictions.js';

/** frelu - before of what the acceptance rule looks at beside the judged metric, on the test split, paired. */
export const guarded = defineJudge<Pick<MigrateResult, 'guarded'>>({
  gives: ['guarded'],
  needs: [trainedPredictions],
  async measure(subject) {
    const { rule, task, seed } = subject;
    const { before, frelu } = await armScores(subject, 'test');
    const test = truth(subject, 'test');
    const there = metricsOf(test.kind, test.kind === 'class' ? test.classes : 0);
    const wanted = new Set([...guardedMetrics, ...namedMetrics(rule)]);
    const metrics = there.filter((name) => wanted.has(name) && name !== task.metric);
    return { guarded: metrics.map((metric) => pairedDelta(metric, before, frelu, test, { seed })) };
  },
});
