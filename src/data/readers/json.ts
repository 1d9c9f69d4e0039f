import { Failure, messageOf } from '../../contract/failure.js';
import { parseDocument } from '../../contract/parse-document.js';
import { type ColumnBuilder, columnBuilder } from './column.js';
import { isFolder, linesOf, openText, readBytes, readHead, refuseCells, textIn, unreadableText } from './files.js';
import type { DatasetReader, Table } from './reader.js';
import { tableDataset } from './table.js';

const lines = /\.(jsonl|ndjson)(\.gz)?$/i;

const cure = "Write one object per row, as pandas does by to_json(path, orient='records', lines=True).";

/** How many cells so many characters may come to. */
const cellsIn = (size: number): number => Math.max(2 ** 22, 16 * size);

/** Rows given as objects, by the names of their values; what a row does not name is missing in it. */
function rowCollector(path: string) {
  const builders = new Map<string, ColumnBuilder>();
  let count = 0;
  let size = 0;
  const added = (name: string): ColumnBuilder => {
    const builder = columnBuilder(path, name, false);
    for (let row = 0; row < count; row += 1) builder.push(null);
    builders.set(name, builder);
    return builder;
  };
  return {
    /** @param length how much of the file the row is, in characters */
    push(value: unknown, length: number): void {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw new Failure('input', { what: `${path}: row ${count + 1} is not an object of named values.`, cure });
      }
      const row = new Map<string, unknown>(Object.entries(value));
      size += length;
      for (const name of row.keys()) {
        if (builders.has(name)) continue;
        refuseCells(path, count + 1, builders.size + 1, cellsIn(size));
        added(name);
      }
      refuseCells(path, count + 1, builders.size, cellsIn(size));
      for (const [name, builder] of builders) builder.push(row.get(name));
      count += 1;
    },
    finish: (format: 'json' | 'jsonl'): Table => ({
      path,
      format,
      count,
      columns: Array.from(builders.values(), (builder) => builder.finish()),
    }),
  };
}

function parse(path: string, place: string, text: string): unknown {
  try {
    return parseDocument(text);
  } catch (error) {
    throw new Failure(
      'input',
      { what: `${path}: ${place} is not JSON (${messageOf(error)}).`, cure },
      { cause: error },
    );
  }
}

async function readLines(path: string): Promise<Table> {
  const rows = rowCollector(path);
  const input = await openText(path);
  let at = 0;
  try {
    for await (const line of linesOf(path, input)) {
      at += 1;
      const row = at === 1 ? line.replace(/^\uFEFF/, '') : line;
      if (row.trim() !== '') rows.push(parse(path, `line ${at}`, row), row.length);
    }
  } catch (error) {
    throw unreadableText(path, error);
  }
  return rows.finish('jsonl');
}

async function readRecords(path: string): Promise<Table> {
  const rows = rowCollector(path);
  const bytes = await readBytes(path);
  const parsed = parse(path, 'it', textIn(path, bytes));
  if (!Array.isArray(parsed)) throw new Failure('input', { what: `${path}: it is not an array of rows.`, cure });
  for (const row of parsed) rows.push(row, bytes.length / parsed.length);
  return rows.finish('json');
}

/** The first line that is not blank; null where the file is no text. */
async function firstLine(path: string): Promise<{ readonly text: string; readonly whole: boolean } | null> {
  const head = await readHead(path, 65536);
  if (head.length === 0 || head.includes(0)) return null;
  const text = new TextDecoder().decode(head).trimStart();
  const end = text.search(/\r?\n/);
  return end < 0 ? { text, whole: head.length < 65536 } : { text: text.slice(0, end), whole: true };
}

function isObject(text: string): boolean {
  try {
    const parsed = parseDocument(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
  } catch {
    return false;
  }
}

function reader(
  format: string,
  recognises: (path: string, first: { readonly text: string; readonly whole: boolean }) => boolean,
  readTable: (path: string) => Promise<Table>,
): DatasetReader {
  return {
    format,
    async recognises(path) {
      if (await isFolder(path)) return false;
      const first = await firstLine(path);
      return first !== null && recognises(path, first);
    },
    async parts() {
      return ['train'];
    },
    read: async (path, options) => tableDataset(await readTable(path), options),
    table: readTable,
  };
}

/** One JSON object a line, each a row. */
export const jsonLines: DatasetReader = reader(
  'JSON Lines',
  (path, { text, whole }) => lines.test(path) || (text.startsWith('{') && (!whole || isObject(text))),
  readLines,
);

/** One JSON array of objects, each a row. */
export const jsonRecords: DatasetReader = reader(
  'JSON records',
  (path, { text }) => !lines.test(path) && (/^\[\s*(\{|$)/.test(text) || /\.json(\.gz)?$/i.test(path)),
  readRecords,
);
