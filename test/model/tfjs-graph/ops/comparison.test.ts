import { describe, it } from 'vitest';
import { expectRoundTrip, randomFeeds, sliding } from '../graph-model.js';

const x = { shape: [2, 4], values: Int32Array.of(1, 2, 3, 4, 4, 3, 2, 1) };
const y = { shape: [4], values: Int32Array.of(1, 3, 3, 1) };

describe('comparison and selection', () => {
  it.each(['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual'])('%s', async (op) => {
    await expectRoundTrip({ x, y }, (model) => {
      const [a, b] = [model.input('x', [-1, 4], 'int32'), model.input('y', [4], 'int32')];
      model.node(op, 'integers', [a, b]);
      const floats = [a, b].map((value) => model.node('Mul', `${value}/float`, [value, 'half']));
      model.constant('half', [], [0.5]);
      model.node(op, 'floats', floats);
    });
  });

  it.each(['LogicalAnd', 'LogicalOr'])('%s', async (op) => {
    const a = { shape: [4], values: Uint8Array.of(0, 0, 1, 1) };
    const b = { shape: [4], values: Uint8Array.of(0, 1, 0, 1) };
    await expectRoundTrip({ a, b }, (model) => {
      const both = model.node(op, 'both', [model.input('a', [4], 'bool'), model.input('b', [4], 'bool')]);
      model.node('LogicalNot', 'y', [both]);
    });
  });

  it.each(['Select', 'SelectV2'])('%s between channels-first values', async (op) => {
    await expectRoundTrip(randomFeeds({ x: [2, 3, 4, 5] }), (model) => {
      const filter = model.random('w', [1, 1, 5, 3]);
      const conv = model.node('Conv2D', 'conv', [model.input('x', [-1, 3, 4, 5]), filter], sliding('VALID'));
      const condition = model.node('Greater', 'condition', [conv, model.random('bound', [3])]);
      model.node(op, 'y', [condition, conv, model.node('Neg', 'negative', [conv])]);
    });
  });

  it('Where gives the places at which a condition holds', async () => {
    await expectRoundTrip({ a: { shape: [2, 3], values: Uint8Array.of(0, 1, 1, 1, 0, 0) } }, (model) => {
      model.node('Where', 'y', [model.input('a', [2, 3], 'bool')]);
    });
  });
});
