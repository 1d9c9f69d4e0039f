import {
  type Augmentation,
  type BatchNormMode,
  type DeviceName,
  type DistillOptions,
  defaultDistillOptions,
  defaultPlanOptions,
  type Language,
  type OptimizerSettings,
  type ParameterScales,
  type PlanOptions,
  type Schedule,
  type TrainingStage,
  type TrainScope,
  unscaled,
  type WeightAverage,
} from '../contract/settings.js';
import { type DataOptions, defaultReadingOptions, type ReadingOptions, type TaskOptions } from '../reading/options.js';
import { settleTask } from './output-tasks.js';

/** How the arms are trained; the device is not part of what is computed, only of where. */
export interface TrainingSettings {
  readonly scope: TrainScope;
  /** one after the other, each with a schedule of its own; none: one, of `scope` */
  readonly stages: readonly TrainingStage[];
  /** at most; of each stage that does not say another number */
  readonly epochs: number;
  /** the recipe that a search within a budget has chosen is trained for as long as that lasts: no number of epochs was said */
  readonly openEnded: boolean;
  /** wall time of the whole run, of which every arm with every seed has as many steps; null for none */
  readonly budgetSeconds: number | null;
  readonly batchSize: number;
  readonly patience: number;
  readonly learningRate: number | 'auto';
  /** null: the learning rate itself, as in the paper (multiplier 1) */
  readonly offsetLearningRate: number | null;
  /** of the learning rate, where `offsetLearningRate` does not say the offsets' */
  readonly rateScales: ParameterScales;
  readonly schedule: Schedule;
  /** over which the rate rises linearly at first: a share of a stage's training below 1, else steps */
  readonly warmup: number;
  readonly optimizer: OptimizerSettings;
  /** of the weight decay */
  readonly decayScales: ParameterScales;
  /** null: none; 'auto': 1 where the network is recurrent, else none */
  readonly clipNorm: number | 'auto' | null;
  /** what is kept; null: the last parameters */
  readonly average: WeightAverage | null;
  /** the share of what the last layer reads that a step leaves out */
  readonly dropout: number;
  readonly labelSmoothing: number;
  /** alpha of the Beta distribution that samples are mixed in pairs by; null: they are not */
  readonly mixup: number | null;
  /** how pictures are varied, each anew in every epoch; none: as they are */
  readonly augment: readonly Augmentation[];
  readonly batchNorm: BatchNormMode;
  /** the offset that training starts from */
  readonly initialOffset: number;
  /** what no step leaves an offset above; null: nothing */
  readonly maxOffset: number | null;
  readonly seeds: number;
  /** a recipe is looked for on validation data, in both arms alike; of what follows these settings are where it begins */
  readonly search: boolean;
  /** what training made of single sites is taken back where that is established to harm on validation data; a search does so anyway */
  readonly revertHarmful: boolean;
  readonly control: boolean;
}

export interface TrainingOptions extends TrainingSettings {
  readonly device: DeviceName;
}

/** What a run is: plain JSON, complete, the same wherever and however it was asked for. */
export interface RunSpec {
  readonly data: DataOptions;
  readonly task: TaskOptions;
  readonly reading: ReadingOptions;
  readonly plan: PlanOptions;
  readonly training: TrainingSettings;
  readonly distill: DistillOptions;
  readonly accept: string;
  /** the smallest improvement that the rule 'established' takes, as `parseMinEffect` takes it; null: the metric's default */
  readonly minEffect: string | null;
  /** how many runs are to be judged on this test split: each takes its share of the 5 % by which chance may establish something */
  readonly looks: number;
  /** of splits, order and initial state; the seeds of the arms count from here */
  readonly seed: number;
  /** the model's architecture is trained from fresh weights, which is another run; left out: the model is */
  readonly fromScratch?: true;
}

/** A run, and what is not part of it: where it computes, what it writes, in which languages it reports. */
export interface MigrateOptions extends RunSpec {
  readonly model: string;
  readonly training: TrainingOptions;
  /** null: in place */
  readonly out: string | null;
  /** the model is not written; the run's folder is */
  readonly dryRun: boolean;
  readonly runDir: string | null;
  readonly resume: boolean;
  /** the control arm's model is written too, into the run's folder */
  readonly keepControl: boolean;
  readonly languages: readonly Language[];
  /** how this program is called here: the rollback command begins with it */
  readonly command: string;
}

/** What a caller must say (a model, data), and what they may. */
export type MigrateRequest = Pick<MigrateOptions, 'model'> &
  Partial<Omit<MigrateOptions, 'model' | 'data' | 'task' | 'reading' | 'plan' | 'training' | 'distill'>> & {
    readonly data: DataRequest;
    readonly task?: Partial<TaskOptions>;
    readonly reading?: Partial<ReadingOptions>;
    readonly plan?: Partial<PlanOptions>;
    readonly training?: Partial<TrainingOptions>;
    readonly distill?: Partial<DistillOptions>;
  };

export const defaultDataOptions: Omit<DataOptions, 'data'> = {
  test: null,
  validationFraction: 0.1,
  testFraction: 0.2,
  target: null,
  preprocessing: {},
  preprocessorConfig: null,
};

export const defaultTaskOptions: TaskOptions = { task: null, loss: null, metric: null };

/** An optimizer with its usual hyper-parameters: Nesterov SGD, AdamW as its authors set it. */
export const defaultOptimizers = {
  sgd: { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 1e-4 },
  adamw: { kind: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
} as const satisfies { readonly [Kind in OptimizerSettings['kind']]: OptimizerSettings & { kind: Kind } };

export const defaultTraining: TrainingOptions = {
  device: 'auto',
  scope: 'all',
  stages: [],
  epochs: 5,
  openEnded: false,
  budgetSeconds: null,
  batchSize: 64,
  patience: 2,
  learningRate: 'auto',
  offsetLearningRate: null,
  rateScales: unscaled,
  schedule: 'cosine',
  warmup: 0,
  optimizer: defaultOptimizers.sgd,
  decayScales: unscaled,
  clipNorm: 'auto',
  average: null,
  dropout: 0,
  labelSmoothing: 0,
  mixup: null,
  augment: [],
  batchNorm: 'frozen',
  initialOffset: 0,
  maxOffset: null,
  seeds: 1,
  search: false,
  revertHarmful: false,
  control: true,
};

export const defaultAcceptance = 'established';

export type DataRequest = string | (Pick<DataOptions, 'data'> & Partial<DataOptions>);

export function completeData(data: DataRequest): DataOptions {
  return { ...defaultDataOptions, ...(typeof data === 'string' ? { data } : data) };
}

export function completeTask(task: Partial<TaskOptions> | undefined): TaskOptions {
  return { ...defaultTaskOptions, ...task };
}

export function completeReading(reading: Partial<ReadingOptions> | undefined): ReadingOptions {
  return { ...defaultReadingOptions, ...reading };
}

/** Fills in every default. */
export function completeOptions({
  data,
  task,
  reading,
  plan,
  training,
  distill,
  ...rest
}: MigrateRequest): MigrateOptions {
  return {
    accept: defaultAcceptance,
    minEffect: null,
    looks: 1,
    seed: 0,
    out: null,
    dryRun: false,
    runDir: null,
    resume: false,
    keepControl: false,
    languages: ['en'],
    command: 'frelu-migrate',
    ...rest,
    data: completeData(data),
    task: settleTask(completeTask(task), completeReading(reading)),
    reading: completeReading(reading),
    plan: { ...defaultPlanOptions, ...plan },
    training: { ...defaultTraining, ...training },
    distill: { ...defaultDistillOptions, ...distill },
  };
}

export function specOf({
  data,
  task,
  reading,
  plan,
  training,
  distill,
  accept,
  minEffect,
  looks,
  seed,
  fromScratch,
}: MigrateOptions): RunSpec {
  // a run whose device fails goes on on another
  const { device: _, ...settings } = training;
  const spec = { data, task, reading, plan, training: settings, distill, accept, minEffect, looks, seed };
  return fromScratch === undefined ? spec : { ...spec, fromScratch };
}
