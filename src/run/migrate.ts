import { basename } from 'node:path';
import { planMigration } from '../../transforms/plan/plan-migration.js';
import { ExecutionError, Failure } from '../contract/failure.js';
import type { CurvePoint, MigrateResult } from '../contract/result.js';
import { needsControl, parseAcceptanceRule } from '../evaluation/acceptance.js';
import { findEntry, loadModel } from '../model/load.js';
import type { Model } from '../model/model.js';
import type { MigrationPlan } from '../model/plan.js';
import { sourceOf } from '../model/source.js';
import { type Signature, signatureOf } from '../runtime/predictor.js';
import { shellQuote } from '../shell.js';
import type { Verification } from '../tfjs-check/verify.js';
import { type ArmOutcome, type StepReport, trainArm } from '../training/arm.js';
import { type Criterion, isBetter, type Validation } from '../training/criterion.js';
import { recalibrate } from '../training/recalibrate.js';
import { commitUpgrade } from '../upgrade/commit.js';
import { refuseExisting, writeElsewhere } from '../upgrade/elsewhere.js';
import { acquireLock, type Lock } from '../upgrade/lock.js';
import { recover } from '../upgrade/recover.js';
import { packageVersion } from '../version.js';
import { type ArmContext, type ArmNetwork, armSubject, criterionOf } from './arms.js';
import { loadCheckpoint, saveCheckpoint } from './checkpoint.js';
import { openRunData, type RunData } from './data.js';
import { type ChosenDevice, withDevice } from './device.js';
import { checkFreedBatch } from './freed-batch.js';
import { findLearningRate, type RangeTest } from './learning-rate.js';
import { controlNetwork, type FreluNetwork, freluNetwork } from './networks.js';
import type { MigrateOptions } from './options.js';
import { openRun, type RunPlace, writeReports } from './place.js';
import { maxAbsDifference, type Predictions, predict, withPredictor } from './predictions.js';
import { requireOneInput } from './requirements.js';
import { assembleResult } from './result.js';
import { outFile } from './rewrite.js';
import { allFiles, type StagedModel, stageModel } from './staging.js';
import { chooseTask, type RunTask, truthOf } from './task.js';
import { checkSource } from './tfjs-check.js';

export type ArmName = 'control' | 'frelu';

/** What a run tells while it works; whoever listens decides what to draw. */
export interface RunHooks {
  onPhase(phase: RunPhase): void;
  onRangeTest(test: RangeTest): void;
  onArm(arm: ArmName, seed: number, trainSamples: number): void;
  onStep(arm: ArmName, report: StepReport): void;
  onEpoch(arm: ArmName, point: CurvePoint): void;
  warn(message: string): void;
  readonly signal: AbortSignal;
}

export type RunPhase = 'load' | 'data' | 'baseline' | 'learning-rate' | 'train' | 'judge' | 'write';

interface Planned {
  readonly model: Model;
  readonly signature: Signature;
  readonly plan: MigrationPlan;
  /** the model as it came, against TensorFlow.js; null for ONNX, and where that cannot run it */
  readonly verified: Verification | null;
}

/** Everything that is known before training starts. */
export interface Prepared extends Planned {
  readonly data: RunData;
  readonly task: RunTask;
  readonly device: ChosenDevice;
  readonly before: { readonly test: Predictions; readonly validation: Predictions };
  readonly parity: { readonly maxAbsDiff: number; readonly samples: number };
}

/** A trained arm of one seed. */
export interface TrainedArm {
  readonly seed: number;
  readonly outcome: ArmOutcome;
}

/**
 * The main job: plan, baseline, fine-tune both arms, judge on the test split, write. In place, or to `out`; or nothing.
 * The result is complete in every case, also where the acceptance rule was not met (`written` says).
 * @throws Failure of any kind; nothing was written then, except what the message says
 */
export async function migrate(options: MigrateOptions, hooks: RunHooks): Promise<MigrateResult> {
  const rule = parseAcceptanceRule(options.accept);
  if (needsControl(rule) && !options.training.control) {
    throw new Failure('usage', `--accept "${options.accept}" needs the control arm: leave out --no-control.`);
  }
  const inPlace = options.out === null && !options.dryRun;
  const started = new Date();
  hooks.onPhase('load');
  const path = await findEntry(options.model);
  // hours of training are not to end in the way of a file that stands there already
  if (options.out !== null && !options.dryRun) await refuseExisting(await outFile(options.out, basename(path)));
  const lock = inPlace ? await acquireLock(path) : null;
  try {
    if (lock !== null) await recover(path, { lock });
    const planned = await planModel(options, hooks);
    enter('data', hooks);
    return await withDevice(options.training.device, async (device) => {
      const prepared = await prepare(planned, device, options, hooks);
      const run = await openRun(options, prepared.model, prepared.data, started);
      return resumable(device, run, async () => {
        const arms = await trainArms(options, prepared, run, hooks);
        enter('judge', hooks);
        const staged = await stageModel(prepared.model, prepared.plan, arms.freluGraph);
        try {
          const judged = { options, rule, prepared, arms, staged, run, started, warn: hooks.warn };
          return await finish(await assembleResult(judged), options, prepared, staged, run, lock, hooks);
        } finally {
          await staged.discard();
        }
      });
    });
  } finally {
    await lock?.release();
  }
}

/** A device that fails between training steps takes nothing with it that was saved: another goes on from there. */
async function resumable<Result>(
  { provider }: ChosenDevice,
  { folder }: RunPlace,
  compute: () => Promise<Result>,
): Promise<Result> {
  try {
    return await compute();
  } catch (cause) {
    if (!(cause instanceof ExecutionError) || provider === 'cpu') throw cause;
    const [why] = cause.message.split('\n');
    const next =
      folder === null ? 'Run it again with --device cpu.' : 'What was trained is saved: --resume --device cpu goes on.';
    throw new Failure('interrupted', `the device ${provider} failed (${why}). ${next} The model is untouched.`, {
      cause,
    });
  }
}

/** Goes on to the next phase, unless the user asked to stop: training stops within a phase, all else between two. */
function enter(phase: RunPhase, hooks: RunHooks): void {
  if (hooks.signal.aborted) {
    throw new Failure('interrupted', 'interrupted. The model is untouched; --resume goes on with what was trained.');
  }
  hooks.onPhase(phase);
}

async function planModel(options: MigrateOptions, hooks: RunHooks): Promise<Planned> {
  const model = await loadModel(options.model);
  const signature = signatureOf(model.graph);
  requireOneInput(model);
  const plan = planMigration(model.graph, options.plan, model.limits);
  if (plan.summary.migrate === 0) {
    const reasons = [...new Set(plan.sites.flatMap(({ reason }) => (reason === null ? [] : [reason])))];
    throw new Failure(
      'input',
      `${model.path}: there is no ReLU to migrate (${reasons.join('; ') || 'the model has none'}). Nothing was written.`,
    );
  }
  return { model, signature, plan, verified: await checkSource(model, hooks.warn) };
}

async function prepare(
  planned: Planned,
  device: ChosenDevice,
  options: MigrateOptions,
  hooks: RunHooks,
): Promise<Prepared> {
  const { model, signature, plan } = planned;
  const data = await openRunData(model, signature, options.data, options.task.task, options.seed);

  enter('baseline', hooks);
  const { task, before } = await withPredictor(sourceOf(model), signature, device.session, async (predictOn) => {
    const validation = await predictOn(data.validation);
    const { targets } = data.train.inputs.dataset;
    const { values, width } = validation;
    // what is wrong with task and labels is said before the test split, which may be large, is run
    const chosen = chooseTask(model.graph, signature, targets, values, width, options.task, options.data.data);
    return { task: chosen, before: { validation, test: await predictOn(data.test) } };
  });

  const untrained = freluNetwork(model, plan, options.training.scope, [], 0).bake(new Map());
  const rewritten = await predict(untrained.model, signature, data.validation, device.session);
  const maxAbsDiff = maxAbsDifference(before.validation.values, rewritten.values);
  return { ...planned, data, task, device, before, parity: { maxAbsDiff, samples: data.validation.split.count } };
}

export interface ArmsOutcome {
  readonly control: TrainedArm | null;
  readonly controls: readonly TrainedArm[];
  readonly frelu: TrainedArm;
  readonly frelus: readonly TrainedArm[];
  readonly controlNetwork: ArmNetwork;
  readonly freluNetwork: FreluNetwork;
  readonly freluGraph: ReturnType<FreluNetwork['bake']>;
  readonly learningRate: number;
  readonly offsetLearningRate: number;
}

async function trainArms(
  options: MigrateOptions,
  prepared: Prepared,
  run: RunPlace,
  hooks: RunHooks,
): Promise<ArmsOutcome> {
  const { training } = options;
  const { model, plan, data, task, device, before } = prepared;
  const control = controlNetwork(model, plan, training.scope);
  const frelu = freluNetwork(model, plan, training.scope, control.trainable.parameters, training.initialOffset);
  await checkFreedBatch(
    model.path,
    prepared.signature,
    control.trainable.graph,
    data.validation,
    before.validation,
    device.session,
  );
  const teacher = task.distilled
    ? await predict(sourceOf(model), prepared.signature, data.train, device.session)
    : null;
  const context: ArmContext = {
    train: data.train,
    validation: data.validation,
    signature: prepared.signature,
    task,
    settings: {
      provider: device.provider,
      loss: task.loss,
      optimizer: training.optimizer,
      batchNorm: training.batchNorm,
      clipNorm: training.clipNorm,
      sampleShape: data.preprocessing.shape,
    },
    batchSize: Math.min(training.batchSize, data.train.split.count),
    labelSmoothing: training.labelSmoothing,
    teacher,
    validationTruth: truthOf(
      task,
      data.validation.inputs.dataset.targets,
      data.validation.split.indices,
      before.validation.values,
    ),
    seed: options.seed,
    session: device.session,
    freeMemory: device.freeMemory,
    warn: (message) => hooks.warn(message),
  };

  const learningRate = await chooseLearningRate(options, context, frelu, hooks);
  const offsetLearningRate = training.offsetLearningRate ?? learningRate;
  const criterion = criterionOf(options, task);
  const arms = (training.control ? 2 : 1) * training.seeds;
  const budgetSeconds = training.budgetSeconds === null ? null : training.budgetSeconds / arms;
  enter('train', hooks);
  const train = async (name: ArmName, network: ArmNetwork, seed: number): Promise<TrainedArm> => {
    hooks.onArm(name, seed, data.train.split.count);
    const subject = armSubject({ ...context, seed }, network);
    const { folder, fingerprint } = run;
    const key = `${name}-${seed}`;
    try {
      const outcome = await trainArm(
        subject,
        {
          epochs: training.epochs,
          budgetSeconds,
          patience: training.patience,
          learningRate,
          offsetLearningRate,
          schedule: training.schedule,
          criterion,
        },
        {
          onStep: (report) => hooks.onStep(name, report),
          onEpoch: (point) => hooks.onEpoch(name, point),
          save: async (progress) => {
            if (folder !== null) await saveCheckpoint(folder, key, fingerprint, progress);
          },
          signal: hooks.signal,
        },
        folder === null || !options.resume ? null : await loadCheckpoint(folder, key, fingerprint),
      );
      if (training.batchNorm !== 'recalibrate') return { seed, outcome };
      const { batches } = subject;
      const statistics = await recalibrate(
        network.trainable,
        outcome.parameters,
        batches,
        context.settings,
        device.session,
      );
      return { seed, outcome: { ...outcome, parameters: new Map([...outcome.parameters, ...statistics]) } };
    } finally {
      await subject.stepper.release();
    }
  };

  const controls: TrainedArm[] = [];
  const frelus: TrainedArm[] = [];
  for (let i = 0; i < training.seeds; i++) {
    const seed = options.seed + i;
    if (training.control) controls.push(await train('control', control, seed));
    frelus.push(await train('frelu', frelu, seed));
  }
  const chosen = bestOnValidation(frelus, criterion);
  if (chosen === null) throw new Error('no arm was trained');
  return {
    control: bestOnValidation(controls, criterion),
    controls,
    frelu: chosen,
    frelus,
    controlNetwork: control,
    freluNetwork: frelu,
    freluGraph: frelu.bake(chosen.outcome.parameters),
    learningRate,
    offsetLearningRate,
  };
}

/** Of several seeds, the one whose kept epoch validated best: a choice that the test split takes no part in. */
function bestOnValidation(arms: readonly TrainedArm[], criterion: Criterion): TrainedArm | null {
  const kept = ({ outcome }: TrainedArm): Validation => {
    const point = outcome.curve.find(({ epoch }) => epoch === outcome.bestEpoch);
    return { loss: point?.validationLoss ?? Number.POSITIVE_INFINITY, metric: point?.validationMetric ?? null };
  };
  return arms.reduce<TrainedArm | null>(
    (best, arm) => (best === null || isBetter(criterion, kept(arm), kept(best)) ? arm : best),
    null,
  );
}

/** One rate for both arms, found on the rewritten model, which at the start computes what the original computes. */
async function chooseLearningRate(
  options: MigrateOptions,
  context: ArmContext,
  network: ArmNetwork,
  hooks: RunHooks,
): Promise<number> {
  const { learningRate, optimizer, budgetSeconds } = options.training;
  if (learningRate !== 'auto') return learningRate;
  enter('learning-rate', hooks);
  const subject = armSubject(context, network);
  try {
    // AdamW normalises its steps: its useful rates lie about a tenth as high
    const test = await findLearningRate(subject, budgetSeconds === null ? 40 : 20, optimizer.kind === 'sgd' ? 1 : 0.1);
    hooks.onRangeTest(test);
    return test.learningRate;
  } finally {
    await subject.stepper.release();
  }
}

/** Writes the model where the rule allows it, and the reports in any case. */
async function finish(
  judged: MigrateResult,
  options: MigrateOptions,
  { model }: Prepared,
  { patched }: StagedModel,
  run: RunPlace,
  lock: Lock | null,
  hooks: RunHooks,
): Promise<MigrateResult> {
  enter('write', hooks);
  let result = judged;
  if (judged.acceptance.met && !options.dryRun) {
    if (options.out === null) {
      const committed = await commitUpgrade(
        {
          modelPath: model.path,
          files: patched.files,
          entry: patched.entry,
          obsolete: patched.obsolete,
          record: {
            runId: run.id,
            toolVersion: packageVersion,
            summary: {
              verdict: judged.verdict,
              delta: judged.delta.vsBefore.value,
              metric: judged.delta.vsBefore.metric,
            },
          },
          expected: Object.fromEntries(model.files.map(({ path, sha256 }) => [path, sha256])),
        },
        lock === null ? {} : { lock },
      );
      result = {
        ...judged,
        written: true,
        files: committed.files,
        rollback: `${options.command} rollback ${shellQuote(options.model)}`,
      };
    } else {
      const outPath = await outFile(options.out, basename(model.path));
      const files = await writeElsewhere({ outPath, files: allFiles(model, patched), entry: patched.entry });
      result = { ...judged, written: true, files };
    }
  }
  if (run.folder === null) return result;
  return writeReports(result, run.folder, options.languages);
}
