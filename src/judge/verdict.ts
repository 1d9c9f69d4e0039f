import type { MetricName } from '../contract/metrics.js';
import type { Decision, Delta } from '../contract/result.js';
import { judgeAcceptance } from '../evaluation/acceptance.js';
import { pairedDelta } from '../evaluation/compare.js';
import type { Evidence } from '../evaluation/evidence.js';
import type { AnyScores } from '../evaluation/metrics.js';
import { judge } from '../evaluation/verdict.js';
import { classes } from './classes.js';
import { costs } from './costs.js';
import { delta } from './delta.js';
import { guarded } from './guarded.js';
import { defineJudge } from './judge.js';
import { overSeeds } from './over-seeds.js';
import { armScores, truth } from './predictions.js';
import { slices } from './slices.js';
import type { Subject } from './subject.js';
import { timing } from './timing.js';
import { unseen, unseenDelta } from './unseen.js';

/** Whether the acceptance rule is met, and what is concluded. */
export const verdict = defineJudge<Decision>({
  gives: ['acceptance', 'verdict', 'reasons', 'why'],
  needs: [delta, overSeeds, guarded, unseen, classes, slices, costs, timing],
  async measure(subject) {
    const deltas = (await delta.of(subject)).delta;
    const { perClass } = await classes.of(subject);
    const sliced = (await slices.of(subject)).slices;
    const { size, memory } = await costs.of(subject);
    const { latency } = await timing.of(subject);
    const metrics = (await guarded.of(subject)).guarded;
    const seenApart = (await unseen.of(subject)).unseen;
    const decisive =
      subject.looks.planned === 1 ? { delta: deltas, metrics, unseen: seenApart } : await widened(subject, metrics);
    const evidence = { ...decisive, perClass, slices: sliced, latency, size, memory };
    const acceptance = judgeAcceptance(subject.rule, evidence, subject.minEffect);
    return { acceptance, ...judge(deltas, acceptance, subject.arms.frelu.outcome.bestEpoch === 0) };
  },
});

/** The same differences with the intervals that each of several looks at the test split has. */
async function widened(
  subject: Subject,
  metrics: readonly Delta[],
): Promise<Pick<Evidence, 'delta' | 'metrics' | 'unseen'>> {
  const { task, seed, looks } = subject;
  const { before, control, frelu } = await armScores(subject, 'test');
  const bootstrap = { seed, confidence: 1 - 0.05 / looks.planned };
  const against = (metric: MetricName, baseline: AnyScores): Delta =>
    pairedDelta(metric, baseline, frelu, truth(subject, 'test'), bootstrap);
  const { widened: together } = await overSeeds.of(subject);
  return {
    delta: together ?? {
      vsBefore: against(task.metric, before),
      vsControl: control === null ? null : against(task.metric, control),
    },
    metrics: metrics.map(({ metric }) => against(metric, before)),
    unseen: await unseenDelta(subject, bootstrap.confidence),
  };
}
