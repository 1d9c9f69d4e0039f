import { setImmediate } from 'node:timers/promises';
import type { AsyncBuffer, Compressors, FileMetaData, ParquetReadOptions } from 'hyparquet';
import { Failure, messageOf } from '../../contract/failure.js';
import { parseDocument } from '../../contract/parse-document.js';
import { present } from '../../contract/present.js';
import { refuseIrregular } from '../../contract/regular-file.js';
import type { Dataset } from '../dataset.js';
import { isEncodedImage } from '../images/decode.js';
import { type Column, cellPlace, columnBuilder } from './column.js';
import { isFolder, readHead, refuseCells, unpackLimit } from './files.js';
import { encodedImagesDataset } from './pixels.js';
import type { DatasetReader, ReadOptions, Table } from './reader.js';
import { chooseColumns, columnTargets, tableDataset } from './table.js';

interface Columns {
  readonly count: number;
  readonly names: readonly string[];
  readonly cells: ReadonlyMap<string, readonly unknown[]>;
  readonly metadata: FileMetaData;
}

async function readColumns(path: string): Promise<Columns> {
  try {
    await refuseIrregular(path);
    // as much code as all other readers together, of which most runs need none
    const [{ asyncBufferFromFile, parquetMetadataAsync }, { compressors: unbounded }] = await Promise.all([
      import('hyparquet'),
      import('hyparquet-compressors'),
    ]);
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const count = countOf(metadata);
    const names = topLevelNames(metadata);
    refuseCells(path, count, names.length, cellsIn(file.byteLength));
    const cells = new Map(names.map((name) => [name, new Array<unknown>(count)]));
    refuseRanges(metadata, file.byteLength);
    const compressors = bounded(unbounded);
    let rowStart = 0;
    for (const { num_rows: rows } of metadata.row_groups) {
      const rowEnd = rowStart + Number(rows);
      // one by one: of several that are read at once, the failure of a second one would be nobody's
      for (const name of names) {
        await readSettled({
          file,
          metadata,
          columns: [name],
          rowStart,
          rowEnd,
          compressors,
          utf8: false,
          onChunk: ({ columnName, columnData, rowStart: at }) => {
            const column = cells.get(columnName);
            for (let i = 0; column !== undefined && i < columnData.length; i += 1) column[at + i] = columnData[i];
          },
        });
      }
      rowStart = rowEnd;
    }
    return { count, names, cells, metadata };
  } catch (error) {
    if (error instanceof Failure) throw error;
    const cause = messageOf(error);
    throw new Failure(
      'input',
      { what: `${path}: cannot be read as Parquet (${cause}).`, cure: 'Write or download it again.' },
      {
        cause: error,
      },
    );
  }
}

/**
 * Reads, and leaves nothing behind that could fail later: where the reader gives up over one column while those before it are being
 * fetched, nobody would wait for them, and a failure of theirs would end the process. So bytes come a turn later, or not at all.
 */
async function readSettled(options: ParquetReadOptions): Promise<void> {
  const { file } = options;
  let failed = false;
  const later: AsyncBuffer = {
    byteLength: file.byteLength,
    async slice(start, end) {
      await setImmediate();
      return failed ? new Promise<ArrayBuffer>(() => {}) : file.slice(start, end);
    },
  };
  const { parquetRead } = await import('hyparquet');
  try {
    await parquetRead({ ...options, file: later });
  } catch (cause) {
    failed = true;
    throw cause;
  }
}

/** What a page says that it unpacks to is held to what data compress to, before it is allocated. */
function bounded(compressors: Compressors): Compressors {
  const checked = Object.entries(compressors).map(([codec, decompress]) => [
    codec,
    (input: Uint8Array, length: number): Uint8Array => {
      if (!(length <= unpackLimit(input.length))) throw new Error(`a page of it unpacks to ${length} bytes`);
      return decompress(input, length);
    },
  ]);
  return Object.fromEntries(checked);
}

/** @throws Error where a column is said to lie outside of its file */
function refuseRanges({ row_groups: groups }: FileMetaData, bytes: number): void {
  for (const { columns } of groups) {
    for (const { meta_data: column } of columns) {
      if (column === undefined) throw new Error('a column of it says nothing of itself');
      const places = [column.dictionary_page_offset ?? 0n, column.data_page_offset, column.total_compressed_size];
      // what a damaged header leaves out is not there, whatever its type says
      if (places.every((each) => Number(each) >= 0 && Number(each) <= bytes)) continue;
      throw new Error('a column of it is said to lie outside of the file');
    }
  }
}

/** The rows of a file, which those of its groups come to. @throws Error where they do not */
function countOf({ num_rows: rows, row_groups: groups }: FileMetaData): number {
  const sum = groups.reduce((total, group) => total + Number(group.num_rows), 0);
  if (sum === Number(rows) && groups.every((group) => group.num_rows >= 0n)) return sum;
  throw new Error(`it announces ${rows} rows, and its groups hold ${sum}`);
}

/** How many cells so many bytes may come to: runs of one value take next to nothing. */
const cellsIn = (bytes: number): number => Math.max(2 ** 25, 64 * bytes);

/** The schema is a tree written in depth-first order: the root's children are its columns. */
function topLevelNames(metadata: FileMetaData): string[] {
  const [root, ...elements] = metadata.schema;
  const names: string[] = [];
  let at = 0;
  const skipSubtree = (): void => {
    const children = elements[at]?.num_children ?? 0;
    at += 1;
    for (let i = 0; i < children && at < elements.length; i += 1) skipSubtree();
  };
  for (let i = 0; i < (root?.num_children ?? 0); i += 1) {
    const { name } = present(elements[at], `column ${i} of the schema`);
    // a damaged header leaves it out, whatever its type says
    if (typeof name !== 'string') throw new Error(`column ${i} has no name`);
    names.push(name);
    skipSubtree();
  }
  return names;
}

/** An encoded image as Hugging Face stores it: { bytes, path }, or the bytes alone. */
function imageBytes(cell: unknown): Uint8Array | null {
  if (cell instanceof Uint8Array) return cell;
  if (typeof cell === 'object' && cell !== null && 'bytes' in cell && cell.bytes instanceof Uint8Array)
    return cell.bytes;
  return null;
}

/** The class names that Hugging Face `datasets` writes into a file's metadata for a ClassLabel column. */
function huggingFaceNames(metadata: FileMetaData, column: string): readonly string[] | undefined {
  const text = metadata.key_value_metadata?.find(({ key }) => key === 'huggingface')?.value;
  if (text === undefined) return undefined;
  let parsed: unknown;
  try {
    parsed = parseDocument(text);
  } catch {
    // somebody else's, under the same name
    return undefined;
  }
  const names = property(property(property(property(parsed, 'info'), 'features'), column), 'names');
  return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined;
}

function property(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

function isImage(cell: unknown): boolean {
  const bytes = imageBytes(cell);
  return bytes !== null && isEncodedImage(bytes);
}

/** One column, or for lists as many as they are long. */
function columnsOf(path: string, name: string, cells: readonly unknown[]): Column[] {
  const first = cells.find((cell) => cell !== null && cell !== undefined);
  const width = Array.isArray(first) ? first.length : null;
  if (width === null) {
    const builder = columnBuilder(path, name, false);
    for (const cell of cells) builder.push(cell);
    return [builder.finish()];
  }
  refuseCells(path, cells.length, width, cellsIn(cells.length));
  const builders = Array.from({ length: width }, (_, i) => columnBuilder(path, `${name}_${i}`, false));
  for (const [row, cell] of cells.entries()) {
    const list: readonly unknown[] = Array.isArray(cell) ? cell : new Array(width).fill(null);
    if (list.length !== width) {
      throw new Failure('input', {
        what: `${cellPlace(path, row, name)} holds ${list.length} values where the first row holds ${width}.`,
        cure: 'Make its lists equally long.',
      });
    }
    for (const [i, builder] of builders.entries()) builder.push(list[i]);
  }
  return builders.map((builder) => builder.finish());
}

const cellsOf = ({ cells }: Columns, name: string): readonly unknown[] => present(cells.get(name), `column ${name}`);

const imagesOf = (table: Columns, name: string): boolean =>
  isImage(cellsOf(table, name).find((cell) => cell !== null && cell !== undefined));

/** The columns of values: encoded images are none. */
function valueTable(path: string, table: Columns, names: readonly string[]): Table {
  const columns = names
    .filter((name) => !imagesOf(table, name))
    .flatMap((name) => columnsOf(path, name, cellsOf(table, name)));
  return { path, format: 'parquet', count: table.count, columns };
}

async function read(path: string, options: ReadOptions): Promise<Dataset> {
  const table = await readColumns(path);
  const named = table.names.map((name) => ({ name }));
  const { target, features } = table.count === 0 ? { target: null, features: [] } : chooseColumns(path, named, options);
  const image = features.find(({ name }) => imagesOf(table, name));
  // the target is chosen among the columns of the file, before its lists become columns of their own
  if (image === undefined) {
    return tableDataset(valueTable(path, table, table.names), {
      ...options,
      ...(target === null ? {} : { target: target.name }),
    });
  }
  const images = cellsOf(table, image.name);
  const names = target === null ? undefined : huggingFaceNames(table.metadata, target.name);
  const place = (i: number): string => `${path}: row ${i + 1}`;
  const classNames = options.classNames ?? names;
  const [column] = target === null ? [] : columnsOf(path, target.name, cellsOf(table, target.name));
  return encodedImagesDataset({
    path,
    format: 'parquet',
    count: table.count,
    targets:
      column === undefined
        ? { kind: 'none' }
        : columnTargets(path, column, { ...options, ...(classNames === undefined ? {} : { classNames }) }),
    name: place,
    source: (index) => imageBytes(images[index]),
    encoded: async (index) => {
      const bytes = imageBytes(images[index]);
      if (bytes !== null) return bytes;
      throw new Failure('input', { what: `${place(index)} holds no image.`, cure: 'Remove the row.' });
    },
  });
}

/** Parquet tables of numbers, and of encoded images as Hugging Face publishes them. */
export const parquet: DatasetReader = {
  format: 'Parquet',
  async recognises(path) {
    if (await isFolder(path)) return false;
    return path.toLowerCase().endsWith('.parquet') || new TextDecoder().decode(await readHead(path, 4)) === 'PAR1';
  },
  async parts() {
    return ['train'];
  },
  read,
  table: async (path) => {
    const table = await readColumns(path);
    return valueTable(path, table, table.names);
  },
};
