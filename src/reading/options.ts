import type { TableMetric } from '../contract/metrics.js';
import type { LossKind, NamedTask, OwnLossFile, OwnMetricFile, ReadingOptions } from '../contract/settings.js';
import type { ReadOptions } from '../data/open.js';
import type { PreprocessingOptions } from '../data/preprocess.js';
import type { SliceOptions } from '../data/slices.js';

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
  /** by what samples are told apart when they are judged; left out: by nothing */
  readonly slices?: SliceOptions;
  /** a Hugging Face preprocessor_config.json; null: the one beside the model, where there is one */
  readonly preprocessorConfig: string | null;
}

export interface TaskOptions {
  /** null: told from the model's output and the targets */
  readonly task: NamedTask | null;
  readonly loss: LossKind | OwnLossFile | null;
  readonly metric: TableMetric | OwnMetricFile | null;
  /** the same of outputs that are named, by their names; left out: nothing is said of any */
  readonly outputs?: Readonly<Record<string, OutputTask>>;
}

/** What is said of one output; what is left out is told by it and its targets. */
export interface OutputTask {
  readonly task?: NamedTask;
  readonly loss?: LossKind;
  readonly metric?: TableMetric;
}

/** What targets are by a task that was named; undefined where that is left to the data. */
export function targetKindOf(task: NamedTask | null): ReadOptions['targetKind'] {
  switch (task) {
    case null:
    case 'distill':
      return undefined;
    case 'classification':
    case 'anomaly':
      return 'class';
    case 'multilabel':
    case 'regression':
      return 'values';
    case 'segmentation':
      return 'mask';
  }
}

export type { ReadingOptions } from '../contract/settings.js';

/** Nothing is said: the model and the data tell how they are read. */
export const defaultReadingOptions: ReadingOptions = { classes: null, inputs: [], outputs: [], trustReading: false };
