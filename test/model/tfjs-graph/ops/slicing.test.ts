import { describe, it } from 'vitest';
import { bool, expectRoundTrip, type HandmadeModel, int, randomFeeds, sliding } from '../graph-model.js';

const feeds = randomFeeds({ x: [2, 3, 4, 5] });

/** The input, and a channels-first value of the same shape. */
function operands(model: HandmadeModel): { last: string; first: string } {
  const last = model.input('x', [-1, 3, 4, 5]);
  const first = model.node('Conv2D', 'conv', [last, model.random('w', [1, 1, 5, 5])], sliding('VALID'));
  return { last, first };
}

describe('joining, cutting and picking', () => {
  it.each([0, 1, 3, -1])('ConcatV2 along %i', async (axis) => {
    await expectRoundTrip(feeds, (model) => {
      const { last, first } = operands(model);
      model.node('ConcatV2', 'y', [first, last, first, model.integers('axis', axis)], { N: int(3) });
    });
  });

  it('ConcatV2 with a constant', async () => {
    await expectRoundTrip(randomFeeds({ x: [1, 3, 4, 5] }), (model) => {
      const { first } = operands(model);
      model.node('ConcatV2', 'y', [first, model.random('c', [1, 3, 4, 2]), model.integers('axis', 3)], { N: int(2) });
    });
  });

  it.each([0, 1, 4, -1])('Pack along %i, Unpack', async (axis) => {
    await expectRoundTrip(feeds, (model) => {
      const { last, first } = operands(model);
      const packed = model.node('Pack', 'packed', [last, first], { axis: int(axis), N: int(2) });
      model.node('Unpack', 'parts', [packed], { axis: int(axis), num: int(2) });
      model.node('Sub', 'y', ['parts:1', 'parts:0']);
    });
  });

  it.each([1, 2, 3])('Split and SplitV along %i', async (axis) => {
    await expectRoundTrip(randomFeeds({ x: [2, 4, 4, 4] }), (model) => {
      const last = model.input('x', [-1, 4, 4, 4]);
      const first = model.node('Conv2D', 'conv', [last, model.random('w', [1, 1, 4, 4])], sliding('VALID'));
      const at = model.integers('axis', axis);
      model.node('Split', 'halves', [at, first], { num_split: int(2) });
      model.node('Sub', 'difference', ['halves:1', 'halves']);
      model.node('SplitV', 'parts', [last, model.integers('sizes', [1, 2, -1]), at], { num_split: int(3) });
      model.node('Mul', 'product', ['parts:0', 'parts:2']);
      model.node('Neg', 'middle', ['parts:1']);
    });
  });

  it('Slice', async () => {
    await expectRoundTrip(feeds, (model) => {
      const bounds = [model.integers('begin', [0, 1, 0, 2]), model.integers('size', [-1, 2, 3, -1])];
      for (const [name, value] of Object.entries(operands(model))) model.node('Slice', name, [value, ...bounds]);
    });
  });

  it('Slice from places that are computed at run time', async () => {
    const begin = { shape: [2], values: Int32Array.of(1, 2) };
    await expectRoundTrip({ ...randomFeeds({ x: [4, 6] }), begin }, (model) => {
      const bounds = [model.input('begin', [2], 'int32'), model.integers('size', [2, 3])];
      model.node('Slice', 'y', [model.input('x', [-1, 6]), ...bounds]);
    });
  });

  it.each([
    ['from and to', [0, 1, 0, 1], [2, 3, 3, 4], [1, 1, 1, 1], {}],
    ['masks', [1, 1, 1, 1], [1, 2, 3, 3], [1, 1, 1, 1], { begin_mask: int(5), end_mask: int(9) }],
    ['strides and places counted from the end', [0, 0, -3, 0], [2, 3, -1, 5], [1, 2, 1, 2], {}],
    ['backwards', [0, -1, 0, 0], [0, 0, 0, 0], [1, -1, 1, 1], { begin_mask: int(13), end_mask: int(15) }],
    [
      'a dropped axis',
      [0, 1, 0, 0],
      [0, 2, 0, 0],
      [1, 1, 1, 1],
      { begin_mask: int(13), end_mask: int(13), shrink_axis_mask: int(2) },
    ],
    [
      'the last channel',
      [0, 0, 0, -1],
      [0, 0, 0, 0],
      [1, 1, 1, 1],
      { begin_mask: int(7), end_mask: int(7), shrink_axis_mask: int(8) },
    ],
    ['an ellipsis', [0, 1], [0, 3], [1, 1], { ellipsis_mask: int(1) }],
    ['a new axis', [0, 0, 1], [0, 0, 3], [1, 1, 1], { new_axis_mask: int(2), begin_mask: int(1), end_mask: int(1) }],
  ] as const)('StridedSlice: %s', async (_, begin, end, strides, masks) => {
    await expectRoundTrip(feeds, (model) => {
      const bounds = [model.integers('begin', begin), model.integers('end', end), model.integers('strides', strides)];
      for (const [name, value] of Object.entries(operands(model))) {
        model.node('StridedSlice', name, [value, ...bounds], masks);
      }
    });
  });

  it.each([0, 1, -1])('GatherV2 along %i', async (axis) => {
    await expectRoundTrip(feeds, (model) => {
      const picked = [model.constant('at', [2, 2], [1, 0, 1, 1], 'int32'), model.integers('axis', axis)];
      for (const [name, value] of Object.entries(operands(model))) model.node('GatherV2', name, [value, ...picked]);
    });
  });

  it('GatherV2 as an embedding', async () => {
    await expectRoundTrip({ x: { shape: [2, 3], values: Int32Array.of(0, 4, 2, 1, 1, 3) } }, (model) => {
      const table = [model.random('table', [5, 4]), model.input('x', [-1, 3], 'int32'), model.integers('axis', 0)];
      model.node('GatherV2', 'y', table);
    });
  });

  it('GatherNd', async () => {
    await expectRoundTrip(feeds, (model) => {
      const places = model.constant('at', [3, 2], [0, 1, 1, 2, 1, 0], 'int32');
      model.node('GatherNd', 'y', [operands(model).first, places]);
    });
  });

  it('Tile and ReverseV2', async () => {
    await expectRoundTrip(feeds, (model) => {
      const repeats = model.integers('repeats', [1, 2, 1, 3]);
      const axes = model.integers('axes', [1, 3]);
      for (const [name, value] of Object.entries(operands(model))) {
        model.node('ReverseV2', name, [model.node('Tile', `${name}/tiled`, [value, repeats]), axes]);
      }
    });
  });

  it('TopKV2', async () => {
    await expectRoundTrip(randomFeeds({ x: [3, 7] }), (model) => {
      model.node('TopKV2', 'top', [model.input('x', [-1, 7]), model.integers('k', 3)], { sorted: bool(true) });
      model.node('Neg', 'values', ['top:0']);
      model.node('Neg', 'places', ['top:1']);
    });
  });
});
