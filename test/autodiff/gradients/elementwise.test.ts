import { create } from '@bufbuild/protobuf';
import { ModelProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { differentiate } from '../../../src/autodiff/differentiate.js';
import { Graph } from '../../../src/model/graph.js';
import { floatTensor, int64Tensor } from '../../../src/model/tensor.js';
import { runOnce } from '../../../src/runtime/session.js';
import { observeShapes } from '../../../src/runtime/shapes.js';
import { checkGradient, node } from '../check-gradient.js';

const broadcasts: readonly (readonly [string, number[], number[]])[] = [
  ['same shape', [2, 3], [2, 3]],
  ['a row over a matrix', [2, 3], [3]],
  ['a scalar', [2, 3], []],
  ['both broadcast', [2, 1, 3], [4, 1]],
  ['a dimension of one on both sides', [1, 3], [2, 1]],
];

/** `count` values between `low` and `high`, spread so that no two are near each other */
const spread = (count: number, low: number, high: number): number[] =>
  Array.from({ length: count }, (_, i) => low + ((high - low) * (((i * 7) % count) + 0.5)) / count);

describe('elementwise gradients', () => {
  it.each(broadcasts)('Add, Sub, Mul: %s', async (_, a, b) => {
    for (const op of ['Add', 'Sub', 'Mul']) {
      await checkGradient({ inputs: { a: { shape: a }, b: { shape: b } }, nodes: [node(op, ['a', 'b'], ['y'])] });
    }
  });

  it.each(broadcasts)('Div: %s', async (_, a, b) => {
    const count = b.reduce((product, dim) => product * dim, 1);
    await checkGradient({
      inputs: { a: { shape: a }, b: { shape: b, values: spread(count, 0.8, 2).map((v, i) => (i % 2 ? v : -v)) } },
      nodes: [node('Div', ['a', 'b'], ['y'])],
    });
  });

  it('a value that is read twice receives the sum', async () => {
    await checkGradient({
      inputs: { x: { shape: [3] } },
      nodes: [node('Mul', ['x', 'x'], ['s']), node('Add', ['s', 'x'], ['y'])],
    });
  });

  it.each([
    ['Neg', -2, 2],
    ['Exp', -2, 1],
    ['Log', 0.4, 3],
    ['Sqrt', 0.4, 3],
    ['Reciprocal', 0.6, 3],
    ['Reciprocal', -3, -0.6],
    ['Sin', -3, 3],
    ['Cos', -3, 3],
    ['Tan', -1, 1],
    ['Asin', -0.8, 0.8],
    ['Acos', -0.8, 0.8],
    ['Atan', -3, 3],
    ['Sinh', -2, 2],
    ['Cosh', -2, 2],
    ['Asinh', -3, 3],
    ['Acosh', 1.5, 4],
    ['Atanh', -0.8, 0.8],
  ])('%s between %d and %d', async (op, low, high) => {
    await checkGradient({
      inputs: { x: { shape: [2, 5], values: spread(10, low, high) } },
      nodes: [node(op, ['x'], ['y'])],
    });
  });

  it.each(['cpu', 'webgpu'] as const)('Abs, with gradient 0 at 0, for %s', async (provider) => {
    const values = [-1.5, -0.2, 0, 0.2, 1.5];
    await checkGradient({ inputs: { x: { shape: [5], values } }, nodes: [node('Abs', ['x'], ['y'])], provider });
  });

  it.each([0, 1, 2, 3, 0.5, -1, -2, 1.7])('Pow with the constant exponent %d', async (exponent) => {
    await checkGradient({
      inputs: { x: { shape: [2, 3], values: spread(6, 0.6, 2) } },
      constants: [floatTensor('p', [], [exponent])],
      // with the power alone nothing would reach x where the exponent is 0
      nodes: [node('Pow', ['x', 'p'], ['s']), node('Add', ['s', 'x'], ['y'])],
    });
  });

  it('Pow of negative numbers with an integer exponent', async () => {
    await checkGradient({
      inputs: { x: { shape: [2, 2] } },
      constants: [int64Tensor('p', [2, 1], [2, 3])],
      nodes: [node('Pow', ['x', 'p'], ['y'])],
    });
  });

  it('Pow with a broadcast exponent that is differentiated', async () => {
    await checkGradient({
      inputs: { x: { shape: [2, 3], values: spread(6, 0.5, 2) }, p: { shape: [3], values: [2, -1.5, 0] } },
      nodes: [node('Pow', ['x', 'p'], ['y'])],
    });
  });

  it('Mod of floats, in the dividend and the divisor', async () => {
    await checkGradient({
      inputs: { a: { shape: [2, 2], values: [5.3, -7.4, 2.2, 9.9] }, b: { shape: [2], values: [2, 3] } },
      nodes: [node('Mod', ['a', 'b'], ['y'], { fmod: { int: 1 } })],
    });
  });

  it.each(['Sum', 'Mean'])('%s of one and of three operands', async (op) => {
    await checkGradient({ inputs: { a: { shape: [2, 3] } }, nodes: [node(op, ['a'], ['y'])] });
    await checkGradient({
      inputs: { a: { shape: [2, 3] }, b: { shape: [3] }, c: { shape: [2, 1] } },
      nodes: [node(op, ['a', 'b', 'c'], ['y'])],
    });
  });

  it.each(['Max', 'Min'])('%s of one, two and three operands', async (op) => {
    await checkGradient({ inputs: { a: { shape: [3] } }, nodes: [node(op, ['a'], ['y'])] });
    await checkGradient({
      inputs: {
        a: { shape: [2, 3], values: spread(6, -1, 1) },
        b: { shape: [3], values: [0.05, -0.4, 0.9] },
        c: { shape: [2, 1], differentiable: false, values: [0.3, -0.6] },
      },
      nodes: [node(op, ['a', 'b', 'c'], ['y'])],
    });
  });

  it('a tie is won by one operand alone: the parts add up to the whole', async () => {
    await checkGradient({
      inputs: { x: { shape: [3] } },
      nodes: [node('Neg', ['x'], ['n']), node('Neg', ['n'], ['z']), node('Max', ['x', 'z', 'x'], ['y'])],
    });
  });

  it('a tie with a constant is the constant’s: Max(x, 0) has the gradient of Relu at 0', async () => {
    const graph = new Graph(
      create(ModelProtoSchema, {
        irVersion: 10n,
        opsetImport: [{ domain: '', version: 21n }],
        graph: {
          name: 'relu',
          initializer: [
            floatTensor('x', [3], [-1, 0, 1]),
            floatTensor('zero', [], [0]),
            floatTensor('dy', [3], [1, 1, 1]),
          ],
          // a value that is computed is no constant
          node: [node('Identity', ['x'], ['value']), node('Max', ['value', 'zero'], ['y'])],
        },
      }),
    );
    const shapes = await observeShapes(graph, {});
    const seeds = new Map([['y', 'dy']]);
    const gradient = differentiate(graph, seeds, new Set(['value']), { path: 'relu.onnx', provider: 'cpu', shapes });
    graph.proto.output = [create(ValueInfoProtoSchema, { name: gradient.get('value') ?? '' })];
    const outputs = await runOnce(graph.model, {});
    expect(Object.values(outputs).map(({ data }) => [...data])).toEqual([[0, 0, 1]]);
  });
});
