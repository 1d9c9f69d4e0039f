import { present } from '../contract/present.js';
import type { MapReading, Targets } from '../data/dataset.js';
import { denseMasks, isDense } from '../data/dense-masks.js';
import { amountsOf, asValues } from '../data/labels.js';
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
        numericNames: amountsOf(targets.names) !== null,
      };
    case 'values':
      return {
        kind: 'values',
        width: targets.width,
        ...(targets.shape !== undefined && { shape: targets.shape }),
        zeroOrOne: targets.values.every((value) => value === 0 || value === 1),
        wholeNumbers: targets.values.every((value) => Number.isInteger(value) && value >= 0),
        otherMarks:
          targets.values.every(Number.isInteger) && targets.values.some((value) => value !== 0 && value !== 1),
      };
    case 'none':
      return { kind: 'none' };
  }
}

/**
 * Targets as the chosen output is trained on them: whole-number classes as the amounts of a regression, 0 and 1 as two classes, masks
 * with how they are read, which numbers for each pixel become too.
 * @param path of the data, for messages
 */
export function targetsFor(
  { task, map = null }: Pick<ChosenOutput, 'task'> & { readonly map?: MapReading | null },
  targets: Targets,
  path = 'the data',
): Targets {
  switch (task) {
    case 'segmentation': {
      const read = present(map, 'how masks are read');
      const masks = isDense(targets) ? denseMasks(targets, read.classes, path) : targets;
      return masks.kind === 'mask' ? { ...masks, map: read } : masks;
    }
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
