import { describe, it } from 'vitest';
import { checkGradient, node } from '../check-gradient.js';

describe.each(['Softmax', 'LogSoftmax'])('%s', (op) => {
  it.each([
    ['the last axis', [2, 5], -1],
    ['the first axis', [4, 2], 0],
    ['an inner axis', [2, 3, 2], 1],
    ['a negative axis', [2, 3, 2], -2],
  ])('%s', async (_, shape, axis) => {
    await checkGradient({ inputs: { x: { shape } }, nodes: [node(op, ['x'], ['y'], { axis: { int: axis } })] });
  });
});
