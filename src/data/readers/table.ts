import { Failure } from '../../contract/failure.js';
import type { Dataset, Targets } from '../dataset.js';
import { arrayDataset } from './arrays.js';
import type { ReadOptions } from './reader.js';
import { namedTargets, numericTargets } from './targets.js';

/** Which columns of a table are read as what, by position. */
export interface TableColumns {
  readonly names: readonly string[];
  readonly target: number | null;
  readonly features: readonly number[];
}

const targetNames = new Set(['label', 'target', 'class', 'y']);

/** pandas writes its row numbers as a column without a name, or of this one in Parquet */
const isRowNumber = (name: string): boolean => /^(|unnamed: 0|__index_level_0__)$/i.test(name);

/**
 * The target column: `options.target` by name or position, else the one called label, target, class or y, else the last.
 * @throws Failure('usage') when `options.target` is not there
 */
export function chooseColumns(path: string, names: readonly string[], options: ReadOptions): TableColumns {
  const target = targetColumn(path, names, options);
  const features = names.map((_, i) => i).filter((i) => i !== target && !isRowNumber(names[i] ?? ''));
  if (features.length === 0)
    throw new Failure('input', { what: `${path}: it has no column besides the target.`, cure: 'Add the inputs.' });
  return { names, target, features };
}

function targetColumn(path: string, names: readonly string[], options: ReadOptions): number | null {
  if (options.target !== undefined) {
    const named = names.indexOf(options.target);
    if (named >= 0) return named;
    const position = /^\d+$/.test(options.target) ? Number(options.target) : names.length;
    if (position < names.length) return position;
    throw new Failure('usage', {
      what: `${path}: it has no column "${options.target}". Its columns are ${listed(names)}.`,
      cure: 'Name one of them as the target.',
      settings: ['target'],
    });
  }
  const usual = names.findIndex((name) => targetNames.has(name.toLowerCase()));
  if (usual >= 0) return usual;
  return options.requireTargets === false ? null : names.length - 1;
}

/** The first names of a list, for a message. */
export const listed = (names: readonly string[]): string =>
  `${names.slice(0, 20).join(', ')}${names.length > 20 ? ', ...' : ''}`;

/** The number in a cell; null where there is none. */
export function cellNumber(cell: unknown): number | null {
  if (typeof cell === 'number') return cell;
  if (typeof cell === 'bigint' || typeof cell === 'boolean') return Number(cell);
  if (typeof cell !== 'string' || cell.trim() === '') return null;
  const value = Number(cell);
  return Number.isNaN(value) ? null : value;
}

/** @throws Failure('input') naming row and column of a cell that holds no finite number */
export function featureNumber(path: string, row: number, column: string, cell: unknown): number {
  const value = cellNumber(cell);
  if (value !== null && Number.isFinite(value)) return value;
  const shown = cell === null || cell === undefined || cell === '' ? 'nothing' : `"${String(cell).slice(0, 40)}"`;
  throw new Failure('input', {
    what: `${path}: row ${row}, column "${column}" holds ${shown}, not a number.`,
    cure: 'Fill in what is missing, encode words as numbers, or name the target column.',
  });
}

/** Column names that say "this is a pixel": pixel0, px_1, 1x1, or bare positions. */
const pixelName = /^(?:(?:pixel|px|p)[\s_-]?)?\d+(?:x\d+)?$/i;
const fewestPixels = 64;

const isByte = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 255;

/** The targets in one column of cells. `place` names one of them in a message. */
export function columnTargets(
  cells: readonly unknown[],
  place: (index: number) => string,
  options: ReadOptions,
): Targets {
  const missing = cells.findIndex((cell) => cell === null || cell === undefined || cell === '');
  if (missing >= 0)
    throw new Failure('input', { what: `${place(missing)} is missing.`, cure: 'Fill it in, or remove the row.' });
  const values = cells.map(cellNumber).filter((value) => value !== null);
  if (values.length === cells.length) return numericTargets(values, place, options);
  if (options.targetKind === 'values') {
    const word = cells.findIndex((cell) => cellNumber(cell) === null);
    throw new Failure('input', {
      what: `${place(word)} is "${String(cells[word])}", not a number.`,
      cure: 'Correct it, or say that the task is a classification.',
      settings: [['task', 'classification']],
    });
  }
  return namedTargets(cells.map(String), place, options);
}

/**
 * A data set of numeric rows.
 * @param values [count, columns.features.length], row-major
 * @param targetCells one cell per row, or null where the table has no target
 */
export function tableDataset(
  path: string,
  format: 'csv' | 'tsv' | 'parquet',
  columns: TableColumns,
  values: Float32Array,
  targetCells: readonly unknown[] | null,
  options: ReadOptions,
): Dataset {
  const width = columns.features.length;
  const targetName = columns.names[columns.target ?? 0] ?? '';
  const pixels =
    width >= fewestPixels &&
    columns.features.every((column) => pixelName.test(columns.names[column] ?? '')) &&
    values.every(isByte);
  return arrayDataset({
    path,
    format,
    shape: [width],
    layout: 'values',
    names: columns.features.map((column) => columns.names[column] ?? ''),
    storage: pixels ? Uint8Array.from(values) : values,
    targets:
      targetCells === null
        ? { kind: 'none' }
        : columnTargets(targetCells, (i) => `${path}: row ${i + 1}, column "${targetName}"`, options),
  });
}
