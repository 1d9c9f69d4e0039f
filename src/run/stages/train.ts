import { present } from '../../contract/present.js';
import { isBetterHigher } from '../../evaluation/metrics.js';
import type { TrainedArm, TrainedArms } from '../../judge/subject.js';
import type { RunTask } from '../../reading/task.js';
import { type ArmOutcome, type ArmProgress, type ArmSettings, trainArm } from '../../training/arm.js';
import { type Criterion, isBetter, type Validation } from '../../training/criterion.js';
import { recalibrate } from '../../training/recalibrate.js';
import { armContextOf } from '../arm-context.js';
import { type ArmContext, armSubject } from '../arm-subject.js';
import { type ArmName, type ArmSpec, armsOf, type Phase, seedsOf } from '../arms.js';
import { type Artifact, artifact } from '../artifact.js';
import { networksOf } from '../networks.js';
import { enter, perRun, type Run } from '../run.js';
import type { Stage } from '../runner.js';
import type { MigrateOptions } from '../spec.js';
import { rateStage } from './rate.js';
import { readRunOf } from './reading.js';

/** An arm whose last phase has ended. */
export const trainedArtifact = (key: string): Artifact<ArmOutcome> =>
  artifact<ArmOutcome>('train', key, ['parameters', 'bestEpoch', 'curve']);

/** An arm under way, in its first phase that takes steps. */
const checkpointArtifact = (key: string): Artifact<ArmProgress> =>
  artifact<ArmProgress>('checkpoint', key, ['epoch', 'step', 'state', 'curve', 'finished']);

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
            enter(run, 'train');
            entered = true;
          }
          outcome = await trainWithSeed(run, arm, seed);
          await run.place.store.put(kept, outcome);
          await run.place.store.remove(checkpointArtifact(kept.key));
        }
        arms[arm.name].push({ seed, outcome });
      }
    }
    const criterion = criterionOf(run.options, (await readRunOf(run)).task);
    const frelu = present(bestOnValidation(arms.frelu, criterion), 'the trained frelu arm');
    return { control: bestOnValidation(arms.control, criterion), controls: arms.control, frelu, frelus: arms.frelu };
  }),
};

/** What a phase gives: the arm as it leaves it. `before` is null for the first one. */
type RunPhase = (arm: ArmAtWork, before: ArmOutcome | null) => Promise<ArmOutcome>;

interface ArmAtWork {
  readonly run: Run;
  readonly spec: ArmSpec;
  readonly context: ArmContext;
  readonly key: string;
}

async function trainWithSeed(run: Run, spec: ArmSpec, seed: number): Promise<ArmOutcome> {
  run.hooks.onArm(spec.name, seed, run.data.train.split.count);
  const context = { ...(await armContextOf(run)), seed };
  const arm = { run, spec, context, key: `${spec.name}-${seed}` };
  let outcome: ArmOutcome | null = null;
  for (const { kind } of spec.phases) outcome = await phases[kind](arm, outcome);
  return present(outcome, `a phase of the arm ${spec.name}`);
}

const phases: Readonly<Record<Phase['kind'], RunPhase>> = {
  async train({ run, spec, context, key }) {
    const { store } = run.place;
    const checkpoint = checkpointArtifact(key);
    const subject = armSubject(context, (await networksOf(run))[spec.network]);
    try {
      return await trainArm(
        subject,
        await armSettingsOf(run, context.task),
        {
          onStep: (report) => run.hooks.onStep(spec.name, report),
          onEpoch: (point) => run.hooks.onEpoch(spec.name, point),
          onRetreat: (retreat) => run.hooks.onRetreat(spec.name, retreat),
          save: (progress) => store.put(checkpoint, progress),
          signal: run.hooks.signal,
        },
        await store.get(checkpoint),
      );
    } finally {
      await subject.stepper.release();
    }
  },

  async recalibrate({ run, spec, context }, before) {
    const outcome = present(before, `what the arm ${spec.name} is before its statistics are estimated anew`);
    // what inference sees is not varied
    const { variation: _, ...plain } = context;
    const subject = armSubject(plain, (await networksOf(run))[spec.network]);
    try {
      const { trainable } = (await networksOf(run))[spec.network];
      const { settings, session } = context;
      const statistics = await recalibrate(trainable, outcome.parameters, subject.batches, settings, session);
      return { ...outcome, parameters: new Map([...outcome.parameters, ...statistics]) };
    } finally {
      await subject.stepper.release();
    }
  },
};

async function armSettingsOf(run: Run, task: RunTask): Promise<ArmSettings> {
  const { training } = run.options;
  const { budgetSeconds } = training;
  const shares = armsOf(run.options).length * seedsOf(run.options).length;
  return {
    epochs: training.epochs,
    budgetSeconds: budgetSeconds === null ? null : budgetSeconds / shares,
    patience: training.patience,
    schedule: training.schedule,
    criterion: criterionOf(run.options, task),
    ...(await rateStage.of(run)),
  };
}

/** The loss, unless the user names the metric that counts. */
function criterionOf(options: Pick<MigrateOptions, 'task'>, task: RunTask): Criterion {
  return options.task.metric === null
    ? { by: 'loss' }
    : { by: 'metric', higherIsBetter: isBetterHigher(task, task.metric) };
}

/** Of several seeds, the one whose kept epoch validated best: a choice that the test split takes no part in. */
function bestOnValidation(arms: readonly TrainedArm[], criterion: Criterion): TrainedArm | null {
  const kept = ({ outcome }: TrainedArm): Validation => {
    const point = present(
      outcome.curve.find(({ epoch }) => epoch === outcome.bestEpoch),
      `the epoch ${outcome.bestEpoch} in a curve`,
    );
    return { loss: point.validationLoss ?? Number.POSITIVE_INFINITY, metric: point.validationMetric };
  };
  return arms.reduce<TrainedArm | null>(
    (best, arm) => (best === null || isBetter(criterion, kept(arm), kept(best)) ? arm : best),
    null,
  );
}
