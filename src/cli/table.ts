import { printable } from '../printable.js';
import { alignColumns, type Width } from '../report/columns.js';

/** Columns padded to their widest cell, two spaces apart, each cell one line; a column is flush left unless its title is in `right`. */
export async function table(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): Promise<string> {
  const all = [titles, ...rows].map((cells) => cells.map(printable));
  const flushRight = titles.map((title) => right.includes(title));
  return alignColumns(all, '  ', (column) => flushRight[column] === true, await widthFor(all)).join('\n');
}

/** Loading `string-width` takes longer than inspecting a model: where all is ASCII, every character takes one place. */
async function widthFor(rows: readonly (readonly string[])[]): Promise<Width> {
  const isPlain = rows.every((row) => row.every((cell) => /^[ -~]*$/.test(cell)));
  return isPlain ? (text) => text.length : (await import('string-width')).default;
}
