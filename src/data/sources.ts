import { Failure } from '../contract/failure.js';
import { matchesPattern } from '../contract/pattern.js';
import { present } from '../contract/present.js';
import type { SettingName } from '../contract/settings.js';
import type { Dataset, Part, Targets } from './dataset.js';
import { encodedTable, listed } from './encoding.js';
import { readerOf } from './open.js';
import { isRounded } from './readers/arrays.js';
import { type Column, isMissing, numberAt } from './readers/column.js';
import { type ArraySource, type NpyArray, numbers } from './readers/npy.js';
import { arraySamples, arrayTargets, inputNames, partWords, targetNames } from './readers/npz.js';
import type { DatasetReader, ReadOptions, Table } from './readers/reader.js';
import { chooseColumns, columnTargets, imageColumn, isFeature, namesImages } from './readers/table.js';
import { rowTargets } from './readers/targets.js';

/** An input or output of the model, and what of the data it is; null: what bears its name. */
export interface NamedSource {
  readonly name: string;
  /** an array's name; for a table, column names with commas between them, or patterns such as `img_*` */
  readonly key: string | null;
  /** of an output: what its targets are, and their classes, where that is not what is said of all */
  readonly read?: Pick<ReadOptions, 'targetKind' | 'classNames'>;
}

export interface SourceOptions extends ReadOptions {
  readonly inputs: readonly NamedSource[];
  readonly outputs: readonly NamedSource[];
  /** what something beside the model reads: these are no features, and numbers are what they are */
  readonly besides?: readonly NamedSource[];
  /** targets of other outputs: these are no features either */
  readonly apart?: readonly NamedSource[];
}

/** The data of a model of several inputs or outputs: index i is the same sample in all of them. */
export interface Sources {
  readonly path: string;
  readonly format: Dataset['format'];
  /** the part that was read, where `path` holds several */
  readonly part?: Part;
  /** what `part` may be asked for */
  readonly parts: readonly Part[];
  readonly count: number;
  /** by the model's names; the targets stand beside them, whatever these data sets say of theirs */
  readonly inputs: ReadonlyMap<string, Dataset>;
  /** by the model's names; an output without targets is left out where `requireTargets` is false */
  readonly targets: ReadonlyMap<string, Targets>;
  /** those of `besides` that were found, by their names */
  readonly besides: ReadonlyMap<string, Targets>;
  /** what there is: the arrays or columns by their names; empty for formats without names */
  readonly there: readonly string[];
}

/**
 * Opens the data of each input and output: the arrays of an .npz file or a folder of .npy files (NAME, NAME_train,
 * x_train/NAME ...), or the columns of a table, or of a folder of them, (NAME, or NAME_0 to NAME_k, or what the key lists). A column that names image
 * files is those images. For one input, what `openDataset` takes as samples and targets serves too.
 * @throws Failure('input') listing what there is, when an input or output is not found, or counts differ
 */
export async function openSources(path: string, options: SourceOptions): Promise<Sources> {
  const reader = await readerOf(path);
  if (reader.arrays !== undefined) return arraySources(await reader.arrays(path), options);
  const { inputs, outputs, besides = [], apart = [] } = options;
  const named = [...inputs, ...outputs, ...besides];
  const others = apart.filter(({ name }) => outputs.every((output) => output.name !== name));
  const single = inputs.length === 1 && outputs.length <= 1 && besides.length === 0 && others.length === 0;
  const plain = single && named.every(({ key }) => key === null);
  if (reader.table !== undefined && !plain) {
    const parts = await reader.parts(path);
    if (parts.length < 2) return tableSources(await reader.table(path), options);
    const { part = 'train' } = options;
    return { ...tableSources(await reader.table(path, part), options), path, part, parts };
  }
  return oneSource(reader, path, options);
}

/** Whether data holds an array or a column of one of these names, in any of its parts. */
export async function holdsAnyOf(path: string, wanted: readonly string[]): Promise<boolean> {
  const reader = await readerOf(path);
  const sources = wanted.map((name) => ({ name, key: null }));
  if (reader.arrays !== undefined) {
    const source = await reader.arrays(path);
    const parts = [null, 'train', 'validation', 'test'] as const;
    return sources.some((each) => parts.some((part) => arrayOf(source, each, false, part, 'output') !== undefined));
  }
  if (reader.table === undefined) return false;
  const { columns } = await reader.table(path);
  return sources.some(({ name }) => namedColumns(columns, name) !== null);
}

function notFound(
  path: string,
  { name, key }: NamedSource,
  role: 'input' | 'output',
  there: readonly string[],
): Failure {
  const setting: SettingName = role;
  const wanted = key === null ? `nothing for the model's ${role} "${name}"` : `no "${key}" for the ${role} "${name}"`;
  return new Failure('input', {
    what: `${path}: it has ${wanted}. It has ${listed(there) || 'nothing at all'}.`,
    cure: `Say which of them the ${role} is.`,
    settings: [[setting, `${name}=KEY`]],
  });
}

/** A data set of one input, whatever its format. */
async function oneSource(reader: DatasetReader, path: string, options: SourceOptions): Promise<Sources> {
  const [input, ...others] = options.inputs;
  if (input === undefined || others.length > 0 || options.outputs.length > 1) {
    throw new Failure('input', {
      what: `${path}: ${reader.format} hold one input and one target, the model has ${options.inputs.length} inputs and ${options.outputs.length} outputs.`,
      cure: 'Save an array for each in an .npz file, or a column for each in a table.',
      settings: ['data'],
    });
  }
  const dataset = await reader.read(path, options);
  const { targets } = dataset;
  const [output] = options.outputs;
  return {
    path,
    format: dataset.format,
    ...(dataset.part === undefined ? {} : { part: dataset.part }),
    parts: await reader.parts(path),
    count: dataset.count,
    inputs: new Map([[input.name, dataset]]),
    targets: new Map(output === undefined || targets.kind === 'none' ? [] : [[output.name, targets]]),
    besides: besidesOne(path, targets, options.besides ?? []),
    there: [],
  };
}

/** @throws Failure('input') for masks, which are decoded as they are used, at the size of the images */
function besidesOne(path: string, targets: Targets, besides: readonly NamedSource[]): ReadonlyMap<string, Targets> {
  const usual = besides.filter(({ name, key }) => key === null && isUsual(name));
  if (targets.kind === 'none') return new Map();
  if (targets.kind !== 'mask' || usual.length === 0) return new Map(usual.map(({ name }) => [name, targets] as const));
  throw new Failure('input', {
    what: `${path}: its masks are files, which a loss or a metric of your own does not read.`,
    cure: 'Save images and masks as the arrays x and y of an .npz file.',
    settings: ['data'],
    written: 'nothing',
  });
}

/** Whether a name says no more than that it is the target. */
const isUsual = (name: string): boolean => targetNames.includes(name.toLowerCase());

/** The names an array of a part may have: NAME_train, train_NAME, x_train/NAME; without a part the name alone. */
export function arrayNames(name: string, part: Part | null, letter: 'x' | 'y'): readonly string[] {
  if (part === null) return [name];
  return partWords[part].flatMap((word) => [`${name}_${word}`, `${word}_${name}`, `${letter}_${word}/${name}`]);
}

/** The array of an input or output; where it is the only one, those that openDataset knows will do. */
function arrayOf(
  { names }: ArraySource,
  source: NamedSource,
  only: boolean,
  part: Part | null,
  role: 'input' | 'output',
): string | undefined {
  const letter = role === 'input' ? 'x' : 'y';
  const usual = !only || source.key !== null ? [] : role === 'input' ? inputNames : targetNames;
  const wanted = [source.key ?? source.name, ...usual].flatMap((name) => arrayNames(name, part, letter));
  return (
    wanted.find((name) => names.includes(name)) ??
    wanted.flatMap((name) => names.filter((candidate) => candidate.toLowerCase() === name.toLowerCase()))[0]
  );
}

async function arraySources(source: ArraySource, options: SourceOptions): Promise<Sources> {
  const { path, format, names } = source;
  const { inputs, outputs } = options;
  const arrayFor = (wanted: NamedSource, part: Part | null): string | undefined =>
    arrayOf(source, wanted, inputs.length === 1, part, 'input');
  const holds = (part: Part | null): boolean => inputs.every((input) => arrayFor(input, part) !== undefined);
  const suffixed = new Map<Part, Part | null>();
  for (const part of ['train', 'validation', 'test'] as const) if (holds(part)) suffixed.set(part, part);
  // arrays without a part's name are the training part where there is no other
  if (!suffixed.has('train') && (holds(null) || suffixed.size === 0)) suffixed.set('train', null);
  const parts = [...suffixed.keys()];
  const wanted =
    options.part !== undefined && parts.length > 1 ? options.part : suffixed.has('train') ? 'train' : parts[0];
  const part = wanted === undefined ? undefined : suffixed.get(wanted);
  if (part === undefined) {
    throw new Failure('input', {
      what: `${path}: it has no ${wanted} part. It has ${listed(names)}.`,
      cure: 'Add arrays whose names end in _train, _val or _test.',
    });
  }
  const inputArrays = inputs.map((input) => {
    const array = arrayFor(input, part);
    if (array === undefined) throw notFound(path, input, 'input', names);
    return { name: input.name, array };
  });
  const outputArrays = outputs.flatMap((output) => {
    const array = arrayOf(source, output, outputs.length === 1, part, 'output');
    if (array === undefined && options.requireTargets !== false) throw notFound(path, output, 'output', names);
    return array === undefined ? [] : [{ name: output.name, array, own: { ...options, ...output.read } }];
  });
  const besideArrays = (options.besides ?? []).flatMap((beside) => {
    const array = arrayOf(source, beside, isUsual(beside.name), part, 'output');
    return array === undefined ? [] : [{ name: beside.name, array }];
  });
  const arrays = await source.read([...inputArrays, ...outputArrays, ...besideArrays].map(({ array }) => array));
  const rest = { part: parts.length > 1 ? wanted : undefined, targets: { kind: 'none' } } as const;
  const datasets = inputArrays.map(({ name, array }): [string, Dataset] => [
    name,
    arraySamples(source, array, present(arrays.get(array), array), options, rest),
  ]);
  const count = sharedCount(path, datasets);
  const shapes = inputArrays.map(({ array }) => present(arrays.get(array), array).shape.slice(1));
  const targets = outputArrays.map(({ name, array, own }): [string, Targets] => [
    name,
    arrayTargets(source, array, present(arrays.get(array), array), count, own, shapes),
  ]);
  return {
    path,
    format,
    ...(parts.length > 1 && wanted !== undefined ? { part: wanted } : {}),
    parts,
    count,
    inputs: new Map(datasets),
    targets: new Map(targets),
    besides: new Map(
      besideArrays.map(({ name, array }) => [
        name,
        exactTargets(source, array, present(arrays.get(array), array), count, options),
      ]),
    ),
    there: names,
  };
}

/** Targets that are fed as they are. @throws Failure('input') for whole numbers that float32 would round */
function exactTargets(
  source: ArraySource,
  name: string,
  array: NpyArray,
  count: number,
  options: ReadOptions,
): Targets {
  const rounded = /^[iu]/.test(array.type) ? numbers(`${source.path}: ${name}`, array).find(isRounded) : undefined;
  if (rounded === undefined) return arrayTargets(source, name, array, count, { ...options, targetKind: 'values' });
  throw new Failure('input', {
    what: `${source.path}: ${name} holds ${rounded}, which is beyond the whole numbers that are exact here (2^24).`,
    cure: 'Number them anew, from 0 on.',
  });
}

function sharedCount(path: string, datasets: readonly (readonly [string, Dataset])[]): number {
  const [first, ...others] = datasets;
  if (first === undefined) throw new Error('a model has an input');
  const other = others.find(([, { count }]) => count !== first[1].count);
  if (other === undefined) return first[1].count;
  throw new Failure('input', {
    what: `${path}: the input "${other[0]}" has ${other[1].count} samples, "${first[0]}" ${first[1].count}.`,
    cure: 'Save arrays that belong together.',
  });
}

/** The columns that a key lists, each by its name or a pattern; null where one of them is not there. */
function keyColumns(columns: readonly Column[], key: string): readonly Column[] | null {
  const found = key.split(',').map((word) => {
    const pattern = word.trim();
    const exact = columns.filter(({ name }) => name === pattern);
    if (exact.length > 0 || !pattern.includes('*')) return exact;
    return columns.filter(({ name }) => matchesPattern(name, pattern, null));
  });
  return found.every((some) => some.length > 0) ? [...new Set(found.flat())] : null;
}

/** The column of that name, or those from NAME_0 on, in the order of their numbers. */
function namedColumns(columns: readonly Column[], name: string): readonly Column[] | null {
  const own = columns.filter((column) => column.name === name);
  if (own.length > 0) return own;
  const numbered = columns
    .flatMap((column) => {
      const number = column.name.startsWith(`${name}_`) ? column.name.slice(name.length + 1) : '';
      return /^\d+$/.test(number) ? [{ column, number: Number(number) }] : [];
    })
    .sort((a, b) => a.number - b.number);
  return numbered.length === 0 ? null : numbered.map(({ column }) => column);
}

function tableSources(table: Table, options: SourceOptions): Sources {
  const { path, format, count, columns } = table;
  if (count === 0) throw new Failure('input', { what: `${path}: it holds no rows.`, cure: 'Give a table with data.' });
  const there = columns.map(({ name }) => name);
  const columnsOf = ({ name, key }: NamedSource): readonly Column[] | null =>
    key === null ? namedColumns(columns, name) : keyColumns(columns, key);
  const outputs = options.outputs.flatMap((output): { name: string; found: readonly Column[]; own: ReadOptions }[] => {
    const found = columnsOf(output) ?? usualTarget(table, output, options);
    if (found === null && options.requireTargets !== false) throw notFound(path, output, 'output', there);
    return found === null ? [] : [{ name: output.name, found, own: { ...options, ...output.read } }];
  });
  const besides = (options.besides ?? []).flatMap((beside): { name: string; found: readonly Column[] }[] => {
    const found = columnsOf(beside) ?? (isUsual(beside.name) ? usualTarget(table, beside, options) : null);
    return found === null ? [] : [{ name: beside.name, found }];
  });
  const apart = (options.apart ?? []).flatMap((other) => columnsOf(other) ?? []);
  const taken = new Set([...[...outputs, ...besides].flatMap(({ found }) => found), ...apart]);
  const inputs = options.inputs.map((input): [string, Dataset] => {
    const alone = options.inputs.length === 1 && input.key === null;
    const features = columnsOf(input) ?? (alone ? otherColumns(table, taken, options) : null);
    if (features === null) throw notFound(path, input, 'input', there);
    return [input.name, inputDataset(table, features)];
  });
  const targets = outputs.map(({ name, found, own }): [string, Targets] => [name, outputTargets(path, found, own)]);
  return {
    path,
    format,
    parts: ['train'],
    count,
    inputs: new Map(inputs),
    targets: new Map(targets),
    besides: new Map(
      besides.map(({ name, found }) => [name, outputTargets(path, found, { ...options, targetKind: 'values' })]),
    ),
    there,
  };
}

/** All columns that are no targets, which is what a model of one input takes. */
const otherColumns = ({ columns }: Table, taken: ReadonlySet<Column>, options: ReadOptions): readonly Column[] =>
  columns.filter((column) => !taken.has(column) && isFeature(column.name, options));

function inputDataset(table: Table, features: readonly Column[]): Dataset {
  const [first, ...others] = features;
  const { path, format, count } = table;
  if (first !== undefined && others.length === 0 && namesImages(first))
    return imageColumn(table, first, { kind: 'none' });
  return encodedTable({ path, format, count, features, targets: { kind: 'none' } });
}

/** The column that openDataset would take as the target, for a model of one output. */
function usualTarget({ path, columns }: Table, { key }: NamedSource, options: SourceOptions): readonly Column[] | null {
  if (key !== null || options.outputs.length > 1) return null;
  const { target } = chooseColumns(path, columns, { ...options, requireTargets: false });
  return target === null ? null : [target];
}

/** One column as openDataset reads it, several as the row of an array: one-hot ones are the classes that the columns are called. */
function outputTargets(path: string, columns: readonly Column[], options: ReadOptions): Targets {
  const [first, ...others] = columns;
  if (first !== undefined && others.length === 0) return columnTargets(path, first, options);
  const count = present(first, 'a target column').count;
  const values = new Float32Array(count * columns.length);
  for (const [at, column] of columns.entries()) {
    for (let row = 0; row < count; row += 1) {
      if (column.kind === 'words' || isMissing(column, row)) {
        throw new Failure('input', {
          what: `${path}: row ${row + 1}, column "${column.name}" is no number; the target is a row of ${columns.length} of them.`,
          cure: 'Fill it in, or remove the row.',
        });
      }
      values[row * columns.length + at] = numberAt(column, row);
    }
  }
  const names = columns.map(({ name }) => name);
  const place = (row: number): string => `${path}: row ${row + 1}, columns "${listed(names)}"`;
  return rowTargets(values, columns.length, place, { classNames: names, ...options });
}
