import { describe, expect, it } from 'vitest';
import { addGradients } from '../../src/autodiff/add-gradients.js';
import { Emitter } from '../../src/autodiff/emitter.js';
import type { Graph } from '../../src/model/graph.js';
import { int64Tensor } from '../../src/model/tensor.js';
import { float32, runOnce } from '../../src/runtime/session.js';
import { checkGradient, node, valueInfo } from './check-gradient.js';
import { graphOf } from './lower/model.js';

const inputs = { a: [2, 3], b: [2, 5], column: [3, 1], row: [5], full: [3, 5] };

/** A graph whose output is the sum of the two terms that are written into it. */
function sumOf(write: (emit: Emitter) => readonly [string, string], isFree = (_: string): boolean => true): Graph {
  const graph = graphOf({ inputs, nodes: [] });
  const emit = new Emitter(graph, 'sum');
  const sum = addGradients(emit, ...write(emit), isFree);
  emit.flush();
  graph.proto.output = [valueInfo(sum)];
  return graph;
}

const product = (emit: Emitter): string => emit.op('Gemm', ['a', 'b'], { transA: { int: 1 } });
const spread = (emit: Emitter, value: string): string => emit.op('Expand', [value, emit.ints([3, 5])]);
const operators = ({ nodes }: Graph): string[] => nodes.map(({ opType }) => opType);

async function resultOf(graph: Graph): Promise<Float32Array> {
  const feeds = Object.entries(inputs).map(([name, shape], k) => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(1 + k + 3 * i));
    return [name, float32(values, shape)] as const;
  });
  const [sum] = Object.values(await runOnce(graph.model, Object.fromEntries(feeds)));
  if (!(sum?.data instanceof Float32Array)) throw new Error('the sum is not float32');
  expect(sum.dims).toEqual([3, 5]);
  return sum.data;
}

/** The same terms, added as they are. */
const plainly = (write: (emit: Emitter) => readonly [string, string]): Graph => {
  const graph = graphOf({ inputs, nodes: [] });
  const emit = new Emitter(graph, 'plain');
  const sum = emit.op('Add', write(emit));
  emit.flush();
  graph.proto.output = [valueInfo(sum)];
  return graph;
};

describe('the sum of two gradients', () => {
  it.each<[string, (emit: Emitter) => readonly [string, string], string[]]>([
    ['a product takes in what is spread over its columns', (emit) => [product(emit), spread(emit, 'column')], ['Gemm']],
    ['or over its rows, in whatever order', (emit) => [spread(emit, 'row'), product(emit)], ['Gemm']],
    [
      'where that is computed after the product, too',
      (emit) => [product(emit), spread(emit, emit.op('Neg', ['column']))],
      ['Neg', 'Gemm'],
    ],
    ['an Add spreads by itself', (emit) => ['full', spread(emit, 'column')], ['Add']],
    ['of two that are spread one is', (emit) => [spread(emit, 'row'), spread(emit, 'column')], ['Expand', 'Add']],
  ])('%s', async (_, write, expected) => {
    const sum = sumOf(write);
    expect(operators(sum)).toEqual(expected);
    const [ours, plain] = [await resultOf(sum), await resultOf(plainly(write))];
    for (const [i, value] of ours.entries()) expect(value).toBeCloseTo(plain[i] ?? Number.NaN, 6);
  });

  it('leaves what something else reads as it is', () => {
    const twoTerms = (emit: Emitter) => [product(emit), spread(emit, 'column')] as const;
    expect(operators(sumOf(twoTerms, () => false))).toEqual(['Gemm', 'Expand', 'Add']);
    const readOnce = (emit: Emitter) => {
      const terms = twoTerms(emit);
      emit.op('Neg', [terms[0]]);
      return terms;
    };
    expect(operators(sumOf(readOnce))).toEqual(['Gemm', 'Neg', 'Add']);
  });

  it('is the gradient of a matrix that is multiplied and summed', async () => {
    await checkGradient({
      inputs: { x: { shape: [2, 5] }, w: { shape: [3, 5] }, offset: { shape: [3] } },
      constants: [int64Tensor('axes', [1], [1])],
      nodes: [
        node('ReduceSum', ['w', 'axes'], ['sums'], { keepdims: { int: 0 } }),
        node('Mul', ['sums', 'offset'], ['bias']),
        node('Gemm', ['x', 'w', 'bias'], ['y'], { transB: { int: 1 } }),
      ],
    });
  });
});
