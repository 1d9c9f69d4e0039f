import type { SettingHint, SettingName } from '../contract/settings.js';

/** What each setting is called on the command line. */
export const flags: Readonly<Record<SettingName, string>> = {
  accept: '--accept',
  augment: '--augment',
  batchNorm: '--batch-norm',
  batchSize: '--batch-size',
  channelOrder: '--channel-order',
  classes: '--classes',
  clipNorm: '--clip-norm',
  config: '--config',
  control: '--no-control',
  data: '--data',
  device: '--device',
  distillWeight: '--distill-weight',
  dryRun: '--dry-run',
  epochs: '--epochs',
  exclude: '--exclude',
  form: '--form',
  include: '--include',
  input: '--input',
  keep: '--keep',
  labelSmoothing: '--label-smoothing',
  layout: '--layout',
  learningRate: '--lr',
  looks: '--looks',
  loss: '--loss',
  mean: '--mean',
  metric: '--metric',
  minEffect: '--min-effect',
  mixup: '--mixup',
  model: '--model',
  offsetLearningRate: '--lr-offset',
  optimizer: '--optimizer',
  out: '--out',
  output: '--output',
  outputWeight: '--output-weight',
  overwrite: '--overwrite',
  padding: '--padding',
  preprocess: '--preprocess',
  queue: '--queue',
  repairKeras3: '--repair-keras3',
  reportFormat: '--format',
  resize: '--resize',
  resume: '--resume',
  retry: '--retry',
  runDir: '--run-dir',
  scale: '--scale',
  seeds: '--seeds',
  shard: '--shard',
  slice: '--slice',
  sliceFile: '--slice-file',
  std: '--std',
  target: '--target',
  task: '--task',
  teacher: '--teacher',
  temperature: '--temperature',
  test: '--test',
  testFraction: '--test-fraction',
  train: '--train',
  trustReading: '--trust-reading',
  validationFraction: '--val-fraction',
  version: '--to',
  volume: '--volume',
  yes: '--yes',
};

/** '--lr', '--device cpu' */
export function flagOf(hint: SettingHint): string {
  return typeof hint === 'string' ? flags[hint] : `${flags[hint[0]]} ${hint[1]}`;
}

/** The same as words of a command line: ['--device', 'cpu'] */
export function wordsOf(hint: SettingHint): readonly string[] {
  return typeof hint === 'string' ? [flags[hint]] : [flags[hint[0]], hint[1]];
}
