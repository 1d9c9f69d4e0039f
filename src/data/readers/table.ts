import { dirname, relative, resolve } from 'node:path';
import { Failure } from '../../contract/failure.js';
import { phrase } from '../../contract/phrases.js';
import { present } from '../../contract/present.js';
import { readRegular } from '../../contract/regular-file.js';
import type { Dataset, Targets } from '../dataset.js';
import { encodedTable, listed } from '../encoding.js';
import { type Column, cellPlace, isMissing, numberAt, textAt } from './column.js';
import { isImageFile } from './files.js';
import { encodedImagesDataset } from './pixels.js';
import type { ReadOptions, Table } from './reader.js';
import { namedTargets, numericTargets } from './targets.js';

/** Names as pandas makes them distinct: a, a.1, a.2. */
export function distinctNames(names: readonly string[]): readonly string[] {
  const taken = new Set(names);
  const seen = new Set<string>();
  return names.map((name) => {
    let distinct = name;
    for (let i = 1; seen.has(distinct) || (distinct !== name && taken.has(distinct)); i += 1) distinct = `${name}.${i}`;
    seen.add(distinct);
    return distinct;
  });
}

const targetNames = new Set(['label', 'target', 'class', 'y']);
const isUsualTarget = ({ name }: { readonly name: string }): boolean => targetNames.has(name.toLowerCase());

/** pandas writes its row numbers as a column without a name, or of this one in Parquet */
const isRowNumber = (name: string): boolean => /^(|unnamed: 0|__index_level_0__)$/i.test(name);

/** Which columns of a table are read as what; the target is left out of the features. */
export interface TableColumns<C extends { readonly name: string }> {
  readonly target: C | null;
  readonly features: readonly C[];
}

/**
 * The target column: `options.target` by name or position, else the one called label, target, class or y, else the last.
 * @throws Failure('usage') when `options.target` is not there
 */
export function chooseColumns<C extends { readonly name: string }>(
  path: string,
  columns: readonly C[],
  options: ReadOptions,
): TableColumns<C> {
  const target = targetColumn(path, columns, options);
  const features = columns.filter((column) => column !== target && isFeature(column.name, options));
  if (features.length === 0) {
    throw new Failure('input', { what: `${path}: it has no column besides the target.`, cure: 'Add the inputs.' });
  }
  return { target, features };
}

/** Whether a column that is no target is an input. */
export function isFeature(name: string, { slices }: Pick<ReadOptions, 'slices'>): boolean {
  if (isRowNumber(name)) return false;
  return slices === undefined || slices.areInputs || !slices.columns.includes(name);
}

function targetColumn<C extends { readonly name: string }>(
  path: string,
  columns: readonly C[],
  { target, requireTargets, slices }: ReadOptions,
): C | null {
  const found = target === undefined ? undefined : columnNamed(columns, target);
  if (found !== undefined) return found;
  if (target !== undefined) {
    const names = columns.map(({ name }) => name);
    throw new Failure('usage', {
      what: `${path}: it has no column "${target}". Its columns are ${listed(names)}.`,
      cure: 'Name one of them as the target.',
      settings: ['target'],
    });
  }
  const others = columns.filter(({ name }) => slices?.columns.includes(name) !== true);
  const usual = others.find(isUsualTarget);
  return usual ?? (requireTargets === false ? null : (others.at(-1) ?? null));
}

/** The column of that name, or at that position (from 0). */
function columnNamed<C extends { readonly name: string }>(columns: readonly C[], name: string): C | undefined {
  return columns.find((column) => column.name === name) ?? (/^\d+$/.test(name) ? columns[Number(name)] : undefined);
}

/**
 * A table as a data set: its target column, and its other columns as inputs, or, where the one other column names image
 * files, those images.
 * @throws Failure('input') when it has no rows, or a target is missing
 */
export function tableDataset(table: Table, options: ReadOptions): Dataset {
  const { path, format, count } = table;
  if (count === 0) throw new Failure('input', { what: `${path}: it holds no rows.`, cure: 'Give a table with data.' });
  const { target, features } = chooseColumns(path, table.columns, options);
  const targets: Targets = target === null ? { kind: 'none' } : columnTargets(path, target, options);
  const [first, ...others] = features;
  if (first !== undefined && others.length === 0 && namesImages(first)) return imageColumn(table, first, targets);
  const byPlace = target !== null && options.target === undefined && !isUsualTarget(target);
  const apart = table.columns.filter(({ name }) => options.slices?.areInputs === false && !isFeature(name, options));
  const notes = [
    ...(byPlace ? [phrase('data.lastColumn', { name: target.name })] : []),
    ...apart.map(({ name }) => phrase('data.apart', { name })),
  ];
  return encodedTable({ path, format, count, features, targets, notes });
}

/**
 * The targets in one column: numbers, or the names of classes.
 * @throws Failure('input') naming the row of one that is missing, or a word where values are wanted
 */
export function columnTargets(path: string, column: Column, options: ReadOptions): Targets {
  const rows = Array.from({ length: column.count }, (_, row) => row);
  const place = (row: number): string => cellPlace(path, row, column.name);
  const missing = rows.findIndex((row) => isMissing(column, row));
  if (missing >= 0) {
    throw new Failure('input', { what: `${place(missing)} is missing.`, cure: 'Fill it in, or remove the row.' });
  }
  const wantValues = options.targetKind === 'values';
  if (column.kind === 'numbers' || (column.kind === 'truths' && wantValues)) {
    return numericTargets(
      Float64Array.from(rows, (row) => numberAt(column, row)),
      place,
      options,
    );
  }
  const words = rows.map((row) => present(textAt(column, row), place(row)));
  if (wantValues) {
    const word = rows.findIndex((row) => Number.isNaN(Number(words[row])));
    throw new Failure('input', {
      what: `${place(word)} is "${words[word]}", not a number.`,
      cure: 'Correct it, or say that the task is a classification.',
      settings: [['task', 'classification']],
    });
  }
  if (column.kind === 'truths' && options.classNames === undefined) return truthTargets(column, rows);
  return namedTargets(words, place, options);
}

/** False and true as the classes 0 and 1, called as they are written, whichever of them occur. */
function truthTargets(column: Column, rows: readonly number[]): Targets {
  const called = (truth: RegExp): string | undefined => column.cells?.texts.find((text) => truth.test(text));
  return {
    kind: 'class',
    labels: Int32Array.from(rows, (row) => numberAt(column, row)),
    names: [called(/^false$/i) ?? 'False', called(/^true$/i) ?? 'True'],
    numbered: true,
  };
}

/** Whether a column holds nothing but the names of image files. */
export const namesImages = ({ kind, cells }: Column): boolean =>
  kind === 'words' && cells !== null && cells.texts.every((text) => isImageFile(text));

/** The images that a column names, their paths taken from the folder of the table. */
export function imageColumn({ path, format, count }: Table, column: Column, targets: Targets): Dataset {
  const fileOf = (index: number): string =>
    resolve(dirname(path), present(textAt(column, index), cellPlace(path, index, column.name)));
  return encodedImagesDataset({
    path,
    format,
    count,
    targets,
    name: fileOf,
    source: (index) => (textAt(column, index) === null ? null : fileOf(index)),
    file: (index) => relative(dirname(path), fileOf(index)),
    encoded: async (index) => {
      try {
        return await readRegular(fileOf(index));
      } catch (error) {
        throw new Failure(
          'input',
          {
            what: `${cellPlace(path, index, column.name)} names ${fileOf(index)}, which cannot be read.`,
            cure: 'Put the file there, or correct the path; it is taken from the folder of the table.',
          },
          { cause: error },
        );
      }
    },
  });
}
