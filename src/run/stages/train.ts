import { present } from '../../contract/present.js';
import type { TrainedArm, TrainedArms } from '../../judge/subject.js';
import type { ArmOutcome } from '../../training/arm.js';
import { type Criterion, isBetter, keptValidation, type Validation } from '../../training/criterion.js';
import { criterionOf, removeCheckpoints, trainWithSeed } from '../arm-phases.js';
import { type ArmName, armsOf, seedsOf } from '../arms.js';
import { type Artifact, artifact } from '../artifact.js';
import { clipNormOf } from '../clip-norm.js';
import { forgetKept } from '../kept-prefix.js';
import { enter, perRun, type Run } from '../run.js';
import type { Stage } from '../runner.js';
import { budgetOf } from './budget.js';
import { rateStage } from './rate.js';
import { readRunOf } from './reading.js';
import { startOf } from './start.js';

/** An arm whose last phase has ended. */
export const trainedArtifact = (key: string): Artifact<ArmOutcome> =>
  artifact<ArmOutcome>('train', key, ['parameters', 'bestEpoch', 'curve']);

/** Trains every arm with every seed, or goes on where each of them stands. Each is an artifact of its own. */
export const trainStage: Stage<TrainedArms> = {
  name: 'train',
  of: perRun(async (run) => {
    const arms: Record<ArmName, TrainedArm[]> = { control: [], frelu: [] };
    let entered = false;
    for (const seed of seedsOf(run.options)) {
      for (const arm of armsOf(run.options)) {
        const kept = trainedArtifact(`${arm.name}-${seed}`);
        let outcome = await run.place.store.get(kept);
        if (outcome === null) {
          if (!entered) {
            // what they share is prepared first: the rate test has a phase of its own
            await rateStage.of(run);
            await budgetOf(run);
            await startOf(run);
            enter(run, 'train');
            tellClipping(run);
            entered = true;
          }
          outcome = await trainWithSeed(run, arm, seed);
          await run.place.store.put(kept, outcome);
          await removeCheckpoints(run, arm, seed);
        }
        arms[arm.name].push({ seed, outcome });
      }
    }
    const { data, task } = await readRunOf(run);
    forgetKept(data.train);
    const criterion = criterionOf(run.options, task);
    const frelu = present(bestOnValidation(arms.frelu, criterion), 'the trained frelu arm');
    return { control: bestOnValidation(arms.control, criterion), controls: arms.control, frelu, frelus: arms.frelu };
  }),
};

/** A limit that nobody asked for is told before anybody waits for what it does. */
function tellClipping(run: Run): void {
  const limit = clipNormOf(run);
  if (run.options.training.clipNorm !== 'auto' || limit === null) return;
  run.hooks.note(`The network is recurrent: the norm of gradients is limited to ${limit}.`);
}

/** Of several seeds, the one whose kept epoch validated best: a choice that the test split takes no part in. */
function bestOnValidation(arms: readonly TrainedArm[], criterion: Criterion): TrainedArm | null {
  const kept = ({ outcome }: TrainedArm): Validation => outcome.ablation?.validation ?? keptValidation(outcome);
  return arms.reduce<TrainedArm | null>(
    (best, arm) => (best === null || isBetter(criterion, kept(arm), kept(best)) ? arm : best),
    null,
  );
}
