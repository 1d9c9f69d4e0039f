import { describe, expect, it } from 'vitest';
import { expectRoundTrip, int, ints, randomFeeds, sliding, type } from '../graph-model.js';

const feeds = randomFeeds({ x: [2, 3, 4, 5] });

describe('shapes, orders and types', () => {
  it('Reshape of a channels-first value keeps tf.js order', async () => {
    await expectRoundTrip(feeds, (model) => {
      const filter = model.random('w', [1, 1, 5, 2]);
      const conv = model.node('Conv2D', 'conv', [model.input('x', [-1, 3, 4, 5]), filter], sliding('VALID'));
      model.node('Reshape', 'y', [conv, model.integers('shape', [-1, 24])]);
    });
  });

  it('Reshape to a shape that follows from another: nothing of the arithmetic stays', async () => {
    const model = await expectRoundTrip(feeds, (model) => {
      const x = model.input('x', [-1, 3, 4, 5]);
      const at = (i: number) => model.integers(`at${i}`, [i]);
      const slice = [model.node('Shape', 'extents', [x]), at(0), at(1), model.integers('stride', [1])];
      const batch = model.node('StridedSlice', 'batch', slice, { shrink_axis_mask: int(1) });
      const pack = [batch, model.integers('twelve', 12), model.integers('five', 5)];
      model.node('Reshape', 'y', [x, model.node('Pack', 'shape', pack, { axis: int(0) })]);
    });
    expect(model.graph.nodes.map(({ opType }) => opType)).toEqual(['Reshape']);
  });

  it('Reshape to a shape that is computed at run time', async () => {
    const shape = { shape: [3], values: Int32Array.of(6, 4, 5) };
    await expectRoundTrip({ ...feeds, shape }, (model) => {
      model.node('Reshape', 'y', [model.input('x', [-1, 3, 4, 5]), model.input('shape', [3], 'int32')]);
    });
  });

  it('Shape, Size and Rank as outputs', async () => {
    await expectRoundTrip(feeds, (model) => {
      const x = model.input('x', [-1, -1, 4, 5]);
      const conv = model.node('Conv2D', 'conv', [x, model.random('w', [1, 1, 5, 2])], sliding('VALID'));
      for (const op of ['Shape', 'Size', 'Rank']) model.node(op, op.toLowerCase(), [conv]);
    });
  });

  it.each([[[1]], [[1, 2]], [[-2]]])('Squeeze of the axes %o', async (axes) => {
    await expectRoundTrip(randomFeeds({ x: [2, 1, 1, 5] }), (model) => {
      const x = model.input('x', [-1, 1, 1, 5]);
      const conv = model.node('Conv2D', 'conv', [x, model.random('w', [1, 1, 5, 2])], sliding('VALID'));
      model.node('Squeeze', 'last', [x], { squeeze_dims: ints(...axes) });
      model.node('Squeeze', 'first', [conv], { squeeze_dims: ints(...axes) });
    });
  });

  it('Squeeze of every axis of extent 1', async () => {
    await expectRoundTrip(randomFeeds({ x: [2, 1, 3, 1] }), (model) => {
      model.node('Squeeze', 'y', [model.input('x', [2, 1, 3, 1])], { squeeze_dims: ints() });
    });
  });

  it.each([0, 1, 2, 3, 4, -1, -2, -4])('ExpandDims at %i', async (axis) => {
    await expectRoundTrip(feeds, (model) => {
      const x = model.input('x', [-1, 3, 4, 5]);
      const conv = model.node('Conv2D', 'conv', [x, model.random('w', [1, 1, 5, 2])], sliding('VALID'));
      const at = model.integers('axis', axis);
      model.node('ExpandDims', 'last', [x, at]);
      model.node('ExpandDims', 'first', [conv, at]);
    });
  });

  it.each([[[0, 3, 1, 2]], [[0, 2, 3, 1]], [[3, 1, 0, 2]], [[0, 2, 1, 3]]])('Transpose %o', async (perm) => {
    await expectRoundTrip(feeds, (model) => {
      const x = model.input('x', [-1, 3, 4, 5]);
      const conv = model.node('Conv2D', 'conv', [x, model.random('w', [1, 1, 5, 2])], sliding('VALID'));
      const order = model.integers('perm', perm);
      model.node('Transpose', 'last', [x, order]);
      model.node('Transpose', 'first', [conv, order]);
    });
  });

  it('a network of channels-first origin needs no transpositions of its own', async () => {
    const model = await expectRoundTrip(randomFeeds({ x: [2, 5, 3, 4] }), (model) => {
      const perm = [model.integers('toLast', [0, 2, 3, 1]), model.integers('toFirst', [0, 3, 1, 2])];
      const last = model.node('Transpose', 'last', [model.input('x', [-1, 5, 3, 4]), perm[0] ?? '']);
      const conv = model.node('Conv2D', 'conv', [last, model.random('w', [3, 3, 5, 2])], sliding('SAME'));
      model.node('Transpose', 'y', [conv, perm[1] ?? '']);
    });
    expect(model.graph.nodes.map(({ opType }) => opType)).toEqual(['Conv']);
  });

  it.each(['int32', 'bool', 'float32'] as const)('Cast to %s', async (to) => {
    await expectRoundTrip({ x: { shape: [4], values: Float32Array.of(-1.7, 0, 0.4, 2.9) } }, (model) => {
      const cast = model.node('Cast', 'cast', [model.input('x', [4])], { DstT: type(to), SrcT: type('float32') });
      model.node('Cast', 'y', [cast], { DstT: type('float32'), SrcT: type(to) });
    });
  });

  it('BroadcastTo', async () => {
    await expectRoundTrip(randomFeeds({ x: [3, 1] }), (model) => {
      model.node('BroadcastTo', 'y', [model.input('x', [3, 1]), model.integers('shape', [2, 3, 4])]);
    });
  });

  it('a constant that is reshaped on its way stays a weight', async () => {
    const model = await expectRoundTrip(randomFeeds({ x: [2, 4] }), (model) => {
      const flat = model.random('flat', [12]);
      const weight = model.node('Reshape', 'weight', [flat, model.integers('shape', [4, 3])]);
      model.node('MatMul', 'y', [model.input('x', [-1, 4]), model.node('Identity', 'read', [weight])]);
    });
    expect([...model.origins.values()].map(({ weight }) => weight)).toEqual(['flat']);
  });
});
