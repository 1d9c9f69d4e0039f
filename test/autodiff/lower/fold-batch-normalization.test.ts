import { describe, expect, it } from 'vitest';
import { foldBatchNormalization } from '../../../src/autodiff/lower/fold-batch-normalization.js';
import type { Attributes, Graph } from '../../../src/model/graph.js';
import { elementCount, floatTensor } from '../../../src/model/tensor.js';
import { float32, runOnce } from '../../../src/runtime/session.js';
import { node, random } from '../check-gradient.js';
import { graphOf, operators } from './model.js';

interface Layer {
  readonly op: 'Conv' | 'ConvTranspose';
  readonly input: readonly number[];
  readonly weights: readonly number[];
  readonly outputs: number;
  readonly bias?: boolean;
  readonly attributes?: Attributes;
}

/** Nothing is trained: whatever can be folded is. */
const untrained = { shapes: new Map<string, readonly number[]>(), trained: new Set<string>() };
const statistics = ['gamma', 'beta', 'mean', 'variance'];

/** A convolution, then its normalization, with random parameters. */
function layer({ op, input, weights, outputs, bias = true, attributes = {} }: Layer): Graph {
  const next = random(5);
  const values = (shape: readonly number[], low: number) =>
    Float32Array.from({ length: elementCount(shape) }, () => low + (2 - Math.max(0, low)) * next());
  return graphOf({
    inputs: { x: input },
    constants: [
      floatTensor('w', weights, values(weights, -1)),
      floatTensor('b', [outputs], values([outputs], -1)),
      ...statistics.map((name) =>
        floatTensor(name, [outputs], values([outputs], name === 'variance' || name === 'gamma' ? 0.5 : -1)),
      ),
    ],
    nodes: [
      node(op, bias ? ['x', 'w', 'b'] : ['x', 'w'], ['c'], attributes),
      node('BatchNormalization', ['c', ...statistics], ['y'], { epsilon: { float: 0.01 } }),
    ],
  });
}

async function run(graph: Graph, shape: readonly number[]): Promise<readonly number[]> {
  const next = random(9);
  const x = Float32Array.from({ length: elementCount(shape) }, () => 2 * next() - 1);
  const { y } = await runOnce(graph.model, { x: float32(x, shape) });
  return Array.from(y?.data ?? [], Number);
}

describe('folding a frozen BatchNormalization into the convolution before it', () => {
  it.each<[string, Layer]>([
    ['Conv', { op: 'Conv', input: [2, 3, 4, 4], weights: [5, 3, 3, 3], outputs: 5 }],
    ['Conv without bias', { op: 'Conv', input: [2, 3, 4, 4], weights: [5, 3, 2, 2], outputs: 5, bias: false }],
    [
      'a depthwise Conv',
      { op: 'Conv', input: [1, 4, 3, 3], weights: [4, 1, 2, 2], outputs: 4, attributes: { group: { int: 4 } } },
    ],
    ['a Conv over one dimension', { op: 'Conv', input: [2, 3, 6], weights: [4, 3, 2], outputs: 4 }],
    ['ConvTranspose', { op: 'ConvTranspose', input: [1, 3, 3, 3], weights: [3, 4, 2, 2], outputs: 4 }],
    [
      'a grouped ConvTranspose',
      {
        op: 'ConvTranspose',
        input: [1, 4, 3, 3],
        weights: [4, 3, 2, 2],
        outputs: 6,
        attributes: { group: { int: 2 } },
      },
    ],
  ])('leaves the function of %s as it was', async (_, spec) => {
    const graph = layer(spec);
    const before = await run(graph, spec.input);
    expect(foldBatchNormalization(graph, untrained)).toBe(1);
    expect(operators(graph)).not.toContain('BatchNormalization');
    const after = await run(graph, spec.input);
    expect(after).toHaveLength(before.length);
    after.forEach((value, i) => {
      expect(value).toBeCloseTo(before[i] ?? Number.NaN, 4);
    });
  });

  const plain: Layer = { op: 'Conv', input: [2, 3, 4, 4], weights: [5, 3, 3, 3], outputs: 5 };

  it.each([
    [[2, 3, 4, 4], 0],
    [[8, 3, 6, 6], 1],
  ])(
    'of weights that are trained and an input of %j, folds %i: where they are fewer than the pixels',
    (input, folded) => {
      const graph = layer({ ...plain, input });
      const [batch = 1, , height = 1, width = 1] = input;
      const y = [batch, 5, height - 2, width - 2];
      const shapes = new Map([
        ['w', plain.weights],
        ['y', y],
      ]);
      expect(foldBatchNormalization(graph, { shapes, trained: new Set(['w']) })).toBe(folded);
    },
  );

  it('leaves alone a convolution that somebody else reads', () => {
    const graph = layer(plain);
    graph.insert([node('Relu', ['c'], ['also'])]);
    expect(foldBatchNormalization(graph, untrained)).toBe(0);
  });

  it('leaves alone a normalization by the statistics of the batch', () => {
    const graph = layer(plain);
    const normalization = graph.nodes[1];
    normalization?.attribute.push(...node('X', [], [], { training_mode: { int: 1 } }).attribute);
    expect(foldBatchNormalization(graph, untrained)).toBe(0);
  });
});
