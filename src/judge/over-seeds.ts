import { present } from '../contract/present.js';
import type { MigrateResult, SpreadPoint } from '../contract/result.js';
import { pairedDelta } from '../evaluation/compare.js';
import type { AnyScores } from '../evaluation/metrics.js';
import { deltaOverSeeds } from '../evaluation/seeds.js';
import type { Graph } from '../model/graph.js';
import { predict } from '../reading/predictions.js';
import { scoresOf } from '../reading/task.js';
import { defineJudge } from './judge.js';
import { armScores, trainedPredictions, truth } from './predictions.js';
import type { Subject, TrainedArm } from './subject.js';

type Deltas = MigrateResult['delta'];

/** Both arms of every seed on the test split, and what they say together; for one seed nothing. */
export const overSeeds = defineJudge<{
  readonly spread: readonly SpreadPoint[];
  /** null for one seed */
  readonly together: Deltas | null;
  /** with the intervals that each of several looks at the test split has; null where one was planned */
  readonly widened: Deltas | null;
}>({
  gives: ['spread', 'together', 'widened'],
  needs: [trainedPredictions],
  async measure(subject) {
    if (subject.arms.frelus.length === 1) return { spread: [], together: null, widened: null };
    const seeds = await scoresOfSeeds(subject);
    const { before } = await armScores(subject, 'test');
    const { planned } = subject.looks;
    return {
      spread: seeds.map((scores) => pointOf(subject, before, scores)),
      together: deltasOf(subject, before, seeds, 0.95),
      widened: planned === 1 ? null : deltasOf(subject, before, seeds, 1 - 0.05 / planned),
    };
  },
});

/** Every seed's two arms on the test split; empty for one seed. */
export const spread = defineJudge<Pick<MigrateResult, 'spread'>>({
  gives: ['spread'],
  needs: [overSeeds],
  async measure(subject) {
    return { spread: (await overSeeds.of(subject)).spread };
  },
});

interface ScoresOfSeed {
  readonly seed: number;
  readonly control: AnyScores | null;
  readonly frelu: AnyScores;
}

/** Of the arms that are kept, the predictions that judge them. */
async function scoresOfSeeds(subject: Subject): Promise<readonly ScoresOfSeed[]> {
  const { arms, networks, data, task, signature, device } = subject;
  const kept = await armScores(subject, 'test');
  const score = async (graph: Graph): Promise<AnyScores> =>
    scoresOf(task, await predict(graph.model, signature, data.test, device.session));
  const scoresOfArm = async (
    arm: TrainedArm,
    judged: { readonly arm: TrainedArm | null; readonly scores: AnyScores | null },
    network: Subject['networks']['control'],
  ): Promise<AnyScores> =>
    judged.arm === arm && judged.scores !== null ? judged.scores : score(network.bake(arm.outcome.parameters));
  const seeds: ScoresOfSeed[] = [];
  for (const [i, arm] of arms.frelus.entries()) {
    const control = arms.controls[i];
    seeds.push({
      seed: arm.seed,
      control:
        control === undefined
          ? null
          : await scoresOfArm(control, { arm: arms.control, scores: kept.control }, networks.control),
      frelu: await scoresOfArm(arm, { arm: arms.frelu, scores: kept.frelu }, networks.frelu),
    });
  }
  return seeds;
}

/** One seed by itself: its intervals hold the chance of the test samples alone. */
function pointOf(subject: Subject, before: AnyScores, { seed, control, frelu }: ScoresOfSeed): SpreadPoint {
  const { metric } = subject.task;
  const against = (baseline: AnyScores) =>
    pairedDelta(metric, baseline, frelu, truth(subject, 'test'), { seed: subject.seed });
  const vsBefore = against(before);
  const vsControl = control === null ? null : against(control);
  return {
    seed,
    written: seed === subject.arms.frelu.seed,
    control: vsControl?.baseline ?? null,
    frelu: vsBefore.candidate,
    vsBefore,
    vsControl,
  };
}

function deltasOf(subject: Subject, before: AnyScores, seeds: readonly ScoresOfSeed[], confidence: number): Deltas {
  const over = (baselineOf: (scores: ScoresOfSeed) => AnyScores) =>
    deltaOverSeeds(
      subject.task.metric,
      seeds.map((scores) => ({ baseline: baselineOf(scores), candidate: scores.frelu })),
      truth(subject, 'test'),
      { seed: subject.seed, confidence },
    );
  const hasControl = seeds.every(({ control }) => control !== null);
  return {
    vsBefore: over(() => before),
    vsControl: hasControl ? over(({ control }) => present(control, 'the control arm of a seed')) : null,
  };
}
