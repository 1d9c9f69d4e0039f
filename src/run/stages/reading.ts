import type { JudgedOutput } from '../../autodiff/lower/expose-loss.js';
import { Failure } from '../../contract/failure.js';
import type { SanityReading } from '../../contract/reading.js';
import type { SettingHint } from '../../contract/settings.js';
import type { OtherOutput } from '../../judge/subject.js';
import { type RunData, retarget, targetsOf } from '../../reading/data.js';
import { type ModelReading, readModel } from '../../reading/reading.js';
import { targetsFor } from '../../reading/targets.js';
import type { RunTask } from '../../reading/task.js';
import type { Signature } from '../../runtime/predictor.js';
import { trainabilityOf } from '../../training/canonical.js';
import { refuseMeaningless, refuseOwnTeacher } from '../distillation.js';
import { perRun } from '../run.js';
import { defineStage } from '../runner.js';

/**
 * How the model is read: looked at on the validation split, held against labelled samples of the training split.
 * @throws Failure('input') where it is not certain, or a usual alternative is far better, unless the reading is trusted
 */
export const readingStage = defineStage<ModelReading>({
  name: 'reading',
  phase: 'baseline',
  fields: ['output', 'task', 'kind', 'reading', 'predictions', 'others'],
  async compute(run) {
    const { model, signature, data, options, hooks } = run;
    const { session } = await run.device();
    const found = await readModel({
      model,
      signature,
      part: data.validation,
      labelled: data.train,
      classes: data.classes,
      target: data.target,
      options,
      session,
    });
    const { left } = trainabilityOf(model.path, model.graph);
    const read = { ...found, reading: { ...found.reading, untrained: left } };
    hooks.onReading(read.reading);
    refuseMeaningless(read.task, options.distill);
    if (read.task.distilled && run.teacher === null) refuseOwnTeacher(model.path, options.training);
    const { sanity, outputs, trusted } = read.reading;
    refuseSuspect(model.path, sanity, trusted);
    for (const { name, sanity: own = null } of outputs) refuseSuspect(`${model.path}, output '${name}'`, own, trusted);
    return read;
  },
});

/** @throws Failure('input') for a reading under which the model does badly, unless it is trusted */
function refuseSuspect(path: string, sanity: SanityReading | null, trusted: boolean): void {
  if (sanity === null || sanity.status === 'fine' || trusted) return;
  const { better, alternatives, sentence } = sanity;
  throw new Failure('input', {
    what: `${path}: ${sentence}`,
    cure:
      better === null
        ? 'See that data and model belong together and that samples are prepared as in training; or trust the reading as it is.'
        : alternatives.length > 0
          ? 'Give one of what is missing; or trust the reading as it is.'
          : 'Give what is missing; or trust the reading as it is.',
    settings: [...(better?.settings ?? []), ...alternatives.flat(), 'trustReading'],
    written: 'model-untouched',
    ways: [
      ...(better !== null && isComplete(better.settings) ? [{ name: better.name, settings: better.settings }] : []),
      { name: 'the model is read as it is', settings: ['trustReading'] },
    ],
  });
}

/** Whether the settings say all: the order of classes stands in a file that is still to be written. */
function isComplete(settings: readonly SettingHint[]): boolean {
  return settings.length > 0 && settings.every((hint) => typeof hint !== 'string');
}

/** The run's model and data as they are read. */
interface ReadRun {
  readonly signature: Signature;
  readonly data: RunData;
  readonly task: RunTask;
  readonly judged: JudgedOutput;
  /** the outputs that are trained beside it */
  readonly others: readonly OtherOutput[];
}

export const readRunOf = perRun(async (run): Promise<ReadRun> => {
  const { signature, output, task, kind, others } = await readingStage.of(run);
  const data = retarget(run.data, (targets) => targetsFor({ task: kind }, targets));
  return {
    signature,
    data,
    task,
    judged: { output, loss: task.loss, scores: task.scores },
    others: others.map((other) => ({
      signature: other.signature,
      task: other.task,
      judged: { output: other.output, loss: other.task.loss, scores: other.task.scores },
      before: other.predictions,
      targets: (part) => targetsFor({ task: other.kind }, targetsOf(part, other.output)),
    })),
  };
});
