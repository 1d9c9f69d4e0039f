import { describe, expect, it } from 'vitest';
import { bool, expectRoundTrip, fusing, int, ints, randomFeeds, sliding, text } from '../graph-model.js';

describe('images', () => {
  const ways = [{}, { align_corners: bool(true) }, { half_pixel_centers: bool(true) }];
  it.each(
    ['ResizeBilinear', 'ResizeNearestNeighbor'].flatMap((op) =>
      ways.flatMap((way) =>
        [
          [8, 6],
          [5, 7],
          [2, 2],
        ].map((size) => [op, size, way] as const),
      ),
    ),
  )('%s to %o, %o', async (op, size, way) => {
    await expectRoundTrip(randomFeeds({ x: [2, 4, 3, 5] }), (model) => {
      model.node(op, 'y', [model.input('x', [-1, 4, 3, 5]), model.integers('size', size)], way);
    });
  });

  it('ResizeBilinear to a size that is computed at run time', async () => {
    await expectRoundTrip(randomFeeds({ x: [2, 4, 3, 5] }), (model) => {
      const x = model.input('x', [-1, -1, -1, 5]);
      const bounds = [[1], [3], [1]].map((values, i) => model.integers(`bound${i}`, values));
      const extents = model.node('StridedSlice', 'extents', [model.node('Shape', 'shape', [x]), ...bounds]);
      const size = model.node('Mul', 'size', [extents, model.integers('factors', [2, 2])]);
      model.node('ResizeBilinear', 'y', [x, size], { half_pixel_centers: bool(true) });
    });
  });

  it('DepthToSpace', async () => {
    await expectRoundTrip(randomFeeds({ x: [2, 3, 4, 12] }), (model) => {
      const attributes = { block_size: int(2), data_format: text('NHWC') };
      model.node('DepthToSpace', 'y', [model.input('x', [-1, 3, 4, 12])], attributes);
    });
  });

  it('SpaceToBatchND and BatchToSpaceND around a dilated convolution', async () => {
    const model = await expectRoundTrip(randomFeeds({ x: [2, 7, 6, 3] }), (model) => {
      const block = model.integers('block', [2, 2]);
      const paddings = model.constant('paddings', [2, 2], [2, 3, 2, 2], 'int32');
      const batches = model.node('SpaceToBatchND', 'batches', [model.input('x', [-1, 7, 6, 3]), block, paddings]);
      const operands = [batches, model.random('w', [3, 3, 3, 4]), model.random('b', [4])];
      const conv = model.node('_FusedConv2D', 'conv', operands, { ...sliding('VALID'), ...fusing('BiasAdd', 'Relu') });
      const crops = model.constant('crops', [2, 2], [0, 1, 0, 0], 'int32');
      model.node('BatchToSpaceND', 'y', [conv, block, crops]);
    });
    expect(model.graph.nodes.find(({ name }) => name === 'conv')?.opType).toBe('Relu');
  });

  it('SpaceToBatchND and BatchToSpaceND of one axis, around the convolution of a dilated Conv1D', async () => {
    await expectRoundTrip(randomFeeds({ x: [2, 7, 3] }), (model) => {
      const block = model.integers('block', [3]);
      const paddings = model.constant('paddings', [1, 2], [2, 3], 'int32');
      const batches = model.node('SpaceToBatchND', 'batches', [model.input('x', [-1, 7, 3]), block, paddings]);
      const axis = model.integers('axis', 1);
      const wide = model.node('ExpandDims', 'wide', [batches, axis]);
      const conv = model.node('Conv2D', 'conv', [wide, model.random('w', [1, 2, 3, 4])], sliding('VALID'));
      const narrow = model.node('Squeeze', 'narrow', [conv], { squeeze_dims: ints(1) });
      const crops = model.constant('crops', [1, 2], [1, 2], 'int32');
      model.node('BatchToSpaceND', 'y', [narrow, block, crops]);
    });
  });

  it('SpaceToBatchND and BatchToSpaceND of blocks that are not square', async () => {
    await expectRoundTrip(randomFeeds({ x: [2, 4, 9, 5] }), (model) => {
      const block = model.integers('block', [2, 3]);
      const none = model.constant('none', [2, 2], [0, 0, 0, 0], 'int32');
      const batches = model.node('SpaceToBatchND', 'batches', [model.input('x', [-1, 4, 9, 5]), block, none]);
      model.node('BatchToSpaceND', 'y', [model.node('Tanh', 'tanh', [batches]), block, none]);
    });
  });
});
