import { describe, expect, it } from 'vitest';
import { expectRoundTrip, fusing, randomFeeds, randomValues, sliding } from '../graph-model.js';

const binary = [
  'Add',
  'AddV2',
  'Sub',
  'Mul',
  'RealDiv',
  'Maximum',
  'Minimum',
  'SquaredDifference',
  'FloorDiv',
  'DivNoNan',
  'FloorMod',
  'Atan2',
];

describe('arithmetic', () => {
  it.each(binary)('%s broadcasts', async (op) => {
    await expectRoundTrip(randomFeeds({ a: [2, 3, 4], b: [3, 1] }), (model) => {
      model.node(op, 'y', [model.input('a', [-1, 3, 4]), model.input('b', [3, 1])]);
    });
  });

  it('Pow', async () => {
    const base = { shape: [2, 3], values: randomValues([2, 3], 'base').map((value) => Math.abs(value) + 0.1) };
    await expectRoundTrip({ a: base, ...randomFeeds({ b: [3] }) }, (model) => {
      model.node('Pow', 'y', [model.input('a', [-1, 3]), model.input('b', [3])]);
    });
  });

  it.each(['AddV2', 'Sub', 'Mul', 'FloorDiv', 'RealDiv', 'FloorMod', 'Maximum', 'Minimum'])(
    '%s of integers',
    async (op) => {
      const a = { shape: [6], values: Int32Array.of(7, -7, 8, -8, 0, 5) };
      const b = { shape: [6], values: Int32Array.of(2, 2, -3, -3, 4, 5) };
      await expectRoundTrip({ a, b }, (model) => {
        model.node(op, 'y', [model.input('a', [6], 'int32'), model.input('b', [6], 'int32')]);
      });
    },
  );

  it('an integer beside a float is raised to it', async () => {
    await expectRoundTrip(randomFeeds({ x: [2, 3] }), (model) => {
      model.node('Mul', 'y', [model.input('x', [-1, 3]), model.integers('k', [1, 2, 3])]);
    });
  });

  it('AddN', async () => {
    await expectRoundTrip(randomFeeds({ a: [2, 3], b: [2, 3], c: [2, 3] }), (model) => {
      const operands = ['a', 'b', 'c'].map((name) => model.input(name, [-1, 3]));
      model.node('AddN', 'y', operands);
    });
  });

  it('operands of lower rank beside channels-first values', async () => {
    await expectRoundTrip(randomFeeds({ x: [2, 4, 5, 3], row: [5, 2], scale: [2, 1, 1, 2] }), (model) => {
      const conv = model.node(
        'Conv2D',
        'conv',
        [model.input('x', [-1, 4, 5, 3]), model.random('w', [1, 1, 3, 2])],
        sliding('VALID'),
      );
      const perRow = model.node('Add', 'perRow', [conv, model.input('row', [5, 2])]);
      const scaled = model.node('Mul', 'scaled', [model.input('scale', [-1, 1, 1, 2]), perRow]);
      const perPlace = model.node('Sub', 'perPlace', [scaled, model.random('places', [4, 1, 2])]);
      model.node('AddV2', 'y', [perPlace, model.random('whole', [1, 4, 5, 2])]);
    });
  });

  it.each(['BiasAdd', 'AddV2'])(
    '%s of a constant per channel becomes the bias of the convolution before it',
    async (op) => {
      const model = await expectRoundTrip(randomFeeds({ x: [2, 5, 5, 3] }), (model) => {
        const conv = model.node(
          'Conv2D',
          'conv',
          [model.input('x', [-1, 5, 5, 3]), model.random('w', [3, 3, 3, 4])],
          sliding('SAME'),
        );
        model.node('Relu', 'y', [model.node(op, 'sum', [conv, model.random('b', [4])])]);
      });
      expect(model.graph.nodes.map(({ opType }) => opType)).toEqual(['Transpose', 'Conv', 'Relu', 'Transpose']);
    },
  );

  it('a bias that two convolutions share stays one weight', async () => {
    const model = await expectRoundTrip(randomFeeds({ x: [1, 4, 4, 3] }), (model) => {
      const x = model.input('x', [-1, 4, 4, 3]);
      const attributes = { ...sliding('SAME'), ...fusing('BiasAdd') };
      const bias = model.random('b', [4]);
      const [a, b] = ['a', 'b2'].map((name) =>
        model.node('_FusedConv2D', name, [x, model.random(`${name}/w`, [3, 3, 3, 4]), bias], attributes),
      );
      model.node('AddV2', 'y', [a ?? '', b ?? '']);
    });
    expect([...model.origins.values()].filter(({ weight }) => weight === 'b')).toHaveLength(1);
  });

  it('a convolution whose result is read elsewhere too, past an Identity, does not take the bias', async () => {
    await expectRoundTrip(randomFeeds({ x: [2, 5, 5, 3] }), (model) => {
      const filter = model.random('w', [3, 3, 3, 4]);
      const conv = model.node('Conv2D', 'conv', [model.input('x', [-1, 5, 5, 3]), filter], sliding('SAME'));
      const same = model.node('Identity', 'same', [conv]);
      const sum = model.node('BiasAdd', 'sum', [same, model.random('b', [4])]);
      model.node('Mul', 'y', [sum, conv]);
    });
  });
});
