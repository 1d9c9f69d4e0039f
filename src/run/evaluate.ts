import type { EvaluateResult } from '../contract/result.js';
import type { DeviceName } from '../contract/settings.js';
import { confusionMatrix, evaluateMetrics, type Scores, type Truth } from '../evaluation/metrics.js';
import { describeModel } from '../model/describe.js';
import { loadModel } from '../model/load.js';
import type { Model } from '../model/model.js';
import { sourceOf } from '../model/source.js';
import { type DataPart, openEvaluationData } from '../reading/data.js';
import { type Predictions, predict } from '../reading/predictions.js';
import { requireOneInput } from '../reading/requirements.js';
import { chooseTask, type RunTask, truthOf } from '../reading/task.js';
import { type ChosenDevice, withDevice } from '../runtime/open-device.js';
import { type Signature, signatureOf } from '../runtime/predictor.js';
import type { DataOptions, TaskOptions } from './options.js';

export interface EvaluateOptions extends Evaluation {
  readonly device: DeviceName;
}

interface Evaluation {
  readonly model: string;
  readonly data: DataOptions;
  readonly task: TaskOptions;
}

/** A model's predictions on a whole data set, with what they are judged by. */
export interface Evaluated {
  readonly model: Model;
  readonly signature: Signature;
  readonly part: DataPart;
  readonly task: RunTask;
  readonly predictions: Predictions;
  readonly scores: Scores;
  readonly truth: Truth;
}

/**
 * Runs a model over a data set; of a folder that holds training and test files, over the test files.
 * @throws Failure('input') when model or data cannot be used, or do not fit together
 */
export async function runEvaluation(options: Evaluation, { session }: ChosenDevice): Promise<Evaluated> {
  const model = await loadModel(options.model);
  requireOneInput(model);
  const signature = signatureOf(model.graph);
  const part = await openEvaluationData(model, signature, options.data, options.task.task);
  const predictions = await predict(sourceOf(model), signature, part, session);
  const { values, width } = predictions;
  const { targets } = part.inputs.dataset;
  const task = chooseTask(model.graph, signature, targets, values, width, options.task, options.data.data);
  const truth = truthOf(task, targets, part.split.indices, values);
  return { model, signature, part, task, predictions, scores: { values, width, kind: task.scores }, truth };
}

export function evaluateModel({ device: requested, ...evaluation }: EvaluateOptions): Promise<EvaluateResult> {
  return withDevice(requested, async (device) => {
    const { model, part, predictions, scores, truth } = await runEvaluation(evaluation, device);
    return {
      model: describeModel(model),
      data: describeData(part),
      device: device.description,
      metrics: evaluateMetrics(scores, truth),
      confusion: truth.kind === 'class' ? confusionMatrix(scores, truth.labels, truth.classes) : null,
      seconds: predictions.seconds,
    };
  });
}

export function describeData({ inputs, split }: DataPart): EvaluateResult['data'] {
  const { path, format, targets } = inputs.dataset;
  return { path, format, count: split.count, classes: targets.kind === 'class' ? targets.names.length : null };
}
