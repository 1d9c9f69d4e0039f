import { Failure } from '../contract/failure.js';
import { phrase } from '../contract/phrases.js';
import { present } from '../contract/present.js';
import type { ColumnRule, Dataset, LearnedEncoding, Part, Targets } from './dataset.js';
import { arrayDataset, isRounded } from './readers/arrays.js';
import { type Column, isMissing, numberAt, textAt } from './readers/column.js';

/** A data set as its training rows teach: a table is encoded, anything else stays as it is. @throws as `Encoding.fit` */
export const encodeFrom = (dataset: Dataset, training: Int32Array): Dataset =>
  dataset.encoding?.fit(training) ?? dataset;

/** Another data set under what `trained` has learned, where both are tables. @throws as `Encoding.apply` */
export const encodeAs = (dataset: Dataset, trained: Dataset): Dataset =>
  trained.encoding === undefined ? dataset : (dataset.encoding?.apply(trained.encoding.learned) ?? dataset);

/** The columns of a table that are a model's inputs. */
export interface FeatureTable {
  readonly path: string;
  readonly format: Dataset['format'];
  readonly part?: Part | undefined;
  readonly count: number;
  readonly features: readonly Column[];
  readonly targets: Targets;
  /** what was taken to be so when it was opened, a sentence each */
  readonly notes?: readonly string[];
}

/**
 * A table as a data set. What all of its rows teach is learned when it is first asked for: a test set never asks.
 * @throws Failure('input') (when it is used) as `Encoding.fit` does
 */
export function encodedTable(table: FeatureTable): Dataset {
  const { path, format, part, count, targets } = table;
  let learnt: Dataset | null = null;
  const whole = (): Dataset => {
    learnt ??= encode(table, learn(table, null));
    return learnt;
  };
  return {
    path,
    format,
    ...(part === undefined ? {} : { part }),
    count,
    targets,
    get sample() {
      return whole().sample;
    },
    read: (indices, into, size) => whole().read(indices, into, size),
    bytes: async (index) => rowBytes(table, index),
    encoding: {
      get learned() {
        return present(whole().encoding, 'the encoding of a table').learned;
      },
      get sentences() {
        return present(whole().encoding, 'the encoding of a table').sentences;
      },
      fit: (indices) => encode(table, learn(table, indices)),
      apply: (learned) => encode(table, learned),
    },
  };
}

/** The first names of a list, for a message. */
export const listed = (names: readonly string[]): string =>
  `${names.slice(0, 20).join(', ')}${names.length > 20 ? ', ...' : ''}`;

const mostCategories = 100;
/** With fewer rows than this, values that are all different say nothing. */
const fewestRows = 6;

/** @param indices null for all rows, where no part is the training part */
function learn(table: FeatureTable, indices: Int32Array | null): LearnedEncoding {
  const rows = indices ?? Int32Array.from({ length: table.count }, (_, row) => row);
  return {
    from: indices === null ? 'data at hand' : 'training part',
    rules: table.features.map((column) =>
      column.kind === 'words' ? categoriesOf(table, column, rows) : meanOf(column, rows),
    ),
    pixels: arePixels(table),
  };
}

function meanOf(column: Column, rows: Int32Array): ColumnRule {
  let sum = 0;
  let count = 0;
  for (const row of rows) {
    const value = numberAt(column, row);
    if (Number.isNaN(value)) continue;
    sum += value;
    count += 1;
  }
  return { kind: 'number', column: column.name, mean: count === 0 ? null : sum / count };
}

function categoriesOf({ path }: FeatureTable, column: Column, rows: Int32Array): ColumnRule {
  const found = new Set<string>();
  let missing = 0;
  for (const row of rows) {
    const text = textAt(column, row);
    if (text === null) missing += 1;
    else found.add(text);
  }
  const filled = rows.length - missing;
  if (found.size > mostCategories || (found.size === filled && filled >= fewestRows)) {
    const many = found.size === filled ? 'a different word in every row' : `${found.size} different words`;
    throw new Failure('input', {
      what: `${path}: column "${column.name}" holds ${many}, as names, ids and free text do.`,
      cure: 'Leave the column out, or replace it by numbers or a few categories.',
    });
  }
  const categories: (string | null)[] = [...found].sort();
  if (missing > 0) categories.push(null);
  return { kind: 'one-hot', column: column.name, categories };
}

/** Column names that say "this is a pixel": pixel0, px_1, 1x1, or bare positions. */
const pixelName = /^(?:(?:pixel|px|p)[\s_-]?)?\d+(?:x\d+)?$/i;
const fewestPixels = 64;
const isByte = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 255;

function arePixels({ features }: FeatureTable): boolean {
  return (
    features.length >= fewestPixels &&
    features.every(({ name, kind, numbers }) => pixelName.test(name) && kind === 'numbers' && numbers.every(isByte))
  );
}

/** What a rule makes of a table: its column there, the inputs it becomes, the sentences that say so. */
interface Encoded {
  readonly names: readonly string[];
  readonly sentences: readonly string[];
  write(row: number, into: Float32Array, at: number): void;
}

function encode(table: FeatureTable, learned: LearnedEncoding): Dataset {
  const { path, format, part, count, targets, notes = [] } = table;
  const columns = learned.rules.map((rule) => encodeColumn(table, columnOf(table, rule), rule, learned.from));
  const names = columns.flatMap((column) => column.names);
  const values = new Float32Array(count * names.length);
  let at = 0;
  for (const column of columns) {
    for (let row = 0; row < count; row += 1) column.write(row, values, row * names.length + at);
    at += column.names.length;
  }
  const dataset = arrayDataset({
    path,
    format,
    part,
    shape: [names.length],
    layout: 'values',
    names,
    rounded: roundedOf(table),
    storage: learned.pixels ? pixelsOf(path, names, values) : values,
    targets,
  });
  return {
    ...dataset,
    bytes: async (index) => rowBytes(table, index),
    encoding: {
      learned,
      sentences: [...notes, ...columns.flatMap(({ sentences }) => sentences)],
      fit: (indices) => encode(table, learn(table, indices)),
      apply: (other) => encode(table, other),
    },
  };
}

function roundedOf({ features }: FeatureTable): number | undefined {
  return features
    .filter(({ kind }) => kind === 'numbers')
    .map(({ numbers }) => numbers.find(isRounded))
    .find((value) => value !== undefined);
}

/** @throws Failure('input') where the table has no such column, or one of another kind */
function columnOf({ path, features }: FeatureTable, rule: ColumnRule): Column {
  const column = features.find(({ name }) => name === rule.column);
  if (column === undefined) {
    throw new Failure('input', {
      what: `${path}: it has no column "${rule.column}", which the training data has.`,
      cure: 'Give data with the same columns.',
    });
  }
  if (rule.kind === 'one-hot' || column.kind !== 'words') return column;
  const word = Array.from({ length: column.count }, (_, row) => textAt(column, row)).find((text) => text !== null);
  throw new Failure('input', {
    what: `${path}: column "${rule.column}" holds words ("${word}"), but numbers in the training data.`,
    cure: 'Correct the column.',
  });
}

function filledSentence(name: string, count: number, mean: number, from: LearnedEncoding['from']): string {
  const values = { count, name, mean: Number(mean.toPrecision(6)) };
  if (from === 'training part') return phrase(count === 1 ? 'data.filledOne' : 'data.filled', values);
  return phrase(count === 1 ? 'data.filledOneHere' : 'data.filledHere', values);
}

function unknownSentence(name: string, count: number, from: LearnedEncoding['from']): string {
  const Part = phrase(from === 'training part' ? 'part.training' : 'part.atHand');
  return phrase(count === 1 ? 'data.unknownOne' : 'data.unknown', { count, name, Part });
}

function encodeColumn(
  { path, count }: FeatureTable,
  column: Column,
  rule: ColumnRule,
  from: LearnedEncoding['from'],
): Encoded {
  const missing = missingCount(column, count);
  if (rule.kind === 'number') {
    const { mean } = rule;
    if (missing > 0 && mean === null) {
      throw new Failure('input', {
        what: `${path}: column "${rule.column}" has no value in the ${from}, of which the mean could fill the gaps.`,
        cure: 'Leave the column out, or fill it in.',
      });
    }
    return {
      names: [rule.column],
      sentences: missing === 0 || mean === null ? [] : [filledSentence(rule.column, missing, mean, from)],
      write(row, into, at) {
        const value = numberAt(column, row);
        into[at] = Number.isNaN(value) && mean !== null ? mean : value;
      },
    };
  }
  const { categories } = rule;
  const position = new Map(categories.map((category, i) => [category, i]));
  let unknown = 0;
  for (let row = 0; row < count; row += 1) if (!position.has(textAt(column, row))) unknown += 1;
  const listed = categories.map((category) => category ?? '(missing)').join(', ');
  return {
    names: categories.map((category) => (category === null ? `${rule.column} missing` : `${rule.column}=${category}`)),
    sentences: [
      phrase(from === 'training part' ? 'data.oneHot' : 'data.oneHotHere', { name: rule.column, categories: listed }),
      ...(unknown === 0 ? [] : [unknownSentence(rule.column, unknown, from)]),
    ],
    write(row, into, at) {
      const category = position.get(textAt(column, row));
      if (category !== undefined) into[at + category] = 1;
    },
  };
}

function missingCount(column: Column, count: number): number {
  let missing = 0;
  for (let row = 0; row < count; row += 1) if (isMissing(column, row)) missing += 1;
  return missing;
}

function pixelsOf(path: string, names: readonly string[], values: Float32Array): Uint8Array {
  const other = values.findIndex((value) => !isByte(value));
  if (other < 0) return Uint8Array.from(values);
  const row = Math.floor(other / names.length);
  throw new Failure('input', {
    what: `${path}: row ${row + 1}, column "${names[other % names.length]}" is ${values[other]}, but the training data holds 8-bit pixels.`,
    cure: 'Give data that was written in the same way.',
  });
}

/** A row as the file has it, whatever was learned: what tells whether two rows are the same. */
function rowBytes({ features }: FeatureTable, row: number): Uint8Array {
  const numbers = features.filter(({ kind }) => kind !== 'words').map((column) => numberAt(column, row));
  const words = features.filter(({ kind }) => kind === 'words').map((column) => textAt(column, row));
  const bytes = Buffer.from(Float32Array.from(numbers).buffer);
  return words.length === 0 ? bytes : Buffer.concat([bytes, Buffer.from(JSON.stringify(words))]);
}
