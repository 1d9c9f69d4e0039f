import { describe, expect, it } from 'vitest';
import type { Head } from '../../src/model/head.js';
import { agree, describeValues } from '../../src/reading/values.js';

type Said = Pick<Head, 'valueMeaning' | 'activation' | 'evidence'>;

const nothing: Said = {
  valueMeaning: 'logits-or-values',
  activation: 'none',
  evidence: 'no softmax or sigmoid before it',
};
const softmax: Said = { valueMeaning: 'probabilities', activation: 'softmax', evidence: "Softmax 'p'" };
const sigmoid: Said = { valueMeaning: 'probabilities', activation: 'sigmoid', evidence: "Sigmoid 'p'" };
const logSoftmax: Said = { valueMeaning: 'log-probabilities', activation: 'log-softmax', evidence: "LogSoftmax 'p'" };

/** `count` rows, each shifted a little so that no two are the same. */
const rows = (count: number, row: (i: number) => readonly number[]): Float32Array =>
  Float32Array.from(Array.from({ length: count }, (_, i) => row(i)).flat());
const distributions = (count: number) => rows(count, (i) => [0.1 + i / 100, 0.4, 0.5 - i / 100]);

describe('numbers', () => {
  it('are described', () => {
    expect(describeValues(distributions(10), 3)).toMatchObject({
      samples: 10,
      width: 3,
      inUnit: true,
      rowsSumToOne: true,
      expRowsSumToOne: false,
      wholeNumbers: false,
      anyNaN: false,
    });
    expect(describeValues(distributions(10).map(Math.log), 3)).toMatchObject({
      inUnit: false,
      rowsSumToOne: false,
      expRowsSumToOne: true,
    });
    expect(describeValues(Float32Array.of(3, -2, 0), 1)).toMatchObject({
      min: -2,
      max: 3,
      wholeNumbers: true,
      inUnit: false,
    });
  });

  it('that are missing say nothing', () => {
    expect(describeValues(Float32Array.of(0.5, Number.NaN), 2)).toMatchObject({
      anyNaN: true,
      inUnit: false,
      rowsSumToOne: false,
      wholeNumbers: false,
      min: 0.5,
    });
    expect(describeValues(new Float32Array(), 2)).toMatchObject({
      samples: 0,
      inUnit: false,
      rowsSumToOne: false,
      wholeNumbers: false,
      rowSum: null,
    });
  });

  it('of one column sum to nothing', () => {
    expect(describeValues(new Float32Array(9).fill(1), 1)).toMatchObject({ rowsSumToOne: false, rowSum: null });
  });
});

describe.each([
  {
    name: 'a softmax whose rows sum to 1',
    said: softmax,
    values: distributions(9),
    width: 3,
    meaning: 'probabilities',
    certain: true,
  },
  {
    name: 'a softmax over each position of a map',
    said: softmax,
    values: rows(9, (i) => [0.2, i / 10, 0.8, 1 - i / 10]),
    width: 4,
    meaning: 'probabilities',
    certain: true,
  },
  {
    name: 'a softmax whose rows do not',
    said: softmax,
    values: rows(9, (i) => [0.5, i / 10]),
    width: 2,
    meaning: 'probabilities',
    certain: false,
  },
  {
    name: 'a sigmoid',
    said: sigmoid,
    values: Float32Array.of(0.2, 0.9),
    width: 1,
    meaning: 'probabilities',
    certain: true,
  },
  {
    name: 'a sigmoid outside [0, 1]',
    said: sigmoid,
    values: Float32Array.of(0.2, 1.9),
    width: 1,
    meaning: 'probabilities',
    certain: false,
  },
  {
    name: 'a log-softmax',
    said: logSoftmax,
    values: distributions(9).map(Math.log),
    width: 3,
    meaning: 'log-probabilities',
    certain: true,
  },
  {
    name: 'a log-softmax above 0',
    said: logSoftmax,
    values: Float32Array.of(1, 2),
    width: 2,
    meaning: 'log-probabilities',
    certain: false,
  },
  {
    name: 'rows that sum to 1 in many samples',
    said: nothing,
    values: distributions(9),
    width: 3,
    meaning: 'probabilities',
    certain: true,
  },
  {
    name: 'rows that sum to 1 in few',
    said: nothing,
    values: distributions(3),
    width: 3,
    meaning: 'probabilities',
    certain: false,
  },
  {
    name: 'logarithms of such rows',
    said: nothing,
    values: distributions(9).map(Math.log),
    width: 3,
    meaning: 'log-probabilities',
    certain: true,
  },
  {
    name: 'one column within [0, 1]',
    said: nothing,
    values: rows(9, (i) => [i / 10 + 0.05]),
    width: 1,
    meaning: 'probabilities',
    certain: false,
  },
  {
    name: 'several columns within [0, 1]',
    said: nothing,
    values: rows(9, (i) => [i / 10 + 0.05, 0.7]),
    width: 2,
    meaning: 'probabilities',
    certain: false,
  },
  {
    name: 'percentages',
    said: nothing,
    values: distributions(9).map((p) => 100 * p),
    width: 3,
    meaning: 'values',
    certain: false,
  },
  {
    name: 'whole numbers',
    said: nothing,
    values: Float32Array.of(0, 1, 2, 1),
    width: 1,
    meaning: 'values',
    certain: false,
  },
  {
    name: 'anything else',
    said: nothing,
    values: rows(9, (i) => [i / 3 + 0.1, -2.5]),
    width: 2,
    meaning: 'logits',
    certain: true,
  },
  {
    name: 'a NaN',
    said: nothing,
    values: Float32Array.of(0.5, Number.NaN),
    width: 1,
    meaning: 'values',
    certain: false,
  },
  { name: 'no samples', said: softmax, values: new Float32Array(), width: 3, meaning: 'values', certain: false },
  {
    name: 'a label',
    said: { ...nothing, valueMeaning: 'label' as const },
    values: Float32Array.of(1, 0),
    width: 1,
    meaning: 'values',
    certain: false,
  },
])('$name', ({ said, values, width, meaning, certain }) => {
  it(`${certain ? 'is' : 'may be'} ${meaning}`, () => {
    const agreement = agree(said, describeValues(values, width));
    expect(agreement).toMatchObject({ meaning, certain });
    expect(agreement.evidence).not.toBe('');
  });
});
