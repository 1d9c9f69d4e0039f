import { expect, test } from 'vitest';
import type { Targets } from '../../src/data/dataset.js';
import { asValues, checkLabels } from '../../src/data/labels.js';

const labelled = (labels: readonly number[], names: readonly string[]): Targets => ({
  kind: 'class',
  labels: Int32Array.from(labels),
  names,
});
const values = (...amounts: number[]): Targets => ({ kind: 'values', values: Float32Array.from(amounts), width: 1 });

test('labels beyond the classes of a model, and numbers that are no labels, are refused by sample', () => {
  const names = ['0', '1', '2', '3'];
  expect(() => checkLabels(labelled([0, 2, 1], names), 3, 'data.npz')).not.toThrow();
  const refused = (targets: Targets, what: string) =>
    expect(() => checkLabels(targets, 3, 'data.npz')).toThrow(
      expect.objectContaining({ kind: 'input', what, settings: ['classes', 'data'] }),
    );
  const known = 'but the model knows 3 classes, numbered from 0.';
  refused(labelled([0, 3], names), `data.npz: sample 1 is of class 3, ${known}`);
  refused(values(0, 1, 2 ** 40), `data.npz: sample 2 is of class 1099511627776, ${known}`);
  refused(values(-1, 1), `data.npz: sample 0 is of class -1, ${known}`);
  refused(values(1, 1.5), `data.npz: sample 1 is of class 1.5, ${known}`);
  expect(() => checkLabels({ kind: 'none' }, 3, 'data.npz')).not.toThrow();
});

test('classes that are numbers are amounts too', () => {
  const ages = labelled(
    [65, 18, 65],
    Array.from({ length: 66 }, (_, i) => String(i)),
  );
  expect(asValues(ages)).toEqual({ kind: 'values', values: Float32Array.of(65, 18, 65), width: 1 });
  expect(asValues(labelled([1, 0], ['-1', '1']))).toEqual({ kind: 'values', values: Float32Array.of(1, -1), width: 1 });
  expect(asValues(labelled([0], ['cat', '1']))).toBeNull();
  expect(asValues(labelled([0], ['']))).toBeNull();
  expect(asValues(values(1))).toBeNull();
});
