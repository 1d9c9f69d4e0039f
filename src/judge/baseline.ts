import type { MigrateResult } from '../contract/result.js';
import { monitoringBaseline } from '../evaluation/drift.js';
import { channelValues } from './channel-values.js';
import { defineJudge } from './judge.js';
import { armScores, classNames, trainedPredictions } from './predictions.js';
import { observedSites } from './sites.js';

/** What the migrated model saw and said on the test split: what new data is held against. */
export const baseline = defineJudge<Pick<MigrateResult, 'monitoring'>>({
  gives: ['monitoring'],
  needs: [trainedPredictions, observedSites],
  async measure(subject) {
    const { frelu } = await armScores(subject, 'test');
    const { floorRates } = await observedSites.of(subject);
    const inputs = await channelValues(subject.data.test);
    return { monitoring: monitoringBaseline(inputs, frelu, classNames(subject), floorRates) };
  },
});
