import type { EvaluateResult } from '../contract/result.js';
import type { DeviceName } from '../contract/settings.js';
import {
  type AnyScores,
  confusionMatrix,
  evaluateMetrics,
  maskConfusion,
  rowsOf,
  type Truth,
} from '../evaluation/metrics.js';
import { describeModel } from '../model/describe.js';
import { classCount, type DataPart } from '../reading/data.js';
import { type Evaluation, evaluateSubject } from '../reading/evaluation.js';
import type { ReadingOptions, TaskOptions } from '../reading/options.js';
import { withDevice } from '../runtime/open-device.js';
import { completeData, completeReading, completeTask, type DataRequest } from './spec.js';

/** A model and data; the rest has its defaults. */
export interface EvaluateOptions {
  readonly model: string;
  readonly data: DataRequest;
  readonly task?: Partial<TaskOptions>;
  readonly reading?: Partial<ReadingOptions>;
  readonly device?: DeviceName;
}

export function evaluationOf({ model, data, task, reading }: EvaluateOptions): Evaluation {
  return { model, data: completeData(data), task: completeTask(task), reading: completeReading(reading) };
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
      confusion: confusionOf(scores, truth),
      seconds: predictions.seconds,
    };
  });
}

/** Of samples by their class, of masks of pixels by theirs; null for a task without classes. */
function confusionOf(scores: AnyScores, truth: Truth): EvaluateResult['confusion'] {
  if (scores.kind === 'mask') return maskConfusion(scores);
  return truth.kind === 'class' ? confusionMatrix(rowsOf(scores), truth.labels, truth.classes) : null;
}

export function describeData({ samples, split }: DataPart): EvaluateResult['data'] {
  const { path, format, targets } = samples;
  return { path, format, count: split.count, classes: classCount(targets) };
}
