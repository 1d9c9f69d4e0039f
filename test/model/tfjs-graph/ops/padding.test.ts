import { describe, it } from 'vitest';
import { expectRoundTrip, randomFeeds, sliding, text } from '../graph-model.js';

describe('padding', () => {
  it.each([
    ['Pad', {}],
    ['PadV2', {}],
    ['MirrorPad', { mode: text('REFLECT') }],
    ['MirrorPad', { mode: text('SYMMETRIC') }],
  ])('%s %o', async (op, attributes) => {
    await expectRoundTrip(randomFeeds({ x: [2, 4, 4, 3] }), (model) => {
      const x = model.input('x', [-1, 4, 4, 3]);
      const conv = model.node('Conv2D', 'conv', [x, model.random('w', [1, 1, 3, 3])], sliding('VALID'));
      const rows = [model.constant('rows', [4, 2], [0, 0, 1, 2, 2, 0, 0, 1], 'int32')];
      if (op === 'PadV2') rows.push(model.constant('value', [], [0.5]));
      model.node(op, 'last', [x, ...rows], attributes);
      model.node(op, 'first', [conv, ...rows], attributes);
    });
  });
});
