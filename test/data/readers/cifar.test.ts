import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCompanion, openDataset } from '../../../src/data/open.js';
import { allValues, temporaryFolder, write } from './bytes.js';

/** One record: the label bytes, then the red, the green and the blue plane of 32 x 32. */
function record(labels: readonly number[], red: number, green: number, blue: number): Uint8Array {
  const plane = (value: number) => new Uint8Array(1024).fill(value);
  return Buffer.concat([Uint8Array.from(labels), plane(red), plane(green), plane(blue)]);
}

const tenNames = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ');

describe('CIFAR binary', () => {
  it('reads the batches of a folder one after another, with the names, and the test batch as the test set', async () => {
    const folder = await temporaryFolder();
    await write(folder, 'data_batch_1.bin', Buffer.concat([record([3], 1, 2, 3), record([9], 4, 5, 6)]));
    await write(folder, 'data_batch_2.bin', record([0], 7, 8, 9));
    await write(folder, 'test_batch.bin', record([6], 10, 11, 12));
    await write(folder, 'batches.meta.txt', `${tenNames.join('\n')}\n\n`);
    const train = await openDataset(folder);
    expect(train).toMatchObject({
      format: 'cifar10',
      count: 3,
      sample: { shape: [3, 32, 32], layout: 'CHW', dtype: 'uint8' },
      targets: { kind: 'class', labels: Int32Array.of(3, 9, 0), names: tenNames },
    });
    const values = await allValues(train);
    expect([values[0], values[1024], values[3071], values[3072], values[2 * 3072]]).toEqual([1, 2, 3, 4, 7]);
    const test = await openCompanion(train, 'test');
    expect(test).toMatchObject({ count: 1, targets: { labels: Int32Array.of(6), names: tenNames } });
  });

  it('reads a lone .bin, and the fine label of CIFAR-100', async () => {
    const folder = await temporaryFolder();
    const lone = await openDataset(await write(folder, 'some.bin', record([7], 1, 1, 1)));
    expect(lone).toMatchObject({ format: 'cifar10', targets: { labels: Int32Array.of(7) } });
    const hundred = await openDataset(await write(folder, 'train.bin', record([4, 72], 1, 1, 1)));
    expect(hundred).toMatchObject({ format: 'cifar100', targets: { labels: Int32Array.of(72) } });
    expect(hundred.targets).toHaveProperty('names.length', 100);
  });

  it('refuses a file that is cut short, a label out of range, a list of names that does not fit', async () => {
    const folder = await temporaryFolder();
    const short = await write(folder, 'data_batch_1.bin', record([3], 1, 2, 3).subarray(0, 3000));
    await expect(openDataset(short)).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(/data_batch_1.bin.*3073 bytes for each image.*cut short/),
    });
    await expect(openDataset(await write(folder, 'data_batch_2.bin', record([10], 1, 1, 1)))).rejects.toThrow(
      /label of image 0 is 10, but there are 10 classes/,
    );
    await write(folder, 'batches.meta.txt', 'cat\ndog\n');
    await expect(openDataset(await write(folder, 'data_batch_3.bin', record([1], 1, 1, 1)))).rejects.toThrow(
      `${join(folder, 'batches.meta.txt')}: it names 2 classes, not 10`,
    );
  });
});
