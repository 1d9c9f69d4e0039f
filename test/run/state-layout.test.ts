import { expect, it } from 'vitest';
import { stateLayout } from '../../src/run/state-layout.js';
import { adamw, residual, stepperFor } from '../training/networks.js';

const layoutAt = async (batchSize: number, settings: Parameters<typeof stepperFor>[2] = {}) =>
  stateLayout(await stepperFor(residual(), 'cpu', settings).step(batchSize));

it('is that of the same training at every batch size, and another for what has another state', async () => {
  const layout = await layoutAt(2);
  expect(await layoutAt(3)).toBe(layout);
  const others = [{ optimizer: adamw }, { batchNorm: 'batch' }, { averageDecay: 0.9 }] as const;
  const layouts = await Promise.all(others.map((settings) => layoutAt(2, settings)));
  expect(new Set([layout, ...layouts]).size).toBe(4);
});

it('tells apart what lies at other places, and not in which order a device has it', async () => {
  const { groups, carried } = await stepperFor(residual()).step(2);
  const changed = (change: object) =>
    stateLayout({
      carried,
      groups: groups.map((group) => ({ ...group, slots: group.slots.map((slot) => ({ ...slot, ...change })) })),
    });
  const layout = stateLayout({ groups, carried });
  expect(changed({ order: null })).toBe(layout);
  for (const change of [{ offset: 7 }, { from: 1 }, { scale: { factors: [2], axis: 0 } }]) {
    expect(changed(change)).not.toBe(layout);
  }
});
