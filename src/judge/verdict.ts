import type { MigrateResult } from '../contract/result.js';
import { judgeAcceptance } from '../evaluation/acceptance.js';
import { judge } from '../evaluation/verdict.js';
import { delta } from './delta.js';
import { defineJudge } from './judge.js';

/** Whether the acceptance rule is met, and what is concluded. */
export const verdict = defineJudge<Pick<MigrateResult, 'acceptance' | 'verdict' | 'reasons' | 'why'>>({
  gives: ['acceptance', 'verdict', 'reasons', 'why'],
  needs: [delta],
  async measure(subject) {
    const deltas = (await delta.of(subject)).delta;
    const acceptance = judgeAcceptance(subject.rule, deltas);
    return { acceptance, ...judge(deltas, acceptance, subject.arms.frelu.outcome.bestEpoch === 0) };
  },
});
