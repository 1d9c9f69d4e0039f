import { Failure } from '../contract/failure.js';
import type { SettingHint } from '../contract/settings.js';
import { ownFile } from '../reading/own-graphs.js';
import type { MigrateOptions, TrainingSettings } from './spec.js';
import { checkVariation } from './variation.js';

/** What nothing is trained by has no settings of training. */
type Combined = Pick<MigrateOptions, 'task' | 'reading'> &
  Partial<Pick<MigrateOptions, 'training' | 'distill' | 'keepControl'>>;

/** @throws Failure('usage') for settings that contradict each other: of the training, or where the loss is a file of the user's, or the task tells anomalies */
export function checkCombination(options: Combined): void {
  const { task, training, keepControl = false } = options;
  if (keepControl && training?.control === false) {
    throw refuse('The control arm is to be kept, and is left out.', 'Leave it in.', ['control', 'keep']);
  }
  if (training !== undefined) checkVariation({ ...options, ...training });
  if (training !== undefined) refuseOfRecipe(training);
  if (ownFile(task.loss) !== null) refuseBesideOwnLoss(options);
  if (task.task === 'anomaly') refuseBesideAnomaly(options);
}

const refuse = (what: string, cure: string, settings: readonly SettingHint[]): Failure =>
  new Failure('usage', { what, cure, settings, written: 'nothing' });

function refuseOfRecipe(training: TrainingSettings): void {
  const { scope, stages, rateScales, offsetLearningRate, initialOffset, maxOffset, search, seeds } = training;
  if (stages.length > 0 && scope !== 'all') {
    const what = `What is trained is said twice: ${scope}, and in stages (${stages.map((stage) => stage.scope).join(', ')}).`;
    throw refuse(what, 'Leave one out.', ['train', 'stages']);
  }
  if (offsetLearningRate !== null && rateScales.offsets !== 1) {
    const what =
      'The learning rate of shifts and offsets is given, and what the learning rate is multiplied by for them.';
    throw refuse(what, 'Leave one out.', ['offsetLearningRate', 'learningRateScale']);
  }
  if (search && stages.length > 0) {
    const what = 'A recipe is to be looked for, whose trials are trained in stages of their own.';
    throw refuse(what, 'Leave out the stages, or the search.', ['stages', 'search']);
  }
  if (search && seeds > 1) {
    const what = `A recipe is to be looked for, and ${seeds} seeds are to be trained: a search is one seed's.`;
    throw refuse(what, 'Search first, then repeat what was found with several seeds.', ['search', 'seeds']);
  }
  if (maxOffset !== null && initialOffset > maxOffset) {
    const what = `Offsets start at ${initialOffset}, above what none may exceed (${maxOffset}).`;
    throw refuse(what, 'Raise the limit, or start at it or below.', ['init', 'maxOffset']);
  }
}

function refuseBesideOwnLoss({ task, reading, training, distill }: Combined): void {
  if (task.task === 'distill' || (distill?.teacher ?? null) !== null) {
    const what = 'A loss of your own is given beside a teacher, whose answers it does not read.';
    throw refuse(what, 'Leave out the teacher and the task distill, or the loss.', ['loss', 'teacher', 'task']);
  }
  if ((training?.labelSmoothing ?? 0) > 0) {
    const what = 'Labels are smoothed for our losses alone; a loss of your own reads them as they are.';
    throw refuse(what, 'Leave out the smoothing, and write it into the loss.', ['labelSmoothing', 'loss']);
  }
  if (reading.outputs.length > 1 || (task.task === null && reading.outputs.length > 0)) {
    const what = 'Outputs are named beside a loss of your own, which says by its inputs which outputs are trained.';
    throw refuse(what, 'Leave them out, or the loss.', ['output', 'loss']);
  }
}

function refuseBesideAnomaly({ task, training, distill, reading }: Combined): void {
  if (ownFile(task.loss) !== null || ownFile(task.metric) !== null || (task.loss !== null && task.loss !== 'mse')) {
    const what =
      'The task anomaly is trained by the mean squared error of the input that is given again, and judged by it.';
    throw refuse(what, 'Leave out the loss and the metric, or the task.', ['loss', 'metric', 'task']);
  }
  if (task.metric !== null && task.metric !== 'auroc' && task.metric !== 'reconstructionError') {
    const what = `The metric ${String(task.metric)} is none of this task (anomaly).`;
    throw refuse(what, 'Choose auroc or reconstructionError.', ['metric']);
  }
  if ((distill?.teacher ?? null) !== null) {
    throw refuse(
      'The target of the task anomaly is the input itself, not the answer of a teacher.',
      'Leave out the teacher.',
      ['teacher'],
    );
  }
  if ((training?.labelSmoothing ?? 0) > 0) {
    throw refuse('The task anomaly is trained without labels, which could be smoothed.', 'Leave out the smoothing.', [
      'labelSmoothing',
    ]);
  }
  if (reading.outputs.length > 1 || reading.outputs.some(({ key }) => key !== null)) {
    throw refuse('The target of the task anomaly is the input itself.', 'Name one output at most, without a target.', [
      'output',
    ]);
  }
}
