import { Failure } from '../../contract/failure.js';
import type { SettingHint } from '../../contract/settings.js';
import type { Model } from '../../model/model.js';
import { checkCombination } from '../combination.js';
import { defaultAcceptance, defaultTraining, type MigrateOptions, type TrainingOptions } from '../spec.js';
import { scratchArms } from './arms.js';
import { triedRates } from './rates.js';

/**
 * What is usual for a training from scratch where nothing is said: more epochs, none of which ends it early, several seeds, and
 * normalization by the batch, since the running statistics of fresh weights are of nothing.
 */
const scratchTraining: Pick<TrainingOptions, 'epochs' | 'seeds' | 'batchNorm'> = {
  epochs: 10,
  seeds: 3,
  batchNorm: 'batch',
};

/** @throws Failure('usage') for what a training from scratch has no use for: nothing is written, and everything is trained */
export function checkFromScratch(options: MigrateOptions): void {
  const { training, distill, task } = options;
  const refused: readonly (readonly [isGiven: boolean, what: string, setting: SettingHint])[] = [
    [options.out !== null, 'writes no model, so there is no place for one', 'out'],
    [options.keepControl, 'writes no model, so no arm can be kept as one', 'keep'],
    [options.accept !== defaultAcceptance, 'writes no model, so there is nothing that a rule could accept', 'accept'],
    [options.minEffect !== null, 'writes no model, so there is nothing that needs a least improvement', 'minEffect'],
    [options.looks !== 1, 'writes no model, so there is no decision that earlier looks could bias', 'looks'],
    [!training.control, 'compares FReLU with ReLU, so ReLU cannot be left out', 'control'],
    [training.scope !== 'all', 'trains all of the fresh weights, so no part can be chosen', 'train'],
    [training.stages.length > 0, 'trains all of the fresh weights, so there are no stages', 'stages'],
    [training.search, 'trains all arms by the one recipe that it is given, so none is searched for', 'search'],
    [training.revertHarmful, 'compares the arms as they were trained, so no site is taken back', 'revertHarmful'],
    [
      training.budgetSeconds !== null,
      'gives every arm the same number of epochs, so it takes no time budget',
      'budget',
    ],
    [distill.teacher !== null, 'learns from labels, so it takes no teacher', 'teacher'],
    [task.task === 'distill', 'learns from labels, so there is nothing to distil', ['task', 'distill']],
  ];
  const found = refused.find(([isGiven]) => isGiven);
  if (found !== undefined) {
    const [, what, setting] = found;
    throw new Failure('usage', {
      what: `A training from scratch ${what}.`,
      cure: 'Leave out one of the two options.',
      settings: [setting, 'fromScratch'],
      written: 'nothing',
    });
  }
  for (const { init } of scratchArms(options)) {
    if (init !== null) checkCombination({ ...options, training: { ...training, initialOffset: init } });
  }
}

/** @throws Failure('usage') where fresh weights would be trained between statistics that are of nothing */
export function checkNormalization(
  { graph }: Pick<Model, 'graph'>,
  { batchNorm }: Pick<TrainingOptions, 'batchNorm'>,
): void {
  if (batchNorm === 'batch' || !graph.nodes.some(({ opType }) => opType === 'BatchNormalization')) return;
  throw new Failure('usage', {
    what: `Batch normalization is to be ${batchNorm}: with the running statistics of fresh weights, which are of nothing, it normalises nothing.`,
    cure: 'Train with those of the batch.',
    settings: [['batchNorm', 'batch']],
    written: 'model-untouched',
  });
}

/** How many trainings an experiment is at most: each arm with each seed, and with its first at the rates that it is tried with. */
export function scratchTrainings(training?: Partial<TrainingOptions>): number {
  const complete = scratchDefaults(training);
  const others = complete.learningRate === 'auto' ? triedRates - 1 : 0;
  return scratchArms({ training: complete }).length * (complete.seeds + others);
}

/** Every default of a training from scratch, for what a caller left out of `training`. */
export function scratchDefaults(training: Partial<TrainingOptions> = {}): TrainingOptions {
  const epochs = training.epochs ?? scratchTraining.epochs;
  return { ...defaultTraining, ...scratchTraining, patience: epochs, ...training };
}
