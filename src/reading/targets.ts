import { Failure } from '../contract/failure.js';
import type { Dataset, Targets } from '../data/dataset.js';
import type { ChosenOutput, WantedOutput } from './choose-output.js';

const wholeNumber = /^[+-]?\d+(?:\.0*)?$/;

/** Class targets whose names are all numbers, as those numbers; null for any other targets. */
export function asValues(targets: Targets): Targets | null {
  if (targets.kind !== 'class' || !targets.names.every((name) => wholeNumber.test(name.trim()))) return null;
  const numbers = targets.names.map(Number);
  return {
    kind: 'values',
    values: Float32Array.from(targets.labels, (label) => numbers[label] ?? Number.NaN),
    width: 1,
  };
}

/** What targets want of a model's output. */
export function wantedOf(targets: Targets): WantedOutput {
  switch (targets.kind) {
    case 'class':
      return { kind: 'class', classes: targets.names.length, numericNames: asValues(targets) !== null };
    case 'values':
      return {
        kind: 'values',
        width: targets.width,
        zeroOrOne: targets.values.every((value) => value === 0 || value === 1),
      };
    case 'none':
      return { kind: 'none' };
  }
}

/** A data set whose whole-number classes are the amounts that a regression is trained on; any other as it is. */
export function withAmounts(dataset: Dataset): Dataset {
  const targets = asValues(dataset.targets);
  return targets === null ? dataset : { ...dataset, targets };
}

/** A data set whose targets are one column of 0 and 1, as two classes; any other as it is. */
export function withLabels(dataset: Dataset): Dataset {
  const { targets } = dataset;
  if (targets.kind !== 'values' || targets.width !== 1) return dataset;
  return { ...dataset, targets: { kind: 'class', labels: Int32Array.from(targets.values), names: ['0', '1'] } };
}

/** The data set with its targets as the chosen output is trained on them: amounts, or classes. */
export function targetsFor({ task }: Pick<ChosenOutput, 'task'>, dataset: Dataset): Dataset {
  switch (task) {
    case 'regression':
      return withAmounts(dataset);
    case 'binary':
      return withLabels(dataset);
    case 'classification':
    case 'multilabel':
      return dataset;
  }
}

/** @throws Failure('input') when a label is beyond the classes of the model, naming the sample */
export function refuseStrayLabels({ targets, path }: Dataset, classes: number): void {
  if (targets.kind !== 'class') return;
  const at = targets.labels.findIndex((label) => label >= classes);
  if (at < 0) return;
  const label = targets.labels[at] ?? 0;
  throw new Failure('input', {
    what: `${path}: sample ${at} is of class ${targets.names[label] ?? label}, but the model knows ${classes} classes, numbered from 0.`,
    cure: 'Correct the label, or give the data this model was made for.',
    written: 'nothing',
  });
}
