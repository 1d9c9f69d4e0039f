import { describe, expect, it } from 'vitest';
import {
  bool,
  expectRoundTrip,
  float,
  HandmadeModel,
  randomFeeds,
  randomValues,
  readFiles,
  sliding,
} from '../graph-model.js';

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

  it('one that takes the statistics of the batch is refused, with what to do instead', async () => {
    const model = new HandmadeModel();
    const x = model.input('x', [-1, 4, 5, 3]);
    const parameters = [model.random('scale', [3]), model.random('offset', [3])];
    const empty = model.constant('empty', [0], []);
    model.node('FusedBatchNormV3', 'y', [x, ...parameters, empty, empty], { is_training: bool(true) });
    await expect(readFiles(model.files())).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringMatching(/FusedBatchNormV3 'y': with is_training/),
      cure: expect.stringMatching(/LayersModel.*1e-6/),
    });
  });
});
