import { Failure } from '../../contract/failure.js';
import type { Targets } from '../dataset.js';
import type { ReadOptions } from './reader.js';

/** Above this a whole number is taken for an amount, unless there are as many samples to carry that many classes. */
const likelyClasses = 1000;

/** No classifier has more classes than this, and a name is made for each. */
const mostClasses = 2 ** 17;

/** What a message says about the place of a target: "labels.gz: label 7", "table.csv: line 3"... */
type Place = (index: number) => string;

/**
 * Targets from labels that are class indices as they stand.
 * @throws Failure('input') when one is negative or beyond `options.classNames`
 */
export function indexedTargets(
  labels: ArrayLike<number>,
  place: Place,
  options: ReadOptions,
): Extract<Targets, { kind: 'class' }> {
  const indices = new Int32Array(labels.length);
  const known = options.classNames?.length ?? mostClasses;
  let highest = -1;
  for (let i = 0; i < labels.length; i += 1) {
    const label = Number(labels[i]);
    if (!Number.isInteger(label) || label < 0) {
      throw new Failure('input', {
        what: `${place(i)} is ${label}, not a class index.`,
        cure: 'Number the classes from 0, or say that the task is a regression.',
        settings: [['task', 'regression']],
      });
    }
    if (label >= known) {
      throw new Failure('input', {
        what: `${place(i)} is ${label}, but there are ${options.classNames === undefined ? 'at most ' : ''}${known} classes, numbered from 0.`,
        cure: 'Correct the label, or give the classes that this data has.',
        settings: ['classes'],
      });
    }
    indices[i] = label;
    highest = Math.max(highest, label);
  }
  if (options.classNames !== undefined) return { kind: 'class', labels: indices, names: options.classNames };
  const names = Array.from({ length: highest + 1 }, (_, i) => String(i));
  return { kind: 'class', labels: indices, names, numbered: true };
}

/**
 * Targets from class names; without `options.classNames` the names are sorted by code unit.
 * @throws Failure('input') for a name that `options.classNames` lacks
 */
export function namedTargets(labels: readonly string[], place: Place, options: ReadOptions): Targets {
  const names = options.classNames ?? [...new Set(labels)].sort();
  const indexOf = new Map(names.map((name, index) => [name, index]));
  const indices = Int32Array.from(labels, (label, i) => {
    const index = indexOf.get(label);
    if (index !== undefined) return index;
    throw new Failure('input', {
      what: `${place(i)} is "${label}", which is not one of the ${names.length} classes (${names.slice(0, 5).join(', ')}${
        names.length > 5 ? ', ...' : ''
      }).`,
      cure: 'Correct the label, or give the classes that this data has.',
      settings: ['classes'],
    });
  });
  return { kind: 'class', labels: indices, names };
}

/**
 * Targets from one number per sample: classes where they are whole numbers that can be class indices, or the -1 and 1 of
 * two classes; else values.
 * @param stored `integers` where the file's type says that no number has a fraction: then any that can be an index is one
 */
export function numericTargets(
  values: Float64Array,
  place: Place,
  options: ReadOptions,
  stored: 'integers' | 'numbers' = 'numbers',
): Targets {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) {
    throw new Failure('input', { what: `${place(at)} is ${values[at]}.`, cure: 'Remove or fill in such targets.' });
  }
  const signs = values.every((value) => value === -1 || value === 1) && values.includes(-1);
  const limit = stored === 'integers' ? mostClasses : Math.max(likelyClasses, values.length);
  const indices = values.every((value) => Number.isInteger(value) && value >= 0 && value < limit);
  if (options.targetKind === 'values' || (options.targetKind === undefined && !signs && !indices)) {
    return { kind: 'values', values: Float32Array.from(values), width: 1 };
  }
  if (!signs) return indexedTargets(values, place, options);
  return namedTargets(Array.from(values, String), place, { ...options, classNames: options.classNames ?? ['-1', '1'] });
}

/**
 * Targets from a row of `width` numbers per sample: one-hot rows are classes (255 for 1, as bytes have them, too), anything else values
 * (multi-label, regression).
 */
export function rowTargets(values: Float32Array, width: number, place: Place, options: ReadOptions): Targets {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) {
    throw new Failure('input', {
      what: `${place(Math.floor(at / width))} holds ${values[at]}.`,
      cure: 'Remove or fill in such targets.',
    });
  }
  const count = values.length / width;
  const labels = new Int32Array(count);
  const mark = values.includes(255) ? 255 : 1;
  let oneHot = width > 1 && options.targetKind !== 'values';
  for (let i = 0; i < count && oneHot; i += 1) {
    const row = values.subarray(i * width, (i + 1) * width);
    labels[i] = row.indexOf(mark);
    oneHot = row.every((value, k) => value === (k === labels[i] ? mark : 0)) && labels[i] !== -1;
  }
  if (oneHot) {
    const names = options.classNames ?? Array.from({ length: width }, (_, i) => String(i));
    // a column means the same in every part, as a number does
    return { ...indexedTargets(labels, place, { ...options, classNames: names }), numbered: true };
  }
  if (options.targetKind === 'class') {
    throw new Failure('input', {
      what: `${place(0)} is a row of ${width} numbers, but not every row is one-hot.`,
      cure: 'Give class indices.',
    });
  }
  return { kind: 'values', values, width };
}
