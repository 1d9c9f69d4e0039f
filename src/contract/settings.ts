/**
 * The settings of a run, as plain JSON-serialisable values. What a command line, a configuration file or a library caller may
 * say is named here, once; every other folder imports these types and adds none of its own.
 */

/** The execution provider a graph is built for and run on, by ONNX Runtime's names. */
const providers = ['cpu', 'webgpu', 'cuda', 'dml', 'coreml'] as const;
export type Provider = (typeof providers)[number];

/** What a user asks for; `auto` is the provider that computes best here. */
export const deviceNames = ['auto', ...providers] as const;
export type DeviceName = (typeof deviceNames)[number];

/** How FReLU stands in the written file; docs/architecture.md has the table of when each is exact. */
const forms = ['folded', 'fused', 'explicit'] as const;
export type Form = (typeof forms)[number];

/** What a user asks for; `auto` is the first form that is exact at the site. */
export const formNames = ['auto', ...forms] as const;

export const paddings = ['zero', 'floor'] as const;
export type Padding = (typeof paddings)[number];

export const granularities = ['layer', 'channel'] as const;
export type Granularity = (typeof granularities)[number];

export interface PlanOptions {
  readonly form: (typeof formNames)[number];
  readonly padding: Padding;
  readonly granularity: Granularity;
  /** globs over site ids; a site is migrated when it matches `include` (or there is none) and no `exclude` */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

export const defaultPlanOptions: PlanOptions = {
  form: 'auto',
  padding: 'zero',
  granularity: 'layer',
  include: [],
  exclude: [],
};

/**
 * What is minimised. `cross-entropy`: classes exclude each other, targets are probabilities that sum to 1 over the class
 * axis. `binary-cross-entropy`: each output is a label of its own, targets in [0, 1]. `mse`: targets are the outputs wanted.
 */
export const losses = ['cross-entropy', 'binary-cross-entropy', 'mse'] as const;
export type LossKind = (typeof losses)[number];

/**
 * What the model does. `anomaly`: it gives its input again, and worse where the sample is none like those it was trained on. `distill`: the
 * data needs no labels, a teacher's outputs alone are the targets.
 */
export const tasks = ['classification', 'multilabel', 'regression', 'segmentation', 'anomaly', 'distill'] as const;

export type NamedTask = (typeof tasks)[number];

/** `own`: nobody said what the model does, only by which loss of the user's it is trained. */
export type Task = NamedTask | 'own';

/** A graph of the user's that computes the loss of a batch. */
export interface OwnLossFile {
  readonly file: string;
}

/** A graph of the user's that computes a number for each sample, and which way is better; null: the file says it. */
export interface OwnMetricFile {
  readonly file: string;
  readonly direction: 'higher' | 'lower' | null;
}

export type OptimizerSettings =
  | {
      readonly kind: 'sgd';
      readonly momentum: number;
      readonly nesterov: boolean;
      readonly weightDecay: number;
    }
  | {
      readonly kind: 'adamw';
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      readonly weightDecay: number;
    };

export const optimizers = ['sgd', 'adamw'] as const satisfies readonly OptimizerSettings['kind'][];

/** What training may change: everything; biases, shifts and offsets; shifts and offsets alone; the last layer with them. */
export const trainScopes = ['all', 'biases', 'offsets', 'head'] as const;
export type TrainScope = (typeof trainScopes)[number];

/** A part of the training with a scope of its own. */
export interface TrainingStage {
  readonly scope: TrainScope;
  /** null: as many as the run has */
  readonly epochs: number | null;
}

/**
 * What training leaves as its result instead of its last parameters: `ema`, their exponential average over all steps, of which a step keeps
 * `decay`; `swa`, the mean over the ends of the epochs of the second half, which has a constant rate.
 */
export type WeightAverage = { readonly kind: 'ema'; readonly decay: number } | { readonly kind: 'swa' };

/** Parameters with a rate and a weight decay of their own: shifts and offsets; biases; the last layer. */
export const scaledParameters = ['offsets', 'biases', 'head'] as const;

/** What the rate, or the weight decay, is multiplied by for some parameters. */
export type ParameterScales = Readonly<Record<(typeof scaledParameters)[number], number>>;

export const unscaled: ParameterScales = { offsets: 1, biases: 1, head: 1 };

/** Normalization in training: keep the running statistics; train with the batch's and update them; keep them, then estimate them anew. */
export const batchNormModes = ['frozen', 'batch', 'recalibrate'] as const;
export type BatchNormMode = (typeof batchNormModes)[number];

/**
 * How pictures are varied in training: mirrored left to right; cut out anew after a border is put around them; a rectangle of
 * them blanked.
 */
export const augmentations = ['flip', 'crop', 'erase'] as const;
export type Augmentation = (typeof augmentations)[number];

export const schedules = ['cosine', 'step', 'constant'] as const;
export type Schedule = (typeof schedules)[number];

/** Of the colours in a model's input. OpenCV and Caffe, and the networks of Keras that came from there, have blue first. */
export const channelOrders = ['RGB', 'BGR'] as const;
export type ChannelOrder = (typeof channelOrders)[number];

/** An output that is trained and judged. */
export interface NamedOutput {
  readonly name: string;
  /** the part of the data that is its target; null: told by the output */
  readonly key: string | null;
  /** what its loss counts beside those of the others (1) */
  readonly weight?: number;
  /** of one that is trained beside the first: a file that names its classes in the order of its columns; left out: told by the data */
  readonly classes?: string;
}

/** How a model and data are brought together where that is not told by themselves, or told wrongly. */
export interface ReadingOptions {
  /** a file that names the classes in the order of the model's outputs; null: told by the model and the data */
  readonly classes: string | null;
  /** which part of the data each named input of the model reads */
  readonly inputs: readonly { readonly name: string; readonly key: string }[];
  /** the outputs that are trained and judged, with the part of the data that is their target; null: told by the output */
  readonly outputs: readonly NamedOutput[];
  /** go on although the reading warns */
  readonly trustReading: boolean;
}

/** What a model learns from its teacher, and whether it does: with a teacher, or with the task 'distill'. */
export interface DistillOptions {
  /** the file of the teacher, or `ownTeacher`; null: none, or with the task 'distill' the original model */
  readonly teacher: string | null;
  /** the share of the loss against the teacher, from 0 to 1, the rest is against the labels; null: half, or all with the task 'distill' */
  readonly distillWeight: number | null;
  /** what the logits of both are divided by before they are compared; null: 4, or 1 with the task 'distill' and where there are no logits */
  readonly temperature: number | null;
}

export const defaultDistillOptions: DistillOptions = { teacher: null, distillWeight: null, temperature: null };

/** In place of a teacher's file: the model as it came, which then keeps what it learns beside labels near what it said before. */
const ownTeacher = 'self';

/** The file of a teacher that is another model; null where there is none. */
export function teacherFile({ teacher }: Pick<DistillOptions, 'teacher'>): string | null {
  return teacher === ownTeacher ? null : teacher;
}

/** The languages of the report. */
export const languages = ['en', 'ja'] as const;
export type Language = (typeof languages)[number];

/**
 * The name of every setting that a message may speak of. The library says a setting by this name; the command line maps each to
 * its option (`cli/flags.ts`), so that no message below it knows an option.
 */
export type SettingName =
  | 'accept'
  | 'augment'
  | 'average'
  | 'batchNorm'
  | 'batchSize'
  | 'budget'
  | 'channelOrder'
  | 'classes'
  | 'clipNorm'
  | 'config'
  | 'control'
  | 'data'
  | 'device'
  | 'distillWeight'
  | 'dropout'
  | 'dryRun'
  | 'epochs'
  | 'exclude'
  | 'form'
  | 'fromScratch'
  | 'include'
  | 'init'
  | 'input'
  | 'keep'
  | 'labelSmoothing'
  | 'layout'
  | 'learningRate'
  | 'learningRateScale'
  | 'looks'
  | 'loss'
  | 'maxOffset'
  | 'mean'
  | 'metric'
  | 'minEffect'
  | 'mixup'
  | 'model'
  | 'offsetLearningRate'
  | 'optimizer'
  | 'out'
  | 'output'
  | 'outputWeight'
  | 'overwrite'
  | 'padding'
  | 'preprocess'
  | 'queue'
  | 'repairKeras3'
  | 'reportFormat'
  | 'resize'
  | 'resume'
  | 'retry'
  | 'revertHarmful'
  | 'runDir'
  | 'scale'
  | 'search'
  | 'seeds'
  | 'shard'
  | 'slice'
  | 'sliceFile'
  | 'stages'
  | 'std'
  | 'target'
  | 'task'
  | 'teacher'
  | 'temperature'
  | 'test'
  | 'testFraction'
  | 'train'
  | 'trustReading'
  | 'validationFraction'
  | 'version'
  | 'volume'
  | 'yes';

/** A setting that cures a failure, with the value that does where one does: `['device', 'cpu']`. */
export type SettingHint = SettingName | readonly [name: SettingName, value: string];
