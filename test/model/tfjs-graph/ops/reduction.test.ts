import { describe, expect, it } from 'vitest';
import { bool, expectRoundTrip, randomFeeds, sliding } from '../graph-model.js';

const reductions = ['Max', 'Mean', 'Min', 'Prod', 'Sum'];

describe('reductions', () => {
  it.each(reductions.flatMap((op) => [[1], [1, 2], [3], [-1], [2, 3], [0], [0, 2]].map((axes) => [op, axes] as const)))(
    '%s over %o, channels last and first, with and without the axes kept',
    async (op, axes) => {
      await expectRoundTrip(randomFeeds({ x: [2, 3, 4, 5] }), (model) => {
        const x = model.input('x', [-1, 3, 4, 5]);
        const conv = model.node('Conv2D', 'conv', [x, model.random('w', [1, 1, 5, 3])], sliding('VALID'));
        const list = model.integers('axes', axes);
        for (const [name, value] of Object.entries({ last: x, first: conv })) {
          model.node(op, name, [value, list], { keep_dims: bool(false) });
          model.node(op, `${name}/kept`, [value, list], { keep_dims: bool(true) });
        }
      });
    },
  );

  it('a mean over height and width needs no transposition', async () => {
    const model = await expectRoundTrip(randomFeeds({ x: [2, 3, 4, 5] }), (model) => {
      const filter = model.random('w', [1, 1, 5, 3]);
      const conv = model.node('Conv2D', 'conv', [model.input('x', [-1, 3, 4, 5]), filter], sliding('VALID'));
      const mean = model.node('Mean', 'mean', [conv, model.integers('axes', [1, 2])]);
      model.node('MatMul', 'y', [mean, model.random('dense', [3, 2])]);
    });
    expect(model.graph.nodes.map(({ opType }) => opType)).toEqual(['Transpose', 'Conv', 'ReduceMean', 'Gemm']);
  });

  it.each(['All', 'Any'])('%s', async (op) => {
    const x = { shape: [3, 2], values: Uint8Array.of(1, 1, 0, 1, 0, 0) };
    await expectRoundTrip({ x }, (model) => {
      model.node(op, 'y', [model.input('x', [-1, 2], 'bool'), model.integers('axis', [1])], { keep_dims: bool(false) });
    });
  });

  it.each(['ArgMax', 'ArgMin'])('%s', async (op) => {
    await expectRoundTrip(randomFeeds({ x: [2, 3, 4, 5] }), (model) => {
      const x = model.input('x', [-1, 3, 4, 5]);
      const conv = model.node('Conv2D', 'conv', [x, model.random('w', [1, 1, 5, 3])], sliding('VALID'));
      model.node(op, 'last', [x, model.integers('axis', -1)]);
      model.node(op, 'first', [conv, model.integers('axis3', 3)]);
      model.node(op, 'row', [conv, model.integers('axis1', 1)]);
    });
  });
});
