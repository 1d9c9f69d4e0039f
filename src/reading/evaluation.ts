import { Failure } from '../contract/failure.js';
import type { MaskReading, Reading } from '../contract/reading.js';
import type { AnyScores, Truth } from '../evaluation/metrics.js';
import type { Model } from '../model/model.js';
import type { ChosenDevice } from '../runtime/open-device.js';
import type { Signature } from '../runtime/predictor.js';
import { findClassNames } from './class-names.js';
import { type DataPart, openEvaluationData, retargetPart } from './data.js';
import type { DataOptions, ReadingOptions, TaskOptions } from './options.js';
import type { Predictions } from './predictions.js';
import { readModel } from './read-model.js';
import { loadSubject } from './subject.js';
import { targetsFor } from './targets.js';
import { type RunTask, scoresOf, truthOf } from './task.js';

export interface Evaluation {
  readonly model: string;
  readonly data: DataOptions;
  readonly task: TaskOptions;
  readonly reading: ReadingOptions;
  /** of a segmentation whose masks are not asked for: the size of its maps */
  readonly maps?: Pick<MaskReading, 'height' | 'width'>;
}

/** A model's predictions on a whole data set, with what they are judged by. */
export interface Evaluated {
  readonly model: Model;
  readonly signature: Signature;
  readonly part: DataPart;
  /** a name for each class, in the order of the output; null for a task without classes */
  readonly classNames: readonly string[] | null;
  readonly task: RunTask;
  readonly reading: Reading;
  readonly predictions: Predictions;
  readonly scores: AnyScores;
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
  const { outputs } = options.reading;
  if (outputs.length > 1) {
    throw new Failure('usage', {
      what: `Several outputs were named (${outputs.map(({ name }) => name).join(', ')}): one is evaluated at a time.`,
      cure: 'Name one of them.',
      settings: ['output'],
      written: 'nothing',
    });
  }
  const loaded = await loadSubject(options.model);
  const { model } = loaded;
  const fed = { ...loaded, classNames: await findClassNames(model, options.reading.classes) };
  const { maps } = options;
  const found = await openEvaluationData(fed, options.data, options.task.task, options.reading, maps !== undefined);
  const opened = maps === undefined ? found : retargetPart(found, () => ({ kind: 'mask', store: null, map: null }));
  const { classes, target } = opened;
  const question = {
    ...loaded,
    part: opened,
    labelled: opened,
    classes,
    target,
    options,
    session,
    ...(maps && { maps }),
  };
  const { signature, task, kind, map, reading, predictions } = await readModel(question);
  const part: DataPart = retargetPart(opened, (targets) => targetsFor({ task: kind, map }, targets));
  const { targets } = part.samples;
  return {
    model,
    signature,
    part,
    classNames: targets.kind === 'class' ? (classes?.names ?? targets.names) : (reading.classes?.names ?? null),
    task,
    reading,
    predictions,
    scores: scoresOf(task, predictions),
    truth: truthOf(task, targets, part.split.indices, predictions.values),
  };
}
