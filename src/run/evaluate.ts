import type { EvaluateResult } from '../contract/result.js';
import type { DeviceName } from '../contract/settings.js';
import { confusionMatrix, evaluateMetrics } from '../evaluation/metrics.js';
import { describeModel } from '../model/describe.js';
import type { DataPart } from '../reading/data.js';
import { type Evaluation, evaluateSubject } from '../reading/evaluation.js';
import type { ReadingOptions, TaskOptions } from '../reading/options.js';
import { withDevice } from '../runtime/open-device.js';
import { checkCombination } from './combination.js';
import { completeData, completeReading, completeTask, type DataRequest } from './spec.js';

/** A model and data; the rest has its defaults. */
export interface EvaluateOptions {
  readonly model: string;
  readonly data: DataRequest;
  readonly task?: Partial<TaskOptions>;
  readonly reading?: Partial<ReadingOptions>;
  readonly device?: DeviceName;
}

/** @throws Failure('usage') for settings that contradict each other */
export function evaluationOf({ model, data, task, reading }: EvaluateOptions): Evaluation {
  const options = { task: completeTask(task), reading: completeReading(reading) };
  checkCombination(options);
  return { model, data: completeData(data), ...options };
}

export function evaluateModel(options: EvaluateOptions): Promise<EvaluateResult> {
  return withDevice(options.device ?? 'auto', async (device) => {
    const { model, part, reading, predictions, scores, truth } = await evaluateSubject(evaluationOf(options), device);
    return {
      model: describeModel(model),
      data: describeData(part),
      device: device.description,
      reading,
      metrics: evaluateMetrics(scores, truth),
      confusion: truth.kind === 'class' ? confusionMatrix(scores, truth.labels, truth.classes) : null,
      seconds: predictions.seconds,
    };
  });
}

export function describeData({ samples, split }: DataPart): EvaluateResult['data'] {
  const { path, format, targets } = samples;
  return { path, format, count: split.count, classes: targets.kind === 'class' ? targets.names.length : null };
}
