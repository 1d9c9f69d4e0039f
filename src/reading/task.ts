import { lossInput } from '../autodiff/losses.js';
import { Failure } from '../contract/failure.js';
import type { MetricName, Task } from '../contract/result.js';
import type { LossKind } from '../contract/settings.js';
import type { Batch } from '../data/batches.js';
import type { Targets } from '../data/dataset.js';
import type { Scores, Truth } from '../evaluation/metrics.js';
import { metricNames } from '../evaluation/metrics.js';
import type { Graph } from '../model/graph.js';
import type { Signature } from '../runtime/predictor.js';
import type { TaskOptions } from './options.js';

/** What is learned and how it is judged: told from the model's output and the targets, or by options. */
export interface RunTask {
  readonly task: Task;
  readonly loss: LossKind;
  readonly metric: MetricName;
  /** how the model's outputs are to be read */
  readonly scores: Scores['kind'];
  /** the width of the model's output per sample */
  readonly width: number;
  /** the model's own outputs are the targets */
  readonly distilled: boolean;
}

/**
 * @param width the number of outputs per sample, observed
 * @param outputs some of the original model's outputs, [n, width]: values that are probabilities are told from logits
 * @throws Failure('input') when targets and output do not fit together; Failure('usage') for options that do not
 */
export function chooseTask(
  graph: Graph,
  signature: Signature,
  targets: Targets,
  outputs: Float32Array,
  width: number,
  options: TaskOptions,
  path: string,
): RunTask {
  const task = options.task ?? taskOf(targets);
  const labelled = targets.kind !== 'none';
  if (!labelled && task !== 'distill') {
    throw new Failure(
      'input',
      `${path}: there are no labels. Give labelled data, or --task distill. Nothing was written.`,
    );
  }
  const rank = Math.min(2, signature.outputShape?.length ?? 2);
  const softmax = lossInput(graph, signature.output, 'cross-entropy', rank).activation;
  const sigmoid = lossInput(graph, signature.output, 'binary-cross-entropy', rank).activation;
  const loss = options.loss ?? lossOf(task, targets, width, softmax !== 'none', sigmoid !== 'none');
  const scores = scoreKind(loss, softmax, sigmoid, outputs, width);
  if (targets.kind === 'values' && targets.width !== width) {
    throw new Failure(
      'input',
      `${path}: the data has ${targets.width} target columns, the model ${width} outputs. Name the target column (--target), or give data made for this model.`,
    );
  }
  const names = metricNames(emptyTruth(task, targets, loss, width));
  const metric = options.metric ?? names[0];
  if (metric === undefined || !names.includes(metric)) {
    throw new Failure(
      'usage',
      `--metric ${metric}: for this task choose one of ${names.join(', ')}. Nothing was written.`,
    );
  }
  return { task, loss, metric, scores, width, distilled: task === 'distill' };
}

function taskOf(targets: Targets): Task {
  switch (targets.kind) {
    case 'class':
      return 'classification';
    case 'none':
      return 'distill';
    case 'values':
      return targets.width > 1 && targets.values.every((value) => value === 0 || value === 1)
        ? 'multilabel'
        : 'regression';
  }
}

function lossOf(task: Task, targets: Targets, width: number, softmax: boolean, sigmoid: boolean): LossKind {
  if (task === 'regression') return 'mse';
  if (task === 'multilabel') return 'binary-cross-entropy';
  if (task === 'distill' && targets.kind === 'none' && !softmax) return sigmoid ? 'binary-cross-entropy' : 'mse';
  return width === 1 || sigmoid ? 'binary-cross-entropy' : 'cross-entropy';
}

function scoreKind(
  loss: LossKind,
  softmax: string,
  sigmoid: string,
  outputs: Float32Array,
  width: number,
): Scores['kind'] {
  if (loss === 'mse') return 'values';
  if (loss === 'binary-cross-entropy') return sigmoid === 'sigmoid' ? 'probabilities' : 'logits';
  if (softmax === 'softmax') return 'probabilities';
  return softmax === 'none' && areDistributions(outputs, width) ? 'probabilities' : 'logits';
}

/** Whether every row lies in [0, 1] and sums to 1: a softmax that the graph does not show. */
function areDistributions(values: Float32Array, width: number): boolean {
  if (values.length === 0) return false;
  for (let at = 0; at < values.length; at += width) {
    let sum = 0;
    for (const value of values.subarray(at, at + width)) {
      if (!(value >= 0 && value <= 1)) return false;
      sum += value;
    }
    if (Math.abs(sum - 1) > 1e-3) return false;
  }
  return true;
}

function emptyTruth(task: Task, targets: Targets, loss: LossKind, width: number): Truth {
  return truthOf({ task, loss, width }, targets, new Int32Array(), new Float32Array());
}

/** Predictions, to be read as the task says. */
export function scoresOf(
  { scores }: Pick<RunTask, 'scores'>,
  { values, width }: Pick<Scores, 'values' | 'width'>,
): Scores {
  return { values, width, kind: scores };
}

/** What samples are compared with: their labels, their values, or (without labels) what the original model says. */
export function truthOf(
  { task, loss, width }: Pick<RunTask, 'task' | 'loss' | 'width'>,
  targets: Targets,
  indices: Int32Array,
  original: Float32Array,
): Truth {
  switch (targets.kind) {
    case 'class': {
      const labels = Int32Array.from(indices, (index) => targets.labels[index] ?? 0);
      return { kind: 'class', labels, classes: width === 1 ? 2 : width };
    }
    case 'values': {
      const values = new Float32Array(indices.length * targets.width);
      indices.forEach((index, i) => {
        values.set(targets.values.subarray(index * targets.width, (index + 1) * targets.width), i * targets.width);
      });
      return { kind: task === 'multilabel' ? 'multilabel' : 'values', values, width: targets.width };
    }
    case 'none': {
      if (loss !== 'cross-entropy') return { kind: 'values', values: original, width };
      const labels = Int32Array.from({ length: original.length / width }, (_, i) =>
        largest(original.subarray(i * width, (i + 1) * width)),
      );
      return { kind: 'class', labels, classes: width };
    }
  }
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
export function lossTargets(task: RunTask, batch: Batch, smoothing: number): Float32Array {
  if (batch.labels === null) return batch.targets;
  if (task.width === 1) return Float32Array.from(batch.labels);
  if (smoothing === 0) return batch.targets;
  return batch.targets.map((target) => (1 - smoothing) * target + smoothing / task.width);
}

/** Softmax (or sigmoid) of a teacher's outputs where they are logits: the soft targets of distillation. */
export function softTargets(task: RunTask, outputs: Float32Array): Float32Array {
  if (task.scores !== 'logits') return outputs;
  if (task.loss === 'binary-cross-entropy') return outputs.map((value) => 1 / (1 + Math.exp(-value)));
  const soft = new Float32Array(outputs.length);
  for (let at = 0; at < outputs.length; at += task.width) {
    const row = outputs.subarray(at, at + task.width);
    const top = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const sum = row.reduce((total, value) => total + Math.exp(value - top), 0);
    row.forEach((value, i) => {
      soft[at + i] = Math.exp(value - top) / sum;
    });
  }
  return soft;
}
