import { allMetricNames } from '../../contract/metrics.js';
import type { OutputResult } from '../../contract/result.js';
import type { Block, Rich, Section } from '../document.js';
import { metricWord } from '../text/metrics.js';
import { type Context, named, numeric, paragraph } from './context.js';
import { differenceCells, metricTitle } from './figures.js';

/** Each of the outputs that were trained together: its figures before and after, and the paired difference. */
export function outputs(context: Context): Section | null {
  const { result, text } = context;
  if (result.outputs.length === 0) return null;
  const words = text.outputs;
  const [first] = result.outputs;
  return {
    id: 'outputs',
    title: words.title,
    blocks: [
      paragraph(words.lead(first?.name ?? '')),
      ...trained(context),
      ...result.outputs.map((_, i) => outputTable(context, i)),
      differences(context),
    ],
  };
}

/** By which loss each was trained; nothing of a run by a version that did not tell. */
function trained({ result, text, numbers }: Context): readonly Block[] {
  const words = text.outputs;
  const rows = result.outputs.flatMap(({ name, task, loss, weight = 1 }, i): Rich[][] => {
    if (loss === undefined) return [];
    const said: Rich = [numbers.real(weight, `outputs.${i}.weight`)];
    return [[[{ kind: 'code', text: name }], [{ kind: 'code', text: task }], [{ kind: 'code', text: loss }], said]];
  });
  if (rows.length === 0) return [];
  const columns = [named(words.output), named(words.task), named(words.loss), numeric(words.weight)];
  return [{ kind: 'table', caption: words.trained, columns, rows }];
}

function outputTable(context: Context, i: number): Block {
  const { result, text, numbers } = context;
  const output = result.outputs[i];
  const arms = (['before', 'control', 'frelu'] as const).flatMap((name) => {
    const metrics = output?.[name] ?? null;
    return metrics === null ? [] : [{ name, metrics }];
  });
  const names = allMetricNames.filter((name) => output?.before[name] !== undefined);
  return {
    kind: 'table',
    caption: text.outputs.table(output?.name ?? ''),
    columns: [named(text.armsSection.metric), ...arms.map(({ name }) => numeric(text.arms[name]))],
    rows: names.map((name): Rich[] => [
      [metricTitle(context, name, output?.before[name]?.higherIsBetter !== false)],
      ...arms.map(
        ({ name: arm, metrics }): Rich => [
          numbers.metric(name, metrics[name]?.value ?? null, `outputs.${i}.${arm}.${name}.value`),
        ],
      ),
    ]),
  };
}

function differences(context: Context): Block {
  const { result, text } = context;
  const words = text.armsSection;
  const row = (output: OutputResult, i: number, comparison: 'vsBefore' | 'vsControl'): Rich[][] => {
    const delta = output.delta[comparison];
    if (delta === null) return [];
    const path = `outputs.${i}.delta.${comparison}`;
    return [
      [
        [{ kind: 'code', text: output.name }],
        [text.comparisons[comparison]],
        [metricWord(text.metrics, delta.metric)],
        ...differenceCells(context, delta, path),
      ],
    ];
  };
  return {
    kind: 'table',
    caption: text.outputs.differences,
    columns: [
      named(text.outputs.output),
      named(words.comparison),
      named(words.metric),
      numeric(words.difference),
      numeric(words.interval),
      numeric(words.p),
    ],
    rows: result.outputs.flatMap((output, i) => [...row(output, i, 'vsBefore'), ...row(output, i, 'vsControl')]),
  };
}
