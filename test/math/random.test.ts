import { describe, expect, it } from 'vitest';
import { createRandom, shuffle, xoshiro128 } from '../../src/math/random.js';

describe('xoshiro128', () => {
  it('gives the published outputs for the state (1, 2, 3, 4)', () => {
    const next = xoshiro128([1, 2, 3, 4]);
    expect([next(), next(), next(), next()]).toEqual([11520, 0, 5927040, 70819200]);
  });
});

describe('createRandom', () => {
  it('repeats for the same seed and differs between seeds and streams', () => {
    const take = (seed: number, stream?: number) => {
      const random = createRandom(seed, stream);
      return Array.from({ length: 4 }, () => random.uint32());
    };
    expect(take(7)).toEqual(take(7));
    const streams = [take(7), take(8), take(7, 1), take(1, 7), take(7, 2), take(0), take(-1)];
    expect(new Set(streams.map(String)).size).toBe(streams.length);
  });

  it('is uniform and normal to within what 100 000 draws allow', () => {
    const random = createRandom(3);
    const n = 100_000;
    let sum = 0;
    let normalSum = 0;
    let normalSquares = 0;
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < n; i += 1) {
      sum += random.uniform();
      const z = random.normal();
      normalSum += z;
      normalSquares += z * z;
      const face = random.below(6);
      counts[face] = (counts[face] ?? 0) + 1;
    }
    expect(Math.abs(sum / n - 0.5)).toBeLessThan(0.005);
    expect(Math.abs(normalSum / n)).toBeLessThan(0.015);
    expect(Math.abs(normalSquares / n - 1)).toBeLessThan(0.025);
    for (const count of counts) expect(Math.abs(count / n - 1 / 6)).toBeLessThan(0.006);
  });
});

describe('shuffle', () => {
  it('permutes: every item is still there once', () => {
    const items = shuffle(
      Int32Array.from({ length: 1000 }, (_, i) => i),
      createRandom(1),
    );
    expect([...items]).not.toEqual([...items].sort((a, b) => a - b));
    expect([...items].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  it('gives each of the 6 orders of 3 items about equally often', () => {
    const counts = new Map<string, number>();
    const random = createRandom(5);
    for (let i = 0; i < 6000; i += 1) {
      const order = String(shuffle([0, 1, 2], random));
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
