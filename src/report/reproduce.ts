import { isTableMetric } from '../contract/metrics.js';
import type { MigrateResult, RunSettings } from '../contract/result.js';
import { shellQuote } from '../shell.js';

/**
 * A command that repeats a run and writes nothing, from what its result keeps: settings, data, rule, slices. How the model and data are
 * read is kept as what was decided, not as the options that said so, and is not part of it.
 */
export function reproduceCommand(result: MigrateResult): string {
  const options = [...dataOptions(result), ...trainingOptions(result), ...formOptions(result), ...ruleOptions(result)];
  const words = options.flatMap(([flag, value]) =>
    value === null || value === '' ? [] : value === true ? [flag] : [`${flag} ${shellQuote(String(value))}`],
  );
  return ['frelu-migrate', shellQuote(result.model.path), ...words, '--dry-run'].join(' ');
}

type Options = readonly (readonly [flag: string, value: string | number | true | null])[];

function dataOptions({ data, settings }: MigrateResult): Options {
  const { train, test } = data;
  const isOwn = settings.testFraction === null && test.path !== train.path;
  return [
    ['--data', train.path],
    ['--test', isOwn ? test.path : null],
    ['--val-fraction', settings.validationFraction],
    ['--test-fraction', settings.testFraction],
    ['--scale', settings.scale],
    ['--mean', settings.mean?.join(',') ?? null],
    ['--std', settings.std?.join(',') ?? null],
    ['--layout', settings.layout],
  ];
}

function trainingOptions({ settings }: MigrateResult): Options {
  const { teacher, distillWeight, control, seeds, metric } = settings;
  return [
    ['--seed', settings.seed],
    // the stages say their scopes
    ['--train', settings.stages.length > 0 ? null : settings.train],
    ['--stages', settings.stages.join(',')],
    ['--epochs', settings.epochs],
    ['--budget', settings.budgetSeconds === null ? null : `${settings.budgetSeconds}s`],
    ['--batch-size', settings.batchSize],
    ['--patience', settings.patience],
    // one that was looked for is found again
    ['--lr', settings.learningRateFound ? null : settings.learningRate],
    ['--lr-offset', offsetsRate(settings)],
    ['--lr-scale', settings.learningRateScales.join(',')],
    ['--schedule', settings.schedule],
    ['--warmup', settings.warmup === 0 ? null : settings.warmup],
    ['--optimizer', settings.optimizer],
    ['--momentum', settings.momentum],
    ['--weight-decay', settings.weightDecay],
    ['--decay-scale', settings.weightDecayScales.join(',')],
    ['--clip-norm', settings.clipNormFound ? null : (settings.clipNorm ?? 'none')],
    ['--average', settings.average],
    ['--dropout', settings.dropout === 0 ? null : settings.dropout],
    ['--label-smoothing', settings.labelSmoothing === 0 ? null : settings.labelSmoothing],
    ['--mixup', settings.mixup],
    ['--augment', settings.augment.join(',')],
    ['--batch-norm', settings.batchNorm],
    ['--teacher', teacher],
    ['--distill-weight', teacher === null ? null : distillWeight],
    ['--temperature', teacher === null ? null : settings.temperature],
    // one that is said decides about the epoch too
    ['--metric', settings.epochKeptBy === 'validation metric' && isTableMetric(metric) ? metric : null],
    ['--revert-harmful', settings.revertHarmful ? true : null],
    ['--seeds', seeds === 1 ? null : seeds],
    ['--no-control', control ? null : true],
  ];
}

/** What was said of it, unless it was said by what the rate is multiplied by. */
function offsetsRate({ learningRate, offsetLearningRate, learningRateScales }: RunSettings): number | null {
  const isScaled = learningRateScales.some((scale) => scale.startsWith('offsets='));
  return isScaled || offsetLearningRate === learningRate ? null : offsetLearningRate;
}

function formOptions({ settings }: MigrateResult): Options {
  return [
    ['--form', settings.form],
    ['--padding', settings.padding],
    ['--granularity', settings.granularity],
    ['--init', settings.init],
    ['--max-offset', settings.maxOffset],
    ...settings.include.map((glob) => ['--include', glob] as const),
    ...settings.exclude.map((glob) => ['--exclude', glob] as const),
  ];
}

function ruleOptions({ acceptance, looks, slices, reading }: MigrateResult): Options {
  return [
    ['--accept', acceptance.rule],
    ['--looks', looks.planned === 1 ? null : looks.planned],
    ...[...new Set(slices.map(({ column }) => column))].map((column) => ['--slice', column] as const),
    ['--trust-reading', reading.trusted ? true : null],
  ];
}
