import type { Command } from 'commander';
import type { CompareResult, Delta } from '../../contract/result.js';
import { printable } from '../../printable.js';
import { printJson, type Run } from '../context.js';
import { metricRows, reportWords, rowsByOutput } from '../metric-rows.js';
import { evaluationOptions } from '../options/evaluation.js';
import { argument } from '../options/option.js';
import { seedOption } from '../options/run.js';
import { askForData } from '../prompts.js';
import { readingLines } from '../reading-lines.js';
import { table } from '../table.js';

export function declareCompare(command: Command): Run {
  const a = argument(command, '<MODEL_A>', 'the model to compare with');
  const b = argument(command, '<MODEL_B>', 'the model that is compared; differences are B - A');
  const evaluation = evaluationOptions(command);
  const seed = seedOption(command, 'of the bootstrap');
  return async (context) => {
    const asked = evaluation();
    const path = asked.data.data ?? (await askForData(context.io, context.json));
    const { compareModels } = await import('../../run/compare.js');
    const result = await compareModels({
      a: a(),
      b: b(),
      ...asked,
      data: { ...asked.data, data: path },
      seed: seed(),
    });
    for (const [name, { reading: read }] of Object.entries({ A: result.a, B: result.b })) {
      context.io.stderr.write(`${name}:\n${readingLines(read).join('\n')}\n`);
    }
    if (context.json) printJson(context, result);
    else context.io.stdout.write(await comparisonText(result));
    return 0;
  };
}

async function comparisonText({
  a,
  b,
  data,
  device,
  delta,
  outputs,
  maxAbsDiff,
  latency,
  slices,
}: CompareResult): Promise<string> {
  const { word, numbers, plain } = await reportWords();
  const metrics =
    outputs.length === 0
      ? await table(['metric', 'A', 'B'], await metricRows([a.metrics, b.metrics]), { right: ['A', 'B'] })
      : await table(['output', 'metric', 'A', 'B'], await rowsByOutput(outputs, (output) => [output.a, output.b]), {
          right: ['A', 'B'],
        });
  const changeRows = (of: string, { metric, value, ci95, test, pValue }: Delta): string[][] => [
    [
      `${of}${word(metric)}, B - A`,
      `${plain([numbers.metricChange(metric, value, null)])}, ${
        ci95 === null ? 'no interval' : `95 % ${plain(numbers.metricRange(metric, ci95, null))}`
      }`,
    ],
    [`p (${test})`, plain([numbers.pValue(pValue, null)])],
  ];
  const rows = [
    ...(outputs.length === 0
      ? changeRows('', delta)
      : outputs.flatMap(({ name, delta: own }) => changeRows(`${name}: `, own))),
    ...(delta.fixed === null || delta.broken === null
      ? []
      : [['answers', `${delta.fixed} fixed, ${delta.broken} broken, of ${delta.count}`]]),
    ['largest difference of outputs', maxAbsDiff.toPrecision(3)],
    ...(latency === null
      ? []
      : [
          [
            'latency',
            `A ${latency.before.toPrecision(3)} ms, B ${latency.after.toPrecision(3)} ms (batch of ${latency.batchSize}, median of ${latency.runs})`,
          ],
        ]),
  ];
  return (
    `A  ${printable(a.model.path)}\nB  ${printable(b.model.path)}\non ${data.count} samples of ${printable(data.path)} (${data.format}), ${device.used}\n\n` +
    `${metrics}\n\n${await table(['comparison', ''], rows)}\n${await slicesText(slices)}`
  );
}

/** The slices that were asked for, the one that B loses most on first. */
async function slicesText(slices: CompareResult['slices']): Promise<string> {
  const [first] = slices;
  if (first === undefined) return '';
  const { word, numbers, plain, text } = await reportWords();
  const gain = ({ delta }: (typeof slices)[number]): number => (delta.higherIsBetter ? 1 : -1) * (delta.value ?? 0);
  const rows = slices
    .toSorted((a, b) => gain(a) - gain(b))
    .map(({ column, value, before, frelu, delta, pHolm }) => [
      `${column}: ${value}`,
      String(delta.count),
      plain([numbers.metric(delta.metric, before, null)]),
      plain([numbers.metric(delta.metric, frelu, null)]),
      delta.ci95 === null ? text.terminal.noInterval : plain(numbers.metricRange(delta.metric, delta.ci95, null)),
      plain([numbers.pValue(pHolm, null)]),
    ]);
  const columns = ['samples', 'A', 'B', 'B - A, 95 %', 'p (Holm)'];
  return `\n${word(first.delta.metric)} by slice\n${await table(['slice', ...columns], rows, { right: columns })}\n`;
}
