import type { Dataset, Part } from '../dataset.js';
import type { Column } from './column.js';
import type { ArraySource } from './npy.js';

export interface ReadOptions {
  /** the part to read where the path holds several (train by default); a path that holds one ignores it */
  readonly part?: Part;
  /** the target column of a table, by name, or by position (from 0) where there is no header */
  readonly target?: string;
  /** class names in the order of the model's outputs; by default those that the data itself defines */
  readonly classNames?: readonly string[];
  /** what targets are, where the data alone leaves it open (whole numbers may be classes or amounts) */
  readonly targetKind?: 'class' | 'values' | 'mask';
  /** true: a part's classes are its own, whatever training has (anomalies, which it has none of); false by default */
  readonly ownClasses?: boolean;
  /** false accepts data without targets (a run that distils needs none); true by default */
  readonly requireTargets?: boolean;
  /** columns of a table by which samples are told apart when they are judged: none is a target unless it is named as one */
  readonly slices?: { readonly columns: readonly string[]; readonly areInputs: boolean };
  /** the layout of arrays whose shape alone does not tell channels from space */
  readonly layout?: 'NCHW' | 'NHWC';
  /** arrays of more bytes are read as they are used; 512 MiB by default */
  readonly heldBytes?: number;
}

/** A table as its file has it: the columns in their order, pandas's row numbers among them. */
export interface Table {
  readonly path: string;
  readonly format: 'csv' | 'tsv' | 'parquet' | 'jsonl' | 'json';
  readonly count: number;
  /** each with a name of its own */
  readonly columns: readonly Column[];
}

/** One data-set format: how it is recognised, and how it is read. */
export interface DatasetReader {
  /** its name, for people */
  readonly format: string;
  /** Whether `path` (a file or a folder that exists) holds this format, by its content; reads no more than it needs. */
  recognises(path: string): Promise<boolean>;
  /** The parts that can be read from `path`, which this reader recognises. */
  parts(path: string): Promise<readonly Part[]>;
  /** @throws Failure('input') naming the file, what is wrong with it and what to do */
  read(path: string, options: ReadOptions): Promise<Dataset>;
  /** The columns of a table, whichever of them are inputs or targets. @param part where there are several; train by default */
  table?(path: string, part?: Part): Promise<Table>;
  /** The named arrays of a file or folder, whichever of them are inputs or targets. */
  arrays?(path: string): Promise<ArraySource>;
}
