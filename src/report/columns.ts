import { present } from '../contract/present.js';

/** How many places of a terminal a text takes: a Japanese character two, a combining accent none. */
export type Width = (text: string) => number;

/**
 * Rows of cells as lines, each column as wide as its widest cell.
 * @param gap between two columns
 * @param isRight whether a column is flush right; else it is flush left
 */
export function alignColumns(
  rows: readonly (readonly string[])[],
  gap: string,
  isRight: (column: number) => boolean,
  width: Width,
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, width(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const spaces = ' '.repeat(present(widths[column], `the width of column ${column}`) - width(cell));
        return isRight(column) ? spaces + cell : cell + spaces;
      })
      .join(gap)
      .trimEnd(),
  );
}
