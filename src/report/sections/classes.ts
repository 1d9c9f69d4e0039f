import { type Block, plain, type Section } from '../document.js';
import { type Context, ends, named, note, numeric, paragraph } from './context.js';

const tableRows = { head: 20, tail: 10 };
const chartRows = { head: 6, tail: 6 };

/** What changed per class, the worst first; null for a task without classes. */
export function classes(context: Context): Section | null {
  const { result, text, numbers } = context;
  const isMask = result.task === 'segmentation';
  const words = isMask ? { ...text.classes, ...text.segmentation.classes } : text.classes;
  const title = words.title;
  if (result.perClass.length === 0) return null;
  const sorted = result.perClass
    .map((row, i) => ({ ...row, path: `perClass.${i}` }))
    .filter((row) => row.count > 0)
    .sort((a, b) => (a.delta ?? 0) - (b.delta ?? 0) || a.index - b.index);
  const worst = sorted[0];
  const shown = ends(sorted, tableRows.head, tableRows.tail);
  const established = sorted.filter((row) => row.pHolm !== null && row.pHolm < 0.05).length;
  const table: Block = {
    kind: 'table',
    caption: words.table,
    columns: [
      named(words.name),
      numeric(words.count),
      numeric(text.arms.before),
      numeric(text.arms.control),
      numeric(text.arms.frelu),
      numeric(words.change),
      ...(isMask ? [] : [numeric(words.changes)]),
      numeric(words.p),
    ],
    rows: shown.map((row) => [
      [row.name],
      [numbers.count(row.count, `${row.path}.count`)],
      [numbers.share(row.before, `${row.path}.before`)],
      row.control === null ? ['–'] : [numbers.share(row.control, `${row.path}.control`)],
      [numbers.share(row.frelu, `${row.path}.frelu`)],
      [numbers.points(row.delta, `${row.path}.delta`)],
      ...(isMask
        ? []
        : [
            text.armsSection.pair(
              numbers.count(row.fixed, `${row.path}.fixed`),
              numbers.count(row.broken, `${row.path}.broken`),
            ),
          ]),
      [numbers.pValue(row.pHolm, `${row.path}.pHolm`)],
    ]),
  };
  const charted = ends(sorted, chartRows.head, chartRows.tail).flatMap((row) =>
    row.delta === null ? [] : [{ label: row.name, value: row.delta }],
  );
  return {
    id: 'classes',
    title,
    blocks: [
      ...(sorted.length === 1 ? [note(words.one)] : []),
      paragraph(
        worst !== undefined && worst.delta !== null && worst.delta < 0
          ? words.worst(worst.name, numbers.points(worst.delta, `${worst.path}.delta`))
          : words.noneWorse,
      ),
      paragraph(words.significant(numbers.count(established, null), numbers.count(sorted.length, null))),
      ...changeChart(context, words.chart, charted),
      ...(shown.length < sorted.length
        ? [paragraph(words.omitted(numbers.count(shown.length, null), numbers.count(sorted.length, null)))]
        : []),
      table,
    ],
  };
}

function changeChart(
  { text, numbers }: Context,
  caption: string,
  rows: readonly { label: string; value: number }[],
): Block[] {
  if (rows.length < 2) return [];
  const words = text.classes;
  return [
    {
      kind: 'chart',
      caption,
      alt: words.chartAlt(rows.map(({ label, value }) => `${label} ${plain([numbers.points(value, null)])}`)),
      chart: {
        kind: 'bars',
        x: words.axis,
        rows: rows.map(({ label, value }) => ({ label, value: 100 * value, tone: value < 0 ? 'worse' : 'better' })),
      },
    },
  ];
}
