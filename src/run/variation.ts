import { Failure } from '../contract/failure.js';
import type { Augmentation, SettingHint } from '../contract/settings.js';
import { type Augment, arePictures, augmenter } from '../data/augment.js';
import { type GatheredInputs, preprocessed, type StoredValues } from '../data/batches.js';
import type { NamedInputs } from '../data/inputs.js';
import { drawMixing, type Mixing, mixRows } from '../data/mixup.js';
import { createRandom } from '../math/random.js';
import { dtypeName } from '../model/tensor.js';
import type { RunTask } from '../reading/task.js';
import type { Signature } from '../runtime/predictor.js';
import type { MigrateOptions } from './spec.js';

/** How training samples are varied. */
export interface VariationSettings {
  /** alpha of the Beta distribution that samples are mixed in pairs by; null: they are not */
  readonly mixup: number | null;
  readonly augment: readonly Augmentation[];
}

/** What a batch is before it is trained on: its inputs, and every set of targets, [count, width]. */
interface Rows {
  readonly inputs: GatheredInputs<StoredValues>;
  readonly targets: readonly Float32Array[];
}

/** Varies one batch of an epoch; `inputs` may be changed in place. 8-bit ones are not mixed (`staysStored`). */
type VaryBatch = (rows: Rows, indices: Int32Array, batch: number) => Rows;

/**
 * The variation of an epoch's batches, by seed and epoch: the same in every arm, and in a run that goes on after an interruption.
 * Pictures are varied first, then mixed.
 */
export function variationOf(
  inputs: readonly NamedInputs[],
  { mixup, augment }: VariationSettings,
): (seed: number, epoch: number) => VaryBatch {
  const varied = augment.length === 0 ? [] : inputs.map((input) => [input.name, augmenter(input, augment)] as const);
  return (seed, epoch) => {
    const random = createRandom(seed, epoch);
    const [augmentSeed, mixupSeed] = [random.uint32(), random.uint32()];
    return (rows, indices, batch) => {
      varyInPlace(rows, varied, indices, augmentSeed);
      if (mixup === null) return rows;
      return mixed(rows, drawMixing(createRandom(mixupSeed, batch), mixup, indices.length));
    };
  };
}

function varyInPlace(
  { inputs }: Rows,
  varied: readonly (readonly [name: string, augment: Augment])[],
  indices: Int32Array,
  seed: number,
): void {
  for (const [name, augment] of varied) {
    const own = inputs[name];
    if (own !== undefined) augment(own.values, indices, seed);
  }
}

function mixed({ inputs, targets }: Rows, mixing: Mixing): Rows {
  const own = Object.entries(inputs).map(([name, { values, shape }]) => {
    return [name, { values: mixRows(preprocessed(values), mixing), shape }] as const;
  });
  return { inputs: Object.fromEntries(own), targets: targets.map((rows) => mixRows(rows, mixing)) };
}

/** Whether samples of 8 bits can be varied as they are stored: what moves pixels moves bytes, and what lies between two bytes is none. */
export const staysStored = ({ mixup }: VariationSettings): boolean => mixup === null;

/** What of a run's settings decides whether samples may be varied. */
type Varied = Pick<MigrateOptions, 'task'> & Partial<Pick<MigrateOptions, 'distill'>> & VariationSettings;

/** @throws Failure('usage') where samples are to be varied beside something that is about each sample as it is */
export function checkVariation({ task, distill, mixup, augment }: Varied): void {
  const how = variationWords({ mixup, augment });
  if (how === null) return;
  if (typeof task.loss === 'object' && task.loss !== null) {
    const what = `Samples are ${how.done}, and a loss of your own may read targets that do not change with them.`;
    throw refuse(what, `Leave ${how.option} out, or the loss.`, [...how.settings, 'loss']);
  }
  if (task.task === 'distill' || (distill?.teacher ?? null) !== null) {
    const what = `Samples are ${how.done}, and the teacher is asked once about each sample as it is.`;
    throw refuse(what, `Leave ${how.option} out, or the teacher.`, [...how.settings, 'teacher', 'task']);
  }
}

/**
 * @throws Failure('usage') for a task whose targets would not be right any more, for several outputs, and for inputs that cannot be
 * varied: what is no picture, and ids
 */
export function refuseVariation(
  settings: VariationSettings,
  { task }: Pick<RunTask, 'task'>,
  { inputs: fed, outputs, path }: { inputs: readonly NamedInputs[]; outputs: number; path: string },
  { inputs }: Pick<Signature, 'inputs'>,
): void {
  const how = variationWords(settings);
  if (how === null) return;
  if (task !== 'classification' && task !== 'multilabel') {
    const what = `${path}: samples are ${how.done} where they have classes, and this task is ${task}: its targets would not be those of what is fed.`;
    throw refuse(what, `Leave ${how.option} out.`, how.settings);
  }
  if (outputs > 1) {
    const what = `${path}: samples are ${how.done} where one output is trained, and here ${outputs} are.`;
    throw refuse(what, `Leave ${how.option} out, or name one output.`, [...how.settings, 'output']);
  }
  if (settings.augment.length > 0 && !fed.every(arePictures)) {
    const what = `${path}: its samples are no pictures of known height and width, which could be varied (${settings.augment.join(', ')}).`;
    throw refuse(what, 'Leave the augmentation out.', ['augment']);
  }
  const ids = inputs.find(({ elementType }, i) => {
    const own = fed[i];
    return /int|bool/.test(dtypeName(elementType)) && (own === undefined || !arePictures(own));
  });
  if (settings.mixup !== null && ids !== undefined) {
    const what = `${path}: the input '${ids.name}' takes whole numbers, and between two ids lies no third that could stand for both.`;
    throw refuse(what, 'Leave the mixing out.', ['mixup']);
  }
}

/** How samples are varied, for messages; null: they are not. */
function variationWords({ mixup, augment }: VariationSettings) {
  const parts = [
    ...(mixup === null ? [] : [{ done: 'mixed in pairs', option: 'the mixing', setting: 'mixup' as const }]),
    ...(augment.length === 0 ? [] : [{ done: 'varied', option: 'the augmentation', setting: 'augment' as const }]),
  ];
  if (parts.length === 0) return null;
  const joined = (words: readonly string[]): string => words.join(' and ');
  return {
    done: joined(parts.map(({ done }) => done)),
    option: joined(parts.map(({ option }) => option)),
    settings: parts.map(({ setting }): SettingHint => setting),
  };
}

const refuse = (what: string, cure: string, settings: readonly SettingHint[]): Failure =>
  new Failure('usage', { what, cure, settings, written: 'nothing' });
