import { describe, expect, it } from 'vitest';
import { type Layers, untrainedNetwork } from '../../fixtures/layers.js';
import { createInputs } from '../../src/data/inputs.js';
import { planPreprocessing } from '../../src/data/preprocess.js';
import { createRandom } from '../../src/math/random.js';
import type { Graph } from '../../src/model/graph.js';
import { pixelPrologues } from '../../src/reading/fed-predictor.js';
import { pixelInputName } from '../../src/runtime/pixel-prologue.js';
import { float32, Tensor } from '../../src/runtime/session.js';
import { makeTrainable, prepareStep, type StepSettings } from '../../src/training/prepare.js';
import { recalibrate } from '../../src/training/recalibrate.js';
import { type StepFeed, Stepper } from '../../src/training/stepper.js';
import { memoryDataset } from '../data/memory.js';
import { distance, interceptRuns, rates } from './networks.js';

const [height, width, classes] = [12, 10, 3];
const random = createRandom(4);
const storage = Uint8Array.from({ length: 24 * height * width * 3 }, () => Math.floor(256 * random.uniform()));
const dataset = memoryDataset({ shape: [height, width, 3], layout: 'HWC', storage });
const normal = { mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.4] };

/** A network with the shape of one sample of its input. */
interface Network {
  readonly graph: Graph;
  readonly shape: readonly number[];
}

function network(name: string, shape: readonly number[], write: (layers: Layers, input: string) => string): Network {
  return { graph: untrainedNetwork(name, 1, shape, classes, write), shape };
}

/** A convolution that overlaps itself, normalized. */
function convolutional(layers: Layers, input: string): string {
  const convolved = layers.conv('conv', input, 3, 16, { kernel: 5, stride: 4, bias: false });
  const active = layers.op('relu', 'Relu', [layers.batchNorm('norm', convolved, 16)]);
  const pooled = layers.op('pool', 'GlobalAveragePool', [active]);
  return layers.dense('logits', layers.op('flat', 'Flatten', [pooled]), 16, classes);
}

const planar = network('planar', [3, height, width], convolutional);

const interleaved = network('interleaved', [height, width, 3], (layers, input) =>
  convolutional(layers, layers.op('first', 'Transpose', [input], { perm: { ints: [0, 3, 1, 2] } })),
);

const flat = network('flat', [height * width * 3], (layers, input) =>
  layers.dense('out', layers.op('relu', 'Relu', [layers.dense('hidden', input, height * width * 3, 8)]), 8, classes),
);

const usual: StepSettings = {
  provider: 'cpu',
  loss: 'cross-entropy',
  optimizer: { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 1e-3 },
  batchNorm: 'frozen',
  clipNorm: null,
  sampleShapes: {},
};

/** The network with its settings, fed with floats and with bytes. */
function fed({ graph, shape }: Network, changes: Partial<StepSettings> = {}) {
  const trainable = makeTrainable('network.onnx', graph, 'all');
  const options = shape.length === 1 ? { ...normal, layout: 'NHWC' as const } : normal;
  const inputs = createInputs(dataset, planPreprocessing(dataset, { shape: [null, ...shape] }, options));
  const settings = { ...usual, sampleShapes: { input: shape }, ...changes };
  const pixels = pixelPrologues(trainable.graph.model, [{ ...inputs, name: 'input' }]);
  expect(pixels).toHaveLength(1);

  const feed = async (indices: readonly number[], asBytes: boolean): Promise<StepFeed> => {
    const count = indices.length;
    const targets = new Float32Array(count * classes);
    for (const [i, index] of indices.entries()) targets[i * classes + (index % classes)] = 1;
    if (!asBytes)
      return { inputs: { input: float32(await inputs.gather(indices), [count, ...shape]) }, targets, count };
    const bytes = (await inputs.pixels?.gather(indices)) ?? new Uint8Array();
    const tensor = new Tensor('uint8', bytes, [count, height * width, 3]);
    return { inputs: { [pixelInputName('input')]: tensor }, targets, count };
  };
  return { trainable, feed, settingsFor: (asBytes: boolean) => (asBytes ? { ...settings, pixels } : settings) };
}

const orders = [[...Array(16).keys()], [20, 3, 7, 9, 11], [1]];

async function train({ trainable, feed, settingsFor }: ReturnType<typeof fed>, asBytes: boolean) {
  const settings = settingsFor(asBytes);
  const stepper = new Stepper((size, part) => prepareStep(trainable, size, settings, part), trainable.graph);
  try {
    const losses: number[] = [];
    for (const indices of orders) losses.push(await stepper.run(await feed(indices, asBytes), rates));
    return { losses, state: await stepper.read(), step: await stepper.step(16) };
  } finally {
    await stepper.release();
  }
}

async function expectSame(own: ReturnType<typeof fed>): Promise<void> {
  const [floats, bytes] = [await train(own, false), await train(own, true)];
  for (const [i, loss] of floats.losses.entries()) expect(bytes.losses[i]).toBeCloseTo(loss, 5);
  expect([...bytes.state.keys()]).toEqual([...floats.state.keys()]);
  for (const [name, values] of floats.state) expect(distance(bytes.state.get(name), values), name).toBeLessThan(1e-5);
  // what makes an input of pixels is not trained
  const places = ({ groups }: typeof floats.step) =>
    groups.map(({ slots }) => slots.map(({ name, length }) => [name, length]));
  expect(places(bytes.step)).toEqual(places(floats.step));
  expect(bytes.step.inputs).toEqual(['input:pixels']);
}

describe('steps that make their input of 8-bit samples are those of floats', () => {
  it.each<[string, Network, Partial<StepSettings>]>([
    ['channels first', planar, {}],
    ['channels first, normalized by the batch', planar, { batchNorm: 'batch' }],
    ['channels last', interleaved, {}],
    ['flattened', flat, {}],
  ])('%s', async (_, own, changes) => {
    await expectSame(fed(own, changes));
  });

  it('in parts, where memory does not suffice for a batch', async () => {
    await interceptRuns((feeds, run) => {
      if ((feeds.targets?.dims[0] ?? 0) > 5)
        throw new Error('Failed to allocate memory for requested buffer of size 1');
      return run();
    });
    await expectSame(fed(planar));
  });

  it.each([planar, interleaved])('no floats are moved between the layouts: $shape', async (own) => {
    const { step } = await train(fed(own), true);
    const moved = step.graph.nodes.filter(
      (node) => node.opType === 'Transpose' && step.graph.producer(node.input[0] ?? '')?.opType === 'Add',
    );
    expect(moved).toEqual([]);
  });

  it('and so are the statistics of the batches', async () => {
    const { trainable, feed, settingsFor } = fed(planar);
    const statistics = async (asBytes: boolean) => {
      const batches = {
        count: 16,
        batchSize: 8,
        async *epoch() {
          yield await feed([0, 1, 2, 3, 4, 5, 6, 7], asBytes);
          yield await feed([23, 22, 21, 20, 8, 9, 10, 11], asBytes);
        },
      };
      return recalibrate(trainable, new Map(), batches, settingsFor(asBytes), {});
    };
    const [floats, bytes] = [await statistics(false), await statistics(true)];
    expect(floats.size).toBe(2);
    for (const [name, values] of floats) expect(distance(bytes.get(name), values), name).toBeLessThan(1e-5);
  });
});
