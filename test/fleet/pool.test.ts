import { expect, it } from 'vitest';
import { usableCores } from '../../src/contract/cores.js';
import { readPlan } from '../../src/fleet/plan.js';
import { capacity, threadsFor } from '../../src/fleet/pool.js';
import { planOf } from './plans.js';

it('computes as many units beside each other as cores and memory allow, at least one', async () => {
  const { units } = await readPlan(await planOf(3));
  expect(capacity(units, 4, 100e9)).toBe(4);
  expect(capacity(units, 64, 2e9)).toBeLessThan(8);
  expect(capacity(units, 64, 1e6)).toBe(1);
  expect(threadsFor(3, 8)).toBe(2);
  expect(threadsFor(9, 8)).toBe(1);
});

it("keeps to a container's quota", () => {
  expect(usableCores(16, 2.5)).toBe(2);
  expect(usableCores(16, 0.5)).toBe(1);
  expect(usableCores(2, 8)).toBe(2);
  expect(usableCores(16, null)).toBe(16);
});
