import { expect, it } from 'vitest';
import { discard } from '../../src/runtime/discard.js';

it('gives the memory of large arrays back at once, and leaves small ones alone', () => {
  const [large, view] = [new Float32Array(2 ** 24).fill(1), new Float32Array(2 ** 24).fill(1)];
  const small = new Float32Array(4);
  const before = process.memoryUsage.rss();
  discard([large, view.subarray(1), view, small]);
  // both are 64 MiB
  expect(process.memoryUsage.rss()).toBeLessThan(before - 2 ** 26);
  expect([large.length, view.length, small.length]).toEqual([0, 0, 4]);
  discard([]);
});
