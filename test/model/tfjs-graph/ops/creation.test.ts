import { describe, it } from 'vitest';
import { expectRoundTrip, int, randomFeeds, type } from '../graph-model.js';

describe('creation', () => {
  it('Fill with a shape that follows from the batch', async () => {
    await expectRoundTrip(randomFeeds({ x: [3, 4] }), (model) => {
      const x = model.input('x', [-1, 4]);
      const shape = model.node('Shape', 'shape', [x]);
      const filled = model.node('Fill', 'filled', [shape, model.constant('half', [], [0.5])]);
      model.node('AddV2', 'y', [x, filled]);
    });
  });

  it('Range', async () => {
    await expectRoundTrip(randomFeeds({ x: [3, 4] }), (model) => {
      const bounds = [2, 11, 3].map((value, i) => model.integers(`bound${i}`, value));
      const range = model.node('Range', 'range', bounds, { Tidx: type('int32') });
      const chosen = model.node('GatherV2', 'chosen', [
        model.random('table', [12, 2]),
        range,
        model.integers('zero', 0),
      ]);
      model.node('AddV2', 'y', [
        chosen,
        model.node('Sum', 'sum', [model.input('x', [3, 4]), model.integers('axes', [0, 1])]),
      ]);
    });
  });

  it.each(['ZerosLike', 'OnesLike'])('%s', async (op) => {
    await expectRoundTrip(randomFeeds({ x: [3, 4] }), (model) => {
      model.node(op, 'y', [model.input('x', [-1, 4])], { T: type('float32') });
    });
  });

  it('OneHot, with indices that are no class', async () => {
    const x = { shape: [2, 3], values: Int32Array.of(0, 3, -1, 2, 7, 1) };
    await expectRoundTrip({ x }, (model) => {
      const values = [model.integers('depth', 4), model.constant('on', [], [2]), model.constant('off', [], [-1])];
      const attributes = { axis: int(-1), T: type('float32') };
      model.node('OneHot', 'y', [model.input('x', [-1, 3], 'int32'), ...values], attributes);
    });
  });
});
