import { Failure } from '../../contract/failure.js';
import { present } from '../../contract/present.js';

/** One column of a table. A cell is a number, a truth (true or false), a word, or missing. */
export interface Column {
  readonly name: string;
  readonly count: number;
  /** `words` where any cell is one; truths count as 1 and 0 */
  readonly kind: 'numbers' | 'truths' | 'words';
  /** the distinct cells as they are written ('' for one that is missing), and which each row has; null for numbers alone */
  readonly cells: { readonly texts: readonly string[]; readonly codes: Int32Array } | null;
  /** of each text, or of each row where `cells` is null; NaN for words and what is missing */
  readonly numbers: Float64Array;
}

/** NaN for a word or a missing cell. */
export function numberAt({ cells, numbers, name }: Column, row: number): number {
  return present(numbers[cells === null ? row : present(cells.codes[row], name)], name);
}

/** The cell as it is written; null for a missing one, and '' is never returned. */
export function textAt(column: Column, row: number): string | null {
  if (column.cells === null) {
    const value = numberAt(column, row);
    return Number.isNaN(value) ? null : String(value);
  }
  const { texts, codes } = column.cells;
  const text = present(texts[present(codes[row], column.name)], column.name);
  return text === '' ? null : text;
}

export const isMissing = (column: Column, row: number): boolean =>
  column.kind === 'words' ? textAt(column, row) === null : Number.isNaN(numberAt(column, row));

/** A message's place: a row (from 1) and a column. */
export const cellPlace = (path: string, row: number, name: string): string =>
  `${path}: row ${row + 1}, column "${name}"`;

/** What pandas, R, Weka and spreadsheets write for a value that is not there. */
const missingWord = /^(|n\/?a|nan|null|none|\?)$/i;
const pointNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const commaNumber = /^[+-]?(\d+,\d*|,\d+)(e[+-]?\d+)?$/i;
/** 1,234  1.234,56  1'234  1 234: with marks between the thousands */
const grouped = /^[+-]?[1-9]\d{0,2}([.,'\u2019\u00a0\u202f ]\d{3})+([.,]\d+)?$/;
const infinite = /^[+-]?inf(inity)?$/i;
const truth = /^(true|false)$/i;

const isoDate = /^\d{4}-\d{1,2}(-\d{1,2})?([T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?(Z|UTC|[+-]\d{2}:?\d{2}))?)?$/i;
const numericDate = /^\d{1,4}[./-]\d{1,2}[./-]\d{1,4}([T ,]+\d{1,2}:\d{2}(:\d{2})?( ?[ap]m)?)?$/i;
const monthDate =
  /^(\w{3,9},? )?(\d{1,2}\.?[ -])?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[ .,-]+(\d{1,2},? )?\d{2,4}/i;
const clock = /^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[ap]m)?$/i;
const isDate = (text: string): boolean => [isoDate, numericDate, monthDate, clock].some((form) => form.test(text));

type CellKind = 'missing' | 'number' | 'comma' | 'grouped' | 'infinite' | 'truth' | 'word';

function cellKind(text: string): CellKind {
  if (missingWord.test(text)) return 'missing';
  if (pointNumber.test(text)) return 'number';
  if (commaNumber.test(text)) return 'comma';
  if (grouped.test(text)) return 'grouped';
  if (infinite.test(text)) return 'infinite';
  return truth.test(text) ? 'truth' : 'word';
}

export const isMissingWord = (text: string): boolean => missingWord.test(text.trim());

/** Whether a cell of a text file is a number in either form. */
export const looksNumeric = (text: string | undefined): boolean =>
  text !== undefined && (pointNumber.test(text.trim()) || commaNumber.test(text.trim()));

const decoder = new TextDecoder();

/** A cell of any file as text; '' where it is missing. @throws Failure('input') for a nested value */
function textOf(path: string, row: number, name: string, cell: unknown): string {
  switch (typeof cell) {
    case 'string':
      return missingWord.test(cell.trim()) ? '' : cell.trim();
    case 'number':
      return Number.isNaN(cell) ? '' : String(cell);
    case 'bigint':
    case 'boolean':
      return String(cell);
    case 'undefined':
      return '';
  }
  if (cell === null) return '';
  if (cell instanceof Date) return cell.toISOString();
  if (cell instanceof Uint8Array) return textOf(path, row, name, decoder.decode(cell));
  throw new Failure('input', {
    what: `${cellPlace(path, row, name)} holds ${Array.isArray(cell) ? 'a list' : 'an object'}, not a single value.`,
    cure: 'Write each of its values into a column of its own (pandas.json_normalize does), or leave the column out.',
  });
}

/** Distinct texts beyond which a column of numbers is kept as numbers alone: a float column would keep every text. */
const mostTexts = 4096;

/** The number in a text such as 0, 7, 255, without sign, point or leading zero; -1 for any other text. */
function byteOf(text: string): number {
  if (text.length === 0 || text.length > 3 || (text.length > 1 && text.charCodeAt(0) === 48)) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = 10 * value + digit;
  }
  return value < 256 ? value : -1;
}

export interface ColumnBuilder {
  /** @throws Failure('input') for a nested value, or a word among very many numbers */
  push(cell: unknown): void;
  /** @throws Failure('input') naming the column whose cells are dates, or numbers that can be read in two ways */
  finish(): Column;
}

/**
 * Collects a column cell by cell.
 * @param commas whether numbers may have a decimal comma: where no comma separates the columns
 */
export function columnBuilder(path: string, name: string, commas: boolean): ColumnBuilder {
  const codeOf = new Map<string, number>();
  const texts: string[] = [];
  const firstRows: number[] = [];
  const kinds = new Set<CellKind>();
  /** the code of each whole number up to 255, as it is usually written; -1 for one that was not met */
  const bytes = new Int32Array(256).fill(-1);
  let codes = new Int32Array(64);
  let numbers: { format: NumberFormat; values: Float64Array } | null = null;
  let count = 0;

  const place = (row: number): string => cellPlace(path, row, name);
  const shown = (row: number, text: string): string => `${place(row)} holds "${text.slice(0, 40)}"`;
  const numberOf = (row: number, text: string, format: NumberFormat): number => {
    if (text === '') return Number.NaN;
    const fits = format === 'point' ? pointNumber.test(text) : pointNumber.test(text) || commaNumber.test(text);
    const value = fits ? Number(text.replace(',', '.')) : Number.NaN;
    if (Number.isFinite(value)) return value;
    throw new Failure('input', {
      what: `${shown(row, text)}, not a finite number as the rows before.`,
      cure: 'Correct it, leave it empty, or remove the row.',
    });
  };
  const format = (): NumberFormat | null => {
    if (kinds.has('word') || kinds.has('truth')) return null;
    return numberFormat(place, shown, texts, firstRows, commas);
  };
  const keepNumbersAlone = (): void => {
    // texts that could still be read in two ways are kept until the column ends, or decides
    if (
      kinds.has('grouped') ||
      (kinds.has('comma') && texts.every((text) => cellKind(text) !== 'comma' || isGroup(text)))
    )
      return;
    const decided = format();
    if (decided === null) return;
    const ofText = texts.map((text, code) => numberOf(present(firstRows[code], name), text, decided));
    const values = new Float64Array(codes.length);
    for (let row = 0; row < count; row += 1) values[row] = present(ofText[present(codes[row], name)], name);
    numbers = { format: decided, values };
    codes = new Int32Array(0);
  };

  return {
    push(cell) {
      const row = count;
      count += 1;
      // a cell that was met before needs no second look; those of 8-bit pixels are found without their hash
      const written = typeof cell === 'string' && numbers === null ? cell : null;
      const byte = written === null ? -1 : byteOf(written);
      const seen = written === null ? -1 : byte >= 0 ? present(bytes[byte], name) : (codeOf.get(written) ?? -1);
      if (seen >= 0) {
        if (row === codes.length) codes = grown(codes, new Int32Array(2 * row));
        codes[row] = seen;
        return;
      }
      if (numbers !== null) {
        if (row === numbers.values.length) numbers.values = grown(numbers.values, new Float64Array(2 * row));
        // most cells are plain numbers: one look is enough for them
        const plain = typeof cell === 'string' && pointNumber.test(cell) ? Number(cell) : Number.NaN;
        numbers.values[row] = Number.isFinite(plain)
          ? plain
          : numberOf(row, textOf(path, row, name, cell), numbers.format);
        return;
      }
      const text = textOf(path, row, name, cell);
      if (row === codes.length) codes = grown(codes, new Int32Array(2 * row));
      const known = codeOf.get(text);
      codes[row] = known ?? texts.length;
      if (known !== undefined) return;
      codeOf.set(text, texts.length);
      if (byte >= 0) bytes[byte] = texts.length;
      texts.push(text);
      firstRows.push(row);
      kinds.add(cellKind(text));
      if (texts.length > mostTexts && texts.length % mostTexts === 1) keepNumbersAlone();
    },
    finish() {
      if (numbers !== null) {
        return { name, count, kind: 'numbers', cells: null, numbers: numbers.values.slice(0, count) };
      }
      const cells = { texts, codes: codes.slice(0, count) };
      const truths =
        kinds.has('truth') && texts.every((text) => text === '' || truth.test(text) || text === '0' || text === '1');
      if (truths) {
        const values = texts.map((text) => (text === '' ? Number.NaN : Number(/^(true|1)$/i.test(text))));
        return { name, count, kind: 'truths', cells, numbers: Float64Array.from(values) };
      }
      const decided = format();
      if (decided === null) {
        refuseDates(path, name, texts);
        return { name, count, kind: 'words', cells, numbers: new Float64Array(texts.length).fill(Number.NaN) };
      }
      const values = texts.map((text, code) => numberOf(present(firstRows[code], name), text, decided));
      return { name, count, kind: 'numbers', cells, numbers: Float64Array.from(values) };
    },
  };
}

type NumberFormat = 'point' | 'comma';

/** A comma number that may as well be one with a mark between its thousands. */
const isGroup = (text: string): boolean => grouped.test(text);

/**
 * How the numbers of a column are written.
 * @throws Failure('input') where that is open, or not the same throughout
 */
function numberFormat(
  place: (row: number) => string,
  shown: (row: number, text: string) => string,
  texts: readonly string[],
  firstRows: readonly number[],
  commas: boolean,
): NumberFormat {
  const rowOf = (code: number): number => present(firstRows[code], 'the first row of a text');
  const kinds = texts.map(cellKind);
  const comma = kinds.indexOf('comma');
  const groups = kinds.indexOf('grouped');
  if (comma < 0 && groups < 0) return 'point';
  const cure = 'Write numbers with a decimal point and no mark between thousands.';
  const refused = (code: number, why: string): Failure =>
    new Failure('input', { what: `${shown(rowOf(code), present(texts[code], 'a text'))}, ${why}.`, cure });
  if (groups >= 0) throw refused(groups, 'with a mark between its thousands');
  if (!commas) throw refused(comma, 'with a comma in it');
  if (texts.every((text, code) => kinds[code] !== 'comma' || isGroup(text))) {
    throw refused(comma, 'whose comma may be the decimal comma or stand between thousands');
  }
  const point = texts.findIndex((text, code) => kinds[code] === 'number' && text.includes('.'));
  if (point >= 0) throw refused(point, `but ${place(rowOf(comma))} has a decimal comma`);
  return 'comma';
}

function refuseDates(path: string, name: string, texts: readonly string[]): void {
  const written = texts.filter((text) => text !== '');
  if (!written.every(isDate)) return;
  throw new Failure('input', {
    what: `${path}: column "${name}" holds dates or times ("${present(written[0], name)}").`,
    cure:
      'Replace it by numbers that mean something to the model (the month, the weekday, the days since a first day), ' +
      'or leave the column out.',
  });
}

function grown<T extends Int32Array | Float64Array>(from: T, into: T): T {
  into.set(from);
  return into;
}
