import type { Command } from 'commander';
import { allMetricNames, type MetricName } from '../../contract/metrics.js';
import { type DeviceName, deviceNames, losses, tasks } from '../../contract/settings.js';
import type { TaskOptions } from '../../reading/options.js';
import { choice, type Read } from './option.js';

/** What is learned and how it is judged. */
export function taskOptions(command: Command): Read<TaskOptions> {
  command.optionsGroup('Task:');
  const told = "inferred from the model's output and the labels";
  const task = choice(
    command,
    '--task <TASK>',
    'what the model does; distill: needs no labels, a teacher alone says what is learned',
    tasks,
    null,
    told,
  );
  const loss = choice(command, '--loss <LOSS>', 'what training minimizes', losses, null, told);
  const metric = choice<MetricName, null>(
    command,
    '--metric <METRIC>',
    'what is judged; if named, it also decides which epoch is kept (otherwise the validation loss does)',
    allMetricNames,
    null,
    "the task's first",
  );
  return () => ({ task: task(), loss: loss(), metric: metric() });
}

export function deviceOption(command: Command): Read<DeviceName> {
  return choice(command, '--device <DEVICE>', 'what computes', deviceNames, 'auto');
}
