import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { MetricName, Task } from '../contract/result.js';
import type { LossKind } from '../contract/settings.js';
import type { Batch } from '../data/batches.js';
import type { Targets } from '../data/dataset.js';
import type { Scores, Truth } from '../evaluation/metrics.js';
import { metricNames } from '../evaluation/metrics.js';
import type { ChosenOutput, TaskKind } from './choose-output.js';
import type { TaskOptions } from './options.js';
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
  /** the model's own outputs are the targets */
  readonly distilled: boolean;
}

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
): RunTask {
  const { width } = chosen;
  const task = options.task ?? tasks[chosen.task];
  if (targets.kind === 'none' && task !== 'distill') {
    throw new Failure('input', {
      what: `${path}: there are no labels.`,
      cure: 'Give labelled data, or let the original model teach.',
      settings: [['task', 'distill']],
      written: 'nothing',
    });
  }
  const loss = options.loss ?? lossOf(task, chosen);
  const scores = loss === 'mse' ? 'values' : meaning === 'probabilities' ? 'probabilities' : 'logits';
  const names = metricNames(truthOf({ task, loss, width }, targets, new Int32Array(), new Float32Array()));
  const metric = options.metric ?? present(names[0], `a metric of the task ${task}`);
  if (!names.includes(metric)) {
    throw new Failure('usage', {
      what: `The metric ${metric} is none of this task (${task}).`,
      cure: `Choose one of ${names.join(', ')}.`,
      settings: ['metric'],
      written: 'nothing',
    });
  }
  return { task, loss, metric, scores, width, distilled: task === 'distill' };
}

const tasks: Readonly<Record<TaskKind, Task>> = {
  classification: 'classification',
  binary: 'classification',
  multilabel: 'multilabel',
  regression: 'regression',
};

function lossOf(task: Task, { head, width, task: kind }: Pick<ChosenOutput, 'head' | 'width' | 'task'>): LossKind {
  if (task === 'regression' || (task === 'distill' && kind === 'regression')) return 'mse';
  if (task === 'multilabel' || kind === 'multilabel') return 'binary-cross-entropy';
  // one column, or one sigmoid for each class
  return width === 1 || head.activation === 'sigmoid' ? 'binary-cross-entropy' : 'cross-entropy';
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
      const labels = Int32Array.from(indices, (index) =>
        present(targets.labels[index], `the label of sample ${index}`),
      );
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
export function lossTargets(task: RunTask, batch: Pick<Batch, 'targets' | 'labels'>, smoothing: number): Float32Array {
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
