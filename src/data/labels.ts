import { Failure } from '../contract/failure.js';
import type { Targets } from './dataset.js';

/**
 * Holds the labels of a data set against a model of `classes` classes. Numbers that are no class indices (-1, 1.5, 2^40) are
 * values to their reader: for such a model they are wrong labels.
 * @throws Failure('input') naming the first sample whose label is none of the classes
 */
export function checkLabels(targets: Targets, classes: number, path: string): void {
  if (targets.kind === 'class') {
    const at = targets.labels.findIndex((label) => label >= classes);
    if (at >= 0) throw beyond(path, at, Number(targets.labels[at]), classes);
  } else if (targets.kind === 'values' && targets.width === 1) {
    const at = targets.values.findIndex((value) => !(Number.isInteger(value) && value >= 0 && value < classes));
    if (at >= 0) throw beyond(path, at, Number(targets.values[at]), classes);
  }
}

function beyond(path: string, sample: number, label: number, classes: number): Failure {
  return new Failure('input', {
    what: `${path}: sample ${sample} is of class ${label}, but the model knows ${classes} classes, numbered from 0.`,
    cure:
      "Number the classes from 0, list them in the order of the model's outputs, one a line, in a file, " +
      'or give the data that this model was made for.',
    settings: ['classes', 'data'],
  });
}

/**
 * Class labels that are numbers, as amounts: what they are to a model with one linear output. Null where the classes have
 * names that are no numbers, and for targets that are no classes.
 */
export function asValues(targets: Targets): Extract<Targets, { kind: 'values' }> | null {
  if (targets.kind !== 'class') return null;
  const amounts = amountsOf(targets.names);
  if (amounts === null) return null;
  return {
    kind: 'values',
    values: Float32Array.from(targets.labels, (label) => amounts[label] ?? Number.NaN),
    width: 1,
  };
}

/** The numbers that all of some names are; null where one is none. */
export function amountsOf(names: readonly string[]): readonly number[] | null {
  const amounts = names.map((name) => (name.trim() === '' ? Number.NaN : Number(name)));
  return amounts.every(Number.isFinite) ? amounts : null;
}
