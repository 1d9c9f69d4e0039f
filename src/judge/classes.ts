import type { MigrateResult } from '../contract/result.js';
import { classDeltas } from '../evaluation/compare.js';
import { calibrationBins, confusionCells, confusionMatrix } from '../evaluation/metrics.js';
import { changedExamples } from './examples.js';
import { defineJudge } from './judge.js';
import { armScores, classNames, trainedPredictions, truth } from './predictions.js';

type Classes = Pick<MigrateResult, 'perClass' | 'confusion' | 'calibration' | 'examples'>;

const withoutClasses: Classes = {
  perClass: [],
  confusion: null,
  calibration: null,
  examples: { fixed: [], broken: [] },
};

/** What a classifier's arms do class by class, how sure they are, and the samples whose answer changed. */
export const classes = defineJudge<Classes>({
  gives: ['perClass', 'confusion', 'calibration', 'examples'],
  needs: [trainedPredictions],
  async measure(subject) {
    const test = truth(subject, 'test');
    const names = classNames(subject);
    if (test.kind !== 'class' || names === null) return withoutClasses;
    const scores = await armScores(subject, 'test');
    const { before, frelu } = scores;
    const cells = (of: typeof before) => confusionCells(confusionMatrix(of, test.labels, test.classes));
    return {
      perClass: classDeltas(names, test.labels, scores),
      confusion: { before: cells(before), frelu: cells(frelu) },
      calibration: { before: calibrationBins(before, test.labels), frelu: calibrationBins(frelu, test.labels) },
      examples: await changedExamples(subject.data.test, scores, test, names),
    };
  },
});
