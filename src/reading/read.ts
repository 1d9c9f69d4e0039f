import { Failure } from '../contract/failure.js';
import type { Targets } from '../data/dataset.js';
import { type DenseClasses, denseMasks, isDense } from '../data/dense-masks.js';
import { otherTargets } from '../data/samples.js';
import { readAnomaly } from './anomaly.js';
import { anomalyMeasure } from './anomaly-labels.js';
import { retargetPart } from './data.js';
import { denseSentence, masksIn } from './dense.js';
import type { Measure } from './measures.js';
import type { OwnGraphs } from './own-graphs.js';
import { measuresOf } from './own-measures.js';
import { readByOwnLoss } from './own-reading.js';
import { type ModelReading, masksBeside, type ReadingQuestion, readRows } from './reading.js';
import { readSegmentation } from './segmentation.js';
import type { RunTask } from './task.js';
import { requireWhole } from './whole-inputs.js';

/**
 * Reads a model as its task and its targets ask: by a row for each sample, by a class for each pixel, by what it gives again, or by the
 * loss that it is trained with.
 * @throws Failure('input') where it is not certain how, or model and data do not go together
 */
export async function readSubject(question: ReadingQuestion): Promise<ModelReading> {
  const { part, own = null, options } = question;
  const { task } = options.task;
  await requireWhole(question.model.path, question.signature.inputs, part);
  if (task === 'anomaly') return readAnomaly(question);
  if (own !== null && own.loss !== null && task === null) return readByOwnLoss(question);
  const { targets, path } = part.samples;
  if (targets.kind === 'mask') return readSegmentation(question, targets);
  if (isDense(targets)) {
    const dense = await masksIn(question, targets, options.reading.outputs[0]?.name ?? question.target);
    if (dense !== null) return readDense(question, dense);
  }
  for (const [output, own] of otherTargets(part.samples)) {
    if (isDense(own) && (await masksIn(question, own, output)) !== null) throw masksBeside(path);
  }
  if (task !== 'segmentation') return readRows(question);
  throw new Failure('input', {
    what: `${path}: there are no masks, in which a segmentation has the class of each pixel.`,
    cure: 'Give a folder with images and masks, or arrays of which the targets are [samples, height, width].',
    settings: ['data', 'task'],
    written: 'nothing',
  });
}

/** With numbers for each pixel as the masks that they are. */
function readDense(question: ReadingQuestion, dense: DenseClasses): Promise<ModelReading> {
  const count = dense.kind === 'one-hot' ? dense.columns : 2;
  const toMasks = (targets: Targets, path: string): Targets =>
    isDense(targets) ? denseMasks(targets, count, path) : targets;
  const part = retargetPart(question.part, toMasks);
  const labelled = retargetPart(question.labelled, toMasks);
  const { targets } = part.samples;
  if (targets.kind !== 'mask') throw new Error('numbers for each pixel became no masks');
  return readSegmentation({ ...question, part, labelled }, targets, denseSentence(dense));
}

/** What a run measures of each sample beside the model's output. */
export function measuresFor(
  { task, own = [] }: Pick<RunTask, 'task' | 'own'>,
  graphs: OwnGraphs | null,
): readonly Measure[] {
  return task === 'anomaly' ? [anomalyMeasure] : measuresOf(graphs, own);
}
