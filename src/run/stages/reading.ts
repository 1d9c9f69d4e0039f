import type { JudgedOutput } from '../../autodiff/lower/expose-loss.js';
import { Failure } from '../../contract/failure.js';
import type { Reading } from '../../contract/reading.js';
import type { OtherOutput } from '../../judge/subject.js';
import { type RunData, retarget, targetsOf } from '../../reading/data.js';
import { readModel } from '../../reading/read-model.js';
import type { ModelReading } from '../../reading/reading.js';
import { targetsFor } from '../../reading/targets.js';
import type { RunTask } from '../../reading/task.js';
import type { Signature } from '../../runtime/predictor.js';
import { trainabilityOf } from '../../training/canonical.js';
import { refuseMeaningless, refuseOwnTeacher, refuseTeacher } from '../distillation.js';
import { perRun } from '../run.js';
import { defineStage } from '../runner.js';

/**
 * How the model is read: looked at on the validation split, held against labelled samples of the training split.
 * @throws Failure('input') where it is not certain, or a usual alternative is far better, unless the reading is trusted
 */
export const readingStage = defineStage<ModelReading>({
  name: 'reading',
  phase: 'baseline',
  fields: ['output', 'task', 'kind', 'map', 'reading', 'predictions', 'others'],
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
    if (read.map !== null) refuseTeacher(options.distill);
    if (read.task.distilled && run.teacher === null) refuseOwnTeacher(model.path, options.training);
    refuseSuspect(model.path, read.reading);
    return read;
  },
});

/** @throws Failure('input') for a reading under which the model does badly, unless it is trusted */
function refuseSuspect(path: string, { sanity, trusted }: Reading): void {
  if (sanity === null || sanity.status === 'fine' || trusted) return;
  const { better, sentence } = sanity;
  throw new Failure('input', {
    what: `${path}: ${sentence}`,
    cure:
      better === null
        ? 'See that data and model belong together and that samples are prepared as in training; or trust the reading as it is.'
        : 'Give what is missing; or trust the reading as it is.',
    settings: [...(better?.settings ?? []), 'trustReading'],
    written: 'model-untouched',
  });
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
  const { signature, output, task, kind, map, others, reading } = await readingStage.of(run);
  const retargeted = retarget(run.data, (targets) => targetsFor({ task: kind, map }, targets));
  // how many classes masks have is known with the maps
  const data = map === null ? retargeted : { ...retargeted, classes: reading.classes };
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
