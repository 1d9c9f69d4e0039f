import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../src/data/dataset.js';
import { countRepeats, type Splits, splitDataset, unseenPositions, wholeSplit } from '../../src/data/split.js';
import { createRandom } from '../../src/math/random.js';
import { memoryDataset, ramp } from './memory.js';

/** `sizes[c]` samples of class c, in mixed order, sample i being the number i. */
function classes(sizes: readonly number[]): Dataset {
  const labels = sizes.flatMap((size, label) => new Array<number>(size).fill(label));
  const step = 7;
  const mixed = labels.map((_, i) => labels[(i * step) % labels.length] ?? 0);
  return memoryDataset({
    shape: [1],
    storage: Float32Array.from(mixed, (_, i) => i),
    targets: { kind: 'class', labels: Int32Array.from(mixed), names: sizes.map((_, i) => `c${i}`) },
  });
}

function classCounts(dataset: Dataset, indices: Int32Array): number[] {
  const { targets } = dataset;
  if (targets.kind !== 'class') return [];
  return targets.names.map((_, label) => indices.filter((index) => targets.labels[index] === label).length);
}

const together = ({ train, validation, test }: Splits): number[] =>
  [...train.indices, ...validation.indices, ...test.indices].sort((a, b) => a - b);

describe('splitDataset', () => {
  it('covers everything once, at 0.7, 0.1 and 0.2, of every class', async () => {
    const dataset = classes([50, 30, 20]);
    const splits = await splitDataset(dataset, { seed: 1 });
    expect(together(splits)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(classCounts(dataset, splits.train.indices)).toEqual([35, 21, 14]);
    expect(classCounts(dataset, splits.validation.indices)).toEqual([5, 3, 2]);
    expect(classCounts(dataset, splits.test.indices)).toEqual([10, 6, 4]);
  });

  it('keeps every class within one sample of its share, and one of each in training, whatever the sizes', async () => {
    const random = createRandom(11);
    for (let trial = 0; trial < 30; trial += 1) {
      const sizes = Array.from({ length: 1 + random.below(6) }, () => 1 + random.below(40));
      sizes.push(10);
      const dataset = classes(sizes);
      const testFraction = 0.1 + 0.3 * random.uniform();
      const splits = await splitDataset(dataset, { seed: trial, testFraction, validationFraction: 0.15 });
      expect(together(splits)).toEqual(Array.from({ length: dataset.count }, (_, i) => i));
      const test = classCounts(dataset, splits.test.indices);
      const train = classCounts(dataset, splits.train.indices);
      for (const [label, size] of classCounts(dataset, Int32Array.from(together(splits))).entries()) {
        expect(Math.abs((test[label] ?? 0) - size * testFraction)).toBeLessThan(1);
        expect(train[label]).toBeGreaterThan(0);
      }
    }
  });

  it('repeats for a seed, and differs between seeds', async () => {
    const dataset = classes([40, 40]);
    const test = async (seed: number) => (await splitDataset(dataset, { seed })).test;
    expect(await test(1)).toEqual(await test(1));
    expect((await test(1)).indices).not.toEqual((await test(2)).indices);
    expect((await test(1)).indicesSha256).not.toBe((await test(2)).indicesSha256);
  });

  it('shuffles where there are no classes, and takes no test data where that is a set of its own', async () => {
    const values = { kind: 'values', values: new Float32Array(50), width: 1 } as const;
    const dataset = memoryDataset({ shape: [1], storage: ramp(50), targets: values });
    const splits = await splitDataset(dataset, { seed: 3, testFraction: 0 });
    expect([splits.train.count, splits.validation.count, splits.test.count]).toEqual([45, 5, 0]);
    expect([...splits.validation.indices]).not.toEqual([0, 1, 2, 3, 4]);
    expect(together(splits)).toEqual([...ramp(50)]);
  });

  it('refuses fractions that leave nothing, and data that is too small', async () => {
    const split = (count: number, testFraction: number) =>
      splitDataset(memoryDataset({ shape: [1], storage: ramp(count) }), { seed: 1, testFraction });
    await expect(split(10, 0.95)).rejects.toMatchObject({ kind: 'usage' });
    await expect(split(10, -0.1)).rejects.toMatchObject({ kind: 'usage' });
    await expect(split(2, 0.2)).rejects.toThrow(/2 samples are too few to split/);
  });
});

describe('digests', () => {
  it('are SHA-256 over the indices, and over what the samples and their targets are', async () => {
    const targets = { kind: 'class', labels: Int32Array.of(0, 1), names: ['a', 'b'] } as const;
    const split = await wholeSplit(memoryDataset({ shape: [2], storage: Uint8Array.of(1, 2, 3, 4), targets }));
    const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts));
    expect(split.indicesSha256).toBe(sha256(Buffer.from('0000000001000000', 'hex')).digest('hex'));
    expect(split.contentSha256).toBe(
      sha256(
        sha256(Uint8Array.of(1, 2)).digest(),
        sha256(Uint8Array.of(3, 4)).digest(),
        Buffer.from('0000000001000000', 'hex'),
      ).digest('hex'),
    );
    const relabelled = { ...targets, labels: Int32Array.of(1, 1) };
    const other = await wholeSplit(
      memoryDataset({ shape: [2], storage: Uint8Array.of(1, 2, 3, 4), targets: relabelled }),
    );
    expect(other.contentSha256).not.toBe(split.contentSha256);
  });

  it('know the samples that training or validation has not, byte for byte', async () => {
    const a = memoryDataset({ shape: [2], storage: Uint8Array.of(1, 2, 3, 4, 5, 6) });
    const b = memoryDataset({ shape: [2], storage: Uint8Array.of(3, 4, 3, 4, 6, 5) });
    const whole = async (samples: Dataset) => ({ samples, split: await wholeSplit(samples) });
    expect(await unseenPositions([await whole(a)], await whole(b))).toEqual(Int32Array.of(2));
    expect(await unseenPositions([await whole(b)], await whole(a))).toEqual(Int32Array.of(0, 2));
    expect(await countRepeats(await whole(b))).toBe(1);
    const apart = memoryDataset({ shape: [2], storage: Uint8Array.of(9, 9) });
    expect(await unseenPositions([await whole(apart), await whole(a)], await whole(b))).toEqual(Int32Array.of(2));
    expect(await unseenPositions([await whole(apart)], await whole(b))).toEqual(Int32Array.of(0, 1, 2));
  });
});
