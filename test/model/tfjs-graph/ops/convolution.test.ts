import { describe, expect, it } from 'vitest';
import { expectRoundTrip, float, fusing, int, ints, randomFeeds, sliding, text } from '../graph-model.js';

const feeds = randomFeeds({ x: [2, 7, 6, 3] });

describe('convolution', () => {
  it.each([
    ['SAME', 1, 1],
    ['SAME', 2, 1],
    ['SAME', 3, 1],
    ['SAME', 1, 2],
    ['VALID', 1, 1],
    ['VALID', 2, 1],
    ['VALID', 1, 2],
  ] as const)('Conv2D %s, stride %i, dilation %i', async (padding, stride, dilation) => {
    await expectRoundTrip(feeds, (model) => {
      const operands = [model.input('x', [-1, 7, 6, 3]), model.random('w', [3, 2, 3, 5])];
      model.node('Conv2D', 'y', operands, sliding(padding, stride, dilation));
    });
  });

  it.each([1, 2])('Conv2D SAME, stride %i, over extents that are known at run time only', async (stride) => {
    await expectRoundTrip(feeds, (model) => {
      const operands = [model.input('x', [-1, -1, -1, 3]), model.random('w', [3, 3, 3, 5])];
      model.node('Conv2D', 'y', operands, sliding('SAME', stride));
    });
  });

  it.each([
    [1, [1, 1, 1, 1]],
    [5, [1, 5]],
  ] as const)('a fused bias of %i that stands as %o', async (filters, shape) => {
    const model = await expectRoundTrip(feeds, (model) => {
      const operands = [model.input('x', [-1, 7, 6, 3]), model.random('w', [3, 3, 3, filters])];
      const bias = model.random('b', [...shape]);
      model.node('_FusedConv2D', 'y', [...operands, bias], { ...sliding('SAME'), ...fusing('BiasAdd', 'Relu') });
    });
    expect(model.graph.nodes.map(({ opType }) => opType)).not.toContain('Reshape');
  });

  it('Conv2D with explicit padding', async () => {
    await expectRoundTrip(feeds, (model) => {
      model.node('Conv2D', 'y', [model.input('x', [-1, 7, 6, 3]), model.random('w', [3, 3, 3, 5])], {
        ...sliding('VALID', 2),
        padding: text('EXPLICIT'),
        explicit_paddings: ints(0, 0, 2, 1, 0, 3, 0, 0),
      });
    });
  });

  it('Conv2D takes the zeros of a Pad before it as its own padding', async () => {
    const model = await expectRoundTrip(feeds, (model) => {
      const paddings = model.constant('paddings', [4, 2], [0, 0, 0, 1, 1, 2, 0, 0], 'int32');
      const padded = model.node('Pad', 'pad', [model.input('x', [-1, 7, 6, 3]), paddings]);
      model.node('Conv2D', 'y', [padded, model.random('w', [3, 3, 3, 5])], sliding('VALID', 2));
    });
    expect(model.graph.nodes.map(({ opType }) => opType)).not.toContain('Pad');
  });

  it('Conv2D behind a Pad in another axis order', async () => {
    await expectRoundTrip(randomFeeds({ x: [2, 3, 6, 7] }), (model) => {
      const paddings = model.constant('paddings', [4, 2], [0, 0, 0, 0, 1, 2, 3, 0], 'int32');
      const padded = model.node('Pad', 'pad', [model.input('x', [-1, 3, 6, 7]), paddings]);
      const last = model.node('Transpose', 'last', [padded, model.integers('perm', [0, 2, 3, 1])]);
      model.node('Conv2D', 'y', [last, model.random('w', [3, 3, 3, 5])], sliding('VALID', 2));
    });
  });

  it('Conv2D of channels-first data', async () => {
    await expectRoundTrip(randomFeeds({ x: [2, 3, 7, 6] }), (model) => {
      model.node('Conv2D', 'y', [model.input('x', [-1, 3, 7, 6]), model.random('w', [3, 2, 3, 5])], {
        padding: text('SAME'),
        strides: ints(1, 1, 1, 1),
        dilations: ints(1, 1, 1, 1),
        data_format: text('NCHW'),
      });
    });
  });

  it('Conv2D with a filter that is computed', async () => {
    await expectRoundTrip(feeds, (model) => {
      const filter = model.node('Mul', 'filter', [model.random('w', [3, 3, 3, 5]), model.random('scale', [5])]);
      model.node('Conv2D', 'y', [model.input('x', [-1, 7, 6, 3]), filter], sliding('SAME'));
    });
  });

  it('Conv1D as the converter writes it: ExpandDims, Conv2D, Squeeze', async () => {
    const model = await expectRoundTrip(randomFeeds({ x: [2, 9, 3] }), (model) => {
      const x = model.node('ExpandDims', 'wide', [model.input('x', [-1, 9, 3]), model.integers('axis', -3)]);
      const w = model.node('ExpandDims', 'filter', [model.random('w', [3, 3, 4]), model.integers('first', 0)]);
      const conv = model.node('Conv2D', 'conv', [x, w], sliding('SAME'));
      const narrow = model.node('Squeeze', 'narrow', [conv], { squeeze_dims: ints(1) });
      model.node('Relu', 'y', [model.node('BiasAdd', 'bias', [narrow, model.random('b', [4])])]);
    });
    expect([...model.origins.values()].map(({ weight }) => weight).sort()).toEqual(['b', 'w']);
  });

  it.each([
    ['SAME', 1, 1],
    ['SAME', 2, 1],
    ['VALID', 1, 2],
  ] as const)('DepthwiseConv2dNative %s, stride %i, dilation %i', async (padding, stride, dilation) => {
    await expectRoundTrip(feeds, (model) => {
      const operands = [model.input('x', [-1, 7, 6, 3]), model.random('w', [3, 3, 3, 2])];
      model.node('DepthwiseConv2dNative', 'y', operands, sliding(padding, stride, dilation));
    });
  });

  it.each(['Relu', 'Relu6', 'Elu', 'Sigmoid', 'LeakyRelu', 'Prelu'])(
    '_FusedConv2D with BiasAdd and %s',
    async (name) => {
      const model = await expectRoundTrip(feeds, (model) => {
        const operands = [model.input('x', [-1, 7, 6, 3]), model.random('w', [3, 3, 3, 5]), model.random('b', [5])];
        if (name === 'Prelu') operands.push(model.random('slope', [1, 1, 5]));
        const attributes = { ...sliding('SAME', 2), ...fusing('BiasAdd', name), leakyrelu_alpha: float(0.3) };
        model.node('_FusedConv2D', 'y', operands, attributes);
      });
      // the activation bears the name of the fused node
      expect(model.graph.nodes.find((node) => node.name === 'y')?.opType).not.toBe('Conv');
    },
  );

  it('_FusedConv2D with BiasAdd alone, and with nothing', async () => {
    await expectRoundTrip(feeds, (model) => {
      const x = model.input('x', [-1, 7, 6, 3]);
      const first = [x, model.random('w', [3, 3, 3, 5]), model.random('b', [5])];
      const hidden = model.node('_FusedConv2D', 'hidden', first, { ...sliding('SAME'), ...fusing('BiasAdd') });
      model.node('_FusedConv2D', 'y', [hidden, model.random('w2', [1, 1, 5, 2])], { ...sliding('VALID'), ...fusing() });
    });
  });

  it.each(['Relu', 'Relu6', 'Prelu'])('FusedDepthwiseConv2dNative with BiasAdd and %s', async (name) => {
    await expectRoundTrip(feeds, (model) => {
      const operands = [model.input('x', [-1, 7, 6, 3]), model.random('w', [3, 3, 3, 2]), model.random('b', [6])];
      if (name === 'Prelu') operands.push(model.random('slope', [6]));
      model.node('FusedDepthwiseConv2dNative', 'y', operands, { ...sliding('SAME'), ...fusing('BiasAdd', name) });
    });
  });

  it.each([
    ['SAME', 2, [14, 12]],
    ['SAME', 2, [13, 11]],
    ['SAME', 1, [7, 6]],
    ['VALID', 2, [15, 13]],
    ['VALID', 2, [16, 14]],
    ['VALID', 3, [21, 18]],
  ] as const)('Conv2DBackpropInput %s, stride %i, to %o', async (padding, stride, [height, width]) => {
    await expectRoundTrip(randomFeeds({ x: [2, 7, 6, 3] }), (model) => {
      const shape = model.integers('shape', [2, height, width, 4]);
      const operands = [shape, model.random('w', [3, 3, 4, 3]), model.input('x', [2, 7, 6, 3])];
      model.node('Conv2DBackpropInput', 'y', operands, sliding(padding, stride));
    });
  });

  it('Conv2DBackpropInput to a shape that follows from the batch', async () => {
    await expectRoundTrip(randomFeeds({ x: [2, 7, 6, 3] }), (model) => {
      const x = model.input('x', [-1, 7, 6, 3]);
      const slice = [model.node('Shape', 'extents', [x]), ...[0, 1, 1].map((at, i) => model.integers(`s${i}`, [at]))];
      const batch = model.node('StridedSlice', 'batch', slice, { shrink_axis_mask: int(1) });
      const sizes = [14, 12, 4].map((size) => model.integers(`size${size}`, size));
      const shape = model.node('Pack', 'shape', [batch, ...sizes], { axis: int(0) });
      const up = [shape, model.random('w', [4, 4, 4, 3]), x];
      const transposed = model.node('Conv2DBackpropInput', 'up', up, sliding('SAME', 2));
      model.node('BiasAdd', 'y', [transposed, model.random('b', [4])]);
    });
  });

  it('Conv3D', async () => {
    await expectRoundTrip(randomFeeds({ x: [1, 4, 5, 6, 2] }), (model) => {
      model.node('Conv3D', 'y', [model.input('x', [-1, 4, 5, 6, 2]), model.random('w', [3, 3, 3, 2, 3])], {
        padding: text('SAME'),
        strides: ints(1, 1, 2, 1, 1),
        dilations: ints(1, 1, 1, 1, 1),
        data_format: text('NDHWC'),
      });
    });
  });
});
