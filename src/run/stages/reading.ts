import type { JudgedOutput } from '../../autodiff/lower/expose-loss.js';
import { Failure } from '../../contract/failure.js';
import type { SanityReading } from '../../contract/reading.js';
import type { SettingHint } from '../../contract/settings.js';
import { namedMetrics } from '../../evaluation/acceptance.js';
import { sliceName } from '../../evaluation/guards.js';
import type { AcceptanceRule } from '../../evaluation/rule.js';
import type { OtherOutput } from '../../judge/subject.js';
import { requireBoth } from '../../reading/anomaly-labels.js';
import { measuring, type RunData, retarget, targetsOf } from '../../reading/data.js';
import { measuresFor, readSubject } from '../../reading/read.js';
import type { ModelReading } from '../../reading/reading.js';
import { targetsFor } from '../../reading/targets.js';
import { metricsOfTask, type RunTask } from '../../reading/task.js';
import type { Signature } from '../../runtime/predictor.js';
import { trainabilityOf } from '../../training/canonical.js';
import { distillationOf, refuseMeaningless, refuseOwnTeacher, refuseTeacher } from '../distillation.js';
import { perRun } from '../run.js';
import { defineStage } from '../runner.js';
import type { MigrateOptions } from '../spec.js';
import { refuseVariation } from '../variation.js';

/**
 * How the model is read: looked at on the validation split, held against labelled samples of the training split.
 * @throws Failure('input') where it is not certain, or a usual alternative is far better, unless the reading is trusted
 */
export const readingStage = defineStage<ModelReading>({
  name: 'reading',
  phase: 'baseline',
  fields: ['output', 'task', 'kind', 'map', 'reading', 'predictions', 'others'],
  async compute(run) {
    const { model, signature, data, options, hooks, own } = run;
    if (options.task.task === 'anomaly') requireBoth(data.test);
    const { session } = await run.device();
    const found = await readSubject({
      model,
      own,
      signature,
      part: data.validation,
      labelled: data.train,
      classes: data.classes,
      target: data.target,
      options,
      session,
    });
    const judged = [found.output, ...found.others.map(({ output }) => output)];
    const { left } = trainabilityOf(model.path, model.graph, own?.loss ? [...own.loss.reads.values()] : judged);
    const read = { ...found, reading: { ...found.reading, untrained: left } };
    hooks.onReading(read.reading);
    const { targets, path } = data.train.samples;
    const metrics = metricsOfTask(read.task, targetsFor({ task: read.kind, map: read.map }, targets, path));
    refuseRule(run.rule, read.task, {
      metrics,
      classes: classesOf(read, data)?.names ?? null,
      slices: data.slices.map(sliceName),
    });
    refuseMeaningless(read.task, options.distill);
    const fed = { inputs: data.train.inputs, outputs: 1 + read.others.length, path: model.path };
    refuseVariation(options.training, read.task, fed, signature);
    if (read.map !== null) refuseTeacher(options.distill);
    const isAlone = distillationOf(options.distill, read.task)?.weight === 1;
    if (isAlone && run.teacher === null) refuseOwnTeacher(model.path, options.training);
    const { sanity, outputs, trusted } = read.reading;
    refuseSuspect(model.path, sanity, trusted, options);
    for (const { name, sanity: own = null } of outputs) {
      refuseSuspect(`${model.path}, output '${name}'`, own, trusted, options);
    }
    return read;
  },
});

/** What a rule may name. */
interface Named {
  readonly metrics: readonly string[];
  /** null: there are none */
  readonly classes: readonly string[] | null;
  readonly slices: readonly string[];
}

/** @throws Failure('usage') for a rule about a metric or a class that there is not, which nothing could ever meet */
function refuseRule(rule: AcceptanceRule, { task }: RunTask, { metrics, classes, slices }: Named): void {
  const refuse = (what: string, there: readonly string[]): Failure =>
    new Failure('usage', {
      what: `The acceptance rule "${rule.text}" is about ${what}, which this task (${task}) has not.`,
      cure: there.length === 0 ? 'Leave it out.' : `Name one of ${there.slice(0, 20).join(', ')}.`,
      settings: ['accept'],
      written: 'nothing',
    });
  const metric = namedMetrics(rule).find((name) => !metrics.includes(name));
  if (metric !== undefined) throw refuse(metric, metrics);
  for (const clause of rule.clauses) {
    if (clause.kind === 'slice') {
      const isThere = clause.name === null ? slices.length > 0 : slices.includes(clause.name);
      if (!isThere) throw refuse(clause.name === null ? 'slices' : `the slice ${clause.name}`, slices);
    }
    if (clause.kind !== 'class') continue;
    if (task === 'segmentation') throw refuse('the recall of classes of samples', metrics);
    const isThere = clause.name === null ? classes !== null : classes?.includes(clause.name);
    if (isThere !== true) throw refuse(clause.name === null ? 'classes' : `the class ${clause.name}`, classes ?? []);
  }
}

/**
 * @throws Failure('input') for a reading under which the model does badly, unless it is trusted. Where weights are drawn anew, the model may
 * be an untrained one, which guesses, and which output stands for which class is learned anew; how samples are prepared still matters
 */
function refuseSuspect(
  path: string,
  sanity: SanityReading | null,
  trusted: boolean,
  { fromScratch }: Pick<MigrateOptions, 'fromScratch'>,
): void {
  if (sanity === null || sanity.status === 'fine' || trusted) return;
  const { better, alternatives, sentence } = sanity;
  if (fromScratch && (better === null || isOrderOfClasses(better.settings))) return;
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

/** Whether a reading differs in nothing but which output is which class. */
function isOrderOfClasses(settings: readonly SettingHint[]): boolean {
  return settings.every((hint) => (typeof hint === 'string' ? hint : hint[0]) === 'classes');
}

/** Whether the settings say all: the order of classes stands in a file that is still to be written, of one output in NAME=FILE. */
function isComplete(settings: readonly SettingHint[]): boolean {
  return settings.length > 0 && settings.every((hint) => typeof hint !== 'string' && !/=[A-Z]+$/.test(hint[1]));
}

/** A list of classes that lies beside a model is none of what its values are. */
function classesOf({ kind }: Pick<ModelReading, 'kind'>, { classes }: Pick<RunData, 'classes'>): RunData['classes'] {
  return kind === 'regression' || kind === 'multilabel' ? null : classes;
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
  const measured = measuring(
    retarget(run.data, (targets, path) => targetsFor({ task: kind, map }, targets, path)),
    measuresFor(task, run.own),
  );
  // how many classes masks have is known with the maps
  const data = { ...measured, classes: map === null ? classesOf({ kind }, measured) : reading.classes };
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
