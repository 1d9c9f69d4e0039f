import { Failure } from '../contract/failure.js';
import { type ModelReading, type ReadingQuestion, readRows } from './reading.js';
import { readSegmentation } from './segmentation.js';

/**
 * Reads a model as its targets ask: a row for each sample, or a class for each pixel.
 * @throws Failure('input') where model and data do not go together
 */
export function readModel(question: ReadingQuestion): Promise<ModelReading> {
  const { part, options } = question;
  const { targets, path } = part.samples;
  if (targets.kind === 'mask') return readSegmentation(question, targets);
  if (options.task.task !== 'segmentation') return readRows(question);
  throw new Failure('input', {
    what: `${path}: there are no masks, in which a segmentation has the class of each pixel.`,
    cure: 'Give a folder with images and masks, or arrays of which the targets are [samples, height, width].',
    settings: ['data', 'task'],
    written: 'nothing',
  });
}
