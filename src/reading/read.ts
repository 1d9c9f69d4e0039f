import { Failure } from '../contract/failure.js';
import { readAnomaly } from './anomaly.js';
import { anomalyMeasure } from './anomaly-labels.js';
import type { Measure } from './measures.js';
import type { OwnGraphs } from './own-graphs.js';
import { measuresOf } from './own-measures.js';
import { readByOwnLoss } from './own-reading.js';
import { type ModelReading, type ReadingQuestion, readRows } from './reading.js';
import { readSegmentation } from './segmentation.js';
import type { RunTask } from './task.js';

/**
 * Reads a model as its task and its targets ask: by a row for each sample, by a class for each pixel, by what it gives again, or by the
 * loss that it is trained with.
 * @throws Failure('input') where it is not certain how, or model and data do not go together
 */
export async function readSubject(question: ReadingQuestion): Promise<ModelReading> {
  const { part, own = null } = question;
  const { task } = question.options.task;
  if (task === 'anomaly') return readAnomaly(question);
  if (own !== null && own.loss !== null && task === null) return readByOwnLoss(question);
  const { targets, path } = part.samples;
  if (targets.kind === 'mask') return readSegmentation(question, targets);
  if (task !== 'segmentation') return readRows(question);
  throw new Failure('input', {
    what: `${path}: there are no masks, in which a segmentation has the class of each pixel.`,
    cure: 'Give a folder with images and masks, or arrays of which the targets are [samples, height, width].',
    settings: ['data', 'task'],
    written: 'nothing',
  });
}

/** What a run measures of each sample beside the model's output. */
export function measuresFor(
  { task, own = [] }: Pick<RunTask, 'task' | 'own'>,
  graphs: OwnGraphs | null,
): readonly Measure[] {
  return task === 'anomaly' ? [anomalyMeasure] : measuresOf(graphs, own);
}
