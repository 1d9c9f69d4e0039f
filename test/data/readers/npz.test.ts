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

/** Written by NumPy 2.4 (savez_compressed): x_train, x_test (float32), y_test (uint8). */
const anomalies =
  'UEsDBC0AAAAIAAAAIQDMypy9//////////8LABQAeF90cmFpbi5ucHkBABAAmAAAAAAAAABVAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GsY6CkaaOgq1CmQDLgYwaLAHEg5ABMQNQLzAAQBQSwMELQAAAAgAAAAhAJH059v//////////woAFAB4X3Rlc3QubnB5AQAQAJAAAAAAAAAAUAAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOgpGmjoKtQpkAy4GMGiwBxIOQOQAAFBLAwQtAAAACAAAACEAmWJ33///////////CgAUAHlfdGVzdC5ucHkBABAAggAAAAAAAABGAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loF5Taqiuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6mjoKtQoUAC4GRgBQSwECLQMtAAAACAAAACEAzMqcvVUAAACYAAAACwAAAAAAAAAAAAAAgAEAAAAAeF90cmFpbi5ucHlQSwECLQMtAAAACAAAACEAkfTn21AAAACQAAAACgAAAAAAAAAAAAAAgAGSAAAAeF90ZXN0Lm5weVBLAQItAy0AAAAIAAAAIQCZYnffRgAAAIIAAAAKAAAAAAAAAAAAAACAAR4BAAB5X3Rlc3QubnB5UEsFBgAAAAADAAMAqQAAAKABAAAAAA==';

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
      numbered: true,
    });
    expect(await targetsOf(npyBytes('|u1', [2, 3], Uint8Array.of(0, 255, 0, 0, 0, 255)))).toMatchObject({
      kind: 'class',
      labels: Int32Array.of(1, 2),
    });
    expect(await targetsOf(npyBytes('|u1', [2, 2], Uint8Array.of(0, 255, 1, 0)))).toMatchObject({ kind: 'values' });
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
    expect(dataset.targets).toMatchObject({ kind: 'values', values: Float32Array.of(-2, 300) });
  });

  it('reads training data without labels beside a labelled test set', async () => {
    const path = await write(folder, 'anomalies.npz', Buffer.from(anomalies, 'base64'));
    const train = await openDataset(path, { requireTargets: false });
    expect(train).toMatchObject({ part: 'train', count: 3, targets: { kind: 'none' } });
    const test = { part: 'test', count: 2, targets: { kind: 'class', labels: Int32Array.of(0, 1) } };
    expect(await openCompanion(train, 'test', { requireTargets: false })).toMatchObject(test);
    expect(await openDataset(path, { part: 'test', requireTargets: false })).toMatchObject(test);
    await expect(openDataset(path)).rejects.toThrow(/holds x_train but no labels/);
  });

  it('finds the validation part under its usual names', async () => {
    const x = npyBytes('<f4', [1, 1], float32([1]));
    const y = npyBytes('<i8', [1], int64([0]));
    for (const [inputs, targets] of [
      ['x_val', 'y_val'],
      ['X_valid', 'Y_valid'],
      ['validation_images', 'validation_labels'],
    ] as const) {
      const train = await openDataset(await archive({ x_train: x, y_train: y, [inputs]: x, [targets]: y }));
      expect(await openCompanion(train, 'validation')).toMatchObject({ part: 'validation', count: 1 });
    }
  });

  it('keeps labels to what a classifier can have: what is beyond are values, and no classes', async () => {
    const x = npyBytes('<f4', [2, 1], float32([0.5, 1.5]));
    const open = async (labels: readonly number[], options = {}) =>
      openDataset(await archive({ x, y: npyBytes('<i8', [2], int64(labels)) }), options);
    expect((await open([2 ** 40, 1])).targets).toEqual({
      kind: 'values',
      values: Float32Array.of(2 ** 40, 1),
      width: 1,
    });
    expect((await open([-3, 1])).targets).toMatchObject({ kind: 'values' });
    expect((await open([-1, 1])).targets).toMatchObject({ kind: 'class', names: ['-1', '1'] });
    expect((await open([20000, 1])).targets).toMatchObject({
      kind: 'class',
      labels: Int32Array.of(20000, 1),
      numbered: true,
    });
    const asked = { targetKind: 'class' } as const;
    await expect(open([1, 2 ** 40], asked)).rejects.toThrow(/y\[1\] is 1099511627776, but there are at most 131072/);
    await expect(open([-3, 1], asked)).rejects.toThrow(/y\[0\] is -3, not a class index/);
  });

  it("reads arrays in Fortran's order, as NumPy saves transposed ones", async () => {
    // element [i, j, k] is 100 i + 10 j + k
    const values = [0, 1, 2, 3].flatMap((k) => [0, 1, 2].flatMap((j) => [0, 1].map((i) => 100 * i + 10 * j + k)));
    const y = npyBytes('|u1', [2], Uint8Array.of(0, 1));
    const x = npyBytes('<f4', [2, 3, 4], float32(values), true);
    const data = await openDataset(await archive({ x, y }));
    const into = new Float32Array(12);
    await data.read([1], into);
    expect([...into]).toEqual([100, 101, 102, 103, 110, 111, 112, 113, 120, 121, 122, 123]);
    const doubles = npyBytes('<f8', [2, 2], new Uint8Array(Float64Array.of(1, 2, 3, 4).buffer), true);
    const pairs = new Float32Array(4);
    await (await openDataset(await archive({ x: doubles, y }))).read([0, 1], pairs);
    expect([...pairs]).toEqual([1, 3, 2, 4]);
  });

  it('refuses text that is no Unicode', async () => {
    const x = npyBytes('<f4', [1, 1], float32([0.5]));
    const y = npyBytes('<U1', [1], Uint8Array.of(0xff, 0xff, 0xff, 0x7f));
    await expect(openDataset(await archive({ x, y }))).rejects.toThrow(/y\[0\] is no Unicode text/);
  });

  it('refuses what is malformed, saying what to do', async () => {
    const x = npyBytes('<f4', [2, 1], float32([0.5, 1.5]));
    const failing = async (arrays: Readonly<Record<string, Uint8Array>>) => openDataset(await archive(arrays));
    await expect(failing({ x, y: npyBytes('|u1', [3], Uint8Array.of(0, 1, 0)) })).rejects.toThrow(
      /y holds 3 targets for 2 samples/,
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
