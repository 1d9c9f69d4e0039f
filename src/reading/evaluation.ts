import type { MaskReading, Reading } from '../contract/reading.js';
import type { Slice } from '../data/slices.js';
import type { AnyScores, Truth } from '../evaluation/metrics.js';
import type { Model } from '../model/model.js';
import type { ChosenDevice } from '../runtime/open-device.js';
import type { Signature } from '../runtime/predictor.js';
import { findClassNames } from './class-names.js';
import { type DataPart, openEvaluationData, retargetPart, targetsOf } from './data.js';
import type { DataOptions, ReadingOptions, TaskOptions } from './options.js';
import { loadOwnGraphs } from './own-graphs.js';
import type { Predictions } from './predictions.js';
import { readSubject } from './read.js';
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
  readonly slices: readonly Slice[];
  /** the outputs that were named behind the first */
  readonly others: readonly EvaluatedOutput[];
}

export interface EvaluatedOutput extends Pick<Evaluated, 'task' | 'scores' | 'truth'> {
  readonly name: string;
}

/**
 * Runs a model over a data set; of a folder that holds training and test files, over the test files.
 * @param device may still be opening: model and data are read meanwhile
 * @throws Failure('input') when model or data cannot be used, or do not fit together
 */
export async function evaluateSubject(
  options: Evaluation,
  device: Promise<Pick<ChosenDevice, 'session'>>,
): Promise<Evaluated> {
  const loaded = await loadSubject(options.model);
  const { model } = loaded;
  const own = await loadOwnGraphs(model, options.task);
  const fed = { ...loaded, own, classNames: await findClassNames(model, options.reading.classes) };
  const { maps } = options;
  const found = await openEvaluationData(
    fed,
    options.data,
    options.task.task,
    { ...options.reading, ...(options.task.outputs && { tasks: options.task.outputs }) },
    maps !== undefined,
  );
  const opened = maps === undefined ? found : retargetPart(found, () => ({ kind: 'mask', store: null, map: null }));
  const { classes, target } = opened;
  const question = {
    ...loaded,
    own,
    part: opened,
    labelled: opened,
    classes,
    target,
    options,
    session: (await device).session,
    ...(maps && { maps }),
  };
  const { signature, task, kind, map, reading, predictions, others } = await readSubject(question);
  const part: DataPart = retargetPart(opened, (targets, path) => targetsFor({ task: kind, map }, targets, path));
  const { targets } = part.samples;
  return {
    model,
    signature,
    part,
    slices: opened.slices,
    classNames: targets.kind === 'class' ? (classes?.names ?? targets.names) : (reading.classes?.names ?? null),
    task,
    reading,
    predictions,
    scores: scoresOf(task, predictions),
    truth: truthOf(task, targets, part.split.indices, predictions.values),
    others: others.map(({ output, task, kind, predictions }) => ({
      name: output,
      task,
      scores: scoresOf(task, predictions),
      truth: truthOf(
        task,
        targetsFor({ task: kind }, targetsOf(opened, output)),
        part.split.indices,
        predictions.values,
      ),
    })),
  };
}
