import type { Command } from 'commander';
import type { DeviceName } from '../../contract/settings.js';
import type { ReadingOptions, TaskOptions } from '../../reading/options.js';
import { evaluationData, type MaybeDataOptions } from './data.js';
import type { Read } from './option.js';
import { readingOptions } from './reading.js';
import { deviceOption, taskOptions } from './task.js';

/** What models are evaluated on, and how they are read; data may be missing. */
export interface AskedEvaluation {
  readonly data: MaybeDataOptions;
  readonly task: TaskOptions;
  readonly reading: ReadingOptions;
  readonly device: DeviceName;
}

/** Declares the options of whatever runs models over data without training them. */
export function evaluationOptions(command: Command): Read<AskedEvaluation> {
  const data = evaluationData(command);
  const task = taskOptions(command);
  const reading = readingOptions(command);
  command.optionsGroup('Run:');
  const device = deviceOption(command);
  return () => ({ data: data(), task: task(), reading: reading(), device: device() });
}
