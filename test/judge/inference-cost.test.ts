import { expect, test } from 'vitest';
import { inferenceCost } from '../../src/judge/inference-cost.js';
import type { OperationCounts } from '../../src/model/operation-counts.js';
import { signatureOf } from '../../src/runtime/predictor.js';
import { parseGraph } from '../transforms/notation.js';

async function count(shape: readonly number[], text: string): Promise<OperationCounts | null> {
  const graph = parseGraph(text);
  return (await inferenceCost(graph, signatureOf(graph), { x: shape })).operations;
}

test('a convolution multiplies each output by its kernel, groups by a part of it; its activation writes each output once', async () => {
  const dense = 'x: float[N,4,8,8]\nw = float[6,4,3,3]\nc = Conv(x, w) pads=[1,1,1,1]\ny = Relu(c)\n-> y';
  expect(await count([4, 8, 8], dense)).toEqual({ multiplyAdds: 6 * 8 * 8 * (4 * 9), elementwise: 6 * 8 * 8 });
  const grouped = 'x: float[N,4,8,8]\nw = float[6,2,3,3]\ny = Conv(x, w) group=2 strides=[2,2] pads=[1,1,1,1]\n-> y';
  expect(await count([4, 8, 8], grouped)).toEqual({ multiplyAdds: 6 * 4 * 4 * (2 * 9), elementwise: 0 });
});

test('a transposed convolution spreads each input over its kernel', async () => {
  const text = 'x: float[N,4,5,5]\nw = float[4,3,2,2]\ny = ConvTranspose(x, w) strides=[2,2]\n-> y';
  expect(await count([4, 5, 5], text)).toEqual({ multiplyAdds: 4 * 5 * 5 * (3 * 4), elementwise: 0 });
});

test('matrix products, transposed or not', async () => {
  const text = 'x: float[N,7]\nw = float[5,7]\nv = float[5,3]\ng = Gemm(x, w) transB=1\ny = MatMul(g, v)\n-> y';
  expect(await count([7], text)).toEqual({ multiplyAdds: 7 * 5 + 5 * 3, elementwise: 0 });
});

test('a model of a fixed batch size is counted by the sample; constants cost nothing', async () => {
  const text = 'x: float[4,7]\nw = float[7,5]\nb = float[5]\nc = Add(b, b)\ng = MatMul(x, w)\ny = Add(g, c)\n-> y';
  expect(await count([7], text)).toEqual({ multiplyAdds: 7 * 5, elementwise: 5 });
});

test('work that cannot be seen leaves the count unknown', async () => {
  const text = 'x: float[N,7]\nw = float[7,5]\ny = Einsum(x, w) equation=nk,km->nm\n-> y';
  expect(await count([7], text)).toBeNull();
});

test('memory is the weights and the values that are there at once; a new shape takes none', async () => {
  // x (8) and h (100) are there together, then h and r, then r (or its reshaped twin) and y (10); weights 8 * 100 + 100 * 10
  const text = `x: float[N,8]
v = float[8,100]
w = float[100,10]
s = int64[2] 1 100
h = MatMul(x, v)
r = Relu(h)
f = Reshape(r, s)
y = MatMul(f, w)
-> y`;
  const graph = parseGraph(text);
  const { tensorBytes } = await inferenceCost(graph, signatureOf(graph), { x: [8] });
  expect(tensorBytes).toBe(4 * (800 + 1000 + 2 + 200));
});
