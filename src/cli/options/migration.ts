import type { Command } from 'commander';
import { parseAcceptanceRule, parseMinEffect } from '../../evaluation/rule.js';
import { defaultAcceptance, type MigrateOptions } from '../../run/spec.js';
import { type MaybeDataOptions, trainingData } from './data.js';
import { choice, flag, option, type Read } from './option.js';
import { planOptions } from './plan.js';
import { readingOptions } from './reading.js';
import { languagesOption, seedOption } from './run.js';
import { taskOptions } from './task.js';
import { distillOptions, trainingOptions } from './training.js';
import { oneOrMore, text } from './values.js';

/** What a migration computes, as it was asked for; data may be missing. */
export type AskedMigration = Omit<MigrateOptions, MigrationSurroundings | 'data'> & { readonly data: MaybeDataOptions };

/** Which model, where it goes and what is told: the command's own affair. */
type MigrationSurroundings = 'model' | 'out' | 'dryRun' | 'runDir' | 'resume' | 'keepControl' | 'languages' | 'command';

/** Declares the options that say what is computed. */
export function migrationOptions(command: Command): Read<AskedMigration> {
  const data = trainingData(command);
  const task = taskOptions(command);
  const reading = readingOptions(command);
  const training = trainingOptions(command);
  const distill = distillOptions(command);
  const plan = planOptions(command);
  command.optionsGroup('Run:');
  const seed = seedOption(command, 'of splits, order and initial state: the same seed repeats the run');
  const accept = option(
    command,
    '--accept <RULE>',
    'when to write: established, accuracy>+0.002, latency<1.05, frelu>=before, always ..., several joined by &&; on the test split',
    (rule) => parseAcceptanceRule(rule).text,
    defaultAcceptance,
  );
  const minEffect = option(
    command,
    '--min-effect <X>',
    'the smallest improvement worth writing, for the rule established',
    parseMinEffect,
    null,
    '0.001 of a metric from 0 to 1, 0.5% of an error or loss',
  );
  const looks = option(
    command,
    '--looks <N>',
    'runs that are to be judged on this test split: the rule asks each for intervals of 1 - 0.05/N',
    oneOrMore,
    1,
  );
  return () => ({
    data: data(),
    task: task(),
    reading: reading(),
    plan: plan(),
    training: training(),
    distill: distill(),
    accept: accept(),
    minEffect: minEffect(),
    looks: looks(),
    seed: seed(),
  });
}

/** Declares the options that say what is written, and where. */
export function placeOptions(
  command: Command,
): Read<Pick<MigrateOptions, 'out' | 'dryRun' | 'runDir' | 'resume' | 'keepControl' | 'languages'>> {
  const out = option(command, '--out <PATH>', 'write the migrated model there', text, null, 'in place, the old kept');
  const dryRun = flag(command, '--dry-run', 'write nothing');
  const keep = choice(
    command,
    '--keep <ARM>',
    "what is kept beside: the control arm's model, in the run's folder",
    ['control'],
    null,
  );
  const runDir = option(
    command,
    '--run-dir <PATH>',
    'folder of checkpoints, curves and report',
    text,
    null,
    '.frelu/runs/ID beside the model',
  );
  const resume = flag(command, '--resume', 'go on with an interrupted run of the same settings');
  const languages = languagesOption(command);
  return () => ({
    out: out(),
    dryRun: dryRun(),
    runDir: runDir(),
    resume: resume(),
    keepControl: keep() === 'control',
    languages: languages(),
  });
}
