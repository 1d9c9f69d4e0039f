import { basename, dirname } from 'node:path';
import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import { listed } from './encoding.js';
import { readerOf } from './open.js';
import { type Column, isMissing, numberAt, textAt } from './readers/column.js';
import { numbers, strings } from './readers/npy.js';
import { partWords } from './readers/npz.js';
import type { DatasetReader, Table } from './readers/reader.js';
import type { SampleSet } from './samples.js';
import { arrayNames } from './sources.js';

/** By what samples are told apart when they are judged. */
export interface SliceOptions {
  /** columns of the table, arrays of one number or word per sample, or `folder:N`, the N-th folder on the way to the sample's file */
  readonly columns: readonly string[];
  /** a table of what is known of the samples beside the data; null: the data itself */
  readonly file: string | null;
}

/** Some of the samples of a part: those that have a value in common. */
export interface Slice {
  readonly column: string;
  readonly value: string;
  /** positions in the part, ascending */
  readonly positions: Int32Array;
}

/** What is known of each sample of a data set, in its order; null where that is missing. */
type Values = readonly (string | number | null)[];

const folderLevel = /^folder(?::(\d+))?$/;
/** Numbers that take more values than this are cut at their quartiles. */
const mostNumbers = 12;
/** More slices of one column are ids, not groups. */
const mostSlices = 50;

/**
 * The slices of a part, by each column that was named; every sample of the part is in one slice of each column.
 * @param indices of the part's samples in the data set
 * @throws Failure('input') where a column is not there, has a different value in nearly every row, or does not belong to the samples
 */
export async function openSlices(
  samples: SampleSet,
  indices: Int32Array,
  { columns, file }: SliceOptions,
): Promise<readonly Slice[]> {
  const slices: Slice[] = [];
  for (const column of columns) {
    const values = await valuesOf(samples, column, file);
    slices.push(...grouped(file ?? samples.path, column, values, indices));
  }
  return slices;
}

async function valuesOf(samples: SampleSet, column: string, file: string | null): Promise<Values> {
  const level = folderLevel.exec(column);
  if (file === null && level !== null && 'file' in samples && samples.file !== undefined) {
    return foldersOf(samples, samples.file, Number(level[1] ?? 1));
  }
  const path = file ?? samples.path;
  const reader = await readerOf(path);
  if (reader.table !== undefined) {
    const table = await reader.table(path, file === null ? samples.part : undefined);
    return tableValues(table, column, samples, file);
  }
  if (reader.arrays !== undefined && file === null) return arrayValues(reader, samples, column);
  throw new Failure('input', {
    what: `${path}: ${reader.format} have no column "${column}".`,
    cure: 'Give a table with a row for each sample, or with a column that names its file.',
    settings: ['sliceFile'],
    written: 'nothing',
  });
}

function foldersOf({ path, count }: SampleSet, file: (index: number) => string, level: number): Values {
  const values = Array.from({ length: count }, (_, i) => {
    const folder = dirname(file(i));
    return folder === '.' ? null : (folder.split(/[\\/]/)[level - 1] ?? null);
  });
  if (values.some((value) => value !== null)) return values;
  throw new Failure('input', {
    what: `${path}: no sample lies ${level} folders deep.`,
    cure: 'Name a level that there is: folder:1 is the one below the data.',
    settings: ['slice'],
    written: 'nothing',
  });
}

function tableValues(table: Table, column: string, samples: SampleSet, file: string | null): Values {
  const found = table.columns.find(({ name }) => name === column);
  if (found === undefined) {
    throw new Failure('input', {
      what: `${table.path}: it has no column "${column}". Its columns are ${listed(table.columns.map(({ name }) => name))}.`,
      cure: 'Name one of them.',
      settings: ['slice'],
      written: 'nothing',
    });
  }
  const cell = (row: number): string | number | null => {
    if (isMissing(found, row)) return null;
    return found.kind === 'numbers' ? numberAt(found, row) : textAt(found, row);
  };
  const rows = file === null ? null : rowsByFile(table, samples);
  if (rows !== null) return rows.map((row) => (row === null ? null : cell(row)));
  if (table.count === samples.count) return Array.from({ length: table.count }, (_, row) => cell(row));
  throw new Failure('input', {
    what: `${table.path}: it has ${table.count} rows for the ${samples.count} samples of ${samples.path}.`,
    cure: 'Give a row for each sample in their order, or a column with the names of their files.',
    settings: ['sliceFile'],
    written: 'nothing',
  });
}

/** Which row of the table each sample's file has; null where no column names files of the data. */
function rowsByFile(table: Table, samples: SampleSet): (number | null)[] | null {
  if (!('file' in samples) || samples.file === undefined) return null;
  const fileOf = samples.file;
  const files = Array.from({ length: samples.count }, (_, i) => slashes(fileOf(i)));
  for (const column of table.columns.filter(({ kind }) => kind === 'words')) {
    const whole = rowsNamed(column, table.count, (text) => slashes(text));
    const bare = rowsNamed(column, table.count, (text) => basename(slashes(text)));
    const rows = files.map((file) => {
      const named = endings(file).find((ending) => whole.has(ending));
      return (named === undefined ? bare.get(basename(file)) : whole.get(named)) ?? null;
    });
    if (rows.some((row) => row !== null)) return unambiguous(rows, files);
  }
  return null;
}

/** A row that several files could be meant by (1.png, of cat/1.png and dog/1.png) is none's. */
function unambiguous(rows: readonly (number | null)[], files: readonly string[]): (number | null)[] {
  const meant = new Map<number | null, string>();
  const several = new Set<number | null>();
  for (const [i, row] of rows.entries()) {
    const file = present(files[i], 'the file of a sample');
    if ((meant.get(row) ?? file) !== file) several.add(row);
    meant.set(row, file);
  }
  return rows.map((row) => (several.has(row) ? null : row));
}

const slashes = (path: string): string => path.replaceAll('\\', '/').replace(/^\.\//, '');

/** test/cat/1.png, cat/1.png, 1.png: a table may name files from any of these folders. */
function endings(file: string): readonly string[] {
  const words = file.split('/');
  return words.map((_, i) => words.slice(i).join('/'));
}

/** The row of each name; a name that stands in several names none of them. */
function rowsNamed(column: Column, count: number, nameOf: (text: string) => string): ReadonlyMap<string, number> {
  const rows = new Map<string, number>();
  const twice = new Set<string>();
  for (let row = 0; row < count; row += 1) {
    const text = textAt(column, row);
    if (text === null) continue;
    const name = nameOf(text);
    if (rows.has(name)) twice.add(name);
    rows.set(name, row);
  }
  for (const name of twice) rows.delete(name);
  return rows;
}

async function arrayValues(reader: DatasetReader, samples: SampleSet, column: string): Promise<Values> {
  const { path, part } = samples;
  const source = await present(reader.arrays, 'the arrays of the data')(path);
  const wantedNames = [...(part === undefined ? [] : arrayNames(column, part, 'x')), column];
  const name = wantedNames.find((each) => source.names.includes(each));
  const array = name === undefined ? undefined : (await source.read([name])).get(name);
  if (name === undefined || array === undefined) {
    const wanted = part === undefined ? `"${column}"` : `"${column}" or "${column}_${partWords[part][0]}"`;
    throw new Failure('input', {
      what: `${path}: it has no array ${wanted}. It has ${listed(source.names)}.`,
      cure: 'Name one with a number or a word for each sample.',
      settings: ['slice'],
      written: 'nothing',
    });
  }
  if (array.shape.reduce((product, dim) => product * dim, 1) !== samples.count) {
    throw new Failure('input', {
      what: `${path}: ${name} is of shape [${array.shape.join(', ')}], for ${samples.count} samples.`,
      cure: 'Name an array with one number or word for each sample.',
      settings: ['slice'],
      written: 'nothing',
    });
  }
  if (array.type.startsWith('U')) return strings(`${path}: ${name}`, array);
  return Array.from(numbers(`${path}: ${name}`, array), (value) => (Number.isNaN(value) ? null : value));
}

function grouped(path: string, column: string, values: Values, indices: Int32Array): readonly Slice[] {
  const own = Array.from(indices, (index) => values[index] ?? null);
  const nameOf = namesFor(own);
  const groups = new Map<string, number[]>();
  for (const [position, value] of own.entries()) {
    const name = nameOf(value);
    const group = groups.get(name) ?? [];
    group.push(position);
    groups.set(name, group);
  }
  if (groups.size > mostSlices) {
    throw new Failure('input', {
      what: `${path}: "${column}" has ${groups.size} different values among ${indices.length} samples, as ids and free text do.`,
      cure: `Name a column of at most ${mostSlices} groups.`,
      settings: ['slice'],
      written: 'nothing',
    });
  }
  return [...groups].map(([value, positions]) => ({ column, value, positions: Int32Array.from(positions) }));
}

const missing = '(missing)';

/** What the slice of a value is called: the value, or of numbers that take many the quarter of the samples it falls into. */
function namesFor(values: Values): (value: string | number | null) => string {
  const plain = (value: string | number | null): string => (value === null ? missing : String(value));
  const numbers = values.filter((value) => typeof value === 'number').sort((a, b) => a - b);
  const isNumeric = values.every((value) => value === null || typeof value === 'number');
  if (!isNumeric || new Set(numbers).size <= mostNumbers) return plain;
  const quartile = (share: number): number => numbers[Math.ceil(share * numbers.length) - 1] ?? Number.NaN;
  const edges = [...new Set([0.25, 0.5, 0.75].map(quartile))].filter((edge) => edge < (numbers.at(-1) ?? edge));
  const shown = telling(edges);
  const names = edges.map((edge, i) => (i === 0 ? `<= ${shown(edge)}` : `${shown(edges[i - 1])} to ${shown(edge)}`));
  return (value) => {
    if (typeof value !== 'number') return plain(value);
    const at = edges.findIndex((edge) => value <= edge);
    return at < 0 ? `> ${shown(edges.at(-1))}` : (names[at] ?? plain(value));
  };
}

/** Writes whole edges in full, and others with as many digits, four at least, as tell them apart. */
function telling(edges: readonly number[]): (edge: number | undefined) => string {
  const written =
    (digits: number) =>
    (edge = Number.NaN) =>
      String(Number.isSafeInteger(edge) ? edge : Number(edge.toPrecision(digits)));
  const enough = [4, 6, 8, 10, 12].find((digits) => new Set(edges.map(written(digits))).size === edges.length);
  return written(enough ?? 17);
}
