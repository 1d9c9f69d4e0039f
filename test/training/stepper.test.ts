import { expect, it } from 'vitest';
import { untrainedNetwork } from '../../fixtures/layers.js';
import type { Provider } from '../../src/contract/settings.js';
import { createRandom } from '../../src/math/random.js';
import { float32 } from '../../src/runtime/session.js';
import { findBlockSize } from '../../src/training/block-size.js';
import { makeTrainable, prepareStep } from '../../src/training/prepare.js';
import { Stepper } from '../../src/training/stepper.js';
import { line, lineStepper } from '../training/line.js';
import { distance } from './networks.js';

const feed = (x: readonly number[]) => ({
  inputs: { x: float32(Float32Array.from(x), [x.length, 1]) },
  targets: Float32Array.from(x, (value) => 2 * value),
  count: x.length,
});
const rates = { weights: 0.1, sites: 0.1 };

/** y = x w from w = 1, towards 2 x. */
const towardsTwo = () => lineStepper(line(1), 0.5);

it('keeps one state over steps of different batch sizes', async () => {
  const stepper = towardsTwo();
  // L = mean (x (w - 2))^2: the gradient is 2 (w - 2) mean x^2
  expect(await stepper.run(feed([1, 1, 1]), rates)).toBeCloseTo(1, 6);
  // w = 1 + 0.1 * 2, and the next loss is (1.2 - 2)^2
  expect(await stepper.run(feed([1]), rates)).toBeCloseTo(0.64, 6);
  // velocity = 0.5 * -2 - 1.6, w = 1.2 + 0.26
  expect(await stepper.run(feed([1, 1, 1]), rates)).toBeCloseTo(0.54 ** 2, 5);
  expect(stepper.steps).toBe(3);
  await stepper.release();
});

it('goes on from a state that was read, in another stepper too', async () => {
  const first = towardsTwo();
  await first.run(feed([1, 2]), rates);
  const state = await first.read();
  const losses = [await first.run(feed([3]), rates), await first.run(feed([1, 2]), rates)];

  const second = towardsTwo();
  await second.write(state, 1, 2);
  expect([await second.run(feed([3]), rates), await second.run(feed([1, 2]), rates)]).toEqual(losses);
  expect(second.steps).toBe(3);
  await first.release();
  await second.release();
});

it('hands out copies: what was read does not change with the next step', async () => {
  const stepper = towardsTwo();
  await stepper.step(1);
  const state = await stepper.read();
  const before = [...state.values()].map((values) => [...values]);
  await stepper.run(feed([1]), rates);
  expect([...state.values()].map((values) => [...values])).toEqual(before);
  await stepper.release();
});

/** A convolution that the CPU takes in blocked layout, one that it does not, and a normalization. */
const convolutional = () => {
  const graph = untrainedNetwork('convolutional', 3, [3, 6, 6], 4, (layers, input) => {
    const first = layers.op('first/relu', 'Relu', [layers.conv('first', input, 3, 16)]);
    const second = layers.batchNorm('norm', layers.conv('second', first, 16, 32, { bias: false }), 32);
    const third = layers.conv('third', layers.op('second/relu', 'Relu', [second]), 32, 5);
    return layers.dense('logits', layers.op('flat', 'Flatten', [third]), 5 * 36, 4);
  });
  return makeTrainable('convolutional.onnx', graph, 'all');
};

it('reads and writes the state as the model has it, whatever layout the steps compute in', async () => {
  const random = createRandom(1);
  const x = float32(
    Float32Array.from({ length: 2 * 108 }, () => random.normal()),
    [2, 3, 6, 6],
  );
  const images = { inputs: { input: x }, targets: Float32Array.of(1, 0, 0, 0, 0, 0, 1, 0), count: 2 };
  const trainable = convolutional();
  const settings = {
    loss: 'cross-entropy',
    optimizer: { kind: 'sgd', momentum: 0.9, nesterov: false, weightDecay: 1e-3 },
    batchNorm: 'frozen',
    clipNorm: null,
    sampleShapes: { input: [3, 6, 6] },
  } as const;
  /** on the CPU either way; what is prepared for a device is in plain layout */
  const stepper = (provider: Provider) =>
    new Stepper((size) => prepareStep(trainable, size, { ...settings, provider }), trainable.graph);
  const [blocked, plain] = [stepper('cpu'), stepper('cuda')];
  for (const each of [blocked, plain]) await each.run(images, rates);
  const [state, expected] = [await blocked.read(), await plain.read()];
  expect([...state.keys()]).toEqual([...expected.keys()]);
  for (const [name, values] of expected) expect(distance(state.get(name), values), name).toBeLessThan(1e-5);

  const { groups } = await blocked.step(2);
  const reordered = groups.flatMap(({ slots }) => slots).filter(({ order }) => order !== null);
  expect(reordered).toHaveLength((await findBlockSize()) === null ? 0 : 2);

  const other = stepper('cpu');
  await other.write(state, 1, 2);
  expect(await other.run(images, rates)).toBe(await blocked.run(images, rates));
  for (const each of [blocked, plain, other]) await each.release();
});

it('steps against labels and a teacher side by side, alone or several in a call', async () => {
  const trainable = makeTrainable('line.onnx', line(1), 'all');
  const settings = {
    provider: 'cpu',
    loss: 'mse',
    optimizer: { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 },
    batchNorm: 'frozen',
    clipNorm: null,
    sampleShapes: { x: [1] },
    distillation: { weight: 0.25, temperature: 1 },
  } as const;
  // the label of x is 2 x, the teacher says 6 x: together they pull towards 3 x
  const taught = (x: readonly number[]) => ({
    ...feed(x),
    targets: Float32Array.from(x.flatMap((value) => [2 * value, 6 * value])),
  });
  const batches = [taught([1, 1]), taught([2, -1]), taught([1])];
  for (const stepsPerCall of [1, 2]) {
    const stepper = new Stepper((size) => prepareStep(trainable, size, settings), trainable.graph, { stepsPerCall });
    const losses = await stepper.runAll(
      batches,
      batches.map(() => rates),
    );
    let w = 1;
    for (const [i, meanSquare] of [1, 2.5, 1].entries()) {
      expect(losses[i]).toBeCloseTo(meanSquare * (0.75 * (w - 2) ** 2 + 0.25 * (w - 6) ** 2), 5);
      w -= 0.1 * 2 * (w - 3) * meanSquare;
    }
    await stepper.release();
  }
});
