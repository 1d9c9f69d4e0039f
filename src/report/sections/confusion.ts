import type { ConfusionCell } from '../../contract/result.js';
import type { Block, Section } from '../document.js';
import type { Texts } from '../text/en.js';
import { type Context, named, note, numeric } from './context.js';

const shownCells = 15;
/** beyond this many classes the cells of a heat map on a phone hold no figure */
const heatmapClasses = 12;

/** Which classes are mistaken for which, and how that changed. */
export function confusion({ result, text, numbers }: Context): Section | null {
  const words = text.confusion;
  if (result.perClass.length === 0) return null;
  if (result.confusion === null) return { id: 'confusion', title: words.title, blocks: [note(words.notMeasured)] };
  const nameOf = new Map(result.perClass.map(({ index, name }) => [index, name]));
  const changes = changedCells(result.confusion.before, result.confusion.frelu);
  if (changes.length === 0) return { id: 'confusion', title: words.title, blocks: [note(words.none)] };
  return {
    id: 'confusion',
    title: words.title,
    blocks: [
      // millions of pixels are no figures for the cells of a map
      ...(result.task === 'segmentation' ? [] : changeMap(text, [...nameOf.values()], changes)),
      {
        kind: 'table',
        caption: result.task === 'segmentation' ? text.segmentation.confusion : words.table,
        columns: [
          named(words.actual),
          named(words.predicted),
          numeric(words.before),
          numeric(words.frelu),
          numeric(words.change),
        ],
        rows: changes
          .slice(0, shownCells)
          .map(({ actual, predicted, before, frelu, change }) => [
            [nameOf.get(actual) ?? String(actual)],
            [nameOf.get(predicted) ?? String(predicted)],
            [numbers.count(before, null)],
            [numbers.count(frelu, null)],
            [numbers.change(change, null)],
          ]),
      },
    ],
  };
}

interface ChangedCell extends ConfusionCell {
  readonly before: number;
  readonly frelu: number;
  readonly change: number;
}

function changeMap(text: Texts, labels: readonly string[], changes: readonly ChangedCell[]): Block[] {
  if (labels.length < 2 || labels.length > heatmapClasses) return [];
  const words = text.confusion;
  return [
    {
      kind: 'chart',
      caption: words.chart,
      alt: words.chartAlt(changes.length),
      chart: {
        kind: 'heatmap',
        x: words.predicted,
        y: words.actual,
        labels,
        cells: changes.map(({ actual, predicted, change }) => ({
          x: predicted,
          y: actual,
          value: change,
          tone: (actual === predicted) === change > 0 ? 'better' : 'worse',
        })),
      },
    },
  ];
}

function changedCells(before: readonly ConfusionCell[], frelu: readonly ConfusionCell[]): ChangedCell[] {
  const key = ({ actual, predicted }: ConfusionCell) => `${actual} ${predicted}`;
  const cells = new Map(before.map((cell) => [key(cell), { ...cell, before: cell.count, frelu: 0 }]));
  for (const cell of frelu) {
    cells.set(key(cell), { ...cell, before: cells.get(key(cell))?.before ?? 0, frelu: cell.count });
  }
  return [...cells.values()]
    .map((cell) => ({ ...cell, change: cell.frelu - cell.before }))
    .filter((cell) => cell.change !== 0)
    .sort((a, b) => Math.abs(b.change) - Math.abs(a.change) || a.actual - b.actual || a.predicted - b.predicted);
}
