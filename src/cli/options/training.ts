import type { Command } from 'commander';
import {
  augmentations,
  batchNormModes,
  type DistillOptions,
  type OptimizerSettings,
  optimizers,
  schedules,
  trainScopes,
} from '../../contract/settings.js';
import { defaultOptimizers, defaultTraining as defaults, type TrainingOptions } from '../../run/spec.js';
import { choice, flag, option, optionalValue, type Read } from './option.js';
import { recipeOptions } from './recipe.js';
import { deviceOption } from './task.js';
import { closedShare, duration, listOf, notNegative, number, oneOrMore, positive, share, text } from './values.js';

/** Each optimizer as the command line's one momentum and weight decay set it; null: its usual weight decay. */
const optimizerSettings: {
  readonly [Kind in OptimizerSettings['kind']]: (momentum: number, weightDecay: number | null) => OptimizerSettings;
} = {
  sgd: (momentum, weightDecay) => ({
    ...defaultOptimizers.sgd,
    momentum,
    weightDecay: weightDecay ?? defaultOptimizers.sgd.weightDecay,
  }),
  adamw: (momentum, weightDecay) => ({
    ...defaultOptimizers.adamw,
    beta1: momentum,
    weightDecay: weightDecay ?? defaultOptimizers.adamw.weightDecay,
  }),
};

/** How both arms are trained. */
export function trainingOptions(command: Command): Read<TrainingOptions> {
  command.optionsGroup('Training:');
  const device = deviceOption(command);
  const scope = choice(
    command,
    '--train <SCOPE>',
    'what may change: everything; biases, shifts and offsets; a and b alone; the last layer with them',
    trainScopes,
    defaults.scope,
  );
  const epochs = option(
    command,
    '--epochs <N>',
    'epochs at most',
    oneOrMore,
    null,
    `${defaults.epochs}; with --search within --budget what fits into it`,
  );
  const budget = option(
    command,
    '--budget <DURATION>',
    'wall time of the whole run (90s, 10m, 1h30m): training gets what evaluation leaves, in as many steps for every arm',
    duration,
    null,
    'none',
  );
  const batchSize = option(command, '--batch-size <N>', 'samples per step', oneOrMore, defaults.batchSize);
  const patience = option(
    command,
    '--patience <N>',
    'epochs without a better validation before it stops',
    oneOrMore,
    defaults.patience,
  );
  const learningRate = option(
    command,
    '--lr <X>',
    'learning rate, or auto: a short range test finds it',
    (text) => (text === 'auto' ? text : positive(text)),
    defaults.learningRate,
  );
  const offsetLearningRate = option(command, '--lr-offset <X>', 'learning rate of a and b', positive, null, 'as --lr');
  const schedule = choice(command, '--schedule <NAME>', 'how the learning rate falls', schedules, defaults.schedule);
  const optimizer = choice(command, '--optimizer <NAME>', 'optimizer', optimizers, defaults.optimizer.kind);
  const momentum = option(
    command,
    '--momentum <X>',
    'of sgd, Nesterov; of adamw its beta1',
    share,
    defaultOptimizers.sgd.momentum,
  );
  const weightDecay = option(
    command,
    '--weight-decay <X>',
    'weight decay, of a and b too',
    notNegative,
    null,
    '0.0001 for sgd, 0.01 for adamw',
  );
  const clipNorm = option(
    command,
    '--clip-norm <X>',
    "limit of the gradient's norm, or none",
    (text) => (text === 'none' ? null : positive(text)),
    defaults.clipNorm,
    '1 where the network is recurrent, else none',
  );
  const labelSmoothing = option(
    command,
    '--label-smoothing <X>',
    'share of each label spread over all',
    share,
    defaults.labelSmoothing,
  );
  const mixup = optionalValue(
    command,
    '--mixup [ALPHA]',
    'mix samples in pairs, with their labels, by shares of Beta(ALPHA, ALPHA)',
    positive,
    '0.2',
  );
  const augment = option(
    command,
    '--augment <LIST>',
    `vary the pictures in training: ${augmentations.join(', ')}; flip where left and right mean the same`,
    listOf(augmentations),
    null,
    'none',
  );
  const batchNorm = choice(
    command,
    '--batch-norm <MODE>',
    'batch normalization in training',
    batchNormModes,
    defaults.batchNorm,
  );
  const initialOffset = option(
    command,
    '--init <X>',
    'the b that training starts from',
    number,
    defaults.initialOffset,
  );
  const seeds = option(
    command,
    '--seeds <N>',
    'train both arms with N seeds; the verdict rests on all of them, the best on validation is written',
    oneOrMore,
    defaults.seeds,
  );
  const search = flag(
    command,
    '--search',
    'look for the recipe that validates best, by successive halving, in both arms alike; the test split is judged once',
  );
  const revertHarmful = flag(
    command,
    '--revert-harmful',
    'take back what training made of single sites where that is established to harm on validation data, in both arms alike; --search does so anyway',
  );
  const control = flag(command, '--no-control', 'skip the control arm; the gain then cannot be attributed to FReLU');
  const recipe = recipeOptions(command);
  return () => ({
    ...recipe(),
    device: device(),
    scope: scope(),
    epochs: epochs() ?? defaults.epochs,
    openEnded: epochs() === null && search() && budget() !== null,
    budgetSeconds: budget(),
    batchSize: batchSize(),
    patience: patience(),
    learningRate: learningRate(),
    offsetLearningRate: offsetLearningRate(),
    schedule: schedule(),
    optimizer: optimizerSettings[optimizer()](momentum(), weightDecay()),
    clipNorm: clipNorm(),
    labelSmoothing: labelSmoothing(),
    mixup: mixup(),
    augment: augment() ?? [],
    batchNorm: batchNorm(),
    initialOffset: initialOffset(),
    seeds: seeds(),
    search: search(),
    revertHarmful: revertHarmful(),
    control: !control(),
  });
}

/** What is learned from a teacher, beside the labels or without any. */
export function distillOptions(command: Command): Read<DistillOptions> {
  command.optionsGroup('Distillation:');
  const teacher = option(
    command,
    '--teacher <MODEL|self>',
    'a stronger model that teaches, or the model as it came (self), beside the labels or, with --task distill, without them',
    text,
    null,
    'none; with --task distill the original model',
  );
  const distillWeight = option(
    command,
    '--distill-weight <W>',
    'share of the loss that is against the teacher, the rest is against the labels',
    closedShare,
    null,
    '0.5; with --task distill 1',
  );
  const temperature = option(
    command,
    '--temperature <T>',
    "what the teacher's and the model's logits are divided by before they are compared",
    positive,
    null,
    '4; with --task distill, and for values, 1',
  );
  return () => ({ teacher: teacher(), distillWeight: distillWeight(), temperature: temperature() });
}
