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
import { sliceValues } from '../evaluation/slices.js';
import { describeModel } from '../model/describe.js';
import { classCount, type DataPart } from '../reading/data.js';
import { type Evaluated, type EvaluatedOutput, type Evaluation, evaluateSubject } from '../reading/evaluation.js';
import type { ReadingOptions, TaskOptions } from '../reading/options.js';
import { withDevice } from '../runtime/open-device.js';
import { blamingModels } from './blame.js';
import { checkCombination } from './combination.js';
import { settleTask } from './output-tasks.js';
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
  const named = completeReading(reading);
  const options = { task: settleTask(completeTask(task), named), reading: named };
  checkCombination(options);
  return { model, data: completeData(data), ...options };
}

export function evaluateModel(options: EvaluateOptions): Promise<EvaluateResult> {
  return blamingModels([options.model], () => evaluateOn(options));
}

function evaluateOn(options: EvaluateOptions): Promise<EvaluateResult> {
  return withDevice(options.device ?? 'auto', async (device) => {
    const evaluated = await evaluateSubject(evaluationOf(options), device);
    const { model, part, reading, task, predictions, scores, truth, slices } = evaluated;
    return {
      model: describeModel(model),
      data: describeData(part),
      device: (await device).description,
      reading,
      metrics: evaluateMetrics(scores, truth),
      confusion: confusionOf(scores, truth),
      slices: sliceValues(task.metric, slices, scores, truth),
      outputs: outputsOf(evaluated).map(({ name, task: { task }, scores, truth }) => {
        return { name, task, metrics: evaluateMetrics(scores, truth) };
      }),
      seconds: predictions.seconds,
      secondsWaiting: predictions.secondsWaiting,
    };
  });
}

/** The outputs that were named, the first one too; none where there is but one. */
export function outputsOf({ reading, task, scores, truth, others }: Evaluated): readonly EvaluatedOutput[] {
  const judged = reading.outputs.find((output) => output.judged);
  if (others.length === 0 || judged === undefined) return [];
  return [{ name: judged.name, task, scores, truth }, ...others];
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
