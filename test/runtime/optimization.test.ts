import { describe, expect, it } from 'vitest';
import { padsBeforeMaxPool } from '../../src/model/pad-before-max.js';
import { findOptimizationFault } from '../../src/runtime/optimization.js';
import { signatureOf } from '../../src/runtime/predictor.js';
import { float32, runOnce } from '../../src/runtime/session.js';
import { parseGraph } from '../transforms/notation.js';

const pads = 'pads = int64[8] 0 0 0 0 0 0 1 1\n';
const pool = 'kernel_shape=[2,2] strides=[2,2]';
const open = `x: float[N,1,3,3]\n${pads}`;
/** Of -1 alone the last row and column of windows hold a zero of the padding. */
const padded = parseGraph(`${open}p = Pad(x, pads)\ny = MaxPool(p) ${pool}\n-> y`);
const minusOnes = { x: { values: new Float32Array(18).fill(-1), shape: [1, 3, 3] } };
const samples = { feeds: minusOnes, count: 2 };

describe('zeros that a MaxPool reads', () => {
  it('stay zeros', async () => {
    const { y } = await runOnce(padded.model, { x: float32(new Float32Array(9).fill(-1), [1, 1, 3, 3]) });
    expect([...(y?.data ?? [])]).toEqual([-1, 0, 0, 0]);
  });

  it.each([
    ['directly', `p = Pad(x, pads)\ny = MaxPool(p) ${pool}`, 1],
    ['with a zero that is written out', `z = float[] 0\np = Pad(x, pads, z)\ny = MaxPool(p) ${pool}`, 1],
    [
      'behind nodes that change no value',
      `p = Pad(x, pads)\ni = Identity(p)\nd = Dropout(i)\ny = MaxPool(d) ${pool}`,
      1,
    ],
    ['not: another constant', `z = float[] -2\np = Pad(x, pads, z)\ny = MaxPool(p) ${pool}`, 0],
    ['not: another mode', `p = Pad(x, pads) mode=edge\ny = MaxPool(p) ${pool}`, 0],
    ['not: another reader', `p = Pad(x, pads)\nr = Relu(p)\ny = MaxPool(r) ${pool}`, 0],
  ])('are found: %s', (_, nodes, expected) => {
    expect(padsBeforeMaxPool(parseGraph(`${open}${nodes}\n-> y`).model)).toHaveLength(expected);
  });
});

describe('what ONNX Runtime makes of a model', () => {
  it('is the same with optimisations and without, but for rounding', async () => {
    const graph = parseGraph(
      'x: float[N,1,3,3]\nw = float[4,1,3,3]\nb = float[4]\nc = Conv(x, w, b)\ny = Relu(c)\n-> y',
    );
    expect(await findOptimizationFault(graph.model, graph, signatureOf(graph), samples, {})).toBeNull();
  });

  // what comes after the fault, on a branch of its own, and between the two of the fault: only where it begins is told
  const deep = parseGraph(`${open}
    w = float[1,1,1,1] 1
    other = Conv(x, w)
    p = Pad(x, pads) name=pad
    more = Sigmoid(other)
    m = MaxPool(p) ${pool} name=pool
    t = Tanh(m)
    mean = GlobalAveragePool(more)
    s = Add(t, mean)
    y = Mul(s, s)
    -> y`);

  it('differs from the first node on whose value does', async () => {
    const fault = await findOptimizationFault(deep.model, deep, signatureOf(deep), samples, {});
    expect(fault?.node?.name).toBe('pool');
    expect(fault?.isCured).toBe(true);
    const { difference = 0, scale = 0 } = fault ?? {};
    // (tanh 0 + sigmoid -1)^2 against (tanh -1 + sigmoid -1)^2; the largest is of the window without padding
    const [sigmoid, tanh] = [1 / (1 + Math.E), Math.tanh(-1)];
    expect(difference).toBeCloseTo(Math.abs(sigmoid ** 2 - (tanh + sigmoid) ** 2), 5);
    expect(scale).toBeCloseTo((tanh + sigmoid) ** 2, 5);
  });

  it('stays wrong in sessions that keep the fusion', async () => {
    const fault = await findOptimizationFault(deep.model, deep, signatureOf(deep), samples, { extra: {} });
    expect(fault?.isCured).toBe(false);
  });

  it('is not judged where a difference in rounding becomes a step', async () => {
    const quantised = parseGraph(`${open}
      s = float[] 0.1
      zero = int8[] 0
      p = Pad(x, pads)
      m = MaxPool(p) ${pool}
      q = QuantizeLinear(m, s, zero)
      y = DequantizeLinear(q, s, zero)
      -> y`);
    expect(await findOptimizationFault(quantised.model, quantised, signatureOf(quantised), samples, {})).toBeNull();
  });
});
