import { join } from 'node:path';
import { Failure } from '../../contract/failure.js';
import type { Dataset, Part } from '../dataset.js';
import { isFolder, listFolder } from './files.js';
import { partNames } from './image-folder.js';
import type { DatasetReader, ReadOptions, Table } from './reader.js';

/** train.csv, and as Hugging Face publishes a table that fits into one file: train-00000-of-00001.parquet. */
const named = /^([a-z]+)(?:-0+-of-0*1)?\.(parquet|csv|tsv|jsonl|json)$/i;

/** The file of each part. Where there is no test file, the validation file is the test part. */
async function filesOf(path: string): Promise<ReadonlyMap<Part, string>> {
  const parts = new Map<Part, string>();
  if (!(await isFolder(path))) return parts;
  const { files } = await listFolder(path);
  const fileOf = (part: Part): string | undefined =>
    files.find((file) => partNames[part].has(named.exec(file)?.[1]?.toLowerCase() ?? ''));
  const [train, validation] = [fileOf('train'), fileOf('validation')];
  const test = fileOf('test') ?? validation;
  if (train === undefined) return parts;
  parts.set('train', join(path, train));
  if (test !== undefined) parts.set('test', join(path, test));
  if (validation !== undefined && validation !== test) parts.set('validation', join(path, validation));
  return parts;
}

/** A folder with a table for each part: train.parquet and test.parquet, or .csv, .tsv, .jsonl, .json. */
export function partFiles(tables: readonly DatasetReader[]): DatasetReader {
  return {
    format: 'train and test tables in a folder',
    recognises: async (path) => (await filesOf(path)).size > 0,
    parts: async (path) => [...(await filesOf(path)).keys()],
    async read(path: string, { part = 'train', ...options }: ReadOptions): Promise<Dataset> {
      const { file, reader } = await tableOf(tables, path, part);
      return { ...(await reader.read(file, options)), path, part };
    },
    async table(path: string, part: Part = 'train'): Promise<Table> {
      const { file, reader } = await tableOf(tables, path, part);
      if (reader.table === undefined) throw new Error(`${reader.format} have no columns`);
      return reader.table(file);
    },
  };
}

/** The file of a part, and what reads it. @throws Failure('input') where there is none */
async function tableOf(
  tables: readonly DatasetReader[],
  path: string,
  part: Part,
): Promise<{ readonly file: string; readonly reader: DatasetReader }> {
  const file = (await filesOf(path)).get(part);
  if (file === undefined) {
    throw new Failure('input', { what: `${path}: it has no ${part} table.`, cure: 'Add a file of that name.' });
  }
  for (const reader of tables) if (await reader.recognises(file)) return { file, reader };
  throw new Failure('input', { what: `${file}: it is no table.`, cure: 'Export it again.' });
}
