import { predict } from '../reading/predictions.js';
import { readSource } from '../reading/reading.js';
import { truthOf } from '../reading/task.js';
import type { ArmContext } from './arm-subject.js';
import { checkFreedBatch } from './freed-batch.js';
import { perRun } from './run.js';
import { baselineStage } from './stages/baseline.js';
import { readRunOf } from './stages/reading.js';

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
  const { inputs, split } = data.validation;
  return {
    train: data.train,
    validation: data.validation,
    signature,
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
    teacher: task.distilled ? await predict(readSource(model, signature), signature, data.train, device.session) : null,
    validationTruth: truthOf(task, inputs.dataset.targets, split.indices, before.validation.values),
    seed: options.seed,
    session: device.session,
    freeMemory: () => device.freeMemory(),
    warn: (message) => hooks.warn(message),
  };
});
