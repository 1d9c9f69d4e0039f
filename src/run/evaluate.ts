import type { EvaluateResult } from '../contract/result.js';
import type { DeviceName } from '../contract/settings.js';
import { confusionMatrix, evaluateMetrics } from '../evaluation/metrics.js';
import { describeModel } from '../model/describe.js';
import type { DataPart } from '../reading/data.js';
import { type Evaluated, type EvaluatedOutput, type Evaluation, evaluateSubject } from '../reading/evaluation.js';
import type { ReadingOptions, TaskOptions } from '../reading/options.js';
import { withDevice } from '../runtime/open-device.js';
import { blamingModels } from './blame.js';
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
  return blamingModels([options.model], () => evaluateOn(options));
}

function evaluateOn(options: EvaluateOptions): Promise<EvaluateResult> {
  return withDevice(options.device ?? 'auto', async (device) => {
    const evaluated = await evaluateSubject(evaluationOf(options), device);
    const { model, part, reading, predictions, scores, truth } = evaluated;
    return {
      model: describeModel(model),
      data: describeData(part),
      device: device.description,
      reading,
      metrics: evaluateMetrics(scores, truth),
      confusion: truth.kind === 'class' ? confusionMatrix(scores, truth.labels, truth.classes) : null,
      outputs: outputsOf(evaluated).map(({ name, task: { task }, scores, truth }) => {
        return { name, task, metrics: evaluateMetrics(scores, truth) };
      }),
      seconds: predictions.seconds,
    };
  });
}

/** The outputs that were named, the first one too; none where there is but one. */
export function outputsOf({ reading, task, scores, truth, others }: Evaluated): readonly EvaluatedOutput[] {
  const [judged] = reading.outputs.filter((output) => output.judged);
  if (others.length === 0 || judged === undefined) return [];
  return [{ name: judged.name, task, scores, truth }, ...others];
}

export function describeData({ samples, split }: DataPart): EvaluateResult['data'] {
  const { path, format, targets } = samples;
  return { path, format, count: split.count, classes: targets.kind === 'class' ? targets.names.length : null };
}
