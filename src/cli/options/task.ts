import { type Command, InvalidArgumentError } from 'commander';
import { allMetricNames, type TableMetric } from '../../contract/metrics.js';
import {
  type DeviceName,
  deviceNames,
  type LossKind,
  losses,
  type NamedTask,
  type OwnLossFile,
  type OwnMetricFile,
  tasks,
} from '../../contract/settings.js';
import type { OutputTask, TaskOptions } from '../../reading/options.js';
import { choice, oneOf, optionOfOutputs, type Read } from './option.js';

/** What is learned and how it is judged. */
export function taskOptions(command: Command): Read<TaskOptions> {
  command.optionsGroup('Task:');
  const told = "inferred from the model's output and the labels";
  const task = optionOfOutputs(
    command,
    '--task <TASK>',
    `what the model does: ${tasks.join(', ')}; anomaly: it gives its input again; distill: needs no labels, a teacher alone says what is learned`,
    { words: tasks, parse: (text) => oneOf(text, tasks), parseOwn: (text) => oneOf(text, tasks) },
    told,
  );
  const loss = optionOfOutputs<LossKind | OwnLossFile, LossKind>(
    command,
    '--loss <LOSS>',
    `what training minimizes: ${losses.join(', ')}, or LOSS.onnx, a graph from outputs of the model and arrays of the data to one number`,
    { words: losses, parse: lossOf, parseOwn: (text) => oneOf(text, losses), isWhole: namesGraph },
    told,
  );
  const metric = optionOfOutputs<TableMetric | OwnMetricFile, TableMetric>(
    command,
    '--metric <METRIC>',
    `what is judged: ${allMetricNames.join(', ')}, or METRIC.onnx:higher or :lower, a graph to one number per sample; if named, it also decides which epoch is kept (otherwise the validation loss does)`,
    { words: allMetricNames, parse: metricOf, parseOwn: (text) => oneOf(text, allMetricNames), isWhole: namesGraph },
    "the task's first; with a loss of your own that loss",
  );
  return () => {
    const said = { task: task(), loss: loss(), metric: metric() };
    const outputs = ofOutputs(said.task.own, said.loss.own, said.metric.own);
    return {
      task: said.task.plain,
      loss: said.loss.plain,
      metric: said.metric.plain,
      ...(outputs !== null && { outputs }),
    };
  };
}

/** What was said of single outputs; null where nothing was. */
function ofOutputs(
  tasks: ReadonlyMap<string, NamedTask>,
  losses: ReadonlyMap<string, LossKind>,
  metrics: ReadonlyMap<string, TableMetric>,
): Readonly<Record<string, OutputTask>> | null {
  const names = new Set([...tasks.keys(), ...losses.keys(), ...metrics.keys()]);
  const entries = [...names].map((name): [string, OutputTask] => {
    const [task, loss, metric] = [tasks.get(name), losses.get(name), metrics.get(name)];
    return [
      name,
      {
        ...(task !== undefined && { task }),
        ...(loss !== undefined && { loss }),
        ...(metric !== undefined && { metric }),
      },
    ];
  });
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

export function deviceOption(command: Command): Read<DeviceName> {
  return choice(command, '--device <DEVICE>', 'what computes', deviceNames, 'auto');
}

const graphFile = /\.onnx$/i;

/** A path may hold a sign of equality. */
const namesGraph = (text: string): boolean => /\.onnx(:\w*)?$/i.test(text);

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
