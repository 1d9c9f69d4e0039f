import { onTestFinished, vi } from 'vitest';
import { type Layers, untrainedNetwork } from '../../fixtures/layers.js';
import type { OptimizerSettings, Provider } from '../../src/contract/settings.js';
import { createRandom } from '../../src/math/random.js';
import type { Graph } from '../../src/model/graph.js';
import { elementCount, floatTensor } from '../../src/model/tensor.js';
import { float32, type InferenceSession, openSession, type Tensor } from '../../src/runtime/session.js';
import { makeTrainable, prepareStep, type StepSettings } from '../../src/training/prepare.js';
import { type StepFeed, Stepper, type StepperOptions } from '../../src/training/stepper.js';

export const rates = { weights: 0.02, sites: 0.02 };

export interface Network {
  readonly graph: Graph;
  /** the shifts and offsets among its initializers */
  readonly sites: readonly string[];
}

const image = [2, 8, 8];
const classes = 3;
const sgd: OptimizerSettings = { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 1e-3 };
export const adamw: OptimizerSettings = { kind: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 1e-2 };
const usual: StepSettings = {
  provider: 'webgpu',
  loss: 'cross-entropy',
  optimizer: sgd,
  batchNorm: 'frozen',
  clipNorm: null,
  sampleShapes: { input: image },
};

/** FReLU in each of its forms, max pooling with and without overlap, two dense layers. */
export function plain(): Network {
  const scalar: [string, number[]][] = [
    ['shift', []],
    ['clip', []],
    ['add', []],
  ];
  const graph = untrainedNetwork('plain', 1, image, classes, (layers, input) => {
    let x = layers.op('shifted', 'Add', [layers.conv('conv1', input, 2, 4), 'shift']);
    x = layers.op('relu', 'Add', [layers.op('relu/relu', 'Relu', [x]), 'add']);
    x = layers.op('overlapping', 'MaxPool', [x], pool(3, 2, 1));
    x = layers.op('clip/frelu', 'Clip', [layers.conv('conv2', x, 4, 6), 'clip']);
    x = layers.op('tiling', 'MaxPool', [x], pool(2, 2, 0));
    x = layers.op('max/frelu', 'Max', [layers.conv('conv3', x, 6, 6), 'max']);
    x = layers.dense('dense', layers.op('flat', 'Flatten', [x]), 24, 8);
    return layers.dense('logits', layers.op('dense/relu', 'Relu', [x]), 8, classes);
  });
  for (const [name, shape] of scalar) graph.addInitializer(floatTensor(name, shape, [-0.1]));
  graph.addInitializer(floatTensor('max', [6, 1, 1], Array<number>(6).fill(-0.1)));
  return { graph, sites: ['shift', 'add', 'clip', 'max'] };
}

function pool(kernel: number, stride: number, pad: number) {
  return {
    kernel_shape: { ints: [kernel, kernel] },
    strides: { ints: [stride, stride] },
    pads: { ints: [pad, pad, pad, pad] },
  };
}

/** Two residual blocks, the second with a stride and a convolution on its shortcut. */
export function residual(): Network {
  const graph = untrainedNetwork('residual', 2, image, classes, (layers, input) => {
    const x = layers.op('stem/relu', 'Relu', [normalized(layers, 'stem', input, 2, 4)]);
    const first = layers.op('sum1', 'Add', [normalized(layers, 'block1', x, 4, 4), x]);
    const y = layers.op('block1/relu', 'Relu', [first]);
    const shortcut = normalized(layers, 'shortcut', y, 4, 6, 2, 1);
    const second = layers.op('sum2', 'Add', [normalized(layers, 'block2', y, 4, 6, 2), shortcut]);
    const pooled = layers.op('pool', 'GlobalAveragePool', [layers.op('block2/relu', 'Relu', [second])]);
    return layers.dense('logits', layers.op('flat', 'Flatten', [pooled]), 6, classes);
  });
  return { graph, sites: [] };
}

function normalized(layers: Layers, name: string, x: string, from: number, to: number, stride = 1, kernel = 3): string {
  return layers.batchNorm(
    `${name}/norm`,
    layers.conv(`${name}/conv`, x, from, to, { kernel, stride, bias: false }),
    to,
  );
}

/** The same random batches for every stepper. */
export function batch(seed: number, count: number): StepFeed {
  const random = createRandom(seed);
  const pixels = Float32Array.from({ length: count * elementCount(image) }, () => random.normal());
  const targets = new Float32Array(count * classes);
  for (let i = 0; i < count; i++) targets[i * classes + ((i + seed) % classes)] = 1;
  return { inputs: { input: float32(pixels, [count, ...image]) }, targets, count };
}

export function stepperFor(
  { graph, sites }: Network,
  provider: Provider = 'cpu',
  changes: Partial<StepSettings> = {},
  options: StepperOptions = {},
): Stepper {
  const trainable = { ...makeTrainable('network.onnx', graph, 'all', sites), offsets: new Set(sites) };
  const settings = { ...usual, provider, ...changes };
  const stepper = new Stepper((size, part) => prepareStep(trainable, size, settings, part), trainable.graph, {
    ...options,
    provider,
  });
  onTestFinished(() => stepper.release());
  return stepper;
}

/** |a - b| / |b| */
export function distance(a: Float32Array | undefined, b: Float32Array): number {
  const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return norm(b.map((value, i) => value - (a?.[i] ?? Number.NaN))) / norm(b);
}

export type Tensors = Readonly<Record<string, Tensor>>;

/** Puts `intercept` between every session and whoever runs it, until the test ends. */
export async function interceptRuns(
  intercept: (feeds: Tensors, run: () => Promise<Tensors>) => Promise<Tensors>,
): Promise<void> {
  const { graph } = await stepperFor(plain()).step(1);
  const session = await openSession(graph.model);
  const prototype: InferenceSession = Object.getPrototypeOf(session);
  await session.release();
  const { run } = prototype;
  const spy = vi.spyOn(prototype, 'run').mockImplementation(function (this: InferenceSession, feeds, fetches) {
    return intercept(feeds, () => run.call(this, feeds, fetches));
  });
  onTestFinished(() => spy.mockRestore());
}

/** As ONNX Runtime says it on the CPU and on CUDA, and on WebGPU. */
export const refusals = [
  'bfc_arena.cc:360 Failed to allocate memory for requested buffer of size 160000000000',
  'WebGPU validation failed. [Invalid Buffer (unlabeled)] is invalid due to a previous error.',
];

/** Lets memory suffice for training on `limit` samples at once. */
export const limitMemory = (limit: number, refusal = refusals[0]) =>
  interceptRuns((feeds, run) => {
    if ((feeds.targets?.dims[0] ?? 0) > limit) throw new Error(refusal);
    return run();
  });
