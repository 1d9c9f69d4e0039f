import { expect, it } from 'vitest';
import { differentiate } from '../../../src/autodiff/differentiate.js';
import { nestConcats } from '../../../src/autodiff/lower/nest-concats.js';
import type { Graph } from '../../../src/model/graph.js';
import { floatTensor } from '../../../src/model/tensor.js';
import { float32, runOnce } from '../../../src/runtime/session.js';
import { observeShapes } from '../../../src/runtime/shapes.js';
import { parseGraph } from '../../transforms/notation.js';
import { random, valueInfo } from '../check-gradient.js';

/** Layers that each read all before them, and a Concat along another axis of the same values. */
const dense = () =>
  parseGraph(`
    x: float[2,3,5]
    a = Relu(x)
    c1 = Concat(x, a) axis=1
    b = Neg(a)
    c2 = Concat(x, a, b) axis=1
    s = Sigmoid(c2)
    c3 = Concat(x, a, b, s) axis=1
    other = Concat(x, a, b) axis=2
    n1 = Neg(c1)
    n2 = Neg(other)
    -> c3, n1, n2`);

/** Every output, and dL/dx of L = the sum of all outputs times numbers. */
async function results(graph: Graph): Promise<Float32Array[]> {
  const next = random(7);
  const feeds = {
    x: float32(
      Float32Array.from({ length: 30 }, () => next() - 0.5),
      [2, 3, 5],
    ),
  };
  const shapes = await observeShapes(graph, feeds);
  const outputs = graph.proto.output.map(({ name }) => name);
  const seeds = outputs.map((output) => {
    const shape = shapes.get(output) ?? [];
    const weights = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next());
    return [output, graph.addInitializer(floatTensor(`seed/${output}`, shape, weights))] as const;
  });
  const found = differentiate(graph, new Map(seeds), new Set(['x']), { path: 'm.onnx', provider: 'cpu', shapes });
  const names = [...outputs, found.get('x') ?? ''];
  graph.proto.output = names.map((name) => valueInfo(name));
  const values = await runOnce(graph.model, feeds);
  return names.map((name) => {
    const data = values[name]?.data;
    if (!(data instanceof Float32Array)) throw new Error(`${name} is not float32`);
    return data;
  });
}

it('a Concat reads the longest one of its first inputs: the same values and gradients', async () => {
  const nested = dense();
  expect(nestConcats(nested)).toBe(2);
  const joins = nested.nodes.filter(({ opType }) => opType === 'Concat').map(({ input }) => input);
  expect(joins).toEqual([
    ['x', 'a'],
    ['c1', 'b'],
    ['c2', 's'],
    ['x', 'a', 'b'],
  ]);
  const [actual, expected] = [await results(nested), await results(dense())];
  expect(actual.slice(0, -1)).toEqual(expected.slice(0, -1));
  // the terms of the gradient are added in another order
  expect([...(actual.at(-1) ?? [])]).toEqual([...(expected.at(-1) ?? [])].map((value) => expect.closeTo(value, 5)));
  expect(nestConcats(nested)).toBe(0);
});
