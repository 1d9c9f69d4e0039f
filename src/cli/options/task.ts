import type { Command } from 'commander';
import type { DeviceName } from '../../contract/settings.js';
import type { TaskOptions } from '../../reading/options.js';
import { choice, type Read } from './option.js';

/** What is learned and how it is judged. */
export function taskOptions(command: Command): Read<TaskOptions> {
  command.optionsGroup('Task:');
  const told = "told by the model's output and the labels";
  const task = choice(
    command,
    '--task <TASK>',
    'what the model does; distill: no labels, the original model teaches',
    ['classification', 'multilabel', 'regression', 'distill'],
    null,
    told,
  );
  const loss = choice(
    command,
    '--loss <LOSS>',
    'what training lowers',
    ['cross-entropy', 'binary-cross-entropy', 'mse'],
    null,
    told,
  );
  const metric = choice(
    command,
    '--metric <METRIC>',
    'what is judged; named, it also decides which epoch is kept (the validation loss does otherwise)',
    ['accuracy', 'top5', 'macroF1', 'logLoss', 'ece', 'auroc', 'mae', 'rmse', 'r2'],
    null,
    "the task's first",
  );
  return () => ({ task: task(), loss: loss(), metric: metric() });
}

export function deviceOption(command: Command): Read<DeviceName> {
  return choice(
    command,
    '--device <DEVICE>',
    'what computes',
    ['auto', 'cpu', 'webgpu', 'cuda', 'dml', 'coreml'],
    'auto',
  );
}
