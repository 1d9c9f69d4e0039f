import { describe, expect, it } from 'vitest';
import { bool, expectRoundTrip, fusing, randomFeeds, text } from '../graph-model.js';

describe('matrices', () => {
  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])('MatMul, transposed %s and %s', async (a, b) => {
    await expectRoundTrip(randomFeeds({ x: a ? [4, 3] : [3, 4] }), (model) => {
      const operands = [model.input('x', a ? [4, -1] : [-1, 4]), model.random('w', b ? [5, 4] : [4, 5])];
      const product = model.node('MatMul', 'product', operands, { transpose_a: bool(a), transpose_b: bool(b) });
      model.node('AddV2', 'y', [product, model.random('b', [5])]);
    });
  });

  it.each(['BatchMatMul', 'BatchMatMulV2'])('%s', async (op) => {
    await expectRoundTrip(randomFeeds({ a: [2, 3, 4], b: [2, 5, 4] }), (model) => {
      const operands = [model.input('a', [-1, 3, 4]), model.input('b', [-1, 5, 4])];
      model.node(op, 'y', operands, { adj_x: bool(false), adj_y: bool(true) });
    });
  });

  it.each(['Relu', 'Relu6', 'Elu', 'Sigmoid', 'Prelu'])('_FusedMatMul with BiasAdd and %s', async (name) => {
    const model = await expectRoundTrip(randomFeeds({ x: [3, 4] }), (model) => {
      const operands = [model.input('x', [-1, 4]), model.random('w', [4, 5]), model.random('b', [5])];
      if (name === 'Prelu') operands.push(model.random('slope', [5]));
      const attributes = { ...fusing('BiasAdd', name), transpose_a: bool(false), transpose_b: bool(false) };
      model.node('_FusedMatMul', 'y', operands, attributes);
    });
    expect(model.graph.nodes[0]?.opType).toBe('Gemm');
  });

  it('_FusedMatMul with a transposed weight', async () => {
    await expectRoundTrip(randomFeeds({ x: [3, 4] }), (model) => {
      const operands = [model.input('x', [-1, 4]), model.random('w', [5, 4]), model.random('b', [5])];
      model.node('_FusedMatMul', 'y', operands, { ...fusing('BiasAdd'), transpose_b: bool(true) });
    });
  });

  it.each([
    ['ij,jk->ik', [3, 4], [4, 5]],
    ['abc,cde->abde', [2, 3, 4], [4, 5, 2]],
    ['BTNH,BFNH->BNFT', [2, 3, 2, 4], [2, 5, 2, 4]],
  ] as const)('Einsum %s', async (equation, a, b) => {
    await expectRoundTrip(randomFeeds({ a, b }), (model) => {
      const operands = [model.input('a', a), model.input('b', b)];
      model.node('Einsum', 'y', operands, { equation: text(equation), N: { i: '2' } });
    });
  });
});
