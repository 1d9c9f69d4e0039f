import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openCompanion, openDataset } from '../../../src/data/open.js';
import { allValues, idxBytes, temporaryFolder, write } from './bytes.js';

const pixels = Array.from({ length: 3 * 2 * 4 }, (_, i) => i * 10);

async function folderOf(files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, bytes] of Object.entries(files)) await write(folder, name, bytes);
  return folder;
}

describe('the MNIST family', () => {
  it('reads an images file with the labels beside it, plain or gzip, with a dash or a dot', async () => {
    for (const [images, labels] of [
      ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte'],
      ['train-images.idx3-ubyte', 'train-labels.idx1-ubyte'],
      ['train-images-idx3-ubyte.gz', 'train-labels-idx1-ubyte.gz'],
      ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte.gz'],
    ] as const) {
      const encode = (name: string, bytes: Uint8Array) => (name.endsWith('.gz') ? gzipSync(bytes) : bytes);
      const folder = await folderOf({
        [images]: encode(images, idxBytes([3, 2, 4], pixels)),
        [labels]: encode(labels, idxBytes([3], [2, 0, 1])),
      });
      const dataset = await openDataset(join(folder, images));
      expect(dataset).toMatchObject({
        format: 'idx',
        count: 3,
        sample: { shape: [2, 4], layout: 'HW', dtype: 'uint8' },
        targets: { kind: 'class', labels: Int32Array.of(2, 0, 1), names: ['0', '1', '2'] },
      });
      expect(await allValues(dataset)).toEqual(pixels);
    }
  });

  it('takes the train pair of a folder, and the t10k pair as the test set that belongs to it', async () => {
    const folder = await folderOf({
      'train-images-idx3-ubyte': idxBytes([3, 2, 4], pixels),
      'train-labels-idx1-ubyte': idxBytes([3], [2, 0, 1]),
      't10k-images-idx3-ubyte': idxBytes([1, 2, 4], pixels.slice(8, 16)),
      't10k-labels-idx1-ubyte': idxBytes([1], [1]),
    });
    const train = await openDataset(folder);
    const test = await openCompanion(train, 'test');
    expect(train.count).toBe(3);
    expect(test).toMatchObject({
      part: 'test',
      count: 1,
      targets: { labels: Int32Array.of(1), names: ['0', '1', '2'] },
    });
    // a file that is given is the data, whatever lies beside it
    const given = await openDataset(join(folder, 't10k-images-idx3-ubyte'));
    expect(given.count).toBe(1);
    expect(await openCompanion(given, 'test')).toBeNull();
  });

  it('knows an IDX file by its first bytes whatever its name, and reads big-endian floats', async () => {
    const folder = await folderOf({ anything: idxBytes([2, 2], [0.5, -1, 2, 3], 13) });
    const dataset = await openDataset(join(folder, 'anything'), { requireTargets: false });
    expect(dataset.sample).toEqual({ shape: [2], layout: 'values', dtype: 'float32' });
    expect(await allValues(dataset)).toEqual([0.5, -1, 2, 3]);
  });

  it('refuses what is malformed, saying which file, what and what to do', async () => {
    const images = idxBytes([3, 2, 4], pixels);
    const labels = idxBytes([3], [2, 0, 1]);
    const open = async (files: Readonly<Record<string, Uint8Array>>) =>
      openDataset(join(await folderOf(files), 'train-images-idx3-ubyte'));
    const name = 'train-images-idx3-ubyte';
    const labelsName = 'train-labels-idx1-ubyte';
    const failure = (message: RegExp) => ({ kind: 'input', message: expect.stringMatching(message) });

    await expect(open({ [name]: images.subarray(0, 30), [labelsName]: labels })).rejects.toMatchObject(
      failure(/train-images.* 40 bytes, but it holds 30.*cut short. Download it again/),
    );
    await expect(open({ [name]: images, [labelsName]: idxBytes([2], [0, 1]) })).rejects.toMatchObject(
      failure(/2 labels, but train-images-idx3-ubyte holds 3 images/),
    );
    await expect(open({ [name]: Buffer.from('<html>404'), [labelsName]: labels })).rejects.toMatchObject(
      failure(/does not start like an IDX file \(first bytes 3c68746d\)/),
    );
    await expect(open({ [name]: images })).rejects.toMatchObject(failure(/labels are not beside it. Put train-labels/));
    await expect(open({ [name]: gzipSync(images).subarray(0, 20), [labelsName]: labels })).rejects.toMatchObject(
      failure(/gzip data is damaged or cut short/),
    );
    // a few kilobytes that unpack to many megabytes
    const bomb = gzipSync(Buffer.concat([images, new Uint8Array(2 ** 24)]));
    await expect(open({ [name]: bomb, [labelsName]: labels })).rejects.toMatchObject(
      failure(/unpacks to more than the 40 bytes that its header announces/),
    );
    const nan = idxBytes([1, 2], [1, Number.NaN], 13);
    await expect(open({ [name]: nan, [labelsName]: idxBytes([1], [0]) })).rejects.toMatchObject(
      failure(/sample 0 holds NaN at position 1/),
    );
  });

  it('refuses a label beyond the classes it is told of, and a folder without data', async () => {
    const folder = await folderOf({
      'train-images-idx3-ubyte': idxBytes([3, 2, 4], pixels),
      'train-labels-idx1-ubyte': idxBytes([3], [2, 0, 1]),
    });
    await expect(openDataset(folder, { classNames: ['shirt', 'shoe'] })).rejects.toThrow(
      /label 0 is 2, but there are 2 classes/,
    );
    await mkdir(join(folder, 'empty'));
    await expect(openDataset(join(folder, 'empty'))).rejects.toThrow(/this folder is no data set of a known format/);
    await expect(openDataset(join(folder, 'missing'))).rejects.toThrow(/there is no such file or folder/);
  });
});
