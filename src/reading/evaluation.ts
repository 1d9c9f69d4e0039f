import type { Scores, Truth } from '../evaluation/metrics.js';
import type { Model } from '../model/model.js';
import { sourceOf } from '../model/source.js';
import type { ChosenDevice } from '../runtime/open-device.js';
import type { Signature } from '../runtime/predictor.js';
import { type DataPart, openEvaluationData } from './data.js';
import type { DataOptions, TaskOptions } from './options.js';
import { type Predictions, predict } from './predictions.js';
import { loadSubject } from './subject.js';
import { chooseTask, type RunTask, scoresOf, truthOf } from './task.js';

export interface Evaluation {
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
export async function evaluateSubject(
  options: Evaluation,
  { session }: Pick<ChosenDevice, 'session'>,
): Promise<Evaluated> {
  const { model, signature } = await loadSubject(options.model);
  const part = await openEvaluationData(model, signature, options.data, options.task.task);
  const predictions = await predict(sourceOf(model), signature, part, session);
  const { targets } = part.inputs.dataset;
  const task = chooseTask(
    model.graph,
    signature,
    targets,
    predictions.values,
    predictions.width,
    options.task,
    options.data.data,
  );
  const truth = truthOf(task, targets, part.split.indices, predictions.values);
  return { model, signature, part, task, predictions, scores: scoresOf(task, predictions), truth };
}
