import type { Command } from 'commander';
import type { EvaluateResult } from '../../contract/result.js';
import { printable } from '../../printable.js';
import { printJson, type Run } from '../context.js';
import { metricRows, rowsByOutput } from '../metric-rows.js';
import { evaluationData } from '../options/data.js';
import { argument } from '../options/option.js';
import { readingOptions } from '../options/reading.js';
import { deviceOption, taskOptions } from '../options/task.js';
import { askForData } from '../prompts.js';
import { readingLines } from '../reading-lines.js';
import { table } from '../table.js';

export function declareEvaluate(command: Command): Run {
  const model = argument(command, '<MODEL>', 'the model to evaluate');
  const data = evaluationData(command);
  const task = taskOptions(command);
  const reading = readingOptions(command);
  command.optionsGroup('Run:');
  const device = deviceOption(command);
  return async (context) => {
    const given = data();
    const path = given.data ?? (await askForData(context.io, context.json));
    const { evaluateModel } = await import('../../run/evaluate.js');
    const result = await evaluateModel({
      model: model(),
      data: { ...given, data: path },
      task: task(),
      reading: reading(),
      device: device(),
    });
    context.io.stderr.write(`${readingLines(result.reading).join('\n')}\n`);
    if (context.json) printJson(context, result);
    else context.io.stdout.write(await evaluationText(result));
    return 0;
  };
}

async function evaluationText({ model, data, device, metrics, outputs, seconds }: EvaluateResult): Promise<string> {
  const head =
    `${printable(model.path)}\non ${data.count} samples of ${printable(data.path)} (${data.format}), ` +
    `${device.used}, ${seconds.toFixed(2)} s\n\n`;
  if (outputs.length === 0)
    return `${head}${await table(['metric', 'value'], await metricRows([metrics]), ['value'])}\n`;
  const rows = await rowsByOutput(outputs, (output) => [output.metrics]);
  return `${head}${await table(['output', 'metric', 'value'], rows, ['value'])}\n`;
}
