import { type Command, InvalidArgumentError } from 'commander';
import { allMetricNames, type TableMetric } from '../../contract/metrics.js';
import {
  type DeviceName,
  deviceNames,
  type LossKind,
  losses,
  type OwnLossFile,
  type OwnMetricFile,
  tasks,
} from '../../contract/settings.js';
import type { TaskOptions } from '../../reading/options.js';
import { choice, oneOf, option, type Read } from './option.js';

/** What is learned and how it is judged. */
export function taskOptions(command: Command): Read<TaskOptions> {
  command.optionsGroup('Task:');
  const told = "inferred from the model's output and the labels";
  const task = choice(
    command,
    '--task <TASK>',
    'what the model does; anomaly: it gives its input again; distill: needs no labels, a teacher alone says what is learned',
    tasks,
    null,
    told,
  );
  const loss = option<LossKind | OwnLossFile | null>(
    command,
    '--loss <LOSS>',
    `what training minimizes: ${losses.join(', ')}, or LOSS.onnx, a graph from outputs of the model and arrays of the data to one number`,
    lossOf,
    null,
    told,
  );
  const metric = option<TableMetric | OwnMetricFile | null>(
    command,
    '--metric <METRIC>',
    `what is judged: ${allMetricNames.join(', ')}, or METRIC.onnx:higher or :lower, a graph to one number per sample; if named, it also decides which epoch is kept (otherwise the validation loss does)`,
    metricOf,
    null,
    "the task's first; with a loss of your own that loss",
  );
  return () => ({ task: task(), loss: loss(), metric: metric() });
}

export function deviceOption(command: Command): Read<DeviceName> {
  return choice(command, '--device <DEVICE>', 'what computes', deviceNames, 'auto');
}

const graphFile = /\.onnx$/i;

function lossOf(text: string): LossKind | OwnLossFile {
  return graphFile.test(text) ? { file: text } : oneOf(text, losses, ', or name the .onnx file of your own');
}

/** A metric of ours, or a file with the direction behind it: METRIC.onnx, METRIC.onnx:higher. */
function metricOf(text: string): TableMetric | OwnMetricFile {
  if (graphFile.test(text)) return { file: text, direction: null };
  const [, file, direction] = /^(.*\.onnx):(.*)$/i.exec(text) ?? [];
  if (file === undefined) return oneOf(text, allMetricNames, ', or name the .onnx file of your own');
  if (direction !== 'higher' && direction !== 'lower') {
    throw new InvalidArgumentError(`Write ${file}:higher or ${file}:lower.`);
  }
  return { file, direction };
}
