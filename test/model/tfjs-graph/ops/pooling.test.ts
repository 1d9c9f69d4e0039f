import { describe, it } from 'vitest';
import { expectRoundTrip, ints, randomFeeds, text } from '../graph-model.js';

describe('pooling', () => {
  it.each(
    ['MaxPool', 'AvgPool'].flatMap((op) => [
      [op, 'VALID', 2, 2, 8] as const,
      [op, 'SAME', 3, 2, 8] as const,
      [op, 'SAME', 3, 1, 8] as const,
      [op, 'SAME', 3, 2, -1] as const,
    ]),
  )('%s %s, window %i, stride %i, height %i', async (op, padding, size, stride, height) => {
    await expectRoundTrip(randomFeeds({ x: [2, 8, 7, 3] }), (model) => {
      const attributes = { padding: text(padding), ksize: ints(1, size, size, 1), strides: ints(1, stride, stride, 1) };
      model.node(op, 'y', [model.input('x', [-1, height, 7, 3])], attributes);
    });
  });

  it.each(['MaxPool3D', 'AvgPool3D'])('%s', async (op) => {
    await expectRoundTrip(randomFeeds({ x: [1, 5, 6, 4, 2] }), (model) => {
      const attributes = { padding: text('SAME'), ksize: ints(1, 2, 3, 2, 1), strides: ints(1, 2, 2, 1, 1) };
      model.node(op, 'y', [model.input('x', [-1, 5, 6, 4, 2])], attributes);
    });
  });
});
