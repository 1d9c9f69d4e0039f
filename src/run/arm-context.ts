import { type DataPart, sampleShapesOf } from '../reading/data.js';
import { softTargets, truthOf } from '../reading/task.js';
import type { ArmContext } from './arm-subject.js';
import { checkFreedBatch } from './freed-batch.js';
import { perRun } from './run.js';
import { baselineStage } from './stages/baseline.js';
import { readRunOf } from './stages/reading.js';
import { type Teaching, teachingOf } from './stages/teacher.js';

/**
 * What all trained arms of a run share.
 * @throws Failure('input') where the model cannot be trained in batches
 */
export const armContextOf = perRun(async (run): Promise<ArmContext> => {
  const { model, options, hooks } = run;
  const { signature, data, task } = await readRunOf(run);
  const { training } = options;
  const { before } = await baselineStage.of(run);
  const device = await run.device();
  await checkFreedBatch(model, signature, data.validation, before.validation, device.session);
  const { samples, split } = data.validation;
  const teaching = await teachingOf(run);
  const taught = teaching === null ? null : softTargets(task, teaching.answers.train.values, teaching.temperature);
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
      clipNorm: training.clipNorm,
      sampleShapes: sampleShapesOf(data.train),
      ...(task.loss === 'mse' && { targetScale: spreadOf(wantedValues(data.train, teaching), task.width) }),
    },
    batchSize: Math.min(training.batchSize, data.train.split.count),
    labelSmoothing: training.labelSmoothing,
    taught,
    validationTruth: truthOf(task, samples.targets, split.indices, (teaching?.answers ?? before).validation.values),
    seed: options.seed,
    session: device.session,
    freeMemory: () => device.freeMemory(),
    warn: (message) => hooks.warn(message),
  };
});

/** What a regression is trained on, [samples, width]: the targets of the training samples, or what the teacher says where it alone counts. */
function wantedValues({ samples, split }: DataPart, teaching: Teaching | null): Float32Array {
  if (teaching?.weight === 1) return teaching.answers.train.values;
  const { targets, path } = samples;
  if (targets.kind !== 'values') throw new Error(`${path}: a regression without values`);
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
