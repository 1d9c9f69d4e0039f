import { Failure } from '../../contract/failure.js';
import type { Targets } from '../dataset.js';
import type { ReadOptions } from './reader.js';

/** Above this a whole number is taken for an amount, unless there are as many samples to carry that many classes. */
const likelyClasses = 1000;

/** What a message says about the place of a target: "labels.gz: label 7", "table.csv: line 3"... */
type Place = (index: number) => string;

/**
 * Targets from labels that are class indices as they stand.
 * @throws Failure('input') when one is negative or beyond `options.classNames`
 */
export function indexedTargets(labels: ArrayLike<number>, place: Place, options: ReadOptions): Targets {
  const indices = new Int32Array(labels.length);
  let highest = -1;
  for (let i = 0; i < labels.length; i += 1) {
    const label = labels[i] ?? -1;
    if (!Number.isInteger(label) || label < 0) {
      throw new Failure('input', {
        what: `${place(i)} is ${label}, not a class index.`,
        cure: 'Number the classes from 0.',
      });
    }
    if (options.classNames !== undefined && label >= options.classNames.length) {
      throw new Failure('input', {
        what: `${place(i)} is ${label}, but there are ${options.classNames.length} classes, numbered from 0.`,
        cure: 'Correct the label, or give the classes that this data has.',
        settings: ['classes'],
      });
    }
    indices[i] = label;
    if (label > highest) highest = label;
  }
  const names = options.classNames ?? Array.from({ length: highest + 1 }, (_, i) => String(i));
  return { kind: 'class', labels: indices, names };
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
 * Targets from one number per sample: classes where they are whole numbers that can be class indices, else values.
 * Whole numbers that are not indices (-1 and 1) name their classes.
 */
export function numericTargets(values: readonly number[], place: Place, options: ReadOptions): Targets {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0)
    throw new Failure('input', { what: `${place(at)} is ${values[at]}.`, cure: 'Remove or fill in such targets.' });
  const whole = values.every(Number.isInteger);
  const highest = values.reduce((most, value) => Math.max(most, value), 0);
  const lowest = values.reduce((least, value) => Math.min(least, value), 0);
  const classes = whole && highest < Math.max(likelyClasses, values.length) && lowest > -likelyClasses;
  if (options.targetKind === 'values' || (options.targetKind === undefined && !classes)) {
    return { kind: 'values', values: Float32Array.from(values), width: 1 };
  }
  if (!whole) {
    const fraction = values.findIndex((value) => !Number.isInteger(value));
    throw new Failure('input', {
      what: `${place(fraction)} is ${values[fraction]}, not a class.`,
      cure: 'Give whole numbers, or say that the task is a regression.',
      settings: [['task', 'regression']],
    });
  }
  if (lowest >= 0) return indexedTargets(values, place, options);
  const names = options.classNames ?? [...new Set(values)].sort((a, b) => a - b).map(String);
  return namedTargets(values.map(String), place, { ...options, classNames: names });
}

/**
 * Targets from a row of `width` numbers per sample: one-hot rows are classes, anything else values (multi-label, regression).
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
  let oneHot = width > 1 && options.targetKind !== 'values';
  for (let i = 0; i < count && oneHot; i += 1) {
    const row = values.subarray(i * width, (i + 1) * width);
    labels[i] = row.indexOf(1);
    oneHot = row.every((value, k) => value === (k === labels[i] ? 1 : 0)) && labels[i] !== -1;
  }
  if (oneHot) {
    const names = options.classNames ?? Array.from({ length: width }, (_, i) => String(i));
    return indexedTargets(labels, place, { ...options, classNames: names });
  }
  if (options.targetKind === 'class') {
    throw new Failure('input', {
      what: `${place(0)} is a row of ${width} numbers, but not every row is one-hot.`,
      cure: 'Give class indices.',
    });
  }
  return { kind: 'values', values, width };
}
