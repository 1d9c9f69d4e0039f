import { median } from './measure.js';
import type { Row, Section } from './print.js';

/** Results of the same title as one, in the order in which they came first: every figure that differs is a median with its range. */
export function overRounds(results: readonly Section[]): Section[] {
  const firsts = results.filter(({ title }, at) => results.findIndex((each) => each.title === title) === at);
  return firsts.map(({ title, rows, note }) => {
    const rounds = results.filter((each) => each.title === title);
    const joined = rows.map((row, at): Row => {
      return row.map((_, column) => joinCells(rounds.map((each) => each.rows[at]?.[column] ?? '')));
    });
    return { title, rows: joined, note };
  });
}

const figure = /\d+(?:\.\d+)?/g;

/** What one cell says in every round: '1.35 x' and '1.41 x' are '1.38 (1.35 to 1.41) x'. Where the words differ, each is given. */
function joinCells(cells: readonly string[]): string {
  const [first = ''] = cells;
  const words = new Set(cells.map((cell) => cell.replace(figure, '#')));
  if (words.size > 1) return [...new Set(cells)].join(' | ');
  const figures = cells.map((cell) => cell.match(figure) ?? []);
  let at = 0;
  return first.replace(figure, (shown) => {
    const values = figures.map((each) => Number(each[at]));
    at += 1;
    const digits = shown.split('.')[1]?.length ?? 0;
    const [least, most] = [Math.min(...values), Math.max(...values)];
    if (least === most) return shown;
    return `${median(values).toFixed(digits)} (${least.toFixed(digits)} to ${most.toFixed(digits)})`;
  });
}
