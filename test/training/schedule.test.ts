import { expect, it } from 'vitest';
import { scheduleFactor } from '../../src/training/schedule.js';

it.each([
  ['cosine', [1, 0.8536, 0.5, 0.1464, 0]],
  ['step', [1, 1, 0.1, 0.01, 0.01]],
  ['constant', [1, 1, 1, 1, 1]],
] as const)('%s falls as it says', (schedule, factors) => {
  factors.forEach((factor, i) => {
    expect(scheduleFactor(schedule, i / 4)).toBeCloseTo(factor, 4);
  });
});

it('stays within its ends where a budget is overdrawn', () => {
  expect(scheduleFactor('cosine', 1.2)).toBe(0);
  expect(scheduleFactor('cosine', -0.1)).toBe(1);
});
