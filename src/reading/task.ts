import { Failure } from '../contract/failure.js';
import type { TableMetric } from '../contract/metrics.js';
import { present } from '../contract/present.js';
import type { MetricName, Task } from '../contract/result.js';
import type { LossKind } from '../contract/settings.js';
import type { Batch } from '../data/batches.js';
import type { MapReading, Targets } from '../data/dataset.js';
import type { AnyScores, OwnScores, Scores, Truth } from '../evaluation/metrics.js';
import { metricNames } from '../evaluation/metrics.js';
import { rowsAt } from '../math/rows.js';
import { anomalyLabels, anomalyMeasure } from './anomaly-labels.js';
import type { ChosenOutput, TaskKind } from './choose-output.js';
import type { TaskOptions } from './options.js';
import { ownFile } from './own-graphs.js';
import type { OwnMeasure } from './own-measures.js';
import type { Predictions } from './predictions.js';
import type { Agreement } from './values.js';

/** What is learned and how it is judged: told from the model's output and the targets, or by options. */
export interface RunTask {
  readonly task: Task;
  readonly loss: LossKind;
  readonly metric: MetricName;
  /** how the model's outputs are to be read */
  readonly scores: Scores['kind'];
  /** the width of the model's output per sample */
  readonly width: number;
  /** a teacher's outputs alone are the targets, whether there are labels or not */
  readonly distilled: boolean;
  /** what the user's own graphs measure of each sample; left out where there are none */
  readonly own?: readonly OwnMeasure[];
  /** the user's own loss, which is trained by instead of `loss`; left out where there is none */
  readonly lossFile?: string;
}

/** What the arms are trained by: one of our losses by its name, or the file of the user's. */
export const lossName = ({ loss, lossFile }: Pick<RunTask, 'loss' | 'lossFile'>): string => lossFile ?? loss;

/**
 * The task of the output that was chosen.
 * @param path of the data, for messages
 * @throws Failure('input') where there are no labels, and none are done without; Failure('usage') for a metric that is none of the task's
 */
export function chooseTask(
  chosen: Pick<ChosenOutput, 'head' | 'width' | 'task'>,
  { meaning }: Pick<Agreement, 'meaning'>,
  targets: Targets,
  options: TaskOptions,
  path: string,
  own: readonly OwnMeasure[] = [],
): RunTask {
  const { width } = chosen;
  const task: Task = options.task ?? tasks[chosen.task];
  if (targets.kind === 'none' && task !== 'distill') {
    throw new Failure('input', {
      what: `${path}: there are no labels.`,
      cure: 'Give labelled data, or let a teacher alone say what is learned.',
      settings: [['task', 'distill']],
      written: 'nothing',
    });
  }
  const loss = typeof options.loss === 'string' ? options.loss : lossOf(task, chosen);
  const scores = loss === 'mse' ? 'values' : meaning === 'probabilities' ? 'probabilities' : 'logits';
  const metric = metricAmong(metricsOfTask({ task, loss, width }, targets), task, options, own);
  return { task, loss, metric, scores, width, distilled: task === 'distill', ...ownParts(own, options) };
}

/**
 * The metric that is named; else that of the user's, or the first of the task's.
 * @throws Failure('usage') for a metric that is none of the task's
 */
function metricAmong(
  names: readonly MetricName[],
  task: Task,
  { metric }: TaskOptions,
  own: readonly OwnMeasure[],
): MetricName {
  if (typeof metric !== 'string') {
    return own.find(({ by }) => by === 'metric')?.name ?? present(names[0], `a metric of the task ${task}`);
  }
  if (names.includes(metric)) return metric;
  throw new Failure('usage', {
    what: `The metric ${metric} is none of this task (${task}).`,
    cure: `Choose one of ${names.join(', ')}.`,
    settings: ['metric'],
    written: 'nothing',
  });
}

/** What of a task is the user's own. */
function ownParts(own: readonly OwnMeasure[], { loss }: TaskOptions): Pick<RunTask, 'own' | 'lossFile'> {
  const lossFile = ownFile(loss);
  return { ...(own.length > 0 && { own }), ...(lossFile !== null && { lossFile: lossFile.file }) };
}

/**
 * The task of an output that is held against masks.
 * @param width of the output, all numbers of one sample
 * @throws Failure('usage') for another task, a metric that is none of its own, or a loss of ours that is not the output's
 */
export function segmentationTask(
  { columns, classes, scores }: Pick<MapReading, 'columns' | 'classes' | 'scores'>,
  width: number,
  options: TaskOptions,
  path: string,
  own: readonly OwnMeasure[] = [],
): RunTask {
  const { task } = options;
  if (task !== null && task !== 'segmentation') {
    throw new Failure('usage', {
      what: `${path}: it has masks, a class for each pixel, which is no ${task}.`,
      cure: 'Leave the task out, or give data of that task.',
      settings: ['task', 'data'],
      written: 'nothing',
    });
  }
  const loss: LossKind = columns === 1 ? 'binary-cross-entropy' : 'cross-entropy';
  if (typeof options.loss === 'string' && options.loss !== loss) {
    throw new Failure('usage', {
      what: `The loss ${options.loss} is not that of masks of ${classes} classes in ${columns} columns.`,
      cure: `Leave it out: it is the ${loss} of each pixel.`,
      settings: ['loss'],
      written: 'nothing',
    });
  }
  const metric = metricAmong(metricNames({ kind: 'mask', images: 0, classes }), 'segmentation', options, own);
  return { task: 'segmentation', loss, metric, scores, width, distilled: false, ...ownParts(own, options) };
}

const tasks: Readonly<Record<TaskKind, Task>> = {
  classification: 'classification',
  binary: 'classification',
  multilabel: 'multilabel',
  regression: 'regression',
  segmentation: 'segmentation',
};

function lossOf(task: Task, { head, width, task: kind }: Pick<ChosenOutput, 'head' | 'width' | 'task'>): LossKind {
  if (task === 'regression' || (task === 'distill' && kind === 'regression')) return 'mse';
  if (task === 'multilabel' || kind === 'multilabel') return 'binary-cross-entropy';
  // one column, or one sigmoid for each class
  return width === 1 || head.activation === 'sigmoid' ? 'binary-cross-entropy' : 'cross-entropy';
}

/** Predictions, to be read as the task says. */
export function scoresOf(
  { scores, task, own = [] }: Pick<RunTask, 'scores'> & Partial<Pick<RunTask, 'task' | 'own'>>,
  { values, width, masks, measured = {} }: Pick<Predictions, 'values' | 'width' | 'masks' | 'measured'>,
): AnyScores {
  if (task === 'anomaly') {
    return { values: present(measured[anomalyMeasure.name], 'the errors of reconstruction'), width: 1, kind: 'values' };
  }
  const others = own.flatMap(({ name, higherIsBetter }): OwnScores[] => {
    const each = measured[name];
    return each === undefined ? [] : [{ name, higherIsBetter, values: each }];
  });
  return { ...(masks ?? { values, width, kind: scores }), ...(others.length > 0 && { own: others }) };
}

/** What samples are compared with: their labels, their values, or (without labels) what the teacher says, as the task reads it. */
export function truthOf(
  { task, loss, width }: Pick<RunTask, 'task' | 'loss' | 'width'>,
  targets: Targets,
  indices: Int32Array,
  teacher: Float32Array,
): Truth {
  if (task === 'own') return { kind: 'own', count: indices.length };
  if (task === 'anomaly') return { kind: 'anomaly', labels: labelsAt(targets, indices), count: indices.length };
  switch (targets.kind) {
    case 'class': {
      const labels = Int32Array.from(indices, (index) =>
        present(targets.labels[index], `the label of sample ${index}`),
      );
      return { kind: 'class', labels, classes: width === 1 ? 2 : width };
    }
    case 'values': {
      const { width } = targets;
      const values = rowsAt(targets.values, width, indices);
      return { kind: task === 'multilabel' ? 'multilabel' : 'values', values, width };
    }
    case 'mask': {
      const { classes } = present(targets.map, 'how masks are read');
      return { kind: 'mask', images: indices.length, classes };
    }
    case 'none': {
      if (loss !== 'cross-entropy') return { kind: 'values', values: teacher, width };
      const labels = Int32Array.from({ length: teacher.length / width }, (_, i) =>
        largest(teacher.subarray(i * width, (i + 1) * width)),
      );
      return { kind: 'class', labels, classes: width };
    }
  }
}

/** The metrics of ours that a task has with such targets, the main one first. */
export function metricsOfTask(
  task: Pick<RunTask, 'task' | 'loss' | 'width'>,
  targets: Targets,
): readonly TableMetric[] {
  return metricNames(truthOf(task, targets, new Int32Array(), new Float32Array()));
}

/** Of anomalies and normal samples; null where there are none. */
function labelsAt(targets: Targets, indices: Int32Array): Int32Array | null {
  const labels = anomalyLabels('the data', targets);
  return labels === null ? null : Int32Array.from(indices, (index) => labels[index] ?? 0);
}

function largest(row: Float32Array): number {
  let best = 0;
  row.forEach((value, i) => {
    if (value > (row[best] ?? 0)) best = i;
  });
  return best;
}

/**
 * The targets of a batch as the loss takes them, [count, width]: one-hot (smoothed) classes, one column of class 1, values.
 * Smoothing as Szegedy et al. 2016: (1 - s) * one-hot + s / K.
 */
export function lossTargets(task: RunTask, batch: Pick<Batch, 'targets' | 'labels'>, smoothing: number): Float32Array {
  if (batch.labels === null) return batch.targets;
  if (task.width === 1) return Float32Array.from(batch.labels);
  if (smoothing === 0) return batch.targets;
  return batch.targets.map((target) => (1 - smoothing) * target + smoothing / task.width);
}

/** What is kept from 0 and 1, so that its logarithm has a value. */
const smallest = 1e-7;

/**
 * Outputs of one reading as those of another, [count, width]: probabilities as logits (their logarithms, or the logarithms of
 * their odds where each is a label of its own), logits as probabilities.
 */
export function answersAs(
  { scores, loss, width }: Pick<RunTask, 'scores' | 'loss' | 'width'>,
  outputs: Float32Array,
  given: Scores['kind'],
): Float32Array {
  if (scores === given || loss === 'mse') return outputs;
  return scores === 'logits' ? logitsOf(loss, outputs) : probabilitiesOf(loss, outputs, width, 1);
}

/**
 * The soft targets of distillation: softmax (or sigmoid) of a teacher's logits divided by the temperature, [count, width]; for mse
 * its values. A teacher that gives probabilities has their logarithms for logits.
 */
export function softTargets(
  { scores, loss, width }: Pick<RunTask, 'scores' | 'loss' | 'width'>,
  outputs: Float32Array,
  temperature: number,
): Float32Array {
  if (loss === 'mse' || (scores === 'probabilities' && temperature === 1)) return outputs;
  const logits = scores === 'logits' ? outputs : logitsOf(loss, outputs);
  return probabilitiesOf(loss, logits, width, temperature);
}

function logitsOf(loss: LossKind, probabilities: Float32Array): Float32Array {
  const log = (value: number): number => Math.log(Math.max(value, smallest));
  return probabilities.map(loss === 'cross-entropy' ? log : (value) => log(value) - log(1 - value));
}

function probabilitiesOf(loss: LossKind, logits: Float32Array, width: number, temperature: number): Float32Array {
  if (loss === 'binary-cross-entropy') return logits.map((value) => 1 / (1 + Math.exp(-value / temperature)));
  const soft = new Float32Array(logits.length);
  for (let at = 0; at < logits.length; at += width) {
    const row = logits.subarray(at, at + width);
    const top = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const sum = row.reduce((total, value) => total + Math.exp((value - top) / temperature), 0);
    row.forEach((value, i) => {
      soft[at + i] = Math.exp((value - top) / temperature) / sum;
    });
  }
  return soft;
}
