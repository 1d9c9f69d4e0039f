import { describe, expect, it } from 'vitest';
import { drawMixing, mixRows } from '../../src/data/mixup.js';
import { createRandom } from '../../src/math/random.js';

describe('mixup', () => {
  it('adds up each sample and its partner, targets by the same shares', () => {
    const mixing = { share: 0.75, partners: Int32Array.of(2, 0, 1) };
    expect(mixRows(Float32Array.of(0, 4, 8, 12, 16, 20), mixing)).toEqual(Float32Array.of(4, 8, 6, 10, 14, 18));
    expect(mixRows(Float32Array.of(1, 0, 0, 1, 1, 0), mixing)).toEqual(Float32Array.of(1, 0, 0.25, 0.75, 0.75, 0.25));
  });

  it('pairs by a permutation, the same for the same stream', () => {
    const { share, partners } = drawMixing(createRandom(4, 1), 0.2, 64);
    expect(share).toBeGreaterThanOrEqual(0);
    expect(share).toBeLessThanOrEqual(1);
    expect([...partners].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, i) => i));
    expect([...partners]).not.toEqual(Array.from({ length: 64 }, (_, i) => i));
    expect(drawMixing(createRandom(4, 1), 0.2, 64)).toEqual({ share, partners });
    expect(drawMixing(createRandom(4, 2), 0.2, 64).share).not.toBe(share);
  });
});
