import { readAnomaly } from './anomaly.js';
import { anomalyMeasure } from './anomaly-labels.js';
import type { Measure } from './measures.js';
import type { OwnGraphs } from './own-graphs.js';
import { measuresOf } from './own-measures.js';
import { readByOwnLoss } from './own-reading.js';
import { type ModelReading, type ReadingQuestion, readModel } from './reading.js';
import type { RunTask } from './task.js';

/**
 * Reads a model as its task asks: by its outputs and the targets, by what it gives again, or by the loss that it is trained with.
 * @throws Failure('input') where it is not certain how
 */
export function readSubject(question: ReadingQuestion): Promise<ModelReading> {
  const { task } = question.options.task;
  if (task === 'anomaly') return readAnomaly(question);
  const { own = null } = question;
  return own !== null && own.loss !== null && task === null ? readByOwnLoss(question) : readModel(question);
}

/** What a run measures of each sample beside the model's output. */
export function measuresFor(
  { task, own = [] }: Pick<RunTask, 'task' | 'own'>,
  graphs: OwnGraphs | null,
): readonly Measure[] {
  return task === 'anomaly' ? [anomalyMeasure] : measuresOf(graphs, own);
}
