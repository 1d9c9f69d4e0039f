import { expect, it } from 'vitest';
import { findLearningRate } from '../../src/run/learning-rate.js';
import { float32 } from '../../src/runtime/session.js';
import type { ArmSubject } from '../../src/training/arm.js';
import { line, lineStepper } from '../training/line.js';

/** y = x w from w = 0 towards 3 x, x all of one size: the curvature, and with it the largest useful rate, goes with its square. */
function lineOf(size: number): ArmSubject {
  const graph = line(0);
  return {
    stepper: lineStepper(graph),
    batches: {
      count: 42,
      batchSize: 2,
      async *epoch() {
        for (let at = 0; at < 42; at += 2) {
          const x = new Float32Array(2).fill(size);
          yield { inputs: { x: float32(x, [2, 1]) }, targets: x.map((value) => 3 * value), count: 2 };
        }
      },
    },
    bake: () => graph,
    validate: async () => ({ loss: 0, metric: null }),
  };
}

// L = x^2 (w - 3)^2 diverges at a constant rate beyond 1 / x^2
it.each([
  [1, 0.1],
  [10, 0.01],
  [30, 0.001],
])('finds the largest rate that serves the data: inputs of size %d, rate %d', async (size, rate) => {
  const subject = lineOf(size);
  const { learningRate, losses } = await findLearningRate(subject, { steps: 40, scale: 1 });
  expect(learningRate).toBe(rate);
  expect(losses.map((each) => each.learningRate)).toEqual([0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001]);
  await subject.stepper.release();
});

it('leaves the state as it was', async () => {
  const subject = lineOf(1);
  await subject.stepper.step(2);
  const before = await subject.stepper.read();
  await findLearningRate(subject, { steps: 5, scale: 1 });
  expect(await subject.stepper.read()).toEqual(before);
  expect(subject.stepper.steps).toBe(0);
  await subject.stepper.release();
});

it('goes on below its candidates where all of them diverge, and gives the last where nothing serves', async () => {
  const far = lineOf(1e3);
  expect((await findLearningRate(far, { steps: 40, scale: 1 })).learningRate).toBeCloseTo(1e-6, 12);
  await far.stepper.release();
  const subject = lineOf(1e12);
  expect((await findLearningRate(subject, { steps: 5, scale: 0.1 })).learningRate).toBeCloseTo(1e-9, 15);
  await subject.stepper.release();
});
