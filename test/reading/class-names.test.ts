import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/contract/failure.js';
import type { Targets } from '../../src/data/dataset.js';
import { type ClassNames, matchClasses } from '../../src/reading/class-names.js';

const given = (...names: readonly string[]): ClassNames => ({ names, origin: 'names.txt', source: 'option' });
/** Labels that are numbers, as readers have them: a class for each number from 0 to the highest. */
const numbered = (...labels: readonly number[]): Targets => ({
  kind: 'class',
  labels: Int32Array.from(labels),
  names: Array.from({ length: Math.max(...labels) + 1 }, (_, i) => String(i)),
  numbered: true,
});

describe('classes that are named', () => {
  it('may be numbers that are counted from 1, or have gaps', () => {
    expect(matchClasses(numbered(1, 3, 2), given('1', '2', '3'), 'data.npz')).toBe('reorder');
    expect(matchClasses(numbered(10, 30), given('30', '20', '10'), 'data.npz')).toBe('reorder');
  });

  it('say what numbers from 0 mean', () => {
    expect(matchClasses(numbered(0, 1, 2), given('cat', 'dog', 'fish'), 'data.npz')).toBe('rename');
  });

  it('must hold every class that a sample is of', () => {
    expect(() => matchClasses(numbered(1, 4, 2), given('1', '2', '3'), 'data.npz')).toThrow(Failure);
  });
});
