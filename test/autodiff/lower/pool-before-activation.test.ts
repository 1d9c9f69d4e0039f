import { expect, it } from 'vitest';
import { differentiate } from '../../../src/autodiff/differentiate.js';
import { poolBeforeActivation } from '../../../src/autodiff/lower/pool-before-activation.js';
import type { Graph } from '../../../src/model/graph.js';
import { floatTensor } from '../../../src/model/tensor.js';
import { float32, runOnce } from '../../../src/runtime/session.js';
import { observeShapes } from '../../../src/runtime/shapes.js';
import { parseGraph } from '../../transforms/notation.js';
import { random, valueInfo } from '../check-gradient.js';

const pooled = (activation: string) =>
  parseGraph(
    `x: float[2,3,5,6]\nb = float[] -0.2\nr = ${activation}\np = MaxPool(r) kernel_shape=[3,2] strides=[2,2] pads=[1,0,1,0]\ny = Neg(p)\n-> y`,
  );

/** y and dL/dx, L = sum(y * R). */
async function results(graph: Graph): Promise<Float32Array[]> {
  const next = random(11);
  const feeds = {
    x: float32(
      Float32Array.from({ length: 180 }, () => next() - 0.5),
      [2, 3, 5, 6],
    ),
  };
  const shapes = await observeShapes(graph, feeds);
  const shape = shapes.get('y') ?? [];
  const weights = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next());
  const seed = graph.addInitializer(floatTensor('seed', shape, weights));
  const found = differentiate(graph, new Map([['y', seed]]), new Set(['x']), {
    path: 'm.onnx',
    provider: 'cpu',
    shapes,
  });
  const names = ['y', found.get('x') ?? ''];
  graph.proto.output = names.map((name) => valueInfo(name));
  const outputs = await runOnce(graph.model, feeds);
  return names.map((name) => {
    const data = outputs[name]?.data;
    if (!(data instanceof Float32Array)) throw new Error(`${name} is not float32`);
    // a gradient that is stopped twice is -0 where one stopped once is 0
    return data.map((value) => value + 0);
  });
}

it.each(['Relu(x)', 'Clip(x, b)'])(
  'max pooling and %s change places: the same values and gradients',
  async (activation) => {
    const swapped = pooled(activation);
    expect(poolBeforeActivation(swapped)).toBe(1);
    expect(swapped.nodes.map(({ opType }) => opType)).toEqual(['MaxPool', activation.split('(')[0], 'Neg']);
    expect(await results(swapped)).toEqual(await results(pooled(activation)));
    expect(poolBeforeActivation(swapped)).toBe(0);
  },
);

it('an activation that somebody else reads stays where it is', () => {
  const text = 'x: float[2,3,4,4]\nr = Relu(x)\np = MaxPool(r) kernel_shape=[2,2] strides=[2,2]\nq = Neg(r)\n-> p, q';
  expect(poolBeforeActivation(parseGraph(text))).toBe(0);
});
