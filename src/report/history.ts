import { basename, dirname, join } from 'node:path';
import type { MigrateResult } from '../contract/result.js';
import type { Language } from '../contract/settings.js';
import { improvement } from '../evaluation/improvement.js';
import { comparisonCells, comparisonColumns } from './comparison.js';
import type { ReportDocument, Rich, Table } from './document.js';
import { formatDate, texts } from './languages.js';
import { numbersIn } from './numbers.js';
import { named } from './sections/context.js';

const verdictOrder = { adopt: 0, inconclusive: 1, reject: 2 } as const;

/** What was migrated and what it bought, over many runs, in four orders. */
export function historyReport(results: readonly MigrateResult[], language: Language): ReportDocument {
  const text = texts[language];
  const words = text.history;
  const numbers = numbersIn(language, text);
  const row = (result: MigrateResult): readonly Rich[] => [
    [nameOf(result)],
    [formatDate(result.run.started, language)],
    ...comparisonCells(text, numbers, result.delta.vsBefore.metric, result.delta, null),
    [text.verdicts[result.verdict]],
    [result.written ? words.yes : words.no],
  ];

  const table = (sorted: readonly MigrateResult[]): Table => ({
    kind: 'table',
    caption: words.table,
    columns: [
      named(words.model),
      named(words.date),
      ...comparisonColumns(text),
      named(words.verdict),
      named(words.written),
    ],
    rows: sorted.map(row),
  });
  const newest = [...results].sort((a, b) => (a.run.started < b.run.started ? 1 : -1));
  // sorting is stable: what is equal stays newest first
  const gain = (result: MigrateResult) => improvement(result.delta.vsBefore) ?? Number.NEGATIVE_INFINITY;
  const collator = new Intl.Collator(language);
  const orders = [
    { name: words.orders.date, sorted: newest },
    {
      name: words.orders.model,
      sorted: [...newest].sort((a, b) => collator.compare(nameOf(a), nameOf(b))),
    },
    {
      name: words.orders.gain,
      sorted: [...newest].sort((a, b) => (gain(a) === gain(b) ? 0 : gain(a) < gain(b) ? 1 : -1)),
    },
    {
      name: words.orders.verdict,
      sorted: [...newest].sort((a, b) => verdictOrder[a.verdict] - verdictOrder[b.verdict]),
    },
  ];
  return {
    language,
    title: words.title,
    subtitle: words.subtitle(new Intl.NumberFormat(language).format(results.length)),
    verdict: null,
    summary:
      results.length === 0
        ? [{ kind: 'note', text: words.empty }]
        : [
            {
              kind: 'orders',
              label: words.sortBy,
              orders: orders.map(({ name, sorted }) => ({ name, table: table(sorted) })),
            },
          ],
    sections: [],
    contentsLabel: text.contents,
    footer: text.footer,
  };
}

/** With its folder: many models are called model.json. */
function nameOf({ model }: MigrateResult): string {
  return join(basename(dirname(model.path)), basename(model.path));
}
