import { describe, expect, it } from 'vitest';
import { expectRoundTrip, float, randomFeeds, randomValues, sliding } from '../graph-model.js';

describe('normalization', () => {
  it.each(['FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3'])('%s between convolution and ReLU', async (op) => {
    const model = await expectRoundTrip(randomFeeds({ x: [2, 4, 5, 3] }), (model) => {
      const filter = model.random('w', [3, 3, 3, 4]);
      const conv = model.node('Conv2D', 'conv', [model.input('x', [-1, 4, 5, 3]), filter], sliding('SAME'));
      const statistics = ['scale', 'offset', 'mean'].map((name) => model.random(name, [4]));
      const variance = model.constant(
        'variance',
        [4],
        randomValues([4], 'variance').map((value) => value ** 2 + 0.1),
      );
      const normal = model.node(op, 'normal', [conv, ...statistics, variance], { epsilon: float(0.01) });
      model.node('Relu', 'y', [normal]);
    });
    expect(model.graph.nodes.map(({ opType }) => opType)).toEqual([
      'Transpose',
      'Conv',
      'BatchNormalization',
      'Relu',
      'Transpose',
    ]);
  });
});
