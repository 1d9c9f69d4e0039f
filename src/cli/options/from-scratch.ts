import type { Command } from 'commander';
import type { MigrateOptions, MigrateRequest } from '../../run/spec.js';
import { flag, type Read } from './option.js';

/** Settings of the training that have other defaults from scratch, by the attributes of their options. */
const ownDefaults = ['epochs', 'patience', 'seeds', 'batchNorm'] as const;

export function fromScratchOption(command: Command): Read<boolean> {
  command.optionsGroup('Experiment:');
  return flag(
    command,
    '--from-scratch',
    'write no model: train its architecture from fresh weights, ReLU against FReLU with b from 0, -0.398, -1 (and --init); 10 epochs, 3 seeds and --batch-norm batch where not said',
  );
}

/** What was asked for, without the settings that nobody said and that have other defaults from scratch. */
export function scratchRequest(command: Command, asked: Omit<MigrateOptions, 'command'>): MigrateRequest {
  const unsaid = ownDefaults.filter((name) => command.getOptionValueSource(name) === 'default');
  const training = Object.entries(asked.training).filter(([name]) => !unsaid.some((own) => own === name));
  return { ...asked, training: Object.fromEntries(training) };
}
