import type { MigrateResult } from '../contract/result.js';
import { masksOf, rowsOf } from '../evaluation/metrics.js';
import { changedExamples } from './examples.js';
import { defineJudge } from './judge.js';
import { changedMasks } from './mask-examples.js';
import { armScores, classNames, trainedPredictions, truth } from './predictions.js';

const none = { fixed: [], broken: [] };

/** The test samples whose answer changed, as people look at them. */
export const changedAnswers = defineJudge<Pick<MigrateResult, 'examples'>>({
  gives: ['examples'],
  needs: [trainedPredictions],
  async measure(subject) {
    const test = truth(subject, 'test');
    const names = classNames(subject);
    if (names === null) return { examples: none };
    const { before, frelu } = await armScores(subject, 'test');
    if (test.kind === 'mask') {
      const masks = await changedMasks(subject, { before: masksOf(before), frelu: masksOf(frelu) });
      return { examples: { ...none, masks } };
    }
    if (test.kind !== 'class') return { examples: none };
    const scores = { before: rowsOf(before), frelu: rowsOf(frelu) };
    return { examples: await changedExamples(subject.data.test, scores, test, names) };
  },
});
