import { type Command, InvalidArgumentError } from 'commander';
import {
  type ParameterScales,
  scaledParameters,
  type TrainingStage,
  trainScopes,
  unscaled,
  type WeightAverage,
} from '../../contract/settings.js';
import { defaultTraining as defaults, type TrainingOptions } from '../../run/spec.js';
import { oneOf, option, type Read } from './option.js';
import { fraction, notNegative, number, oneOrMore, share } from './values.js';

type Recipe = Pick<
  TrainingOptions,
  'stages' | 'average' | 'dropout' | 'rateScales' | 'decayScales' | 'warmup' | 'maxOffset'
>;

/** What may be added to the fine-tune, in both arms alike. */
export function recipeOptions(command: Command): Read<Recipe> {
  command.optionsGroup('Recipe, the same in both arms:');
  const stages = option(
    command,
    '--stages <LIST>',
    'scopes as of --train to be trained one after the other, each with a schedule of its own: offsets,all; SCOPE:EPOCHS says how long one lasts',
    stageList,
    defaults.stages,
    'one, of --train',
  );
  const average = option(
    command,
    '--average <KIND>',
    'keep an average of the parameters: ema (or ema:D), over all steps; swa, over the epochs of the second half, at a constant rate',
    weightAverage,
    defaults.average,
    'none',
  );
  const dropout = option(
    command,
    '--dropout <P>',
    'the share of what the last layer reads that a step leaves out; exporters strip it',
    share,
    defaults.dropout,
  );
  const warmup = option(
    command,
    '--warmup <X>',
    'over which the rate rises at first: a share of the training below 1, else steps',
    warmupLength,
    defaults.warmup,
  );
  const rateScales = scalesOption(command, '--lr-scale', 'the learning rate', 'offsets=10,head=2');
  const decayScales = scalesOption(command, '--decay-scale', 'the weight decay', 'offsets=0,biases=0');
  const maxOffset = option(command, '--max-offset <X>', 'what no b may exceed', number, defaults.maxOffset, 'none');
  return () => ({
    stages: stages(),
    average: average(),
    dropout: dropout(),
    warmup: warmup(),
    rateScales: rateScales(),
    decayScales: decayScales(),
    maxOffset: maxOffset(),
  });
}

/** What something is multiplied by for some parameters. */
function scalesOption(command: Command, flag: string, scaled: string, example: string): Read<ParameterScales> {
  const what = `what ${scaled} is multiplied by for ${scaledParameters.join(', ')}: ${example}`;
  return option(command, `${flag} <LIST>`, what, scales, unscaled, '1 for all');
}

/** of which a step keeps what fits a few epochs of some hundred steps */
const usualDecay = 0.999;

function weightAverage(text: string): WeightAverage {
  const [kind = '', decay, ...others] = text.split(':');
  const named = oneOf(kind, ['ema', 'swa']);
  if (others.length > 0 || (named === 'swa' && decay !== undefined)) {
    throw new InvalidArgumentError('Give ema, ema:D such as ema:0.999, or swa.');
  }
  return named === 'swa' ? { kind: named } : { kind: named, decay: decay === undefined ? usualDecay : fraction(decay) };
}

/** `offsets,all` or `offsets:1,all:4` */
function stageList(text: string): readonly TrainingStage[] {
  return text.split(',').map((entry) => {
    const [scope = '', epochs, ...others] = entry.trim().split(':');
    if (others.length > 0) throw new InvalidArgumentError('Give SCOPE or SCOPE:EPOCHS, such as offsets:1.');
    return { scope: oneOf(scope, trainScopes), epochs: epochs === undefined ? null : oneOrMore(epochs) };
  });
}

/** `offsets=0.1,head=10` */
function scales(text: string): ParameterScales {
  const given = text.split(',').map((entry) => {
    const [name = '', factor, ...others] = entry.trim().split('=');
    if (factor === undefined || others.length > 0) {
      throw new InvalidArgumentError('Give NAME=FACTOR, such as offsets=0.1.');
    }
    return [oneOf(name, scaledParameters), notNegative(factor)] as const;
  });
  return { ...unscaled, ...Object.fromEntries(given) };
}

function warmupLength(text: string): number {
  const length = notNegative(text);
  return length < 1 ? length : oneOrMore(text);
}
