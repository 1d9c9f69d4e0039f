import { Failure } from '../contract/failure.js';
import type { Targets } from '../data/dataset.js';
import { asValues } from '../data/labels.js';
import type { SplitSamples } from '../data/split.js';

/** The metric that each sample has a value of. */
export const anomalyMeasure = { kind: 'reconstruction', name: 'reconstructionError' } as const;

/**
 * 1 for each sample that is an anomaly, 0 for a normal one; null without labels.
 * @throws Failure('input') for labels that are neither
 */
export function anomalyLabels(path: string, targets: Targets): Int32Array | null {
  if (targets.kind === 'none') return null;
  const values =
    asValues(targets)?.values ?? (targets.kind === 'values' && targets.width === 1 ? targets.values : null);
  if (values?.every((value) => value === 0 || value === 1) === true) return Int32Array.from(values);
  throw new Failure('input', {
    what: `${path}: its labels are not 0 for normal samples and 1 for anomalies.`,
    cure: 'Number them so, or list the classes in a file, the normal one first, one a line.',
    settings: ['data', 'classes'],
    written: 'nothing',
  });
}

/**
 * For the part that judges.
 * @throws Failure('input') where it has no labels, or normal samples or anomalies alone
 */
export function requireBoth({ samples, split }: SplitSamples): void {
  const { path, targets } = samples;
  const labels = anomalyLabels(path, targets);
  const anomalies = labels === null ? 0 : split.indices.reduce((sum, index) => sum + (labels[index] ?? 0), 0);
  if (labels !== null && anomalies > 0 && anomalies < split.count) return;
  const what =
    labels === null
      ? 'the test part has no labels'
      : `of ${split.count} test samples ${anomalies} are anomalies, and it takes both kinds to tell them apart`;
  throw new Failure('input', {
    what: `${path}: ${what}.`,
    cure: 'Give test data with labels, 0 for normal samples and 1 for anomalies: y_test beside x_test, folders called normal and otherwise, or a test set of its own.',
    settings: ['test'],
    written: 'nothing',
  });
}
