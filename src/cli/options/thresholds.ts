import type { Command } from 'commander';
import { type DriftThresholds, driftThresholds } from '../../evaluation/drift.js';
import { option, type Read } from './option.js';
import { positive } from './values.js';

/** From where on a drift warns and alarms. */
export function thresholdOptions(command: Command): Read<DriftThresholds> {
  command.optionsGroup('Thresholds:');
  const psi = 'population stability index of inputs and of predicted classes';
  const { psiWarning, psiAlarm, confidenceFall, floorRateChange } = driftThresholds;
  const warning = option(command, '--psi-warning <X>', `${psi} that warns`, positive, psiWarning);
  const alarm = option(command, '--psi-alarm <X>', `${psi} that alarms`, positive, psiAlarm);
  const fall = option(
    command,
    '--confidence-fall <X>',
    'fall of the mean confidence that alarms; half of it warns',
    positive,
    confidenceFall,
  );
  const change = option(
    command,
    '--floor-change <X>',
    "change of an activation's floor rate that alarms; half of it warns",
    positive,
    floorRateChange,
  );
  return () => ({
    psiWarning: warning(),
    psiAlarm: alarm(),
    confidenceFall: fall(),
    floorRateChange: change(),
  });
}
