import { describe, expect, it } from 'vitest';
import { openCompanion, openDataset } from '../../../src/data/open.js';
import { allValues, littleEndian, npyBytes, temporaryFolder, write, zipBytes } from './bytes.js';

const { float32, int64 } = littleEndian;
const folder = await temporaryFolder();
let files = 0;
function archive(arrays: Readonly<Record<string, Uint8Array>>): Promise<string> {
  files += 1;
  const entries = Object.fromEntries(Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, bytes]));
  return write(folder, `${files}.npz`, zipBytes(entries));
}

describe('.npz', () => {
  it("reads Keras's arrays, 8-bit pixels and integer labels, train and test", async () => {
    const path = await archive({
      x_train: npyBytes('|u1', [2, 2, 2], Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 255)),
      y_train: npyBytes('<i8', [2], int64([1, 0])),
      x_test: npyBytes('|u1', [1, 2, 2], Uint8Array.of(9, 9, 9, 9)),
      y_test: npyBytes('|u1', [1], Uint8Array.of(1)),
    });
    const train = await openDataset(path);
    expect(train).toMatchObject({
      format: 'npz',
      part: 'train',
      count: 2,
      sample: { shape: [2, 2], layout: 'HW', dtype: 'uint8' },
      targets: { kind: 'class', labels: Int32Array.of(1, 0), names: ['0', '1'] },
    });
    expect(await allValues(train)).toEqual([1, 2, 3, 4, 5, 6, 7, 255]);
    expect(await openCompanion(train, 'test')).toMatchObject({ count: 1, targets: { labels: Int32Array.of(1) } });
    expect(await openCompanion(train, 'validation')).toBeNull();
  });

  it('tells classes from values: one-hot rows, columns of labels, strings, floats, multi-label rows', async () => {
    const x = npyBytes('<f4', [2, 1], float32([0.5, 1.5]));
    const targetsOf = async (y: Uint8Array) => (await openDataset(await archive({ data: x, targets: y }))).targets;
    const strings = Buffer.alloc(2 * 3 * 4);
    for (const [i, letter] of [...'catox'].entries()) strings.writeUInt32LE(letter.charCodeAt(0), 4 * i);

    expect(await targetsOf(npyBytes('<f4', [2, 3], float32([0, 0, 1, 1, 0, 0])))).toEqual({
      kind: 'class',
      labels: Int32Array.of(2, 0),
      names: ['0', '1', '2'],
    });
    expect(await targetsOf(npyBytes('|u1', [2, 1], Uint8Array.of(1, 0)))).toMatchObject({
      labels: Int32Array.of(1, 0),
    });
    expect(await targetsOf(npyBytes('<U3', [2], strings))).toEqual({
      kind: 'class',
      labels: Int32Array.of(0, 1),
      names: ['cat', 'ox'],
    });
    expect(await targetsOf(npyBytes('<f4', [2], float32([3, 1])))).toEqual({
      kind: 'values',
      values: Float32Array.of(3, 1),
      width: 1,
    });
    expect(await targetsOf(npyBytes('|u1', [2, 3], Uint8Array.of(1, 1, 0, 0, 0, 1)))).toEqual({
      kind: 'values',
      values: Float32Array.of(1, 1, 0, 0, 0, 1),
      width: 3,
    });
  });

  it('reads the channel axis off the shape where it can, and asks where it cannot', async () => {
    const labels = npyBytes('|u1', [1], Uint8Array.of(0));
    const layoutOf = async (shape: readonly number[], layout?: 'NCHW' | 'NHWC') => {
      const data = new Uint8Array(shape.reduce((product, dim) => product * dim, 1));
      const path = await archive({ images: npyBytes('|u1', [1, ...shape], data), labels });
      return (await openDataset(path, layout === undefined ? {} : { layout })).sample.layout;
    };
    expect(await layoutOf([8, 8, 3])).toBe('HWC');
    expect(await layoutOf([3, 8, 8])).toBe('CHW');
    expect(await layoutOf([3, 8, 3])).toBe('values');
    expect(await layoutOf([3, 8, 3], 'NCHW')).toBe('CHW');
  });

  it('reads half precision and big-endian numbers', async () => {
    const half = Buffer.alloc(8);
    for (const [i, bits] of [0x3c00, 0xc000, 0x3555, 0x0001].entries()) half.writeUInt16LE(bits, 2 * i);
    const big = Buffer.alloc(4);
    big.writeInt16BE(-2, 0);
    big.writeInt16BE(300, 2);
    const path = await archive({ x: npyBytes('<f2', [2, 2], half), y: npyBytes('>i2', [2], big) });
    const dataset = await openDataset(path);
    expect(await allValues(dataset)).toEqual([1, -2, Math.fround(0.333251953125), 2 ** -24]);
    expect(dataset.targets).toMatchObject({ names: ['-2', '300'], labels: Int32Array.of(0, 1) });
  });

  it('refuses what is malformed, saying what to do', async () => {
    const x = npyBytes('<f4', [2, 1], float32([0.5, 1.5]));
    const failing = async (arrays: Readonly<Record<string, Uint8Array>>) => openDataset(await archive(arrays));
    await expect(failing({ x, y: npyBytes('|u1', [3], Uint8Array.of(0, 1, 0)) })).rejects.toThrow(
      /y holds 3 targets for 2 samples/,
    );
    await expect(failing({ x: npyBytes('<f4', [2, 2], float32([1, 2, 3, 4]), true), y: x })).rejects.toThrow(
      /Fortran order. Save numpy.ascontiguousarray/,
    );
    await expect(failing({ x: npyBytes('|O', [2], new Uint8Array(16)), y: x })).rejects.toThrow(
      /x holds Python objects. Convert it/,
    );
    await expect(failing({ x: npyBytes('<f4', [2, 1], float32([1, Number.NaN])), y: x })).rejects.toThrow(
      /sample 1 holds NaN/,
    );
    await expect(failing({ x })).rejects.toThrow(/holds x but no labels/);
    await expect(failing({ weights: x })).rejects.toThrow(/no array in it \(weights\).*Name the arrays x and y/);
    await expect(failing({ x: x.subarray(0, x.length - 2), y: x })).rejects.toThrow(/announces 8 bytes.* holds 6/);
    const whole = zipBytes({ 'x.npy': x, 'y.npy': x });
    await expect(openDataset(await write(folder, 'cut.npz', whole.subarray(0, 100)))).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(/cut.npz: its zip archive is damaged or cut short/),
    });
  });
});
