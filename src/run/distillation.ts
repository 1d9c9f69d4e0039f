import type { Distillation } from '../autodiff/losses.js';
import { Failure } from '../contract/failure.js';
import type { DistillOptions } from '../contract/settings.js';
import type { RunTask } from '../reading/task.js';
import type { MigrateOptions, TrainingSettings } from './spec.js';

/** What the loss is where there are labels beside a teacher and nobody says it: half of each, as soft as Hinton et al. have it. */
const usual: Distillation = { weight: 0.5, temperature: 4 };

/** How much of the loss is against a teacher: all of it where the task is to learn from one; null: nothing is. */
export function distillationOf(
  { teacher, distillWeight, temperature }: DistillOptions,
  { distilled, loss }: Pick<RunTask, 'distilled' | 'loss'>,
): Distillation | null {
  if (distilled) return { weight: 1, temperature: temperature ?? 1 };
  if (teacher === null) return null;
  const usualTemperature = loss === 'mse' ? 1 : usual.temperature;
  return { weight: distillWeight ?? usual.weight, temperature: temperature ?? usualTemperature };
}

/** @throws Failure('usage') for settings of distillation that would have no effect */
export function checkDistillation({ distill, task }: Pick<MigrateOptions, 'distill' | 'task'>): void {
  const { teacher, distillWeight, temperature } = distill;
  const alone = task.task === 'distill';
  if (teacher === null && !alone && (distillWeight !== null || temperature !== null)) {
    throw new Failure('usage', {
      what: 'There is no teacher whose weight or temperature could be set.',
      cure: 'Name one.',
      settings: ['teacher'],
      written: 'nothing',
    });
  }
  if (alone && distillWeight !== null && distillWeight !== 1) {
    throw new Failure('usage', {
      what: `The task distill learns from the teacher alone: its weight is 1, not ${distillWeight}.`,
      cure: 'Leave out the weight, or the task: labels then count beside a teacher that is named.',
      settings: ['distillWeight', 'task'],
      written: 'nothing',
    });
  }
}

/** @throws Failure('usage') for a temperature where there are no logits */
export function refuseMeaningless({ loss }: Pick<RunTask, 'loss'>, { temperature }: DistillOptions): void {
  if (loss !== 'mse' || temperature === null || temperature === 1) return;
  throw new Failure('usage', {
    what: `The loss is mse: there are no logits that a temperature of ${temperature} could divide.`,
    cure: 'Leave out the temperature, or name a loss that has logits.',
    settings: ['temperature', 'loss'],
    written: 'model-untouched',
  });
}

/** @throws Failure('usage') for a teacher of masks: what it says about every pixel of every image is not kept */
export function refuseTeacher({ teacher }: DistillOptions): void {
  if (teacher === null) return;
  throw new Failure('usage', {
    what: `A segmentation does not learn from a teacher here (${teacher}).`,
    cure: 'Leave the teacher out: it learns from the masks.',
    settings: ['teacher'],
    written: 'model-untouched',
  });
}

/**
 * For a model that learns from itself alone.
 * @throws Failure('input') where nothing sets it apart from itself: its loss is at the floor before the first step
 */
export function refuseOwnTeacher(path: string, { batchNorm }: TrainingSettings): void {
  if (batchNorm === 'batch') return;
  throw new Failure('input', {
    what: `${path}: there is nothing to learn: as its own teacher the model says already what it is to say.`,
    cure: 'Name a stronger teacher, or give labelled data.',
    settings: ['teacher', 'data'],
    written: 'model-untouched',
  });
}
