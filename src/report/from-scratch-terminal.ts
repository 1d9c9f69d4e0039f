import stringWidth from 'string-width';
import type { FromScratchResult } from '../contract/from-scratch.js';
import { printable } from '../printable.js';
import { alignColumns } from './columns.js';
import { plain } from './document.js';
import { isOneSeed, scratchContext, scratchHeadline, scratchTable, troubles } from './from-scratch.js';

/** The table for people: a row per arm, what is established, where the report lies. Ends with a line feed. */
export function renderScratchTerminal(result: FromScratchResult): string {
  const context = scratchContext(result, 'en');
  const { words, text, numbers } = context;
  const { metric } = result.settings;
  const { caption, columns, rows } = scratchTable(context);
  const table = [columns.map(({ title }) => title), ...rows.map((row) => row.map(plain))];
  const before = plain([numbers.metric(metric, result.before[metric]?.value ?? null, null)]);
  return [
    caption,
    '',
    ...alignColumns(table, '   ', (column) => column > 0, stringWidth),
    '',
    `${words.before}: ${before}`,
    ...(result.weights.normalizations > 0 ? [] : [words.unnormalized]),
    ...troubles(context).map((trouble) => printable(plain(trouble))),
    '',
    `${scratchHeadline(context)}. ${words.untouched}`,
    ...(isOneSeed(result) ? [plain(words.oneSeed)] : []),
    ...(result.report.length === 0
      ? []
      : ['', `${text.terminal.report}   ${result.report.map(printable).join('\n         ')}`]),
    '',
  ].join('\n');
}
