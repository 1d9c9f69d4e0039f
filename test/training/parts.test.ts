import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/contract/failure.js';
import type { StepSettings } from '../../src/training/prepare.js';
import type { StepState } from '../../src/training/stepper.js';
import {
  adamw,
  batch,
  distance,
  limitMemory,
  type Network,
  plain,
  rates,
  refusals,
  residual,
  stepperFor,
} from './networks.js';

async function train(network: Network, settings: Partial<StepSettings>, warnings: string[] = []) {
  const stepper = stepperFor(network, 'cpu', settings, { warn: (message) => warnings.push(message) });
  const losses: number[] = [];
  for (const [seed, count] of [5, 5, 3, 1].entries()) losses.push(await stepper.run(batch(seed, count), rates));
  return { losses, state: await stepper.read(), steps: stepper.steps };
}

function expectEqual(state: StepState, expected: StepState): void {
  expect([...state.keys()]).toEqual([...expected.keys()]);
  for (const [name, values] of expected) expect(distance(state.get(name), values), name).toBeLessThan(1e-5);
}

describe('a batch that memory does not suffice for', () => {
  it.each<[string, () => Network, Partial<StepSettings>]>([
    ['SGD with gradients clipped over all parts', plain, { clipNorm: 0.5 }],
    ['AdamW, squared errors', residual, { optimizer: adamw, loss: 'mse' }],
    ['SGD, an average, offsets bound', plain, { averageDecay: 0.9, maxOffset: -0.101 }],
    ['AdamW, an average', residual, { optimizer: adamw, averageDecay: 0.9 }],
  ])('takes the same steps in parts: %s', async (_, network, settings) => {
    const whole = await train(network(), settings);
    await limitMemory(2);
    const warnings: string[] = [];
    const inParts = await train(network(), settings, warnings);
    expect(inParts.steps).toBe(whole.steps);
    inParts.losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(whole.losses[i] ?? Number.NaN, 5);
    });
    expectEqual(inParts.state, whole.state);
    // 5 do not fit, nor do 3
    expect(warnings).toEqual([expect.stringContaining('parts of 3'), expect.stringContaining('parts of 2')]);
  });

  it.each(refusals)('is known by "%s"', async (refusal) => {
    await limitMemory(4, refusal);
    const warnings: string[] = [];
    await train(residual(), { batchNorm: 'batch' }, warnings);
    expect(warnings).toHaveLength(1);
  });

  it('says what to do where not even one sample fits', async () => {
    await limitMemory(0);
    const training = train(plain(), {});
    await expect(training).rejects.toThrow(Failure);
    await expect(training).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringContaining('not enough memory for a training step of one sample'),
      cure: 'Train less of the model, its biases or its last layer alone.',
      settings: ['train'],
    });
  });
});
