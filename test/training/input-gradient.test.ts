import { describe, expect, it } from 'vitest';
import { float32, runOnce } from '../../src/runtime/session.js';
import { floatsOf } from '../../src/runtime/tensors.js';
import { prepareInputGradient } from '../../src/training/prepare.js';
import { parseGraph } from '../transforms/notation.js';

const settings = { provider: 'cpu', loss: 'cross-entropy' } as const;
const wave = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin(1.3 * i + 0.2));

const network = `
  x: float[N,3,6,6]
  w = float[16,3,3,3]
  b = float[16]
  v = float[4,16]
  c = Conv(x, w, b) pads=[1,1,1,1]
  r = Relu(c)
  p = GlobalAveragePool(r)
  f = Flatten(p)
  l = Gemm(f, v) transB=1
  y = Softmax(l)
  -> y`;

describe('the gradient with respect to the input', () => {
  it('is that of the logit before a final Softmax, by central differences', async () => {
    const graph = parseGraph(network);
    const sampleShape = [3, 6, 6];
    const prepared = await prepareInputGradient('net.onnx', graph, 2, {
      ...settings,
      sampleShapes: { x: sampleShape },
    });
    if (prepared === null) throw new Error('no gradient');
    const { input, seeds, seedShape, gradient } = prepared;
    expect(seedShape).toEqual([2, 4]);
    const x = wave(2 * 108);
    const dims = [2, ...sampleShape];
    // class 1 of the first sample, class 3 of the second
    const feeds = { [input]: float32(x, dims), [seeds]: float32(Float32Array.of(0, 1, 0, 0, 0, 0, 0, 1), seedShape) };
    const computed = (await runOnce(prepared.graph.model, feeds))[gradient];
    if (computed === undefined) throw new Error('no gradient');

    const logits = parseGraph(network.replace('-> y', '-> l'));
    const chosen = async (values: Float32Array): Promise<number> => {
      const output = (await runOnce(logits.model, { x: float32(values, dims) })).l;
      const rows = output === undefined ? new Float32Array() : floatsOf(output);
      return (rows[1] ?? 0) + (rows[7] ?? 0);
    };
    const step = 1e-2;
    for (const at of [0, 17, 107, 108, 150, 215]) {
      const moved = (by: number) => x.map((value, i) => (i === at ? value + by : value));
      const difference = ((await chosen(moved(step))) - (await chosen(moved(-step)))) / (2 * step);
      expect(floatsOf(computed)[at]).toBeCloseTo(difference, 3);
    }
  });

  it('is absent where the input holds integers', async () => {
    const graph = parseGraph('x: int64[N,5]\ne = float[10,3]\ng = Gather(e, x)\ny = ReduceMean(g) axes=[1]\n-> y');
    expect(await prepareInputGradient('words.onnx', graph, 2, { ...settings, sampleShapes: { x: [5] } })).toBeNull();
  });

  it('names the operator that has no rule', async () => {
    const graph = parseGraph(
      'x: float[N,4]\ns = float[] 0.1\nw = float[4,2]\nq = QuantizeLinear(x, s)\nr = DequantizeLinear(q, s)\ny = MatMul(r, w)\n-> y',
    );
    await expect(prepareInputGradient('net.onnx', graph, 2, { ...settings, sampleShapes: { x: [4] } })).rejects.toThrow(
      /\(DequantizeLinear\) cannot be differentiated/,
    );
  });
});
