import type { MaskLoss } from '../autodiff/losses.js';
import { present } from '../contract/present.js';
import { gatherInputs } from '../data/batches.js';
import type { Targets } from '../data/dataset.js';
import { type DataPart, evenly } from '../reading/data.js';
import { type RunTask, softTargets, truthOf } from '../reading/task.js';
import type { StepSettings } from '../training/prepare.js';
import type { ArmContext, LearnedOutput } from './arm-subject.js';
import { clipNormOf } from './clip-norm.js';
import { deviceOf } from './device.js';
import { checkFreedBatch } from './freed-batch.js';
import { checkInterrupt, perRun } from './run.js';
import { baselineStage } from './stages/baseline.js';
import { readRunOf } from './stages/reading.js';
import { type Teaching, teachingOf } from './stages/teacher.js';
import { trainingShapesOf } from './training-shapes.js';

/**
 * What all trained arms of a run share.
 * @throws Failure('input') where the model cannot be trained in batches
 */
export const armContextOf = perRun(async (run): Promise<ArmContext> => {
  const { model, options, hooks } = run;
  const { signature, data, task, judged, others } = await readRunOf(run);
  const { training } = options;
  const { before, secondsPerSample } = await baselineStage.of(run);
  const device = await deviceOf(run);
  await checkFreedBatch(model, signature, data.validation, before.validation, device.session);
  const { samples, split } = data.validation;
  const teaching = await teachingOf(run);
  const taught = teaching === null ? null : softTargets(task, teaching.answers.train.values, teaching.temperature);
  const ownLoss = run.own?.loss ?? null;
  const weightOf = (output: string): { readonly weight?: number } => {
    const weight = options.reading.outputs.find(({ name }) => name === output)?.weight;
    return weight === undefined ? {} : { weight };
  };
  const learned = others.map((other): LearnedOutput => {
    const [taught, validated] = [other.targets(data.train), other.targets(data.validation)];
    return {
      signature: other.signature,
      task: other.task,
      loss: other.task.loss,
      targets: taught,
      validationTruth: truthOf(other.task, validated, split.indices, new Float32Array()),
      ...(other.task.loss === 'mse' && {
        targetScale: spreadOf(valuesOf(taught, data.train.split), other.task.width),
      }),
      ...weightOf(other.judged.output),
    };
  });
  return {
    train: data.train,
    validation: data.validation,
    signature,
    task,
    settings: {
      provider: device.provider,
      loss: task.loss,
      distillation: teaching && { weight: teaching.weight, temperature: teaching.temperature },
      optimizer: training.optimizer,
      batchNorm: training.batchNorm,
      clipNorm: clipNormOf(run),
      averageDecay: training.average?.kind === 'ema' ? training.average.decay : null,
      rateScales: training.rateScales,
      sitesApart: training.offsetLearningRate !== null || training.rateScales.offsets !== 1,
      decayScales: training.decayScales,
      maxOffset: training.maxOffset,
      ...(await trainingShapesOf(run)),
      others: learned.map(({ loss, targetScale, weight }) => ({
        loss,
        ...(targetScale !== undefined && { targetScale }),
        ...(weight !== undefined && { weight }),
      })),
      ...weightOf(judged.output),
      ...(await targetScaleOf(task, data.train, teaching)),
      ...(ownLoss === null && maskLossOf(data.train, training.labelSmoothing)),
    },
    ownLoss,
    batchSize: Math.min(training.batchSize, data.train.split.count),
    labelSmoothing: training.labelSmoothing,
    variation: { mixup: training.mixup, augment: training.augment },
    dropout: training.dropout,
    taught,
    others: learned,
    validationTruth: truthOf(task, samples.targets, split.indices, (teaching?.answers ?? before).validation.values),
    seed: options.seed,
    session: device.session,
    freeMemory: () => device.freeMemory(),
    affords: (samples) => {
      const { budgetSeconds } = training;
      return budgetSeconds === null || samples * secondsPerSample <= keepingShare * budgetSeconds;
    },
    check: () => checkInterrupt(run),
    note: (message) => hooks.note(message),
    warn: (message) => hooks.warn(message),
  };
});

/** The unit of the targets of our mean squared error; for any other loss there is none. */
async function targetScaleOf(
  task: RunTask,
  train: DataPart,
  teaching: Teaching | null,
): Promise<Pick<StepSettings, 'targetScale'>> {
  if (task.loss !== 'mse' || task.lossFile !== undefined) return {};
  if (task.task === 'anomaly') return { targetScale: spreadOf(await someInputs(train), 1) };
  return { targetScale: spreadOf(wantedValues(train, teaching), task.width) };
}

/** Of a budget, what running the training samples through the network once more may take. */
const keepingShare = 0.1;

/** So many samples tell the spread of the inputs: all of them may be more than memory holds. */
const spreadSamples = 256;

async function someInputs({ inputs, split }: DataPart): Promise<Float32Array> {
  const { indices } = evenly(split, spreadSamples);
  return present(Object.values(await gatherInputs(inputs, indices))[0], 'the input of the model').values;
}

/** How the loss is held against masks; nothing for targets of another kind. */
function maskLossOf({ samples }: DataPart, smoothing: number): { readonly mask?: MaskLoss } {
  const { targets } = samples;
  if (targets.kind !== 'mask' || targets.map === null) return {};
  return { mask: { axis: targets.map.axis === 'first' ? 1 : 3, smoothing } };
}

/** What a regression is trained on, [samples, width]: the targets of the training samples, or what the teacher says where it alone counts. */
function wantedValues({ samples, split }: DataPart, teaching: Teaching | null): Float32Array {
  return teaching?.weight === 1 ? teaching.answers.train.values : valuesOf(samples.targets, split);
}

function valuesOf(targets: Targets, split: DataPart['split']): Float32Array {
  if (targets.kind !== 'values') throw new Error('a regression without values');
  const { values, width } = targets;
  const wanted = new Float32Array(split.count * width);
  split.indices.forEach((index, i) => {
    wanted.set(values.subarray(index * width, (index + 1) * width), i * width);
  });
  return wanted;
}

/** The standard deviation of each column, in the unit of the targets; 1 for a column that does not vary. */
function spreadOf(values: Float32Array, width: number): readonly number[] {
  const count = values.length / width;
  return Array.from({ length: width }, (_, column) => {
    const own = Float64Array.from({ length: count }, (_, i) => values[i * width + column] ?? Number.NaN);
    const mean = own.reduce((sum, value) => sum + value, 0) / count;
    const spread = Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count);
    return spread > 0 && Number.isFinite(spread) ? spread : 1;
  });
}
