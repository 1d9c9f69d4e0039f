import { describe, expect, it, onTestFinished } from 'vitest';
import { createRandom } from '../../src/math/random.js';
import type { Graph } from '../../src/model/graph.js';
import { elementCount } from '../../src/model/tensor.js';
import { float32, runOnce, type Tensor } from '../../src/runtime/session.js';
import { findFrozenPrefix } from '../../src/training/frozen-prefix.js';
import { makeTrainable, prepareStep, type StepSettings, type Trainable } from '../../src/training/prepare.js';
import { Stepper } from '../../src/training/stepper.js';
import { parseGraph } from '../transforms/notation.js';

const settings: StepSettings = {
  provider: 'cpu',
  loss: 'cross-entropy',
  optimizer: { kind: 'sgd', momentum: 0.9, nesterov: false, weightDecay: 0 },
  batchNorm: 'frozen',
  clipNorm: null,
  sampleShapes: { x: [3, 8, 8] },
};
const everything = Number.POSITIVE_INFINITY;

/** A residual block, a pooling that makes its output a quarter, and a layer behind it. */
const network = (): Graph =>
  parseGraph(`
    x: float[N,3,8,8]
    w1 = float[8,3,3,3]
    gamma = float[8]
    beta = float[8]
    mean = float[8]
    var = float[8] 1
    w2 = float[8,8,3,3]
    w3 = float[16,8,3,3]
    w4 = float[5,16]
    b4 = float[5]
    c1 = Conv(x, w1) pads=[1,1,1,1]
    n1 = BatchNormalization(c1, gamma, beta, mean, var)
    r1 = Relu(n1)
    c2 = Conv(r1, w2) pads=[1,1,1,1]
    s2 = Add(c2, r1)
    p2 = MaxPool(s2) kernel_shape=[2,2] strides=[2,2]
    c3 = Conv(p2, w3) pads=[1,1,1,1]
    r3 = Relu(c3)
    g3 = GlobalAveragePool(r3)
    f3 = Flatten(g3)
    o = Gemm(f3, w4, b4) transB=1
    -> o`);

const trainableOf = (parameters: readonly string[], graph = network()): Trainable => ({
  ...makeTrainable('network.onnx', graph, 'all'),
  parameters,
});

const random = createRandom(4);
const samples = (count: number): Tensor =>
  float32(
    Float32Array.from({ length: count * 192 }, () => random.normal()),
    [count, 3, 8, 8],
  );

async function lossesOf(trainable: Trainable, inputs: Record<string, Tensor>, sampleShapes = settings.sampleShapes) {
  const stepper = new Stepper(
    (size, part) => prepareStep(trainable, size, { ...settings, sampleShapes }, part),
    trainable.graph,
  );
  onTestFinished(() => stepper.release());
  const count = 4;
  const targets = new Float32Array(count * 5);
  for (let i = 0; i < count; i++) targets[i * 5 + i] = 1;
  const losses: number[] = [];
  for (let i = 0; i < 4; i++) {
    losses.push(await stepper.run({ inputs, targets, count }, { weights: 0.05, sites: 0.05 }));
  }
  return losses;
}

describe('a frozen prefix', () => {
  it.each([
    {
      trains: 'what is behind the block, kept where a pooling has made it small',
      parameters: ['w3', 'b4'],
      kept: ['p2'],
    },
    { trains: 'the last layer, kept where hardly anything is left', parameters: ['w4', 'b4'], kept: ['f3'] },
    { trains: 'a branch of the block, kept before it, once for both', parameters: ['w2'], kept: ['r1'] },
  ])('computes the steps of the whole network: $trains', async ({ parameters, kept }) => {
    const trainable = trainableOf(parameters);
    const found = await findFrozenPrefix(trainable, settings, everything);
    expect(Object.keys(found?.kept ?? {})).toEqual(kept);
    if (found === null) throw new Error('nothing was found');
    const x = samples(4);
    const values = await runOnce(found.graph.model, { x });
    for (const [name, shape] of Object.entries(found.kept)) expect(values[name]?.dims).toEqual([4, ...shape]);
    const [whole, behind] = [await lossesOf(trainable, { x }), await lossesOf(found.rest, values, found.kept)];
    expect(behind).toEqual(whole.map((loss) => expect.closeTo(loss, 4)));
    expect(whole.at(-1)).toBeLessThan(whole[0] ?? 0);
    expect(found.rest.graph.nodes.length + found.graph.nodes.length).toBe(trainable.graph.nodes.length);
  });

  it('keeps several values where no single one is all that is read behind them', async () => {
    const graph = parseGraph(`
      x: float[N,3,8,8]
      w1 = float[4,3,3,3]
      w2 = float[4,3,3,3]
      scale = float[4,1,1]
      w3 = float[5,144]
      a = Conv(x, w1)
      b = Conv(x, w2)
      c = Mul(a, scale)
      d = Mul(b, c)
      f = Flatten(d)
      o = Gemm(f, w3) transB=1
      -> o`);
    const trainable = trainableOf(['scale'], graph);
    const found = await findFrozenPrefix(trainable, settings, everything);
    expect(Object.keys(found?.kept ?? {}).sort()).toEqual(['a', 'b']);
    if (found === null) throw new Error('nothing was found');
    const x = samples(4);
    const whole = await lossesOf(trainable, { x });
    const behind = await lossesOf(found.rest, await runOnce(found.graph.model, { x }), found.kept);
    expect(behind).toEqual(whole.map((loss) => expect.closeTo(loss, 4)));
  });

  it('keeps what a trained layer reads, though a layer behind that one reads it last', async () => {
    const graph = parseGraph(`
      x: float[N,3,8,8]
      w0 = float[8,3,3,3]
      w1 = float[8,8,3,3]
      b1 = float[8]
      ws = float[8,8,1,1]
      w3 = float[5,288]
      c0 = Conv(x, w0)
      c1 = Conv(c0, w1, b1) pads=[1,1,1,1]
      s = Conv(c0, ws)
      d = Add(c1, s)
      f = Flatten(d)
      o = Gemm(f, w3) transB=1
      -> o`);
    const trainable = trainableOf(['b1'], graph);
    const found = await findFrozenPrefix(trainable, settings, everything);
    expect(Object.keys(found?.kept ?? {}).sort()).toEqual(['c0', 's']);
    if (found === null) throw new Error('nothing was found');
    const x = samples(4);
    const behind = await lossesOf(found.rest, await runOnce(found.graph.model, { x }), found.kept);
    expect(behind).toEqual((await lossesOf(trainable, { x })).map((loss) => expect.closeTo(loss, 4)));
  });

  it('saves less where more does not fit', async () => {
    const trainable = trainableOf(['w4']);
    const [small, smaller] = [
      await findFrozenPrefix(trainable, settings, 16),
      await findFrozenPrefix(trainable, settings, 15),
    ];
    expect(Object.keys(small?.kept ?? {})).toEqual(['f3']);
    expect(smaller).toBeNull();
  });

  it('ends before what normalizes by the batch, and before random numbers', async () => {
    const byBatch = await findFrozenPrefix(trainableOf(['w4']), { ...settings, batchNorm: 'batch' }, everything);
    expect(Object.keys(byBatch?.kept ?? {})).toEqual(['c1']);
    const noisy = parseGraph(`
      x: float[N,3,8,8]
      w1 = float[8,3,3,3]
      w4 = float[5,288]
      n = RandomNormalLike(x)
      s = Add(x, n)
      c = Conv(s, w1)
      f = Flatten(c)
      o = Gemm(f, w4) transB=1
      -> o`);
    expect(await findFrozenPrefix(trainableOf(['w4'], noisy), settings, everything)).toBeNull();
  });

  it('is none where what is trained begins with the network', async () => {
    expect(await findFrozenPrefix(trainableOf(['w1', 'w4']), settings, everything)).toBeNull();
    const first = await findFrozenPrefix(trainableOf(['beta', 'w4']), settings, everything);
    expect(first === null ? 0 : elementCount(Object.values(first.kept)[0] ?? [])).toBe(512);
  });
});
