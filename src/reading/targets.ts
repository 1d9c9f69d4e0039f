import { present } from '../contract/present.js';
import type { MapReading, Targets } from '../data/dataset.js';
import { asValues } from '../data/labels.js';
import type { ChosenOutput, WantedOutput } from './choose-output.js';

/** Targets that are a row for each sample. */
export type RowTargets = Exclude<Targets, { kind: 'mask' }>;

/** What targets want of a model's output. */
export function wantedOf(targets: RowTargets): WantedOutput {
  switch (targets.kind) {
    case 'class':
      return {
        kind: 'class',
        classes: targets.names.length,
        occurring: new Set(targets.labels).size,
        numericNames: asValues(targets) !== null,
      };
    case 'values':
      return {
        kind: 'values',
        width: targets.width,
        zeroOrOne: targets.values.every((value) => value === 0 || value === 1),
        wholeNumbers: targets.values.every((value) => Number.isInteger(value) && value >= 0),
      };
    case 'none':
      return { kind: 'none' };
  }
}

/**
 * Targets as the chosen output is trained on them: whole-number classes as the amounts of a regression, 0 and 1 as two classes, masks
 * with how they are read.
 */
export function targetsFor(
  { task, map = null }: Pick<ChosenOutput, 'task'> & { readonly map?: MapReading | null },
  targets: Targets,
): Targets {
  switch (task) {
    case 'segmentation':
      return targets.kind === 'mask' ? { ...targets, map: present(map, 'how masks are read') } : targets;
    case 'regression':
      return asValues(targets) ?? targets;
    case 'binary':
      return targets.kind === 'values' && targets.width === 1
        ? { kind: 'class', labels: Int32Array.from(targets.values), names: ['0', '1'] }
        : targets;
    case 'classification':
    case 'multilabel':
      return targets;
  }
}
