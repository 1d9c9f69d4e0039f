import type { MetricName, Task } from '../contract/result.js';
import type {
  BatchNormMode,
  DeviceName,
  LossKind,
  OptimizerSettings,
  PlanOptions,
  Schedule,
  TrainScope,
} from '../contract/settings.js';
import type { PreprocessingOptions } from '../data/preprocess.js';

/** Which data, and how its samples become the model's input. */
export interface DataOptions {
  readonly data: string;
  /** a test set of its own; null: the one that belongs to `data`, or split off */
  readonly test: string | null;
  readonly validationFraction: number;
  readonly testFraction: number;
  /** the target column of a table; null: told by its name */
  readonly target: string | null;
  readonly preprocessing: PreprocessingOptions;
  /** a Hugging Face preprocessor_config.json; null: the one beside the model, where there is one */
  readonly preprocessorConfig: string | null;
}

export interface TaskOptions {
  /** null: told from the model's output and the targets */
  readonly task: Task | null;
  readonly loss: LossKind | null;
  readonly metric: MetricName | null;
}

export interface TrainingOptions {
  readonly device: DeviceName;
  readonly scope: TrainScope;
  readonly epochs: number;
  /** of both trained arms together; null for none */
  readonly budgetSeconds: number | null;
  readonly batchSize: number;
  readonly patience: number;
  readonly learningRate: number | 'auto';
  /** null: the learning rate itself, as in the paper (multiplier 1) */
  readonly offsetLearningRate: number | null;
  readonly schedule: Schedule;
  readonly optimizer: OptimizerSettings;
  readonly clipNorm: number | null;
  readonly labelSmoothing: number;
  readonly batchNorm: BatchNormMode;
  /** the offset that training starts from */
  readonly initialOffset: number;
  readonly seeds: number;
  readonly control: boolean;
}

export interface MigrateOptions {
  readonly model: string;
  readonly data: DataOptions;
  readonly task: TaskOptions;
  readonly plan: PlanOptions;
  readonly training: TrainingOptions;
  readonly accept: string;
  /** null: in place */
  readonly out: string | null;
  readonly dryRun: boolean;
  readonly seed: number;
  readonly runDir: string | null;
  readonly resume: boolean;
  readonly languages: readonly ('en' | 'ja')[];
  /** how this program is called here: the rollback command begins with it */
  readonly command: string;
}
