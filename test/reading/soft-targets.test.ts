import { describe, expect, it } from 'vitest';
import { answersAs, softTargets } from '../../src/reading/task.js';

const softmax = (logits: readonly number[], temperature: number): number[] => {
  const e = logits.map((value) => Math.exp(value / temperature));
  return e.map((value) => value / e.reduce((a, b) => a + b));
};
const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));

const logits = [
  [2, -1, 0.5],
  [0, 3, -4],
] as const;
const close = (found: Float32Array, expected: readonly number[]): void => {
  expect(found).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    expect(found[i]).toBeCloseTo(value, 6);
  });
};

describe('what a teacher is learned from', () => {
  const classes = { loss: 'cross-entropy', width: 3 } as const;
  const labels = { loss: 'binary-cross-entropy', width: 3 } as const;

  it.each([1, 4])(
    'is the softmax of its logits at the temperature %i, also where it gives probabilities',
    (temperature) => {
      const expected = logits.flatMap((row) => softmax(row, temperature));
      const probabilities = Float32Array.from(logits.flatMap((row) => softmax(row, 1)));
      close(softTargets({ ...classes, scores: 'logits' }, Float32Array.from(logits.flat()), temperature), expected);
      close(softTargets({ ...classes, scores: 'probabilities' }, probabilities, temperature), expected);
    },
  );

  it.each([1, 3])('is the sigmoid of each, where each is a label of its own, at the temperature %i', (temperature) => {
    const flat = logits.flat();
    const expected = flat.map((value) => sigmoid(value / temperature));
    close(softTargets({ ...labels, scores: 'logits' }, Float32Array.from(flat), temperature), expected);
    close(softTargets({ ...labels, scores: 'probabilities' }, Float32Array.from(flat, sigmoid), temperature), expected);
  });

  it('is finite where a probability is 0 or 1', () => {
    for (const task of [classes, labels]) {
      const soft = softTargets({ ...task, scores: 'probabilities' }, Float32Array.of(0, 1, 0), 2);
      expect([...soft].every((value) => value >= 0 && value <= 1)).toBe(true);
    }
  });

  it('is its values, where the loss is mse', () => {
    const values = Float32Array.of(-3, 0.5, 70);
    expect(softTargets({ loss: 'mse', width: 3, scores: 'values' }, values, 1)).toEqual(values);
  });
});

it('answers are read as the model’s own: logits as probabilities, and back', () => {
  for (const loss of ['cross-entropy', 'binary-cross-entropy'] as const) {
    const task = { loss, width: 3 };
    const given = Float32Array.from(logits.flat());
    const probabilities = answersAs({ ...task, scores: 'probabilities' }, given, 'logits');
    const back = answersAs({ ...task, scores: 'logits' }, probabilities, 'probabilities');
    const again = answersAs({ ...task, scores: 'probabilities' }, back, 'logits');
    const expected =
      loss === 'cross-entropy'
        ? logits.flatMap((row) => softmax(row, 1))
        : logits.flat().map((value) => sigmoid(value));
    close(probabilities, expected);
    close(again, expected);
    expect(answersAs({ ...task, scores: 'logits' }, given, 'logits')).toBe(given);
  }
});
