import type { Command } from 'commander';
import { defaultPlanOptions, formNames, granularities, type PlanOptions, paddings } from '../../contract/settings.js';
import { choice, type Read, repeated } from './option.js';

/** Which sites are migrated, and how FReLU is written at them. */
export function planOptions(command: Command): Read<PlanOptions> {
  const { form: anyForm, padding: usualPadding, granularity: perLayer } = defaultPlanOptions;
  command.optionsGroup('Sites and their form:');
  const form = choice(
    command,
    '--form <FORM>',
    'how FReLU is written; auto: at each site the fastest form that is exact',
    formNames,
    anyForm,
  );
  const padding = choice(
    command,
    '--padding <VALUE>',
    'what a zero-padded layer that reads a FReLU is padded with: 0, or its floor b',
    paddings,
    usualPadding,
  );
  const granularity = choice(command, '--granularity <UNIT>', 'one b for each', granularities, perLayer);
  const include = repeated(command, '--include <GLOB>', 'only sites whose id matches');
  const exclude = repeated(command, '--exclude <GLOB>', 'no sites whose id matches');
  return () => ({
    form: form(),
    padding: padding(),
    granularity: granularity(),
    include: include(),
    exclude: exclude(),
  });
}
