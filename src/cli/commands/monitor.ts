import type { Command } from 'commander';
import { exitCodes, Failure } from '../../contract/failure.js';
import { present } from '../../contract/present.js';
import type { DriftCheck, MonitorResult } from '../../contract/result.js';
import { printable } from '../../printable.js';
import { renderPrometheus } from '../../report/prometheus.js';
import { printJson, type Run } from '../context.js';
import { plural } from '../count.js';
import { reportWords } from '../metric-rows.js';
import { evaluationData } from '../options/data.js';
import { argument, choice, option } from '../options/option.js';
import { deviceOption } from '../options/task.js';
import { thresholdOptions } from '../options/thresholds.js';
import { text } from '../options/values.js';
import { askForData } from '../prompts.js';
import { findRun, usingStored } from '../run-folders.js';
import { table } from '../table.js';

/** Below this, shares jump by chance as far as drift moves them. */
const enoughSamples = 1000;

export function declareMonitor(command: Command): Run {
  const named = argument(command, '<RUN>', 'the run that migrated the model: its id, its folder, or its report.json');
  const data = evaluationData(command);
  const thresholds = thresholdOptions(command);
  command.optionsGroup('Run:');
  const model = option(command, '--model <PATH>', 'the migrated model', text, null, 'where the run wrote it');
  const device = deviceOption(command);
  const format = choice(
    command,
    '--format <FORMAT>',
    'of the result: a table, or the text that Prometheus reads',
    ['table', 'prometheus'],
    'table',
  );
  command.addHelpText(
    'after',
    `\nLabels are not needed. Preprocessing defaults to the run's. Exit code ${exitCodes.rejected} on an alarm, 0 without one.`,
  );
  return async (context) => {
    const { io, json } = context;
    if (json && format() !== 'table') {
      throw new Failure('usage', {
        what: 'The result is one JSON document or the text for Prometheus, not both.',
        cure: 'Leave one of them out.',
        settings: ['reportFormat'],
        written: 'nothing',
      });
    }
    const given = data();
    const path = given.data ?? (await askForData(io, json));
    const { path: stored, result: run } = await findRun(named(), process.cwd());
    const { monitor } = await import('../../run/monitor.js');
    const options = {
      run,
      model: model(),
      data: { ...given, data: path },
      device: device(),
      thresholds: thresholds(),
    };
    const result = await usingStored(stored, () => monitor(options));
    if (result.data.count < enoughSamples) {
      io.stderr.write(
        `Only ${result.data.count} samples: chance alone can move shares as far as drift does. Use windows of ${enoughSamples} or more.\n`,
      );
    }
    if (json) printJson(context, result);
    else if (format() === 'prometheus') io.stdout.write(renderPrometheus(result));
    else io.stdout.write(await monitorText(result, io.stdout.columns));
    return result.level === 'alarm' ? exitCodes.rejected : 0;
  };
}

async function monitorText(
  { run, model, data, device, baselineSamples, checks, level }: MonitorResult,
  width: number | undefined,
): Promise<string> {
  const { text: words, numbers, plain } = await reportWords();
  const { runbook } = words;
  const titleOf = ({ quantity, name }: DriftCheck): string => {
    switch (quantity) {
      case 'input':
        return runbook.input(present(name, 'the name of an input'));
      case 'predicted':
        return runbook.predicted;
      case 'confidence':
        return runbook.confidence;
      case 'floor-rate':
        return runbook.floorRate(present(name, 'the site of a floor rate'));
    }
  };
  const share = (value: number | null): string => plain([numbers.share(value, null)]);
  const real = (value: number | null): string => plain([numbers.real(value, null)]);
  const limit = ({ statistic, baseline, alarm }: DriftCheck): string => {
    if (statistic === 'psi') return plain(runbook.above(numbers.real(alarm, null)));
    const expected = present(baseline, `the baseline of a ${statistic}`);
    switch (statistic) {
      case 'fall':
        return plain(runbook.below(numbers.share(expected - alarm, null)));
      case 'change':
        return plain(
          runbook.outside(
            numbers.share(Math.max(0, expected - alarm), null),
            numbers.share(Math.min(1, expected + alarm), null),
          ),
        );
    }
  };
  const rows = checks.map((check) => [
    titleOf(check),
    ...(check.statistic === 'psi' ? ['', real(check.value)] : [share(check.baseline), share(check.observed)]),
    limit(check),
    check.level,
  ]);
  const count = (of: DriftCheck['level']) => checks.filter((check) => check.level === of).length;
  return (
    `${printable(model)}\n${data.count} samples of ${printable(data.path)} (${data.format}) against ${baselineSamples} of run ${printable(run)}, ${device.used}\n\n` +
    `${await table(['quantity', 'baseline', 'now', 'alarm', 'level'], rows, { right: ['baseline', 'now', 'alarm'], width })}\n\n` +
    `${level}: ${plural(count('alarm'), 'alarm')}, ${plural(count('warning'), 'warning')} in ${plural(checks.length, 'check')}\n`
  );
}
