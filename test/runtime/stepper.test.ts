import { expect, it } from 'vitest';
import { floatTensor } from '../../src/model/tensor.js';
import { float32 } from '../../src/runtime/session.js';
import { Stepper } from '../../src/runtime/stepper.js';
import { makeTrainable, prepareStep } from '../../src/training/prepare.js';
import { node } from '../autodiff/check-gradient.js';
import { graphOf } from '../autodiff/lower/model.js';

const feed = (x: readonly number[]) => ({
  inputs: { x: float32(Float32Array.from(x), [x.length, 1]) },
  targets: Float32Array.from(x, (value) => 2 * value),
  count: x.length,
});
const rates = { weights: 0.1, sites: 0.1 };

/** y = x w from w = 1, towards 2 x. */
function line(): Stepper {
  const graph = graphOf({
    inputs: { x: [-1, 1] },
    constants: [floatTensor('w', [1, 1], [1])],
    nodes: [node('MatMul', ['x', 'w'], ['y'])],
  });
  const trainable = makeTrainable('line.onnx', graph, 'all');
  const settings = {
    provider: 'cpu',
    loss: 'mse',
    optimiser: { kind: 'sgd', momentum: 0.5, nesterov: false, weightDecay: 0 },
    batchNorm: 'frozen',
    clipNorm: null,
    sampleShape: [1],
  } as const;
  return new Stepper((size) => prepareStep(trainable, size, settings), trainable.graph);
}

it('keeps one state over steps of different batch sizes', async () => {
  const stepper = line();
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
  const first = line();
  await first.run(feed([1, 2]), rates);
  const state = await first.read();
  const losses = [await first.run(feed([3]), rates), await first.run(feed([1, 2]), rates)];

  const second = line();
  await second.write(state, 1, 2);
  expect([await second.run(feed([3]), rates), await second.run(feed([1, 2]), rates)]).toEqual(losses);
  expect(second.steps).toBe(3);
  await first.release();
  await second.release();
});

it('hands out copies: what was read does not change with the next step', async () => {
  const stepper = line();
  await stepper.step(1);
  const state = await stepper.read();
  const before = [...state.values()].map((values) => [...values]);
  await stepper.run(feed([1]), rates);
  expect([...state.values()].map((values) => [...values])).toEqual(before);
  await stepper.release();
});
