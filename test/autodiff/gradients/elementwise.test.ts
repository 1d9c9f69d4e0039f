import { describe, it } from 'vitest';
import { checkGradient, node } from '../check-gradient.js';

describe('elementwise gradients', () => {
  it.each([
    ['same shape', [2, 3], [2, 3]],
    ['a row over a matrix', [2, 3], [3]],
    ['a scalar', [2, 3], []],
    ['both broadcast', [2, 1, 3], [4, 1]],
    ['a dimension of one on both sides', [1, 3], [2, 1]],
  ])('Add, Mul: %s', async (_, a, b) => {
    for (const op of ['Add', 'Mul']) {
      await checkGradient({ inputs: { a: { shape: a }, b: { shape: b } }, nodes: [node(op, ['a', 'b'], ['y'])] });
    }
  });

  it('a value that is read twice receives the sum', async () => {
    await checkGradient({
      inputs: { x: { shape: [3] } },
      nodes: [node('Mul', ['x', 'x'], ['s']), node('Add', ['s', 'x'], ['y'])],
    });
  });

  it('Exp', async () => {
    await checkGradient({ inputs: { x: { shape: [2, 5] } }, nodes: [node('Exp', ['x'], ['y'])] });
  });
});
