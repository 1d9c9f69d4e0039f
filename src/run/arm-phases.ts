import { present } from '../contract/present.js';
import { isBetterHigher } from '../evaluation/metrics.js';
import type { Predictions } from '../reading/predictions.js';
import type { RunTask } from '../reading/task.js';
import { type ArmOutcome, type ArmProgress, type ArmSettings, type EndedArm, trainArm } from '../training/arm.js';
import type { Criterion } from '../training/criterion.js';
import { continueOutcome, joinOutcomes, laterPoint, laterRetreat } from '../training/join-outcomes.js';
import { startingFrom, withScope } from '../training/networks.js';
import { ablate } from './ablation.js';
import { armContextOf } from './arm-context.js';
import { type ArmContext, armSubject, statisticsFor } from './arm-subject.js';
import { type ArmSpec, epochsOf, type Phase, type StageSpec } from './arms.js';
import { type Artifact, artifact } from './artifact.js';
import { ablationsFor } from './budget.js';
import { networksOf } from './networks.js';
import { checkInterrupt, type Run } from './run.js';
import type { MigrateOptions } from './spec.js';
import { baselineStage } from './stages/baseline.js';
import { budgetOf } from './stages/budget.js';
import { planStage } from './stages/plan.js';
import { rateStage } from './stages/rate.js';
import { stateLayout } from './state-layout.js';

type PhaseOf<Kind extends Phase['kind']> = Extract<Phase, { readonly kind: Kind }>;

interface ArmAtWork {
  readonly run: Run;
  readonly spec: ArmSpec;
  readonly context: ArmContext;
  readonly seed: number;
}

/** What a phase gives: the arm as it leaves it. `before` is null for the first one. */
type RunPhase<Kind extends Phase['kind']> = (
  arm: ArmAtWork,
  before: EndedArm | null,
  phase: PhaseOf<Kind>,
  index: number,
) => Promise<EndedArm>;

/** Where an arm stands, with the layout of the state in it. */
type Checkpoint = ArmProgress & { readonly layout: string };

/**
 * An arm under way, in one of its phases. That of a phase that has ended is kept until the arm is: a run that is resumed does not take its
 * steps again.
 */
const checkpointArtifact = (arm: ArmSpec, seed: number, phase: number): Artifact<Checkpoint> =>
  artifact<Checkpoint>('checkpoint', `${arm.name}-${seed}${phase === 0 ? '' : `-stage-${phase + 1}`}`, [
    'epoch',
    'step',
    'state',
    'curve',
    'finished',
  ]);

/** One whose state has another layout would be taken for something else than it is. */
const checkpointOf = (arm: ArmSpec, seed: number, phase: number, layout: string): Artifact<Checkpoint> => ({
  ...checkpointArtifact(arm, seed, phase),
  refusal: (kept) =>
    kept.layout === layout ? null : 'another build of this program wrote it, which laid the state out otherwise',
});

/** Takes an arm through its phases, or goes on in the one in which it stands. */
export async function trainWithSeed(run: Run, spec: ArmSpec, seed: number): Promise<ArmOutcome> {
  run.hooks.onArm(spec.name, seed, run.data.train.split.count);
  let ended: EndedArm | null = null;
  for (const i of spec.phases.keys()) ended = await takePhase(run, spec, seed, i, ended);
  return outcomeOf(present(ended, `a phase of the arm ${spec.name}`));
}

/**
 * Takes an arm through one of its phases, or goes on in it.
 * @param before what the phases before it made of the arm; null for the first
 */
export async function takePhase(
  run: Run,
  spec: ArmSpec,
  seed: number,
  index: number,
  before: EndedArm | null,
): Promise<EndedArm> {
  const arm = { run, spec, context: { ...(await armContextOf(run)), seed }, seed };
  const phase = present(spec.phases[index], `the phase ${index + 1} of the arm ${spec.name}`);
  switch (phase.kind) {
    case 'train':
      return phases.train(arm, before, phase, index);
    case 'recalibrate':
      return phases.recalibrate(arm, before, phase, index);
    case 'ablate':
      return phases.ablate(arm, before, phase, index);
  }
}

/** What is kept of an arm that goes no further. */
export function outcomeOf({ reached: _, ...outcome }: EndedArm): ArmOutcome {
  return outcome;
}

/** Removes what an arm that has been trained was to go on from. */
export async function removeCheckpoints({ place }: Run, spec: ArmSpec, seed: number): Promise<void> {
  for (const i of spec.phases.keys()) await place.store.remove(checkpointArtifact(spec, seed, i));
}

const phases: { readonly [Kind in Phase['kind']]: RunPhase<Kind> } = {
  async train({ run, spec, context, seed }, before, stage, index) {
    const { store } = run.place;
    const whole = (await networksOf(run))[spec.network];
    const network = withScope(before === null ? whole : startingFrom(whole, startOf(stage, before)), stage.scope);
    const earlier = before?.epochs ?? 0;
    const untrained = before === null ? await untrainedOf(run, spec) : null;
    const subject = await armSubject(context, network, { epochs: stage.epochs, earlier, untrained });
    const total = epochsOf(run.options);
    try {
      const layout = stateLayout(await subject.stepper.step(subject.batches.batchSize));
      const checkpoint = checkpointOf(spec, seed, index, layout);
      const outcome = await trainArm(
        subject,
        await armSettingsOf(run, context.task, stage),
        {
          onStep: (report) => run.hooks.onStep(spec.name, { ...report, epoch: earlier + report.epoch, epochs: total }),
          onEpoch(point) {
            if (before === null) run.hooks.onEpoch(spec.name, point);
            else if (point.epoch > 0) run.hooks.onEpoch(spec.name, laterPoint(before, point));
          },
          onRetreat: (retreat) =>
            run.hooks.onRetreat(spec.name, before === null ? retreat : laterRetreat(before, retreat)),
          save: (progress) => store.put(checkpoint, { ...progress, layout }),
          signal: run.hooks.signal,
        },
        await store.get(checkpoint),
      );
      if (before === null) return outcome;
      return stage.goesOn === true
        ? continueOutcome(before, outcome, criterionOf(run.options, context.task))
        : joinOutcomes(before, outcome);
    } finally {
      await subject.stepper.release();
    }
  },

  async recalibrate({ run, spec, context }, before) {
    const outcome = present(before, `what the arm ${spec.name} is before its statistics are estimated anew`);
    const { trainable } = (await networksOf(run))[spec.network];
    const statistics = await statisticsFor(context, trainable, outcome.parameters);
    return { ...outcome, parameters: new Map([...outcome.parameters, ...statistics]) };
  },

  async ablate({ run, spec, context }, before, { validations }) {
    const network = (await networksOf(run))[spec.network];
    const budget = await budgetOf(run);
    const ablated = await ablate(
      {
        context,
        network,
        criterion: criterionOf(run.options, context.task),
        validations: validations ?? budget?.ablations ?? ablationsFor((await planStage.of(run)).plan.summary.migrate),
        check: () => checkInterrupt(run),
      },
      present(before, `what the arm ${spec.name} is before its sites are looked at`),
    );
    const reverted = (ablated.ablation?.sites ?? []).filter((each) => each.reverted).flatMap(({ sites }) => sites);
    if (reverted.length > 0) run.hooks.note(revertedSentence(spec.name, reverted));
    return ablated;
  },
};

function revertedSentence(arm: string, sites: readonly string[]): string {
  const counted = sites.length === 1 ? '1 site' : `${sites.length} sites`;
  return `${arm}: what training made of ${counted} is established to harm on validation data, and was taken back (${sites.join(', ')}).`;
}

/** What an arm's network says of the validation split before any training: the model as it came, or rewritten. Weights drawn anew are neither's. */
async function untrainedOf(run: Run, { network }: ArmSpec): Promise<Predictions | null> {
  if (run.options.fromScratch) return null;
  const { before, rewritten } = await baselineStage.of(run);
  if (network === 'relu') return before.validation;
  return run.options.training.initialOffset === 0 ? rewritten : null;
}

const startOf = ({ goesOn = false }: StageSpec, before: EndedArm): EndedArm['parameters'] =>
  goesOn ? before.reached : before.parameters;

async function armSettingsOf(run: Run, task: RunTask, stage: StageSpec): Promise<ArmSettings> {
  const { training } = run.options;
  const budget = await budgetOf(run);
  const { learningRate, offsetLearningRate } = await rateStage.of(run);
  const allEpochs = epochsOf(run.options);
  return {
    epochs: stage.epochs,
    steps: stage.steps ?? (budget && Math.max(1, Math.floor(budget.steps * (stage.epochs / allEpochs)))),
    patience: stage.patience ?? training.patience,
    schedule: training.schedule,
    warmup: training.warmup,
    averagesEpochs: training.average?.kind === 'swa',
    criterion: criterionOf(run.options, task),
    learningRate,
    offsetLearningRate,
  };
}

/** The loss, unless the user names the metric that counts. */
export function criterionOf(options: Pick<MigrateOptions, 'task'>, task: RunTask): Criterion {
  return options.task.metric === null
    ? { by: 'loss' }
    : { by: 'metric', higherIsBetter: isBetterHigher(task, task.metric) };
}
