import { describe, expect, it } from 'vitest';
import { present } from '../../src/contract/present.js';
import { readFloats } from '../../src/model/tensor.js';
import { type FreshWeights, frameworkOf, freshWeights, withFreshWeights } from '../../src/training/fresh-weights.js';
import type { Framework } from '../../src/training/layer-initializers.js';
import { makeTrainable } from '../../src/training/prepare.js';
import { parseGraph } from '../transforms/notation.js';

/** How each trained tensor of a network is drawn: its rule, and where it is uniform its bound. */
function drawnFrom(network: string, framework: Framework): Record<string, unknown> {
  const { drawn, kept } = fresh(network, framework);
  const told = drawn.map(({ name, rule: { name: rule, initializer } }) => {
    return [name, initializer.kind === 'uniform' ? [rule, Number(initializer.limit.toFixed(4))] : rule] as const;
  });
  return { ...Object.fromEntries(told), ...Object.fromEntries(kept.map((name) => [name, 'kept'])) };
}

function fresh(network: string, framework: Framework): FreshWeights {
  const { graph, parameters } = makeTrainable('net.onnx', parseGraph(network), 'all');
  return freshWeights(graph, parameters, framework);
}

const convolutions = `
  x: float[N,4,8,8]
  w = float[8,4,3,3]
  wb = float[8]
  g = float[8] 2
  be = float[8] 3
  m = float[8] 4
  v = float[8] 5
  d = float[16,1,3,3]
  s = float[8] 0.3
  qb = float[5]
  c = Conv(x, w, wb)
  n = BatchNormalization(c, g, be, m, v)
  sl = float[8,1,1]
  r = PRelu(n, sl)
  e = Conv(r, d) group=8 pads=[1,1,1,1]
  t = Relu(e)
  f = Flatten(t)
  q5 = float[576,5]
  z = MatMul(f, q5)
  y = Add(z, qb)
  -> y`;

describe('fresh weights', () => {
  it("are drawn as PyTorch's layers draw theirs", () => {
    expect(drawnFrom(convolutions, 'pytorch')).toEqual({
      w: ['kaiming-uniform', 0.1667],
      wb: ['fan-in-uniform', 0.1667],
      g: 'ones',
      be: 'zeros',
      m: 'zeros',
      v: 'ones',
      sl: 'constant',
      d: ['kaiming-uniform', 0.3333],
      q5: ['kaiming-uniform', 0.0417],
      qb: ['fan-in-uniform', 0.0417],
    });
  });

  it("are drawn as Keras's layers draw theirs", () => {
    expect(drawnFrom(convolutions, 'keras')).toMatchObject({
      // 6 / (9 * 4 + 9 * 8)
      w: ['glorot-uniform', 0.2357],
      wb: 'zeros',
      // depthwise, whose kernel is [3, 3, 8, 2]
      d: ['glorot-uniform', 0.2582],
      qb: 'zeros',
    });
  });

  const recurrence = `
    x: float[5,N,3]
    w = float[1,16,3]
    r = float[1,16,4]
    b = float[1,32]
    q = float[4,2]
    h, last = LSTM(x, w, r, b) hidden_size=4
    first = int64[1] 0
    o = Squeeze(last, first)
    y = MatMul(o, q)
    -> y`;

  it('of a recurrent layer are bounded by its units, or orthogonal with an open forget gate', () => {
    expect(drawnFrom(recurrence, 'pytorch')).toMatchObject({
      w: ['fan-in-uniform', 0.5],
      r: ['fan-in-uniform', 0.5],
      b: ['fan-in-uniform', 0.5],
    });
    const keras = fresh(recurrence, 'keras');
    expect(drawnFrom(recurrence, 'keras')).toMatchObject({ r: 'orthogonal', b: 'unit-forget-gate' });
    const graph = withFreshWeights(parseGraph(recurrence), keras, 3);
    // iofc, of the input alone
    const ones = [...readFloats(present(graph.initializer('b'), 'b'))].flatMap((value, i) => (value === 1 ? [i] : []));
    expect(ones).toEqual([8, 9, 10, 11]);
  });

  it('follow a kernel through nodes that rearrange it', () => {
    const transposed = `
      x: float[N,9]
      w = float[4,9]
      t = Transpose(w) perm=[1,0]
      h = MatMul(x, t)
      u = float[4,2]
      y = MatMul(h, u)
      -> y`;
    expect(drawnFrom(transposed, 'pytorch')).toEqual({
      w: ['kaiming-uniform', 0.3333],
      u: ['kaiming-uniform', 0.5],
    });
  });

  it('are the same of one seed, others of another, and leave the rest of the model as it is', () => {
    const graph = parseGraph(convolutions);
    const weights = fresh(convolutions, 'pytorch');
    const of = (seed: number, name: string) =>
      readFloats(present(withFreshWeights(graph, weights, seed).initializer(name), name));
    expect(of(1, 'w')).toEqual(of(1, 'w'));
    expect(of(1, 'w')).not.toEqual(of(2, 'w'));
    expect([...of(1, 'm')]).toEqual(Array(8).fill(0));
    expect([...of(1, 'v')]).toEqual(Array(8).fill(1));
    expect([...readFloats(present(graph.initializer('m'), 'm'))]).toEqual(Array(8).fill(4));
    expect(of(1, 's')).toEqual(readFloats(present(graph.initializer('s'), 's')));
  });

  it('keep what no layer tells how to draw, and say so', () => {
    const learned = `
      x: float[N,4]
      model.exponent = float[4] 1.5
      w = float[4,2]
      p = Pow(x, model.exponent)
      y = MatMul(p, w)
      -> y`;
    expect(drawnFrom(learned, 'pytorch')).toMatchObject({ 'model.exponent': 'kept' });
  });
});

it("takes networks of TensorFlow for Keras's, others for PyTorch's", () => {
  expect(frameworkOf('tfjs-layers', '')).toBe('keras');
  expect(frameworkOf('tfjs-graph', '')).toBe('keras');
  expect(frameworkOf('onnx', 'tf2onnx')).toBe('keras');
  expect(frameworkOf('onnx', 'pytorch')).toBe('pytorch');
});
