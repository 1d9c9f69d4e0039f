import { describe, it } from 'vitest';
import { expectRoundTrip, float, randomFeeds, sliding } from '../graph-model.js';

describe('activations', () => {
  it.each(['Relu', 'Relu6', 'Elu', 'Selu', 'Sigmoid', 'Softplus', 'Tanh', 'Softmax', 'LogSoftmax'])(
    '%s, channels last and first',
    async (op) => {
      await expectRoundTrip(randomFeeds({ x: [2, 3, 4, 5] }), (model) => {
        const x = model.input('x', [-1, 3, 4, 5]);
        model.node(op, 'last', [model.node('Mul', 'wide', [x, model.constant('ten', [], [10])])]);
        const conv = model.node('Conv2D', 'conv', [x, model.random('w', [1, 1, 5, 4])], sliding('VALID'));
        model.node(op, 'first', [conv]);
      });
    },
  );

  it('LeakyRelu', async () => {
    await expectRoundTrip(randomFeeds({ x: [2, 5] }), (model) => {
      const x = model.input('x', [-1, 5]);
      model.node('LeakyRelu', 'own', [x], { alpha: float(0.1) });
      model.node('LeakyRelu', 'usual', [x]);
    });
  });

  it('Prelu with a slope per channel and one per place', async () => {
    await expectRoundTrip(randomFeeds({ x: [2, 3, 4, 5] }), (model) => {
      const x = model.input('x', [-1, 3, 4, 5]);
      const conv = model.node('Conv2D', 'conv', [x, model.random('w', [1, 1, 5, 4])], sliding('VALID'));
      const perChannel = model.node('Prelu', 'perChannel', [conv, model.random('slope', [1, 1, 4])]);
      model.node('Prelu', 'perPlace', [perChannel, model.random('slopes', [3, 4, 4])]);
    });
  });
});
