import type { MetricName } from './metrics.js';
import type { ModelDescription, PlanDescription } from './model.js';
import type { Reading } from './reading.js';
import type {
  Augmentation,
  BatchNormMode,
  Form,
  Granularity,
  LossKind,
  OptimizerSettings,
  Padding,
  Schedule,
  Task,
  TrainScope,
} from './settings.js';

export type { MetricName } from './metrics.js';
export type { Task } from './settings.js';

/**
 * The data contract between a run, its JSON and its report. Everything here is plain, readonly and survives
 * `JSON.parse(JSON.stringify(result))` unchanged: no typed arrays, no NaN, no undefined.
 * `null` stands where a thing was not measured or has no value; the report then says so.
 */

export interface MetricValue {
  /** null where the metric has no value: no samples, NaN outputs, AUROC of one class, R2 of a constant target */
  readonly value: number | null;
  readonly higherIsBetter: boolean;
}

/** The metrics that exist for the task, and the user's own; a name that is absent does not apply to it. */
export type Metrics = Readonly<Record<string, MetricValue>>;

export type PlannedSiteDescription = PlanDescription['sites'][number];

export interface InspectResult {
  readonly model: ModelDescription;
  readonly sites: readonly PlannedSiteDescription[];
  readonly summary: { readonly relu: number; readonly migrate: number; readonly skip: number };
}

export interface DeviceDescription {
  readonly requested: string;
  readonly used: string;
  readonly adapter: string | null;
}

export interface SplitDescription {
  readonly path: string;
  /** which part of `path` the samples were read from, where it holds several; a split may be some of it */
  readonly part: 'train' | 'validation' | 'test' | null;
  readonly format: string;
  readonly count: number;
  /** the number of classes; null for regression and unlabelled data */
  readonly classes: number | null;
  /** over the samples and targets of the split in their order; null where it was not computed */
  readonly sha256: string | null;
}

/** Samples whose stored values are identical, byte for byte. */
export interface DuplicateCounts {
  readonly withinTest: number;
  /** samples of the test split that are also in training or validation: they flatter the trained arms, which saw them */
  readonly testInTraining: number;
}

export interface CurvePoint {
  readonly epoch: number;
  readonly step: number;
  /** training samples seen so far */
  readonly samples: number;
  /** null where none was taken, as at epoch 0, before any training */
  readonly trainLoss: number | null;
  readonly validationLoss: number | null;
  /** the run's metric on the validation split */
  readonly validationMetric: number | null;
}

/** An arm that diverged in `epoch`, at `step` of its training, began the epoch again at `learningRate`. */
export interface RetreatResult {
  readonly epoch: number;
  readonly step: number;
  readonly learningRate: number;
}

/** How much training came before an arm's validation loss first was as low as that of another. */
export interface ReachedLoss {
  /** training samples; between two validations, on the straight line that joins them */
  readonly samples: number;
  /** the same, a fraction between two validations */
  readonly epochs: number;
}

/** How soon both trained arms of a seed came down to the validation loss that the control arm ended with. */
export interface Convergence {
  readonly seed: number;
  /** of the epoch that the control arm kept; null where that is the model as it came, to which nothing leads */
  readonly validationLoss: number | null;
  readonly control: ReachedLoss | null;
  /** null: never */
  readonly frelu: ReachedLoss | null;
  /** the samples that FReLU needed / those that the control arm needed; null where one of them has none */
  readonly ratio: number | null;
}

/** One of several outputs that were trained together, on the test split. */
export interface OutputResult {
  readonly name: string;
  readonly task: Task;
  /** what it was trained by; left out by earlier versions */
  readonly loss?: string;
  /** what that counted beside the others; left out by earlier versions */
  readonly weight?: number;
  readonly before: Metrics;
  readonly control: Metrics | null;
  readonly frelu: Metrics;
  readonly delta: { readonly vsBefore: Delta; readonly vsControl: Delta | null };
}

export interface ArmResult {
  readonly test: Metrics;
  readonly validation: Metrics;
  /** epochs trained; 0 for `before` */
  readonly epochs: number;
  /** which of several seeds validated best and is judged here; null for `before` */
  readonly seed: number | null;
  /** the epoch whose state was kept, 0 where none was better than the model as it came; null for `before` */
  readonly bestEpoch: number | null;
  /** of training */
  readonly seconds: number;
  /** of training; null for `before` */
  readonly samplesPerSecond: number | null;
  /** where the arm diverged and began its epoch again at a lower rate */
  readonly retreats: readonly RetreatResult[];
  /** one point per validation, epoch 0 first; empty for `before` */
  readonly curve: readonly CurvePoint[];
  /** what each site brings on validation data; null where nobody looked, and for `before` */
  readonly ablation: readonly AblationResult[] | null;
}

/**
 * What training made of a site, or of some that were looked at together, and how the arm validates without: in the frelu arm with a = b = 0 there, in
 * the control arm with the biases that the site acts through as they came.
 */
export interface AblationResult {
  readonly sites: readonly {
    readonly id: string;
    /** as they were learned; null for a shift that the site has not, and for the control arm */
    readonly shift: SiteResult['shift'];
    readonly offset: SiteResult['offset'] | null;
  }[];
  readonly kept: AblatedValidation;
  readonly without: AblatedValidation;
  /** that it is better without by chance alone, adjusted (Holm) over all that were looked at; null: it is not better */
  readonly pValue: number | null;
  /** whether that is established, and was taken back */
  readonly reverted: boolean;
}

export interface AblatedValidation {
  readonly validationLoss: number | null;
  readonly validationMetric: number | null;
}

export type Interval = readonly [low: number, high: number];

/** The paired comparison of two models on the same samples: `candidate` minus `baseline`. */
export interface Delta {
  readonly metric: MetricName;
  readonly higherIsBetter: boolean;
  readonly baseline: number | null;
  readonly candidate: number | null;
  /** candidate - baseline, in the metric's own unit: negative is an improvement where lower is better */
  readonly value: number | null;
  readonly ci95: Interval | null;
  readonly pValue: number | null;
  /** `bootstrap-seeds`: the values are means over seeds, and seeds and samples are resampled; all others hold the chance of the samples alone */
  readonly test: 'mcnemar-exact' | 'bootstrap-bca' | 'bootstrap-seeds';
  readonly interval: 'newcombe-paired' | 'bootstrap-bca' | 'bootstrap-seeds';
  /** samples wrong under the baseline and right under the candidate; null where samples are not right or wrong, and over several seeds */
  readonly fixed: number | null;
  readonly broken: number | null;
  /** paired samples */
  readonly count: number;
}

export interface ClassDelta {
  readonly index: number;
  readonly name: string;
  /** test samples of this class; of a segmentation, those that show it, as truth or as an answer */
  readonly count: number;
  /**
   * recall: the share of this class's samples that are right; of a segmentation the intersection over union of its pixels over all
   * samples; null without samples
   */
  readonly before: number | null;
  readonly control: number | null;
  readonly frelu: number | null;
  /** frelu - before */
  readonly delta: number | null;
  /** null where samples are not right or wrong */
  readonly fixed: number | null;
  readonly broken: number | null;
  /** exact McNemar, frelu against before; of a segmentation the paired bootstrap over samples */
  readonly pValue: number | null;
  /** the same, Holm-adjusted over the classes */
  readonly pHolm: number | null;
}

/** The samples of the test split that have a value of a column in common, and what the judged metric is over them. */
export interface SliceDelta {
  readonly column: string;
  readonly value: string;
  readonly before: number | null;
  readonly control: number | null;
  readonly frelu: number | null;
  /** of `frelu`: Wilson's for shares of right answers, else the bootstrap's; null where it has none */
  readonly freluCi95: Interval | null;
  /** frelu - before over these samples; `count` says how many they are */
  readonly delta: Delta;
  /** of the difference, at a level that holds for all slices at once (Bonferroni) */
  readonly simultaneous: Interval | null;
  /** of the difference, Holm-adjusted over all slices */
  readonly pHolm: number | null;
}

/** The same of one model. */
export interface SliceValue {
  readonly column: string;
  readonly value: string;
  readonly count: number;
  readonly metric: MetricName;
  readonly measured: number | null;
  readonly ci95: Interval | null;
}

/** One non-empty cell of a confusion matrix; `actual` and `predicted` are class indices, `count` is of samples, of a segmentation of pixels. */
export interface ConfusionCell {
  readonly actual: number;
  readonly predicted: number;
  readonly count: number;
}

export interface CalibrationBin {
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
  /** mean confidence of the predictions in the bin; null when it is empty */
  readonly confidence: number | null;
  readonly accuracy: number | null;
}

/** A test sample whose answer changed. */
export interface Example {
  /** its index in the test split */
  readonly index: number;
  readonly actual: string;
  readonly before: { readonly predicted: string; readonly confidence: number | null };
  readonly frelu: { readonly predicted: string; readonly confidence: number | null };
  /** `data:image/png;base64,...`, at most 96 pixels a side; null for rows */
  readonly thumbnail: string | null;
  /** the features of a row, as many as are worth reading; null for images */
  readonly row: readonly { readonly name: string; readonly value: number | string }[] | null;
}

/** A test image whose mask changed, as small pictures (`data:image/png;base64,...`), each class in a colour of its own. */
export interface MaskExample {
  /** its index in the test split */
  readonly index: number;
  /** the mean intersection over union of the classes that it shows */
  readonly before: number;
  readonly frelu: number;
  /** null where the samples are no pictures */
  readonly image: string | null;
  readonly masks: { readonly actual: string; readonly before: string; readonly frelu: string };
}

/** A histogram of equal-width bins: `edges` has one entry more than `counts`. */
export interface Histogram {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

export interface SiteActivations {
  /**
   * of what the activation reads, over `samples` samples: x before; after, x + a where the ReLU stands as it was (its floor
   * begins at 0), x + a + b where it is fused (its floor begins at b). Of a million and more, values evenly spaced are counted
   */
  readonly inputs: Histogram;
  /** the share of those values that the activation put on its floor: what ReLU zeroed, what FReLU set to b */
  readonly floored: number;
  readonly samples: number;
}

export interface SiteResult {
  readonly id: string;
  readonly form: Form;
  /** one number per layer, or one per channel; null where the shift could not be folded */
  readonly shift: number | readonly number[] | null;
  readonly offset: number | readonly number[];
  readonly before: SiteActivations | null;
  readonly after: SiteActivations | null;
}

export interface LatencyComparison {
  /** median milliseconds of one inference call with `batchSize` samples */
  readonly before: number;
  readonly after: number;
  /** after / before; null when before is 0 */
  readonly ratio: number | null;
  /** of the median ratio of two calls that followed each other; null for few of them */
  readonly ci95: Interval | null;
  readonly runs: number;
  readonly batchSize: number;
}

/** The same quantity of the original and the migrated model, in the field's unit. */
export interface BeforeAfter {
  readonly before: number;
  readonly after: number;
}

export interface SpreadPoint {
  readonly seed: number;
  /** whether its frelu arm is the model that was judged, and is what a commit writes: the one that validated best */
  readonly written: boolean;
  /** the run's metric on the test split */
  readonly control: number | null;
  readonly frelu: number | null;
  /** of this seed alone: the intervals hold the chance of the test samples, not that of training; null in results of earlier versions */
  readonly vsBefore: Delta | null;
  /** null without control too */
  readonly vsControl: Delta | null;
}

/** One arm under a recipe that a search tried. */
export interface TriedArm {
  /** after each rung that it took part in: the epochs so far, and how it validated there; after the last one, how what was kept did */
  readonly rungs: readonly {
    readonly epochs: number;
    readonly validationLoss: number | null;
    readonly validationMetric: number | null;
  }[];
  readonly outcome: 'chosen' | 'stopped' | 'failed';
  /** why it failed; null where it did not */
  readonly why: string | null;
}

/**
 * A recipe that a search tried. What changes FReLU alone is for the control arm the run's own recipe in another order of samples. A combination of
 * two is of the arm in which they were the best, and goes on from one of them: its first rung is their second.
 */
export interface TriedRecipe {
  readonly name: string;
  /** the options that say it; empty for the run's own settings */
  readonly options: string;
  readonly control: TriedArm | null;
  readonly frelu: TriedArm | null;
}

/** Which recipes were tried on validation data, in both arms alike, and which each arm took. */
export interface SearchResult {
  readonly tried: readonly TriedRecipe[];
  /** recipes for which the budget had no time, by name */
  readonly leftOut: readonly string[];
  readonly chosen: { readonly control: string | null; readonly frelu: string };
}

export type VerdictName = 'adopt' | 'reject' | 'inconclusive';

/** What was concluded and from what; the sentences are made from these, in each language. */
export type VerdictReason =
  | { readonly code: 'better-than-before' | 'worse-than-before' | 'undecided-against-before' }
  | { readonly code: 'better-than-control' | 'worse-than-control' | 'undecided-against-control' }
  /** no control arm: the change cannot be attributed to FReLU */
  | { readonly code: 'no-control' }
  | { readonly code: 'identical-predictions' }
  /** no epoch of the frelu arm was better than the model as it came, which is what was kept */
  | { readonly code: 'training-brought-nothing' }
  /** the metric or its interval has no value for one of the models */
  | { readonly code: 'not-measurable' }
  /** the improvement is established, but smaller than the smallest worth writing */
  | { readonly code: 'effect-too-small' }
  /** something that is guarded beside the judged metric is established to be worse */
  | { readonly code: 'guarded-worse' }
  /** the improvement is not established on the test samples that training and validation have not seen */
  | { readonly code: 'undecided-on-unseen' }
  /** the test split holds samples of one class alone */
  | { readonly code: 'one-class' }
  /** the acceptance rule asks for more than was reached */
  | { readonly code: 'rule-not-met' };

/** One thing that the acceptance rule asks for, and whether it is so. */
export interface Goal {
  /**
   * of the default rule: the improvement is established; also on the samples alone that training and validation have not seen; the test
   * split tells classes apart, since it holds more than one; the improvement is large enough; the control arm is not established to be
   * better; something guarded is not established to be worse. 'said': a goal in the user's words
   */
  readonly code: 'established' | 'unseen' | 'classes' | 'effect' | 'control' | 'guard' | 'said';
  /** the metric, 'latency', 'size' or 'class NAME' that it is about; of 'said' its text */
  readonly subject: string;
  readonly met: boolean;
  /** what was compared: an end of an interval where something has to be established; null where it has no value */
  readonly value: number | null;
  readonly bound: number | null;
}

export interface Acceptance {
  readonly rule: string;
  readonly met: boolean;
  /** empty for `always` */
  readonly goals: readonly Goal[];
}

/** How a run's budget of wall time was divided before the first step, from what was measured until then. */
export interface BudgetPlan {
  /** the budget, of the whole run, in seconds */
  readonly seconds: number;
  /** forecast of what comes after the last step */
  readonly evaluationSeconds: number;
  /** how many are trained: each arm with each seed */
  readonly arms: number;
  /** forecast of one of them */
  readonly armSeconds: number;
  /** that each of them takes at most */
  readonly steps: number;
  /** that these steps are, a fraction where the last one is not whole */
  readonly epochs: number;
  /** that were asked for; null: none were, and a search trains what it has chosen for as long as the budget lasts */
  readonly epochsAsked: number | null;
  /** validations with sites taken back that each of them may take; 0: none was looked at */
  readonly ablations: number;
}

/** Runs that were judged on one test split. */
export interface Looks {
  /** which of them this one is, from 1, as far as the runs beside the model tell */
  readonly look: number;
  /** among how many the 5 % are divided by which chance may establish something; 1 where nothing was said */
  readonly planned: number;
}

export type AttributionMethod = 'integrated-gradients' | 'input-x-gradient';

export interface Distribution {
  readonly mean: number;
  readonly p05: number;
  readonly median: number;
  readonly p95: number;
}

export interface AttributionExample {
  readonly index: number;
  readonly actual: string;
  /** images as `data:image/png;base64,...`; null for rows */
  readonly input: string | null;
  readonly before: string | null;
  /** null without a control arm, too */
  readonly control: string | null;
  readonly frelu: string | null;
  /** the features of a row with their attributions; null for images */
  readonly row:
    | readonly {
        readonly name: string;
        readonly before: number;
        /** null without a control arm */
        readonly control: number | null;
        readonly frelu: number;
      }[]
    | null;
  /** of the maps of the original and of the migrated model */
  readonly spearman: number | null;
}

/** How far a model's attribution maps agree with those of the original, per sample. */
export interface MapAgreement {
  /** rank correlation of the two maps; null when no sample had a defined one */
  readonly spearman: Distribution | null;
  /** the share that the k attributions of largest magnitude have in common in both maps */
  readonly topK: { readonly k: number; readonly overlap: Distribution } | null;
}

/**
 * How far attribution maps of the same inputs agree before and after: of the class that the model predicted before, its
 * logit with respect to the input; over `samples` samples, evenly spaced in the test split.
 */
export interface AttributionAgreement extends MapAgreement {
  readonly method: AttributionMethod;
  readonly samples: number;
  /** interpolation steps from a stored sample of zeros (black) to the input; null for a method without them */
  readonly steps: number | null;
  /** the same of the control arm, which was trained as long with its ReLUs; null without one */
  readonly control:
    | (MapAgreement & {
        /** the migrated model's rank correlation - the control arm's: mean over the samples, and its 95 % interval */
        readonly difference: {
          readonly mean: number;
          readonly ci95: readonly [low: number, high: number] | null;
        } | null;
      })
    | null;
  readonly examples: readonly AttributionExample[];
}

/** What the model saw and said on the test split: the reference that new data is compared with. */
export interface MonitoringBaseline {
  readonly samples: number;
  /** per feature or channel; `shares` add up to 1, one entry fewer than `edges`; the outer bins are open-ended */
  readonly inputs: readonly {
    readonly name: string;
    readonly edges: readonly number[];
    readonly shares: readonly number[];
  }[];
  /** the share of samples predicted as each class; null for regression */
  readonly predicted: readonly { readonly name: string; readonly share: number }[] | null;
  /** of the largest class probability; null for regression */
  readonly confidence: { readonly mean: number; readonly p05: number; readonly median: number } | null;
  readonly floorRates: readonly {
    readonly site: string;
    readonly share: number;
    /** the value of the migrated graph that the activation reads, and its floor there: one, or one per channel */
    readonly value: string;
    readonly floor: number | readonly number[];
  }[];
}

export type DriftLevel = 'ok' | 'warning' | 'alarm';

/** One watched quantity of new data against the run's baseline. */
export interface DriftCheck {
  readonly quantity: 'input' | 'predicted' | 'confidence' | 'floor-rate';
  /** the feature, channel or site; null where there is one such quantity only */
  readonly name: string | null;
  /** null for distributions, which `value` compares */
  readonly baseline: number | null;
  readonly observed: number | null;
  /** `psi`: population stability index; `fall`: baseline - observed; `change`: |observed - baseline|; null: no value */
  readonly statistic: 'psi' | 'fall' | 'change';
  readonly value: number | null;
  readonly warning: number;
  readonly alarm: number;
  readonly level: DriftLevel;
}

export interface MonitorResult {
  readonly run: string;
  /** the file of the model that was run */
  readonly model: string;
  readonly data: EvaluateResult['data'];
  readonly device: DeviceDescription;
  readonly computedOn: Pick<ComputedOn, 'evaluation' | 'activations'>;
  readonly baselineSamples: number;
  readonly checks: readonly DriftCheck[];
  /** the worst of the checks */
  readonly level: DriftLevel;
  readonly seconds: number;
}

export interface Environment {
  readonly version: string;
  readonly node: string;
  readonly onnxruntime: string;
  readonly platform: string;
  readonly cpu: string | null;
  readonly threads: number | null;
}

/** Offsets that began elsewhere than at 0, with what follows made to take that back. */
export interface StartResult {
  readonly init: number;
  /**
   * migrated sites whose offset was taken back wholly; but for what zero-padded readers see at their borders; and in part or not at all, since
   * what reads them has no bias, is not linear, or is an output
   */
  readonly sites: { readonly whole: number; readonly borders: number; readonly rest: number };
  /** of the outputs, against the model as it came, over the validation split */
  readonly maxAbsDiff: number;
  readonly meanAbsDiff: number;
  readonly samples: number;
  /** the run's metric on the validation split: of the model as it came, and of the frelu arm's start */
  readonly metric: { readonly name: MetricName; readonly before: number | null; readonly after: number | null };
}

/** What a run was told, and what it chose where it was told nothing. */
export interface RunSettings {
  readonly seed: number;
  readonly train: TrainScope;
  /** as given: SCOPE or SCOPE:EPOCHS; none: one, of `train` */
  readonly stages: readonly string[];
  readonly epochs: number;
  readonly budgetSeconds: number | null;
  readonly batchSize: number;
  readonly patience: number;
  readonly learningRate: number;
  /** whether a range test found it */
  readonly learningRateFound: boolean;
  readonly offsetLearningRate: number;
  /** what the rates are multiplied by for some parameters, as given: NAME=FACTOR; none: 1 */
  readonly learningRateScales: readonly string[];
  readonly schedule: Schedule;
  /** a share of the training below 1, else steps; 0 for none */
  readonly warmup: number;
  readonly optimizer: OptimizerSettings['kind'];
  /** null for an optimizer without one */
  readonly momentum: number | null;
  readonly weightDecay: number;
  readonly weightDecayScales: readonly string[];
  readonly clipNorm: number | null;
  /** whether nobody said so, and the network decided */
  readonly clipNormFound: boolean;
  /** ema:D or swa; null: the last parameters are kept */
  readonly average: string | null;
  readonly dropout: number;
  readonly labelSmoothing: number;
  /** alpha of the Beta distribution that samples were mixed in pairs by; null: they were not */
  readonly mixup: number | null;
  /** how pictures were varied in training */
  readonly augment: readonly Augmentation[];
  readonly batchNorm: BatchNormMode;
  /** the file of the teacher, as given; 'self', and null where `distillWeight` is not 0: the original model */
  readonly teacher: string | null;
  /** the share of the loss that was against the teacher; 0 without one */
  readonly distillWeight: number;
  readonly temperature: number;
  readonly metric: MetricName;
  /** of a loss of the user's, the file as given */
  readonly loss: LossKind | (string & Record<never, never>);
  readonly epochKeptBy: 'validation loss' | 'validation metric';
  readonly form: Form | 'auto';
  readonly padding: Padding;
  readonly granularity: Granularity;
  /** the offset that training started from */
  readonly init: number;
  /** what no step left an offset above; null: nothing */
  readonly maxOffset: number | null;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** whether what training made of single sites was taken back where it harmed on validation data */
  readonly revertHarmful: boolean;
  readonly seeds: number;
  /** of the frelu arm that was judged */
  readonly seedKept: number;
  readonly control: boolean;
  readonly validationFraction: number;
  /** null where the test set is a data set of its own */
  readonly testFraction: number | null;
  /** what becomes of a stored sample before the model is fed with it, in one sentence */
  readonly preprocessing: string;
  /** as given; null: not given */
  readonly scale: number | null;
  readonly mean: readonly number[] | null;
  readonly std: readonly number[] | null;
  readonly layout: 'NCHW' | 'NHWC' | null;
}

export type SettingValue = RunSettings[keyof RunSettings];

/** How far TensorFlow.js itself and this tool are apart on random inputs, by the model's files before and after. */
export interface TfjsAgreement {
  /** what TensorFlow.js computed with: 'tensorflow', 'wasm', 'cpu ...' */
  readonly backend: string;
  readonly samples: number;
  /** largest |difference| of an output: the original's files, the migrated model's files */
  readonly before: number;
  readonly after: number;
  /** null where no quantised weight changed */
  readonly requantized: RequantizationCost | null;
}

/** What it cost to store changed weights in their quantised types again. */
export interface RequantizationCost {
  readonly weights: number;
  /** the largest |stored - wanted| of an element */
  readonly maxAbsDiff: number;
  /** the run's metric on the test split with the weights as wanted, and as stored; null where nothing was judged */
  readonly exact: number | null;
  readonly stored: number | null;
}

/** What a run comes to. */
export type Decision = Pick<MigrateResult, 'acceptance' | 'verdict' | 'reasons' | 'why'>;

/** On which provider each part of a run that follows training was computed; null: it was not. */
export interface ComputedOn {
  readonly evaluation: string;
  readonly latency: string;
  /** what enters each site, in the result as in the monitoring baseline */
  readonly activations: string;
  readonly attribution: string | null;
}

export interface MigrateResult {
  readonly run: { readonly id: string; readonly path: string; readonly started: string; readonly seconds: number };
  readonly model: ModelDescription;
  readonly device: DeviceDescription;
  readonly computedOn: ComputedOn;
  readonly task: Task;
  readonly reading: Reading;
  readonly data: {
    readonly train: SplitDescription;
    readonly validation: SplitDescription;
    readonly test: SplitDescription;
    readonly duplicates: DuplicateCounts | null;
  };
  readonly settings: RunSettings;
  readonly environment: Environment;
  readonly plan: InspectResult;
  /** of the rewritten model with a = b = 0 against the original, before any training */
  readonly parity: { readonly maxAbsDiff: number; readonly samples: number };
  /** where b began elsewhere than at 0: what that left changed before any training; null: it began there, and in results of earlier versions */
  readonly start: StartResult | null;
  /** null for an ONNX model, and for one that TensorFlow.js could not run where the migration ran */
  readonly tfjs: TfjsAgreement | null;
  readonly arms: { readonly before: ArmResult; readonly control: ArmResult | null; readonly frelu: ArmResult };
  readonly delta: { readonly vsBefore: Delta; readonly vsControl: Delta | null };
  /** frelu - before of the metrics that the acceptance rule looks at beside the judged one */
  readonly guarded: readonly Delta[];
  /** frelu - before on the test samples that are in neither training nor validation; null where no test sample is */
  readonly unseen: Delta | null;
  /** every output that was trained, the one that is judged first; empty where it is the only one */
  readonly outputs: readonly OutputResult[];
  /** empty for tasks without classes */
  readonly perClass: readonly ClassDelta[];
  /** empty where no column was named */
  readonly slices: readonly SliceDelta[];
  readonly confusion: { readonly before: readonly ConfusionCell[]; readonly frelu: readonly ConfusionCell[] } | null;
  readonly calibration: {
    readonly before: readonly CalibrationBin[];
    readonly frelu: readonly CalibrationBin[];
  } | null;
  readonly examples: {
    readonly fixed: readonly Example[];
    readonly broken: readonly Example[];
    /** of a segmentation: those whose mask gained, and lost, the most; absent for other tasks */
    readonly masks?: readonly MaskExample[];
  };
  readonly sites: readonly SiteResult[];
  /** the network in the order in which it is computed; empty where it is too large to be drawn */
  readonly diagram: readonly DiagramBox[];
  readonly latency: LatencyComparison | null;
  /** bytes of the model's files */
  readonly size: BeforeAfter;
  /** bytes of the weights and of the most values that lie between layers at once, in one inference call; computed */
  readonly memory: BeforeAfter | null;
  /** multiply-adds of one sample, in convolutions and matrix products */
  readonly operations: BeforeAfter | null;
  /** values of one sample that activations, sums, scalings and normalizations write, as the file has them */
  readonly elementwise: BeforeAfter | null;
  /** null where no recipe was looked for */
  readonly search: SearchResult | null;
  /** how soon each seed's arms came down to the same loss; empty without a control arm, and in results of earlier versions */
  readonly convergence: readonly Convergence[];
  /** one entry per seed when both trained arms were repeated; empty for one seed */
  readonly spread: readonly SpreadPoint[];
  readonly attribution: readonly AttributionAgreement[] | null;
  readonly monitoring: MonitoringBaseline | null;
  readonly looks: Looks;
  /** what fitted into the budget, which `run.seconds` may be held against; null: there was none */
  readonly budget: BudgetPlan | null;
  readonly acceptance: Acceptance;
  readonly verdict: VerdictName;
  readonly reasons: readonly VerdictReason[];
  readonly why: string;
  readonly written: boolean;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
  /** the control arm's model, where it was to be kept */
  readonly kept: readonly { readonly path: string; readonly sha256: string }[];
  readonly report: readonly string[];
  readonly rollback: string | null;
}

/** What stands in a box of the diagram: an operator, or a site. */
export interface DiagramPart {
  readonly text: string;
  /** the id of the site that it is; null for anything else */
  readonly site: string | null;
}

/** A layer with what belongs to it. */
export interface DiagramBox {
  readonly id: string;
  readonly parts: readonly DiagramPart[];
  /** the ids of the boxes whose values it reads; empty for what reads the model's inputs alone */
  readonly inputs: readonly string[];
}

/** An arm's model, written as it was judged. */
export interface ExportResult {
  readonly run: string;
  readonly arm: 'control' | 'frelu';
  /** the one of several seeds that validated best */
  readonly seed: number;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
}

export interface EvaluateResult {
  readonly model: ModelDescription;
  readonly data: {
    readonly path: string;
    readonly format: string;
    readonly count: number;
    readonly classes: number | null;
  };
  readonly device: DeviceDescription;
  readonly reading: Reading;
  readonly metrics: Metrics;
  /** `confusion[actual][predicted]`, of masks in pixels; null for tasks without classes */
  readonly confusion: readonly (readonly number[])[] | null;
  /** every output that was named, the first one too, whose metrics those above are; empty for one output */
  readonly outputs: readonly EvaluatedOutput[];
  /** of the metric that is judged; empty where no column was named */
  readonly slices: readonly SliceValue[];
  readonly seconds: number;
  /** of these, the seconds in which the model waited for samples to be read and decoded */
  readonly secondsWaiting: number;
}

export interface EvaluatedOutput {
  readonly name: string;
  readonly task: Task;
  readonly metrics: Metrics;
}

export interface ComparedOutput {
  readonly name: string;
  readonly task: Task;
  readonly a: Metrics;
  readonly b: Metrics;
  /** b - a */
  readonly delta: Delta;
}

export interface CompareResult {
  readonly a: { readonly model: ModelDescription; readonly reading: Reading; readonly metrics: Metrics };
  readonly b: { readonly model: ModelDescription; readonly reading: Reading; readonly metrics: Metrics };
  readonly data: EvaluateResult['data'];
  readonly device: DeviceDescription;
  /** b - a */
  readonly delta: Delta;
  /** every output that was named, the first one too; empty for one output */
  readonly outputs: readonly ComparedOutput[];
  readonly perClass: readonly ClassDelta[];
  /** b - a, `before` and `frelu` being a and b; empty where no column was named */
  readonly slices: readonly SliceDelta[];
  readonly maxAbsDiff: number;
  readonly latency: LatencyComparison | null;
}
