import { expect, it } from 'vitest';
import { differentiate } from '../../../src/autodiff/differentiate.js';
import { fillBlocks } from '../../../src/autodiff/lower/fill-block.js';
import type { Graph } from '../../../src/model/graph.js';
import { elementCount, floatTensor } from '../../../src/model/tensor.js';
import { float32, runOnce, type Tensor } from '../../../src/runtime/session.js';
import { observeShapes } from '../../../src/runtime/shapes.js';
import { parseGraph } from '../../transforms/notation.js';
import { random, valueInfo } from '../check-gradient.js';

const blockSize = 8;

const convolution = (attributes: string, weights = '[3,2,3,2]') =>
  parseGraph(`x: float[2,2,9,7]\nw: float${weights}\nc: float[3]\nr = Conv(x, w, c) ${attributes}\ny = Relu(r)\n-> y`);

const strided = 'kernel_shape=[3,2] strides=[2,3] pads=[1,0,1,1]';

const dims = new Map([
  ['x', [2, 2, 9, 7]],
  ['w', [3, 2, 3, 2]],
  ['c', [3]],
]);

function feeds(): Record<string, Tensor> {
  const next = random(5);
  const tensors = [...dims].map(([name, shape]) => {
    return [
      name,
      float32(
        Float32Array.from({ length: elementCount(shape) }, () => next() - 0.5),
        shape,
      ),
    ] as const;
  });
  return Object.fromEntries(tensors);
}

/** y and the gradients of x, w and c, L = sum(y * R). */
async function results(graph: Graph): Promise<Float32Array[]> {
  const shapes = await observeShapes(graph, feeds());
  const shape = shapes.get('y') ?? [];
  const next = random(6);
  const seed = graph.addInitializer(
    floatTensor(
      'seed',
      shape,
      Array.from({ length: elementCount(shape) }, () => next()),
    ),
  );
  const wanted = new Set(dims.keys());
  const found = differentiate(graph, new Map([['y', seed]]), wanted, { path: 'm.onnx', provider: 'cpu', shapes });
  const names = ['y', ...[...wanted].map((name) => found.get(name) ?? '')];
  graph.proto.output = names.map((name) => valueInfo(name));
  const outputs = await runOnce(graph.model, feeds());
  return names.map((name) => {
    const data = outputs[name]?.data;
    if (!(data instanceof Float32Array)) throw new Error(`${name} is not float32`);
    return data;
  });
}

it('fills the filters up to a block, and computes the same, gradients too', async () => {
  const [plain, filled] = [convolution(strided), convolution(strided)];
  const shapes = await observeShapes(filled, feeds());
  expect(fillBlocks(filled, shapes, blockSize)).toBe(1);
  const widened = await observeShapes(filled, feeds());
  const weights = filled.nodes.find(({ opType }) => opType === 'Conv')?.input[1] ?? '';
  expect(widened.get(weights)).toEqual([blockSize, 2, 3, 2]);
  expect(fillBlocks(filled, widened, blockSize)).toBe(0);
  const [expected, found] = [await results(plain), await results(filled)];
  for (const [i, values] of expected.entries()) {
    expect(found[i]?.length).toBe(values.length);
    for (const [at, value] of values.entries()) expect(found[i]?.[at]).toBeCloseTo(value, 5);
  }
});

it.each([
  ['without a stride', convolution('kernel_shape=[3,2]'), blockSize],
  ['dilated', convolution('kernel_shape=[3,2] strides=[2,2] dilations=[2,1]'), blockSize],
  ['with too few filters', convolution(strided), 16],
  ['with a block of channels', convolution(strided), 2],
])('leaves alone what is %s', async (_, graph, size) => {
  expect(fillBlocks(graph, await observeShapes(graph, feeds()), size)).toBe(0);
});
