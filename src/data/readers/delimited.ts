import { Readable } from 'node:stream';
import Papa from 'papaparse';
import { Failure } from '../../contract/failure.js';
import { type ColumnBuilder, columnBuilder, isMissingWord, looksNumeric } from './column.js';
import { isFolder, openText, readHead, refuseCells, rowsBounded, unreadableText } from './files.js';
import type { DatasetReader, Table } from './reader.js';
import { distinctNames, tableDataset } from './table.js';

/**
 * Whether the first row names the columns: all words, or a word above a number. Words above words are
 * the class labels of a table without a header, and a mark for what is missing is no name.
 */
function isHeader(first: readonly string[], second: readonly string[] | undefined): boolean {
  const words = first.map((cell) => !looksNumeric(cell));
  return words.every(Boolean) || first.some((cell, i) => words[i] && !isMissingWord(cell) && looksNumeric(second?.[i]));
}

/**
 * The delimiter that stands equally often in each of the first lines; '' leaves it to the parser, which would take decimal
 * commas for delimiters.
 */
function delimiterOf(head: string): string {
  const lines = head
    .split(/\r?\n/)
    .slice(0, -1)
    .filter((line) => line.trim() !== '')
    .slice(0, 10)
    .map((line) => line.replace(/"[^"]*"/g, ''));
  const inEvery = (delimiter: string): boolean => {
    const counts = new Set(lines.map((line) => line.split(delimiter).length - 1));
    return counts.size === 1 && !counts.has(0);
  };
  return ['\t', ';', '|'].find(inEvery) ?? '';
}

/**
 * Calls `take` with every row that is not blank, and the delimiter that was found.
 * @throws what `take` throws, and Failure('input') for unreadable text
 */
async function forEachRow(
  path: string,
  delimiter: string,
  take: (cells: readonly string[], delimiter: string) => void,
): Promise<void> {
  const meter = { sinceRow: 0 };
  const input = Readable.from(rowsBounded(path, await openText(path), meter));
  await new Promise<void>((resolve, reject) => {
    input.on('error', (error) => {
      reject(unreadableText(path, error));
    });
    Papa.parse<string[]>(input, {
      delimiter,
      skipEmptyLines: 'greedy',
      step: ({ data, errors, meta }, parser) => {
        meter.sinceRow = 0;
        try {
          const [error] = errors.filter(({ type }) => type === 'Quotes');
          if (error !== undefined)
            throw new Failure('input', { what: `${path}: ${error.message}.`, cure: 'Correct the quotes.' });
          take(data, meta.delimiter);
        } catch (error) {
          reject(error);
          // this calls `complete`: the promise has to be rejected by then
          parser.abort();
          input.destroy();
        }
      },
      complete: () => resolve(),
      error: reject,
    });
  });
}

async function readTable(path: string, format: 'csv' | 'tsv'): Promise<Table> {
  const head = new TextDecoder().decode(await readHead(path, 65536));
  let first: readonly string[] | null = null;
  let builders: readonly ColumnBuilder[] | null = null;
  let count = 0;

  const push = (columns: readonly ColumnBuilder[], cells: readonly string[]): void => {
    count += 1;
    if (cells.length !== columns.length) {
      throw new Failure('input', {
        what: `${path}: row ${count} has ${cells.length} cells where the first has ${columns.length}.`,
        cure: 'Correct or remove the row.',
      });
    }
    for (const [i, column] of columns.entries()) column.push(cells[i]);
  };
  const begin = (
    row: readonly string[],
    next: readonly string[] | undefined,
    delimiter: string,
  ): readonly ColumnBuilder[] => {
    refuseCells(path, 1, row.length, row.length);
    const named = isHeader(row, next);
    const names = distinctNames(row.map((cell, i) => (named ? cell.trim() : String(i))));
    const columns = names.map((name) => columnBuilder(path, name, delimiter !== ','));
    if (!named) push(columns, row);
    return columns;
  };

  await forEachRow(path, format === 'tsv' ? '\t' : delimiterOf(head), (cells, delimiter) => {
    if (first === null) {
      first = cells.map((cell, i) => (i === 0 ? cell.replace(/^\uFEFF/, '') : cell));
      return;
    }
    builders ??= begin(first, cells, delimiter);
    push(builders, cells);
  });
  const columns = builders ?? (first === null ? [] : begin(first, undefined, ','));
  return { path, format, count, columns: columns.map((column) => column.finish()) };
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
    read: async (path, options) => tableDataset(await readTable(path, format), options),
    table: (path) => readTable(path, format),
  };
}

/** Tables as text, plain or .gz, with or without a header. */
export const csv: DatasetReader = reader('csv', /\.csv(\.gz)?$/i, /[,;|]/);
export const tsv: DatasetReader = reader('tsv', /\.tsv(\.gz)?$/i, /\t/);
