import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import type { Environment, MigrateResult, RunSettings } from '../../contract/result.js';
import { type ParameterScales, scaledParameters, type WeightAverage } from '../../contract/settings.js';
import { type Measured, measureAll } from '../../judge/judges.js';
import type { Subject } from '../../judge/subject.js';
import { describeModel, describePlan } from '../../model/describe.js';
import { diagramOf } from '../../model/diagram.js';
import { preprocessingSentence } from '../../reading/data.js';
import { lossName } from '../../reading/task.js';
import { packageVersion } from '../../version.js';
import { revertsHarmful } from '../arms.js';
import { artifact } from '../artifact.js';
import { clipNormOf } from '../clip-norm.js';
import { deviceOf } from '../device.js';
import { networksOf } from '../networks.js';
import { describePlace } from '../place.js';
import { checkInterrupt, enter, type Run } from '../run.js';
import { defineStage } from '../runner.js';
import { baselineStage } from './baseline.js';
import { budgetOf } from './budget.js';
import { planStage } from './plan.js';
import { rateStage } from './rate.js';
import { readingStage, readRunOf } from './reading.js';
import { searchOf } from './search.js';
import { stagedArmOf, stageStage } from './stage.js';
import { startOf } from './start.js';
import { teachingOf } from './teacher.js';
import { trainStage } from './train.js';

/** A run's result before anything was written. */
export type Judgement = Omit<MigrateResult, 'written' | 'files' | 'kept' | 'report' | 'rollback'>;

/** Judges the trained models on the test split, and puts together what is known of the run. */
export const judgeStage = defineStage<Judgement>({
  name: 'judge',
  phase: null,
  fields: ['run', 'model', 'arms', 'delta', 'verdict', 'acceptance'],
  async compute(run) {
    await stageStage.of(run);
    const subject = await subjectOf(run);
    const measured = await measureAll(
      subject,
      () => checkInterrupt(run),
      (verdict) => {
        run.hooks.onVerdict(verdict);
        enter(run, 'explain');
      },
    );
    return judgementOf(run, subject, measured);
  },
});

async function judgementOf(run: Run, subject: Subject, measured: Measured): Promise<Judgement> {
  const { place, model } = run;
  return {
    run: describePlace(place),
    model: describeModel(model),
    device: subject.device.description,
    task: subject.task.task,
    settings: await settingsOf(run, subject),
    environment: environment(),
    plan: { model: describeModel(model), ...describePlan(subject.plan) },
    diagram: diagramOf(model.graph, subject.plan),
    parity: (await baselineStage.of(run)).parity,
    start: await startOf(run),
    looks: run.looks,
    budget: await budgetOf(run),
    reading: (await readingStage.of(run)).reading,
    search: await searchOf(run),
    ...measured,
  };
}

async function subjectOf(run: Run): Promise<Subject> {
  const { model, rule, options, hooks, place } = run;
  const { signature, data, task, judged, others } = await readRunOf(run);
  const { plan, verified } = await planStage.of(run);
  const { before } = await baselineStage.of(run);
  const { relu, frelu } = await networksOf(run);
  const part = <Part extends object>(fields: readonly (keyof Part & string)[]) =>
    artifact<Part>('judge', fields.join('-'), fields);
  return {
    model,
    signature,
    plan,
    verified,
    data,
    task,
    judged,
    others,
    weightOf: (output) => run.options.reading.outputs.find(({ name }) => name === output)?.weight ?? 1,
    before,
    teacher: (await teachingOf(run))?.answers ?? null,
    rule,
    minEffect: options.minEffect,
    looks: run.looks,
    device: await deviceOf(run),
    arms: await trainStage.of(run),
    networks: { control: relu, frelu },
    ...(await stagedArmOf(run)),
    seed: options.seed,
    batchSize: options.training.batchSize,
    kept: (fields) => place.store.get(part(fields)),
    async keep(fields, value) {
      await place.store.put(part(fields), value);
      return value;
    },
    warn: (message) => hooks.warn(message),
  };
}

/** What the settings of a run depend on beside what it was told. */
interface Settled extends Pick<Subject, 'task' | 'data'> {
  readonly arms: { readonly frelu: { readonly seed: number } };
}

/** What the run was told, and what it chose where it was told nothing. */
export async function settingsOf(run: Run, { task, arms, data: { train } }: Settled): Promise<RunSettings> {
  const { training, plan, data, task: asked, distill, seed } = run.options;
  const teaching = await teachingOf(run);
  const { optimizer } = training;
  const { learningRate, offsetLearningRate } = await rateStage.of(run);
  const { scale = null, mean = null, std = null, layout = null } = data.preprocessing;
  return {
    seed,
    train: training.scope,
    stages: training.stages.map(({ scope, epochs }) => (epochs === null ? scope : `${scope}:${epochs}`)),
    epochs: training.epochs,
    budgetSeconds: training.budgetSeconds,
    batchSize: training.batchSize,
    patience: training.patience,
    learningRate,
    learningRateFound: training.learningRate === 'auto',
    offsetLearningRate,
    learningRateScales: namedScales(training.rateScales),
    schedule: training.schedule,
    warmup: training.warmup,
    optimizer: optimizer.kind,
    momentum: optimizer.kind === 'sgd' ? optimizer.momentum : null,
    weightDecay: optimizer.weightDecay,
    weightDecayScales: namedScales(training.decayScales),
    clipNorm: clipNormOf(run),
    clipNormFound: training.clipNorm === 'auto',
    average: averageName(training.average),
    dropout: training.dropout,
    labelSmoothing: training.labelSmoothing,
    mixup: training.mixup,
    augment: training.augment,
    batchNorm: training.batchNorm,
    teacher: distill.teacher,
    distillWeight: teaching?.weight ?? 0,
    temperature: teaching?.temperature ?? 1,
    metric: task.metric,
    loss: lossName(task),
    epochKeptBy: asked.metric === null ? 'validation loss' : 'validation metric',
    form: plan.form,
    padding: plan.padding,
    granularity: plan.granularity,
    init: training.initialOffset,
    maxOffset: training.maxOffset,
    include: plan.include,
    exclude: plan.exclude,
    revertHarmful: revertsHarmful(training),
    seeds: training.seeds,
    seedKept: arms.frelu.seed,
    control: training.control,
    validationFraction: data.validationFraction,
    testFraction: data.test === null ? data.testFraction : null,
    preprocessing: preprocessingSentence(train),
    scale,
    mean,
    std,
    layout,
  };
}

/** Those that are not 1, as the settings are given: NAME=FACTOR. */
function namedScales(scales: ParameterScales): readonly string[] {
  return scaledParameters.flatMap((name) => (scales[name] === 1 ? [] : [`${name}=${scales[name]}`]));
}

function averageName(average: WeightAverage | null): string | null {
  return average?.kind === 'ema' ? `${average.kind}:${average.decay}` : (average?.kind ?? null);
}

export function environment(): Environment {
  const processors = cpus();
  return {
    version: packageVersion,
    node: process.version,
    onnxruntime: versionOf('onnxruntime-node'),
    platform: `${process.platform} ${process.arch}`,
    cpu: processors[0]?.model.trim() ?? null,
    threads: processors.length,
  };
}

function versionOf(name: string): string {
  const description: unknown = createRequire(import.meta.url)(`${name}/package.json`);
  const known = typeof description === 'object' && description !== null && 'version' in description;
  return known && typeof description.version === 'string' ? description.version : 'unknown';
}
