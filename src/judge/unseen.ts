import type { MigrateResult } from '../contract/result.js';
import { pairedDelta } from '../evaluation/compare.js';
import { unseenTestSamples } from '../reading/data.js';
import { defineJudge } from './judge.js';
import { armScores, trainedPredictions, truth } from './predictions.js';
import type { Subject } from './subject.js';

/** frelu - before where memory does not help: on the test samples that training and validation have not seen. */
export const unseen = defineJudge<Pick<MigrateResult, 'unseen'>>({
  gives: ['unseen'],
  needs: [trainedPredictions],
  async measure(subject) {
    return { unseen: await unseenDelta(subject, 0.95) };
  },
});

/** Null where every test sample is one of them, so that the whole split says it. */
export async function unseenDelta(subject: Subject, confidence: number): Promise<MigrateResult['unseen']> {
  const among = await unseenTestSamples(subject.data);
  if (among.length === subject.data.test.split.count) return null;
  const { before, frelu } = await armScores(subject, 'test');
  const bootstrap = { seed: subject.seed, confidence };
  return pairedDelta(subject.task.metric, before, frelu, truth(subject, 'test'), bootstrap, among);
}
