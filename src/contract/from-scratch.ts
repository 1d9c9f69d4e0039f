import type { ModelDescription } from './model.js';
import type {
  Convergence,
  CurvePoint,
  Delta,
  DeviceDescription,
  Environment,
  MetricName,
  Metrics,
  RetreatResult,
  RunSettings,
  SplitDescription,
  Task,
} from './result.js';

/** The architecture of a model trained from fresh weights, its ReLUs against FReLU: what each arm came to over the seeds. */
export interface FromScratchResult {
  readonly run: {
    readonly id: string;
    /** its folder */
    readonly path: string;
    /** ISO 8601, UTC */
    readonly started: string;
    readonly seconds: number;
  };
  readonly model: ModelDescription;
  readonly device: DeviceDescription;
  readonly environment: Environment;
  readonly task: Task;
  readonly data: {
    readonly train: SplitDescription;
    readonly validation: SplitDescription;
    readonly test: SplitDescription;
  };
  /** the same in every arm, but for the b that FReLU starts from and the learning rate */
  readonly settings: Omit<RunSettings, 'init' | 'seedKept' | 'control' | 'learningRate' | 'offsetLearningRate'>;
  /** of the model as it came, with the weights that it has, on the test split */
  readonly before: Metrics;
  readonly weights: FreshWeightsResult;
  /** ReLU first */
  readonly arms: readonly FromScratchArm[];
  readonly report: readonly string[];
}

/** How the weights were drawn that every arm of a seed starts from. */
export interface FreshWeightsResult {
  /** whose layers' own initialisers */
  readonly framework: 'pytorch' | 'keras';
  readonly rules: readonly { readonly name: string; readonly tensors: number; readonly elements: number }[];
  /** trained tensors that are of no known layer: they started as the model has them */
  readonly kept: readonly string[];
  /** layers that normalise, by a batch or by a sample's own values; exporters fold those by a batch into convolutions */
  readonly normalizations: number;
}

export interface FromScratchArm {
  readonly network: 'relu' | 'frelu';
  /** what every b started from; null of ReLU */
  readonly init: number | null;
  /** of all its seeds; that of shifts and offsets follows it as the settings say */
  readonly learningRate: number;
  /** what it was chosen from, by how the first seed validated; empty where it was told */
  readonly rates: readonly TriedRate[];
  readonly seeds: readonly FromScratchSeed[];
  /** of the judged metric on the test split, over the seeds that were trained to their end; null where none was */
  readonly mean: number | null;
  /** over n - 1; null for fewer than two */
  readonly deviation: number | null;
  /** FReLU - ReLU over the seeds that both have; null of ReLU itself, and where there is none */
  readonly vsRelu: Delta | null;
  /** how soon each seed came down to the validation loss that ReLU (`control`) ended with; empty of ReLU itself */
  readonly convergence: readonly Convergence[];
}

/** A learning rate that an arm was tried with, and how what was kept validated; null where it failed, or has no value. */
export interface TriedRate {
  readonly learningRate: number;
  readonly validationLoss: number | null;
  readonly validationMetric: number | null;
}

export interface FromScratchSeed {
  readonly seed: number;
  /** why it was not trained to its end; null: it was, and `test` holds its metrics */
  readonly failed: string | null;
  readonly test: Metrics | null;
  /** of the judged metric on the validation split, at the epoch that was kept */
  readonly validation: {
    readonly metric: MetricName;
    readonly value: number | null;
    readonly loss: number | null;
  } | null;
  readonly epochs: number;
  readonly bestEpoch: number | null;
  readonly seconds: number;
  readonly retreats: readonly RetreatResult[];
  readonly curve: readonly CurvePoint[];
  /** the b that were learned, over all sites and channels; null of ReLU */
  readonly offsets: { readonly lowest: number; readonly mean: number; readonly highest: number } | null;
}
