import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDataset, type ReadOptions } from '../../../src/data/open.js';
import { littleEndian, npyBytes, temporaryFolder, write, zipBytes } from './bytes.js';

const count = 3;
const [height, width] = [2, 4];
const pixels = height * width;

type Type = '<i8' | '<f4' | '|u1';

function array(type: Type, shape: readonly number[], value: (i: number) => number = (i) => i % 3): Uint8Array {
  const values = Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => value(i));
  const bytes = {
    '<i8': littleEndian.int64,
    '<f4': littleEndian.float32,
    '|u1': (all: readonly number[]) => Uint8Array.from(all),
  };
  return npyBytes(type, shape, bytes[type](values));
}

async function opened(x: readonly number[], y: Uint8Array, options: ReadOptions = {}) {
  const path = await write(await temporaryFolder(), 'data.npz', zipBytes({ 'x.npy': array('|u1', x), 'y.npy': y }));
  return openDataset(path, options);
}

const images = [count, height, width, 3];

describe('an array of whole numbers', () => {
  it.each([[[count, height, width]], [[count, 1, height, width]], [[count, height, width, 1]]])(
    'as large as the images is their masks: %j',
    async (shape) => {
      for (const x of [images, [count, 3, height, width], [count, height, width]]) {
        const { targets } = await opened(x, array('<i8', shape));
        if (targets.kind !== 'mask' || targets.store === null) throw new Error('these are no masks');
        expect(targets.store).toMatchObject({ count, shape: [height, width], values: [0, 1, 2] });
        const { values } = await targets.store.gather([2, 0], null);
        expect([...values]).toEqual([16, 17, 18, 19, 20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6, 7].map((i) => i % 3));
      }
    },
  );

  it('is what it was where it is not: rows, columns for each class, values that are named', async () => {
    expect((await opened([count, 5], array('<i8', [count, height, width]))).targets.kind).toBe('values');
    expect((await opened(images, array('<i8', [count, height * width]))).targets.kind).toBe('values');
    expect((await opened(images, array('<f4', [count, height, width]))).targets.kind).toBe('values');
    expect((await opened(images, array('<i8', [count, height, width]), { targetKind: 'values' })).targets.kind).toBe(
      'values',
    );
  });

  it('is that of floats too, where masks are named', async () => {
    const { targets } = await opened(images, array('<f4', [count, height, width]), { targetKind: 'mask' });
    expect(targets).toMatchObject({ kind: 'mask', store: { values: [0, 1, 2] } });
    const many = await opened(
      images,
      array('<i8', [count, height, width], (i) => 300 + i),
      { targetKind: 'mask' },
    );
    expect(many.targets).toMatchObject({
      kind: 'mask',
      store: { values: expect.arrayContaining([300, 300 + count * pixels - 1]) },
    });
  });

  it('is refused where it holds what is no class, or has another shape', async () => {
    const refused = (y: Uint8Array, message: RegExp) =>
      expect(opened(images, y, { targetKind: 'mask' })).rejects.toMatchObject({
        kind: 'input',
        message: expect.stringMatching(message),
      });
    await refused(
      array('<i8', [count, height, width], (i) => (i === pixels ? -1 : 0)),
      /y\[1\] holds -1, which is no class/,
    );
    await refused(
      array('<f4', [count, height, width], (i) => i / 2),
      /0\.5, which is no class/,
    );
    await refused(array('<i8', [count, height]), /\[samples, height, width\]/);
    await refused(array('<i8', [count, 3, 3]), /masks of 3x3 for samples of \[2, 4, 3\]/);
  });

  it('with a column for each class is left to the reading, which knows the model', async () => {
    const y = array('<i8', [count, 5, height, width]);
    expect((await opened(images, y, { targetKind: 'mask' })).targets).toMatchObject({
      kind: 'values',
      shape: [5, height, width],
    });
  });

  it('is read from files beside each other', async () => {
    const folder = await temporaryFolder();
    await write(folder, 'x.npy', array('|u1', images));
    await write(
      folder,
      'y.npy',
      array('|u1', [count, height, width], (i) => (i % 2) * 255),
    );
    expect((await openDataset(join(folder, 'x.npy'))).targets).toMatchObject({
      kind: 'mask',
      store: { values: [0, 255] },
    });
    expect((await openDataset(folder)).targets).toMatchObject({ kind: 'mask', store: { count } });
  });
});
