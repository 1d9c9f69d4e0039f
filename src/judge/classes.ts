import type { MigrateResult } from '../contract/result.js';
import { classDeltas, maskClassDeltas } from '../evaluation/compare.js';
import {
  calibrationBins,
  confusionCells,
  confusionMatrix,
  maskConfusion,
  masksOf,
  rowsOf,
  type Scores,
} from '../evaluation/metrics.js';
import { defineJudge } from './judge.js';
import { type ArmScores, armScores, classNames, trainedPredictions, truth } from './predictions.js';
import type { Subject } from './subject.js';

type Classes = Pick<MigrateResult, 'perClass' | 'confusion' | 'calibration'>;

const withoutClasses: Classes = { perClass: [], confusion: null, calibration: null };

/** What a classifier's arms do class by class, and how sure they are. */
export const classes = defineJudge<Classes>({
  gives: ['perClass', 'confusion', 'calibration'],
  needs: [trainedPredictions],
  async measure(subject) {
    const test = truth(subject, 'test');
    const names = classNames(subject);
    if (names === null) return withoutClasses;
    const all = await armScores(subject, 'test');
    if (test.kind === 'mask') return ofMasks(subject, names, all);
    if (test.kind !== 'class') return withoutClasses;
    const scores = {
      before: rowsOf(all.before),
      control: all.control && rowsOf(all.control),
      frelu: rowsOf(all.frelu),
    };
    const { before, frelu } = scores;
    const cells = (of: Scores) => confusionCells(confusionMatrix(of, test.labels, test.classes));
    return {
      perClass: classDeltas(names, test.labels, scores),
      confusion: { before: cells(before), frelu: cells(frelu) },
      calibration: { before: calibrationBins(before, test.labels), frelu: calibrationBins(frelu, test.labels) },
    };
  },
});

/** The same of a segmentation, pixel by pixel within images. */
function ofMasks(subject: Subject, names: readonly string[], scores: ArmScores): Classes {
  const arms = {
    before: masksOf(scores.before),
    control: scores.control && masksOf(scores.control),
    frelu: masksOf(scores.frelu),
  };
  const { before, frelu } = arms;
  return {
    perClass: maskClassDeltas(names, arms, { seed: subject.seed }),
    confusion: { before: confusionCells(maskConfusion(before)), frelu: confusionCells(maskConfusion(frelu)) },
    calibration: null,
  };
}
