import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import Papa from 'papaparse';
import { Failure } from '../../contract/failure.js';
import type { Dataset } from '../dataset.js';
import { isFolder, readHead } from './files.js';
import type { DatasetReader, ReadOptions } from './reader.js';
import { cellNumber, chooseColumns, featureNumber, type TableColumns, tableDataset } from './table.js';

/**
 * Whether the first row names the columns: all words, or a word above a number. Words above words are
 * the class labels of a table without a header.
 */
function isHeader(first: readonly string[], second: readonly string[] | undefined): boolean {
  const words = first.map((cell) => cellNumber(cell) === null);
  return words.every(Boolean) || words.some((word, i) => word && cellNumber(second?.[i]) !== null);
}

async function openText(path: string): Promise<Readable> {
  const [first, second] = await readRawHead(path);
  const file = createReadStream(path);
  if (first !== 0x1f || second !== 0x8b) return file.setEncoding('utf8');
  const text = createGunzip();
  file.on('error', (error) => text.destroy(error));
  return file.pipe(text).setEncoding('utf8');
}

/** The first two bytes as they stand in the file. */
async function readRawHead(path: string): Promise<Uint8Array> {
  for await (const chunk of createReadStream(path, { start: 0, end: 1 })) {
    if (chunk instanceof Uint8Array) return chunk;
  }
  return new Uint8Array(0);
}

/** Calls `take` with every row that is not blank. @throws what `take` throws, and Failure('input') for unreadable text */
async function forEachRow(path: string, delimiter: string, take: (cells: string[]) => void): Promise<void> {
  const input = await openText(path);
  await new Promise<void>((resolve, reject) => {
    input.on('error', (error) =>
      reject(
        new Failure(
          'input',
          { what: `${path}: cannot be read to its end (${error.message}).`, cure: 'Write or download it again.' },
          { cause: error },
        ),
      ),
    );
    Papa.parse<string[]>(input, {
      delimiter,
      skipEmptyLines: 'greedy',
      step: ({ data, errors }, parser) => {
        try {
          const [error] = errors.filter(({ type }) => type === 'Quotes');
          if (error !== undefined)
            throw new Failure('input', { what: `${path}: ${error.message}.`, cure: 'Correct the quotes.' });
          take(data);
        } catch (error) {
          reject(error);
          // this calls `complete`: the promise has to be rejected by then
          parser.abort();
        }
      },
      complete: () => resolve(),
      error: reject,
    });
  });
}

async function read(path: string, format: 'csv' | 'tsv', options: ReadOptions): Promise<Dataset> {
  let first: string[] | null = null;
  let columns: TableColumns | null = null;
  const rows: Float32Array[] = [];
  const targetCells: string[] = [];

  const takeRow = ({ names, target, features }: TableColumns, cells: readonly string[]): void => {
    const row = rows.length + 1;
    if (cells.length !== names.length) {
      throw new Failure('input', {
        what: `${path}: row ${row} has ${cells.length} cells where the first has ${names.length}.`,
        cure: 'Correct or remove the row.',
      });
    }
    rows.push(Float32Array.from(features, (column) => featureNumber(path, row, names[column] ?? '', cells[column])));
    if (target !== null) targetCells.push((cells[target] ?? '').trim());
  };
  const begin = (head: readonly string[], next: readonly string[] | undefined): void => {
    const named = isHeader(head, next);
    const names = named ? head.map((name) => name.trim()) : head.map((_, i) => String(i));
    columns = chooseColumns(path, names, options);
    if (!named) takeRow(columns, head);
  };

  await forEachRow(path, format === 'tsv' ? '\t' : '', (cells) => {
    if (columns !== null) takeRow(columns, cells);
    else if (first === null) first = cells.map((cell, i) => (i === 0 ? cell.replace(/^\uFEFF/, '') : cell));
    else {
      begin(first, cells);
      if (columns !== null) takeRow(columns, cells);
    }
  });
  if (columns === null && first !== null) begin(first, undefined);
  return finish(path, format, columns, rows, targetCells, options);
}

function finish(
  path: string,
  format: 'csv' | 'tsv',
  columns: TableColumns | null,
  rows: readonly Float32Array[],
  targetCells: readonly string[],
  options: ReadOptions,
): Dataset {
  if (columns === null || rows.length === 0) {
    throw new Failure('input', { what: `${path}: it holds no rows.`, cure: 'Give a table with data.' });
  }
  const width = columns.features.length;
  const values = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) values.set(row, i * width);
  return tableDataset(path, format, columns, values, columns.target === null ? null : targetCells, options);
}

function reader(format: 'csv' | 'tsv', extensions: RegExp, delimiters: RegExp): DatasetReader {
  return {
    format: format === 'csv' ? 'CSV' : 'tab-separated values',
    async recognises(path) {
      if (await isFolder(path)) return false;
      if (extensions.test(path)) return true;
      const head = await readHead(path, 4096);
      if (head.length === 0 || head.includes(0)) return false;
      const [first = '', second = ''] = new TextDecoder().decode(head).split(/\r?\n/);
      const columns = first.split(delimiters).length;
      return columns > 1 && second.split(delimiters).length === columns;
    },
    async parts() {
      return ['train'];
    },
    read: (path, options) => read(path, format, options),
  };
}

/** Tables as text, plain or .gz, with or without a header. */
export const csv: DatasetReader = reader('csv', /\.csv(\.gz)?$/i, /[,;|]/);
export const tsv: DatasetReader = reader('tsv', /\.tsv(\.gz)?$/i, /\t/);
