import { printable } from '../printable.js';
import { alignColumns, type Width } from '../report/columns.js';

export interface TableOptions {
  /** the titles of the columns that are flush right; the others are flush left */
  readonly right?: readonly string[];
  /** of the terminal, in characters; undefined where the output is none, and lines may be as long as they are */
  readonly width?: number | undefined;
}

/**
 * Columns padded to their widest cell, two spaces apart, each cell one line. What is wider than the terminal is written row below row, a line for
 * each cell that is not empty.
 */
export async function table(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  { right = [], width = Number.POSITIVE_INFINITY }: TableOptions = {},
): Promise<string> {
  const all = [titles, ...rows].map((cells) => cells.map(printable));
  const flushRight = titles.map((title) => right.includes(title));
  const widthOf = await widthFor(all);
  const lines = alignColumns(all, '  ', (column) => flushRight[column] === true, widthOf);
  if (lines.every((line) => widthOf(line) <= width)) return lines.join('\n');
  return all
    .slice(1)
    .flatMap((cells) => stacked(all[0] ?? [], cells))
    .join('\n');
}

/** A row of a table that is too wide: its first cell, and below it the others with their titles. */
function stacked(titles: readonly string[], [first = '', ...others]: readonly string[]): string[] {
  return [first, ...others.flatMap((cell, i) => (cell === '' ? [] : [`  ${titles[i + 1] ?? ''}: ${cell}`]))];
}

/** Loading `string-width` takes longer than inspecting a model: where all is ASCII, every character takes one place. */
async function widthFor(rows: readonly (readonly string[])[]): Promise<Width> {
  const isPlain = rows.every((row) => row.every((cell) => /^[ -~]*$/.test(cell)));
  return isPlain ? (text) => text.length : (await import('string-width')).default;
}
