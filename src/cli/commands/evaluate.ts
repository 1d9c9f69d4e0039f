import type { Command } from 'commander';
import type { EvaluateResult } from '../../contract/result.js';
import { printable } from '../../printable.js';
import { printJson, type Run } from '../context.js';
import { metricRows, reportWords, rowsByOutput } from '../metric-rows.js';
import { evaluationOptions } from '../options/evaluation.js';
import { argument } from '../options/option.js';
import { askForData } from '../prompts.js';
import { readingLines } from '../reading-lines.js';
import { table } from '../table.js';

export function declareEvaluate(command: Command): Run {
  const model = argument(command, '<MODEL>', 'the model to evaluate');
  const evaluation = evaluationOptions(command);
  return async (context) => {
    const asked = evaluation();
    const path = asked.data.data ?? (await askForData(context.io, context.json));
    const { evaluateModel } = await import('../../run/evaluate.js');
    const result = await evaluateModel({
      model: model(),
      ...asked,
      data: { ...asked.data, data: path },
    });
    context.io.stderr.write(`${readingLines(result.reading).join('\n')}\n`);
    if (context.json) printJson(context, result);
    else context.io.stdout.write(await evaluationText(result));
    return 0;
  };
}

async function evaluationText(result: EvaluateResult): Promise<string> {
  const { model, data, device, metrics, outputs, seconds } = result;
  const head =
    `${printable(model.path)}\non ${data.count} samples of ${printable(data.path)} (${data.format}), ` +
    `${device.used}, ${seconds.toFixed(2)} s\n\n`;
  const figures =
    outputs.length === 0
      ? await table(['metric', 'value'], await metricRows([metrics]), { right: ['value'] })
      : await table(['output', 'metric', 'value'], await rowsByOutput(outputs, (output) => [output.metrics]), {
          right: ['value'],
        });
  return `${head}${figures}\n${await slicesText(result.slices)}`;
}

/** The slices that were asked for, the lowest first. */
async function slicesText(slices: EvaluateResult['slices']): Promise<string> {
  const [first] = slices;
  if (first === undefined) return '';
  const { word, numbers, plain, text } = await reportWords();
  const rows = slices
    .toSorted((a, b) => (a.measured ?? 0) - (b.measured ?? 0))
    .map(({ column, value, count, metric, measured, ci95 }) => [
      `${column}: ${value}`,
      String(count),
      plain([numbers.metric(metric, measured, null)]),
      ci95 === null
        ? text.terminal.noInterval
        : plain(text.range(numbers.metric(metric, ci95[0], null), numbers.metric(metric, ci95[1], null))),
    ]);
  return `\n${await table(['slice', 'samples', word(first.metric), '95 % interval'], rows, { right: ['samples', word(first.metric), '95 % interval'] })}\n`;
}
