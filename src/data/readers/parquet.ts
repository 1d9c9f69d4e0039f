import { asyncBufferFromFile, type FileMetaData, parquetMetadataAsync, parquetRead } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { Failure, messageOf } from '../../contract/failure.js';
import type { Dataset } from '../dataset.js';
import { isFolder, readHead } from './files.js';
import { encodedImagesDataset } from './pixels.js';
import type { DatasetReader, ReadOptions } from './reader.js';
import { chooseColumns, columnTargets, featureNumber, type TableColumns, tableDataset } from './table.js';

interface Columns {
  readonly count: number;
  readonly names: readonly string[];
  readonly cells: ReadonlyMap<string, readonly unknown[]>;
  readonly metadata: FileMetaData;
}

async function readColumns(path: string): Promise<Columns> {
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const count = Number(metadata.num_rows);
    const names = topLevelNames(metadata);
    const cells = new Map(names.map((name) => [name, new Array<unknown>(count)]));
    await parquetRead({
      file,
      metadata,
      compressors,
      utf8: false,
      onChunk: ({ columnName, columnData, rowStart }) => {
        const column = cells.get(columnName);
        for (let i = 0; column !== undefined && i < columnData.length; i += 1) column[rowStart + i] = columnData[i];
      },
    });
    return { count, names, cells, metadata };
  } catch (error) {
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

/** The schema is a tree written in depth-first order: the root's children are its columns. */
function topLevelNames(metadata: FileMetaData): string[] {
  const [root, ...elements] = metadata.schema;
  const names: string[] = [];
  let at = 0;
  const skipSubtree = (): void => {
    const children = elements[at]?.num_children ?? 0;
    at += 1;
    for (let i = 0; i < children; i += 1) skipSubtree();
  };
  for (let i = 0; i < (root?.num_children ?? 0); i += 1) {
    names.push(elements[at]?.name ?? '');
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
  const parsed: unknown = JSON.parse(text);
  const names = property(property(property(property(parsed, 'info'), 'features'), column), 'names');
  return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined;
}

function property(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

/** A cell as numbers: one, or a (nested) list of them. */
function cellNumbers(path: string, row: number, column: string, cell: unknown): number[] {
  if (Array.isArray(cell)) return cell.flatMap((item: unknown) => cellNumbers(path, row, column, item));
  return [featureNumber(path, row, column, cell)];
}

/** Rows of numbers; a column of lists adds as many inputs as its lists are long. */
function featureRows(
  path: string,
  table: Columns,
  columns: TableColumns,
): { values: Float32Array; features: string[] } {
  const sources = columns.features.map((column) => {
    const name = columns.names[column] ?? '';
    const cells = table.cells.get(name) ?? [];
    return { name, cells, width: cellNumbers(path, 1, name, cells[0]).length };
  });
  const features = sources.flatMap(({ name, width }) =>
    width === 1 ? [name] : Array.from({ length: width }, (_, i) => `${name}_${i}`),
  );
  const values = new Float32Array(table.count * features.length);
  let offset = 0;
  for (const { name, cells, width } of sources) {
    for (let row = 0; row < table.count; row += 1) {
      const numbers = cellNumbers(path, row + 1, name, cells[row]);
      if (numbers.length !== width) {
        throw new Failure('input', {
          what: `${path}: row ${row + 1}, column "${name}" holds ${numbers.length} numbers where the first row holds ${width}.`,
          cure: 'Make its lists equally long.',
        });
      }
      values.set(numbers, row * features.length + offset);
    }
    offset += width;
  }
  return { values, features };
}

const text = new TextDecoder();

async function read(path: string, options: ReadOptions): Promise<Dataset> {
  const table = await readColumns(path);
  if (table.count === 0)
    throw new Failure('input', { what: `${path}: it holds no rows.`, cure: 'Give a table with data.' });
  const columns = chooseColumns(path, table.names, options);
  const targetName = columns.target === null ? null : (columns.names[columns.target] ?? '');
  const targetCells =
    targetName === null
      ? null
      : Array.from(table.cells.get(targetName) ?? [], (cell) =>
          cell instanceof Uint8Array ? text.decode(cell) : cell,
        );

  const images = columns.features
    .map((column) => table.cells.get(columns.names[column] ?? '') ?? [])
    .find((cells) => imageBytes(cells[0]) !== null);
  if (images !== undefined) {
    const names = targetName === null ? undefined : huggingFaceNames(table.metadata, targetName);
    const place = (i: number): string => `${path}: row ${i + 1}`;
    const classNames = options.classNames ?? names;
    return encodedImagesDataset({
      path,
      format: 'parquet',
      count: table.count,
      targets:
        targetCells === null
          ? { kind: 'none' }
          : columnTargets(targetCells, (i) => `${place(i)}, column "${targetName}"`, {
              ...options,
              ...(classNames === undefined ? {} : { classNames }),
            }),
      name: place,
      encoded: async (index) => {
        const bytes = imageBytes(images[index]);
        if (bytes !== null) return bytes;
        throw new Failure('input', { what: `${place(index)} holds no image.`, cure: 'Remove the row.' });
      },
    });
  }
  const { values, features } = featureRows(path, table, columns);
  const flattened = {
    names: [...features, targetName ?? ''],
    target: features.length,
    features: features.map((_, i) => i),
  };
  return tableDataset(path, 'parquet', flattened, values, targetCells, options);
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
};
