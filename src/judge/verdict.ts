import type { MigrateResult } from '../contract/result.js';
import { judgeAcceptance } from '../evaluation/acceptance.js';
import { judge } from '../evaluation/verdict.js';
import { classes } from './classes.js';
import { costs } from './costs.js';
import { delta } from './delta.js';
import { guarded } from './guarded.js';
import { defineJudge } from './judge.js';
import { slices } from './slices.js';
import { timing } from './timing.js';

/** Whether the acceptance rule is met, and what is concluded. */
export const verdict = defineJudge<Pick<MigrateResult, 'acceptance' | 'verdict' | 'reasons' | 'why'>>({
  gives: ['acceptance', 'verdict', 'reasons', 'why'],
  needs: [delta, guarded, classes, slices, costs, timing],
  async measure(subject) {
    const deltas = (await delta.of(subject)).delta;
    const { perClass } = await classes.of(subject);
    const sliced = (await slices.of(subject)).slices;
    const { size, memory } = await costs.of(subject);
    const { latency } = await timing.of(subject);
    const metrics = (await guarded.of(subject)).guarded;
    const evidence = { delta: deltas, metrics, perClass, slices: sliced, latency, size, memory };
    const acceptance = judgeAcceptance(subject.rule, evidence, subject.minEffect);
    return { acceptance, ...judge(deltas, acceptance, subject.arms.frelu.outcome.bestEpoch === 0) };
  },
});
