import { Failure } from '../../contract/failure.js';
import type { SettingHint } from '../../contract/settings.js';
import type { Graph } from '../../model/graph.js';
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
    [options.out !== null, 'No model is written.', 'out'],
    [options.keepControl, 'No model is written.', 'keep'],
    [options.accept !== defaultAcceptance, 'No model is written, which a rule could be for.', 'accept'],
    [options.minEffect !== null, 'No model is written, which a rule could be for.', 'minEffect'],
    [options.looks !== 1, 'No model is judged for being written.', 'looks'],
    [!training.control, 'The ReLUs are what FReLU is compared with.', 'control'],
    [training.scope !== 'all', 'Fresh weights are all trained.', 'train'],
    [training.stages.length > 0, 'Fresh weights are all trained.', 'stages'],
    [training.search, 'All arms have one recipe, which is said.', 'search'],
    [training.revertHarmful, 'The arms are compared as they were trained.', 'revertHarmful'],
    [training.budgetSeconds !== null, 'All arms have the epochs that are said.', 'budget'],
    [distill.teacher !== null, 'The arms learn from labels.', 'teacher'],
    [task.task === 'distill', 'The arms learn from labels.', ['task', 'distill']],
  ];
  const found = refused.find(([isGiven]) => isGiven);
  if (found !== undefined) {
    const [, what, setting] = found;
    throw new Failure('usage', {
      what: `A training from scratch compares architectures. ${what}`,
      cure: 'Leave this out, or train the model as it came.',
      settings: [setting, 'fromScratch'],
      written: 'nothing',
    });
  }
  for (const { init } of scratchArms(options)) {
    if (init !== null) checkCombination({ ...options, training: { ...training, initialOffset: init } });
  }
}

/** @throws Failure('usage') where fresh weights would be trained between statistics that are of nothing */
export function checkNormalization(graph: Graph, { batchNorm }: Pick<TrainingOptions, 'batchNorm'>): void {
  if (batchNorm === 'batch' || !graph.nodes.some(({ opType }) => opType === 'BatchNormalization')) return;
  throw new Failure('usage', {
    what: `Batch normalization is to be ${batchNorm}: with the running statistics of fresh weights, which are of nothing, it normalises nothing.`,
    cure: 'Train with those of the batch.',
    settings: [['batchNorm', 'batch']],
    written: 'nothing',
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
