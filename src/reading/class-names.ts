import { dirname, join } from 'node:path';
import { Failure, messageOf } from '../contract/failure.js';
import { parseDocument } from '../contract/parse-document.js';
import type { ReadingSource } from '../contract/reading.js';
import { readText } from '../contract/regular-file.js';
import type { Targets } from '../data/dataset.js';
import type { Model } from '../model/model.js';
import { isTfjsGraphModel } from '../model/tfjs-graph/model.js';
import { isTfjsLayersModel } from '../model/tfjs-layers/model.js';

/** Names in the order of columns, as a file lists them. */
interface NamesInFile {
  readonly names: readonly string[];
  /** the lines themselves, where the names are what stands in them behind a number: the data may call its classes by these */
  readonly asWritten?: readonly string[];
}

/** The classes of a model in the order of its output's columns, and where they stand. */
export interface ClassNames extends NamesInFile {
  readonly origin: string;
  readonly source: ReadingSource;
}

/** Under which names class lists are found: beside a model, and in the metadata of ONNX and TensorFlow.js files. */
export const classListNames: readonly string[] = [
  'classes.txt',
  'labels.txt',
  'class_names.txt',
  'classes.json',
  'labels.json',
  'class_names.json',
  'class_indices.json',
  'class_to_idx.json',
  'config.json',
];
const keys = [
  ...['classes', 'class_names', 'classNames', 'labels', 'names', 'id2label'],
  ...['label2id', 'class_indices', 'class_to_idx'],
];

/**
 * The classes in the order of the model's columns: from the file that is named, else from the model's own metadata, else from a
 * list beside it.
 * @returns null where nobody says
 * @throws Failure('input') when the named file holds no list of names
 */
export async function findClassNames(model: Model, named: string | null): Promise<ClassNames | null> {
  if (named !== null) return { ...(await readNames(named)), origin: named, source: 'option' };
  for (const [key, value, origin] of metadataOf(model)) {
    const names = keys.includes(key) ? namesIn(value) : null;
    if (names !== null) return { names, origin: `${origin} '${key}'`, source: 'model' };
  }
  for (const file of classListNames) {
    const path = join(dirname(model.path), file);
    const text = await readText(path).catch(() => null);
    const names = text === null ? null : namesInFile(file, text);
    if (names !== null) return { ...names, origin: path, source: 'model' };
  }
  return null;
}

/** @throws Failure('input') for a file that is no list of names, each of them once */
export const readClassList = async (path: string): Promise<readonly string[]> => (await readNames(path)).names;

/** @throws as `readClassList` */
async function readNames(path: string): Promise<NamesInFile> {
  let text: string;
  try {
    text = await readText(path);
  } catch (cause) {
    throw new Failure(
      'input',
      {
        what: `${path}: the list of classes cannot be read (${messageOf(cause)}).`,
        cure: 'Name a file with one class a line, in the order of the model’s outputs, or a JSON list.',
        settings: ['classes'],
        written: 'nothing',
      },
      { cause },
    );
  }
  const found = namesInFile(path, text);
  if (found !== null && areDistinct(found.names)) return found;
  throw new Failure('input', {
    what: `${path}: this is no list of classes, each named once.`,
    cure: 'Write one class a line, in the order of the model’s outputs, or a JSON list.',
    settings: ['classes'],
    written: 'nothing',
  });
}

function metadataOf(model: Model): (readonly [key: string, value: unknown, origin: string])[] {
  const own = model.graph.model.metadataProps.map(({ key, value }) => [key, value, 'metadata_props'] as const);
  if (!isTfjsLayersModel(model) && !isTfjsGraphModel(model)) return own;
  const user: unknown = model.tfjs.json.userDefinedMetadata;
  if (typeof user !== 'object' || user === null) return own;
  return [...own, ...Object.entries(user).map(([key, value]) => [key, value, 'userDefinedMetadata'] as const)];
}

const areDistinct = (names: readonly string[]): boolean => new Set(names).size === names.length;

function namesInFile(path: string, text: string): NamesInFile | null {
  if (path.endsWith('.json')) {
    const names = namesInJson(text);
    return names === null ? null : { names };
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const asWritten = lines.filter((line) => line !== '');
  if (asWritten.length < 2) return null;
  const names = numberedNames(asWritten);
  return names === null ? { names: asWritten } : { names, asWritten };
}

function namesInJson(text: string): readonly string[] | null {
  let parsed: unknown;
  try {
    // a byte order mark may stand before it, as editors on Windows write it
    parsed = parseDocument(text.replace(/^\uFEFF/, ''));
  } catch {
    return null;
  }
  const whole = namesIn(parsed);
  if (whole !== null || typeof parsed !== 'object' || parsed === null) return whole;
  const found = Object.entries(parsed).find(([key, value]) => keys.includes(key) && namesIn(value) !== null);
  return found === undefined ? null : namesIn(found[1]);
}

/**
 * Lines that begin with the numbers of columns, as Teachable Machine ("0 cat") and lists in YAML ("0: cat") have them, in the
 * columns' order; null where any line does not, or the numbers are not 0, 1, 2 ...
 */
function numberedNames(lines: readonly string[]): readonly string[] | null {
  const numbered = lines.map((line) => /^(\d+)(?::|,|\s)\s*(\S.*)$/.exec(line));
  const byColumn = numbered.map((found): readonly [number, string] => [
    Number(found?.[1] ?? Number.NaN),
    found?.[2] ?? '',
  ]);
  const names = inColumns(byColumn);
  return names !== null && areDistinct(names) ? names : null;
}

/** Names in the order of their columns; null where these are not 0, 1, 2 ... */
function inColumns(byColumn: readonly (readonly [column: number, name: string])[]): readonly string[] | null {
  const sorted = byColumn.toSorted(([a], [b]) => a - b);
  return sorted.every(([column], i) => column === i) ? sorted.map(([, name]) => name) : null;
}

/** A list; a dictionary from column to name or from name to column; as JSON, as Python writes it, or separated by commas. */
function namesIn(value: unknown): readonly string[] | null {
  if (typeof value === 'string') return namesInText(value);
  if (Array.isArray(value)) {
    return value.length > 1 && value.every((each) => typeof each === 'string' || typeof each === 'number')
      ? value.map(String)
      : null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const entries = Object.entries(value);
  if (entries.length < 2) return null;
  const byColumn = entries.map(([key, name]): readonly [number, string] =>
    typeof name === 'number' ? [name, key] : [Number(key), String(name)],
  );
  return inColumns(byColumn);
}

function namesInText(text: string): readonly string[] | null {
  const trimmed = text.trim();
  if (/^[[{]/.test(trimmed)) {
    try {
      return namesIn(parseDocument(trimmed));
    } catch {
      return namesIn(pythonLiteral(trimmed));
    }
  }
  const names = trimmed.split(trimmed.includes('\n') ? /\r?\n/ : ',').map((name) => name.trim());
  return names.length > 1 && names.every((name) => name !== '') ? names : null;
}

/** A Python list or dictionary of strings and whole numbers, as `str` writes it: {0: 'cat', 1: 'dog'}. */
function pythonLiteral(text: string): unknown {
  const json = text.replace(
    /'((?:[^'\\]|\\.)*)(?:'|$)|\b(\d+)\s*:/g,
    (_, quoted: string | undefined, key: string | undefined) =>
      quoted === undefined ? `"${key}":` : JSON.stringify(quoted.replace(/\\(.)/g, '$1')),
  );
  try {
    return parseDocument(json);
  } catch {
    return null;
  }
}

/** The names as the data has them: without the numbers that stand before them in the list, unless the data has these too. */
export function namesOfData({ asWritten, ...known }: ClassNames, targets: Targets): ClassNames {
  if (asWritten === undefined || targets.kind !== 'class') return known;
  const has = (names: readonly string[]): boolean => targets.names.some((name) => names.includes(name));
  return has(asWritten) && !has(known.names) ? { ...known, names: asWritten } : known;
}

/** How the classes of data and those of a model go together. */
export type ClassMatch =
  /** the data's labels are to be read in the order of the model's names */
  | 'reorder'
  /** the data numbers its classes: the names only say what the numbers mean */
  | 'rename'
  /** the names are of something else */
  | 'unrelated';

const number = /^\d+$/;

/** @throws Failure('input') when the names were given as an option, and the data has a class that is not among them */
export function matchClasses(targets: Targets, { names, source, origin }: ClassNames, path: string): ClassMatch {
  if (targets.kind !== 'class') return 'unrelated';
  const known = new Set(names);
  // classes that are called by numbers are counted from 0: those that no sample is of are none of the data's
  const occurring = new Set(targets.labels);
  const strange = targets.names.find((name, label) => occurring.has(label) && !known.has(name));
  if (strange === undefined) return 'reorder';
  if (targets.names.every((name) => number.test(name)) && targets.names.length <= names.length) return 'rename';
  if (source !== 'option') return 'unrelated';
  throw new Failure('input', {
    what: `${path}: the class '${strange}' is not among the ${names.length} of ${origin}.`,
    cure: 'Add it to the list, or correct the label.',
    settings: ['classes'],
    written: 'nothing',
  });
}
