import { describe, expect, it } from 'vitest';
import type { StepSettings } from '../../src/training/prepare.js';
import { adamw, batch, distance, interceptRuns, type Network, plain, residual, stepperFor } from './networks.js';

/** Three, three and two batches, the last one partial; each step with a rate of its own. */
const groups = [
  [3, 3, 3],
  [3, 3, 3],
  [3, 1],
];

async function train(network: Network, settings: Partial<StepSettings>, stepsPerCall: number) {
  const stepper = stepperFor(network, 'cpu', { provider: 'cuda', ...settings }, { stepsPerCall });
  const losses: number[] = [];
  let seed = 0;
  for (const counts of groups) {
    const feeds = counts.map((count) => batch(seed++, count));
    const rates = feeds.map((_, i) => ({ weights: 0.02 / (seed + i), sites: 0.01 * i }));
    losses.push(...(await stepper.runAll(feeds, rates)));
  }
  return { losses, state: await stepper.read(), steps: stepper.steps };
}

// steps whose state is copied in every call, on the processor all the same
describe('several steps in one call', () => {
  it.each<[string, () => Network, Partial<StepSettings>]>([
    ['SGD', plain, {}],
    ['AdamW and running statistics', residual, { optimizer: adamw, batchNorm: 'batch' }],
  ])('are those steps one by one: %s', async (_, network, settings) => {
    const oneByOne = await train(network(), settings, 1);
    let calls = 0;
    await interceptRuns((feeds, run) => {
      if (Object.keys(feeds).some((name) => name.startsWith('targets'))) calls++;
      return run();
    });
    const looped = await train(network(), settings, 3);
    expect(calls).toBe(1 + 1 + 2);
    expect(looped.steps).toBe(8);
    looped.losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(oneByOne.losses[i] ?? Number.NaN, 5);
    });
    for (const [name, values] of oneByOne.state) {
      expect(distance(looped.state.get(name), values), name).toBeLessThan(1e-5);
    }
  });

  it('are taken one by one, and in parts, where memory does not suffice for all', async () => {
    const oneByOne = await train(plain(), {}, 1);
    await interceptRuns((feeds, run) => {
      const samples = Object.entries(feeds).flatMap(([name, { dims }]) =>
        name.startsWith('targets') ? [dims[0]] : [],
      );
      if (samples.length > 1 || (samples[0] ?? 0) > 2) throw new Error('Failed to allocate memory');
      return run();
    });
    const { losses, steps } = await train(plain(), {}, 3);
    expect(steps).toBe(8);
    losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(oneByOne.losses[i] ?? Number.NaN, 5);
    });
  });
});
