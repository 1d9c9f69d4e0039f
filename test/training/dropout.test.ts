import { describe, expect, it, onTestFinished } from 'vitest';
import { parametersIn } from '../../src/autodiff/step.js';
import type { Graph } from '../../src/model/graph.js';
import { elementCount } from '../../src/model/tensor.js';
import { float32 } from '../../src/runtime/session.js';
import { drawMasks, dropoutPlaces, type MaskDraw, withDropout } from '../../src/training/dropout.js';
import { makeTrainable, prepareStep, type StepSettings, type Trainable } from '../../src/training/prepare.js';
import { Stepper } from '../../src/training/stepper.js';
import { parseGraph } from '../transforms/notation.js';

const settings: StepSettings = {
  provider: 'cpu',
  loss: 'cross-entropy',
  optimizer: { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 },
  batchNorm: 'frozen',
  clipNorm: null,
  sampleShapes: { x: [2] },
};

async function masked(graph: Graph, sampleShapes: StepSettings['sampleShapes']): Promise<Trainable> {
  const trainable = makeTrainable('network.onnx', graph, 'all');
  const network = { trainable, bake: () => graph, reversions: () => [] };
  return (await withDropout(network, dropoutPlaces(trainable), { sampleShapes })).trainable;
}

const draw: MaskDraw = { seed: 3, epoch: 1, batch: 0 };

describe('masks of dropout', () => {
  const masks = [
    { input: 'a', shape: [50] },
    { input: 'b', shape: [4, 1, 1] },
  ];

  it('leave out the share that they are to, and keep the mean', () => {
    const { a } = drawMasks(masks, 0.25, 400, draw);
    expect(new Set(a?.values)).toEqual(new Set([0, Math.fround(4 / 3)]));
    const left = a?.values.filter((value) => value === 0).length ?? 0;
    // 20 000 draws: five standard deviations are 306
    expect(Math.abs(left - 5000)).toBeLessThan(306);
  });

  it('are the same for the same batch, and others for every other', () => {
    const first = drawMasks(masks, 0.5, 8, draw);
    expect(drawMasks(masks, 0.5, 8, draw)).toEqual(first);
    for (const other of [{ seed: 4 }, { epoch: 2 }, { batch: 1 }]) {
      expect(drawMasks(masks, 0.5, 8, { ...draw, ...other })).not.toEqual(first);
    }
    expect(first.b?.shape).toEqual([4, 1, 1]);
  });

  it('leave everything at rate 0', () => {
    expect(new Set(drawMasks(masks, 0, 2, draw).a?.values)).toEqual(new Set([1]));
  });
});

describe('a network with dropout', () => {
  it('takes the step that PyTorch takes with the same masks', async () => {
    const trainable = await masked(
      parseGraph(`
        x: float[N,2]
        w1 = float[2,3] 0.5 -0.3 0.8 0.2 0.7 -0.4
        b1 = float[3] 0.1 0.05 0.2
        w2 = float[3,2] 0.6 -0.2 -0.5 0.4 0.3 0.9
        b2 = float[2] 0.05 -0.1
        h = Gemm(x, w1, b1)
        r = Relu(h)
        y = Gemm(r, w2, b2)
        -> y`),
      settings.sampleShapes,
    );
    expect(trainable.masks?.map(({ shape }) => shape)).toEqual([[3]]);
    const stepper = new Stepper((size, part) => prepareStep(trainable, size, settings, part), trainable.graph);
    onTestFinished(() => stepper.release());
    const [mask] = trainable.masks ?? [];
    await stepper.step(2);
    const loss = await stepper.run(
      {
        inputs: {
          x: float32(Float32Array.of(1, 2, 0.5, -1), [2, 2]),
          [mask?.input ?? '']: float32(Float32Array.of(2, 0, 2, 0, 2, 2), [2, 3]),
        },
        targets: Float32Array.of(1, 0, 0, 1),
        count: 2,
      },
      { weights: 0.5, sites: 0.5 },
    );
    // PyTorch 2.13: cross_entropy((relu(x w1 + b1) * mask) w2 + b2, [0, 1]), one step of SGD at 0.5
    expect(loss).toBeCloseTo(0.249827, 5);
    const { groups } = await stepper.step(2);
    const parameters = parametersIn(groups, await stepper.read());
    const expected = {
      w1: [0.572376, -0.3, 0.784602, 0.344751, 0.7, -0.586331],
      b1: [0.172376, 0.05, 0.223486],
      w2: [0.690469, -0.290469, -0.5, 0.4, 0.188481, 1.011519],
      b2: [0.030428, -0.080428],
    };
    for (const [name, values] of Object.entries(expected)) {
      expect([...(parameters.get(name) ?? [])], name).toEqual(values.map((value) => expect.closeTo(value, 5)));
    }
  });

  it('leaves out whole channels before a convolution', async () => {
    const { masks } = await masked(
      parseGraph(`
        x: float[N,2,5,5]
        w1 = float[4,2,3,3]
        w2 = float[3,4,1,1]
        h = Conv(x, w1)
        r = Relu(h)
        y = Conv(r, w2)
        -> y`),
      { x: [2, 5, 5] },
    );
    expect(masks?.map(({ shape }) => shape)).toEqual([[4, 1, 1]]);
  });

  it('computes what it would have without masks where they are 1, and a bias alone where they are 0, in the layout of the processor too', async () => {
    const graph = parseGraph(`
      x: float[N,16,6,6]
      w1 = float[16,16,3,3]
      w2 = float[3,16,1,1]
      b2 = float[3] 0
      h = Conv(x, w1) pads=[1,1,1,1]
      r = Relu(h)
      c = Conv(r, w2, b2)
      g = GlobalAveragePool(c)
      y = Flatten(g)
      -> y`);
    const sampleShapes = { x: [16, 6, 6] };
    const networks = { bare: makeTrainable('network.onnx', graph, 'all'), dropping: await masked(graph, sampleShapes) };
    const x = Float32Array.from({ length: 2 * 16 * 36 }, (_, i) => Math.sin(i));
    const lossOf = async (trainable: Trainable, kept: number): Promise<readonly number[]> => {
      const own = { ...settings, sampleShapes };
      const stepper = new Stepper((size, part) => prepareStep(trainable, size, own, part), trainable.graph);
      onTestFinished(() => stepper.release());
      const masks = (trainable.masks ?? []).map(({ input, shape }) => {
        const values = new Float32Array(2 * elementCount(shape)).fill(kept);
        return [input, float32(values, [2, ...shape])] as const;
      });
      const inputs = { x: float32(x, [2, 16, 6, 6]), ...Object.fromEntries(masks) };
      const feed = { inputs, targets: Float32Array.of(1, 0, 0, 0, 0, 1), count: 2 };
      const losses: number[] = [];
      for (let i = 0; i < 2; i++) losses.push(await stepper.run(feed, { weights: 0.1, sites: 0.1 }));
      return losses;
    };
    const bare = await lossOf(networks.bare, 1);
    expect(await lossOf(networks.dropping, 1)).toEqual(bare.map((loss) => expect.closeTo(loss, 5)));
    expect((await lossOf(networks.dropping, 0))[0]).toBeCloseTo(Math.log(3), 5);
  });

  it('masks what the layer reads, on whichever side of a product', async () => {
    const { masks, graph } = await masked(
      parseGraph(`
        x: float[N,2]
        w = float[4,2]
        c = float[4,1]
        t = Transpose(x) perm=[1,0]
        p = MatMul(w, t)
        s = Add(p, c)
        u = Transpose(s) perm=[1,0]
        v = float[4,3]
        y = MatMul(u, v)
        -> y`),
      { x: [2] },
    );
    expect(masks?.map(({ shape }) => shape)).toEqual([[4]]);
    expect(graph.producer('y')?.input[1]).toBe('v');
  });

  it('is refused where a last layer does not read samples, and where there is none', async () => {
    const turned = parseGraph(`
      x: float[N,2]
      w = float[4,2]
      t = Transpose(x) perm=[1,0]
      p = MatMul(w, t)
      y = Transpose(p) perm=[1,0]
      -> y`);
    await expect(masked(turned, { x: [2] })).rejects.toMatchObject({ kind: 'input', settings: ['dropout'] });
    const bare = parseGraph(`
      x: float[N,2]
      y = Relu(x)
      -> y`);
    await expect(masked(bare, { x: [2] })).rejects.toMatchObject({ kind: 'input', settings: ['dropout'] });
  });
});
