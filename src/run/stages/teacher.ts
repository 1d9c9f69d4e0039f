import type { Distillation } from '../../autodiff/losses.js';
import { Failure } from '../../contract/failure.js';
import { findPreprocessorConfig } from '../../data/preprocessor-config.js';
import { pairedDelta } from '../../evaluation/compare.js';
import type { JudgedPredictions } from '../../judge/subject.js';
import { readSource } from '../../model/source.js';
import { findClassNames } from '../../reading/class-names.js';
import { type RunData, refeed } from '../../reading/data.js';
import type { DataOptions } from '../../reading/options.js';
import { maxAbsDifference, type Predictions, predict, withPredictor } from '../../reading/predictions.js';
import { readSubject } from '../../reading/read.js';
import type { ModelReading } from '../../reading/reading.js';
import { soundSession } from '../../reading/runtime.js';
import type { LoadedSubject } from '../../reading/subject.js';
import { answersAs, type RunTask, scoresOf, truthOf } from '../../reading/task.js';
import { deviceOf } from '../device.js';
import { distillationOf, refuseOwnTeacher } from '../distillation.js';
import { perRun, type Run } from '../run.js';
import { defineStage } from '../runner.js';
import { baselineStage } from './baseline.js';
import { readRunOf } from './reading.js';

/** What a teacher says about every sample, to be read as the model's own outputs are. */
interface Answers extends JudgedPredictions {
  readonly train: Predictions;
}

/** What a run's model learns from a teacher. */
export interface Teaching extends Distillation {
  readonly answers: Answers;
}

/** Null where nothing is learned from a teacher. */
export const teachingOf = perRun(async (run): Promise<Teaching | null> => {
  const distillation = distillationOf(run.options.distill, (await readRunOf(run)).task);
  return distillation && { ...distillation, answers: await teacherStage.of(run) };
});

/** The answers of the teacher, asked once: a run that is resumed has them. */
export const teacherStage = defineStage<Answers>({
  name: 'teacher',
  phase: null,
  fields: ['train', 'validation', 'test'],
  async compute(run) {
    const { before } = await baselineStage.of(run);
    if (run.teacher !== null) return ask(run, run.teacher, before);
    const { signature, data } = await readRunOf(run);
    const { session } = await deviceOf(run);
    return { ...before, train: await predict(readSource(run.model, signature), signature, data.train, session) };
  },
});

async function ask(run: Run, teacher: LoadedSubject, before: JudgedPredictions): Promise<Answers> {
  const { task } = await readRunOf(run);
  const { read, data } = await readTeacher(run, teacher);
  const session = soundSession((await run.device()).session, read.reading.runtime);
  const { path } = teacher.model;
  refuseOther(path, read.task, task);
  refuseOtherShape(path, read.predictions, before.validation);
  await refuseOtherOrder(run, teacher);
  refuseSuspect(path, read);
  const source = readSource(teacher.model, read.signature);
  const rest = await withPredictor(source, read.signature, session, async (predictOn) => ({
    train: await predictOn(data.train),
    test: await predictOn(data.test),
  }));
  const own = (predictions: Predictions): Predictions => ({
    ...predictions,
    values: answersAs(task, predictions.values, read.task.scores),
  });
  const answers = { train: own(rest.train), validation: own(read.predictions), test: own(rest.test) };
  const alone = distillationOf(run.options.distill, task)?.weight === 1;
  if (alone && isSame(answers.validation, before.validation)) refuseOwnTeacher(path, run.options.training);
  await warnOfWeak(run, path, answers, before);
  return answers;
}

/**
 * Reads a teacher on the run's own samples, prepared for it: as the configuration beside it says, else with the scale, mean and
 * standard deviation that were given for the model.
 * @throws Failure('input') where data and teacher do not fit together
 */
async function readTeacher(
  { data, options, device }: Run,
  teacher: LoadedSubject,
): Promise<{ read: ModelReading; data: Pick<RunData, 'train' | 'validation' | 'test'> }> {
  const own = { ...options, data: await teacherData(teacher, options.data) };
  try {
    const fed = await refeed(data, teacher, own.data);
    const read = await readSubject({
      ...teacher,
      part: fed.validation,
      labelled: fed.train,
      classes: data.classes,
      // the teacher's outputs have names of their own
      target: null,
      options: { ...own, reading: { ...options.reading, outputs: [], inputs: [] } },
      session: (await device()).session,
    });
    return { read, data: fed };
  } catch (cause) {
    if (!(cause instanceof Failure) || cause.kind !== 'input') throw cause;
    throw new Failure('input', unfit(`${teacher.model.path}: this model cannot teach with these data. ${cause.what}`), {
      cause,
    });
  }
}

async function teacherData({ model }: LoadedSubject, data: DataOptions): Promise<DataOptions> {
  if ((await findPreprocessorConfig(model.path)) !== null)
    return { ...data, preprocessing: {}, preprocessorConfig: null };
  // size and layout are those of the model's own input
  const { resize: _resize, layout: _layout, ...preprocessing } = data.preprocessing;
  return { ...data, preprocessing };
}

function unfit(what: string) {
  return {
    what,
    cure: 'Name a teacher that answers the question that the model answers, in the same classes.',
    settings: ['teacher'],
    written: 'model-untouched',
  } as const;
}

/** @throws Failure('input') for a teacher of another width, or whose outputs mean something else */
function refuseOther(path: string, teacher: RunTask, task: RunTask): void {
  if (teacher.width !== task.width) {
    const what = `${path}: this teacher gives ${teacher.width} outputs per sample, the model ${task.width}.`;
    throw new Failure('input', unfit(what));
  }
  if (teacher.loss === task.loss) return;
  throw new Failure('input', {
    what: `${path}: by its output this teacher is one for the loss ${teacher.loss}, the model for ${task.loss}.`,
    cure: 'Name a teacher whose outputs mean the same, or the loss that both are read for.',
    settings: ['teacher', 'loss'],
    written: 'model-untouched',
  });
}

/** @throws Failure('input') for a teacher whose numbers lie otherwise than the model's: channels last for channels first, say */
function refuseOtherShape(path: string, teacher: Predictions, model: Predictions): void {
  const [own, others] = [teacher, model].map(({ shape }) => shape.filter((dim) => dim !== 1).join(', '));
  if (own === others) return;
  const what = `${path}: this teacher gives [${teacher.shape.join(', ')}] for a sample, the model [${model.shape.join(', ')}].`;
  throw new Failure('input', unfit(what));
}

/** @throws Failure('input') where the teacher's files name the model's classes in another order */
async function refuseOtherOrder({ data: { classes } }: Run, { model }: LoadedSubject): Promise<void> {
  const known = await findClassNames(model, null);
  if (classes === null || known === null) return;
  const { names, origin } = known;
  const own = classes.names;
  const others = own.filter((name) => !names.includes(name));
  if (others.length > 0 || own.every((name, i) => names[i] === name)) return;
  const at = own.findIndex((name, i) => names[i] !== name);
  const what = `${model.path}: this teacher has the model's classes in another order: its class ${at} is '${names[at]}' (${origin}), the model's '${own[at]}'.`;
  throw new Failure('input', unfit(what));
}

/** @throws Failure('input') for a teacher that is badly fed, or whose outputs are badly read, unless it is trusted */
function refuseSuspect(path: string, { reading: { sanity, trusted } }: ModelReading): void {
  if (sanity === null || sanity.status === 'fine' || trusted) return;
  throw new Failure('input', {
    what: `${path}, the teacher: ${sanity.sentence}`,
    cure: 'Lay the preprocessor_config.json that it was trained with beside it, or name another; or trust the reading as it is.',
    settings: ['teacher', 'trustReading'],
    written: 'model-untouched',
  });
}

/** Whether two models say the same, but for rounding. */
function isSame(a: Predictions, b: Predictions): boolean {
  const scale = b.values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  return maxAbsDifference(a.values, b.values) <= 1e-5 * scale;
}

/** Warns of a teacher that is established worse than the model, by the labels of the validation split. */
async function warnOfWeak(
  run: Run,
  path: string,
  answers: JudgedPredictions,
  before: JudgedPredictions,
): Promise<void> {
  const { task, data } = await readRunOf(run);
  const { samples, split } = data.validation;
  const { targets } = samples;
  // what a metric of the user's says of the model, it does not say of a teacher with outputs of other names
  if (targets.kind === 'none' || (task.own ?? []).some(({ name }) => name === task.metric)) return;
  const truth = truthOf(task, targets, split.indices, new Float32Array());
  const [model, teacher] = [scoresOf(task, before.validation), scoresOf(task, answers.validation)];
  const delta = pairedDelta(task.metric, model, teacher, truth, { seed: run.options.seed });
  const { ci95, higherIsBetter, baseline, candidate, metric } = delta;
  if (ci95 === null || baseline === null || candidate === null) return;
  if (higherIsBetter ? ci95[1] >= 0 : ci95[0] <= 0) return;
  run.hooks.warn(
    `${path}: the teacher does worse than the model that it teaches: on the validation split its ${metric} is ` +
      `${shown(candidate)}, the model's ${shown(baseline)}.`,
  );
}

const shown = (value: number): string => `${Number(value.toPrecision(4))}`;
