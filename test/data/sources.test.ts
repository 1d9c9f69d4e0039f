import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../src/data/dataset.js';
import { holdsAnyOf, type NamedSource, openSources, type SourceOptions } from '../../src/data/sources.js';
import { allValues, littleEndian, npyBytes, temporaryFolder, write, zipBytes } from './readers/bytes.js';

const { float32, int64 } = littleEndian;
const named = (...names: string[]): NamedSource[] =>
  names.map((text) => {
    const [name = '', key = null] = text.split('=');
    return { name, key };
  });
const folder = await temporaryFolder();
let files = 0;

async function archive(arrays: Readonly<Record<string, Uint8Array>>, options: SourceOptions) {
  files += 1;
  const entries = Object.fromEntries(Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, bytes]));
  return openSources(await write(folder, `${files}.npz`, zipBytes(entries)), options);
}

async function table(text: string, options: SourceOptions) {
  files += 1;
  return openSources(await write(folder, `${files}.csv`, text), options);
}

const floats = (shape: readonly number[], start = 0) => {
  const count = shape.reduce((product, dim) => product * dim, 1);
  return npyBytes('<f4', shape, float32(Array.from({ length: count }, (_, i) => start + i)));
};

async function valuesOf(inputs: ReadonlyMap<string, Dataset>) {
  const all: Record<string, number[]> = {};
  for (const [name, dataset] of inputs) all[name] = await allValues(dataset);
  return all;
}

describe('openSources: arrays', () => {
  const both = { inputs: named('left', 'right'), outputs: named('score') };

  it('takes the arrays that bear the names of the inputs and outputs, index by index', async () => {
    const arrays = { right: floats([2, 1], 10), left: floats([2, 2]), score: npyBytes('<i8', [2], int64([1, 0])) };
    const found = await archive(arrays, both);
    expect(found).toMatchObject({ format: 'npz', count: 2, parts: ['train'] });
    expect(found.part).toBeUndefined();
    expect([...found.inputs.keys()]).toEqual(['left', 'right']);
    expect(await valuesOf(found.inputs)).toEqual({ left: [0, 1, 2, 3], right: [10, 11] });
    expect(found.targets.get('score')).toMatchObject({ kind: 'class', labels: Int32Array.of(1, 0) });
  });

  it('takes an array of one axis as a number for each sample', async () => {
    const arrays = { left: floats([3]), right: floats([3, 1], 10), score: floats([3]) };
    const found = await archive(arrays, both);
    expect(found.inputs.get('left')?.sample.shape).toEqual([1]);
    expect(await valuesOf(found.inputs)).toEqual({ left: [0, 1, 2], right: [10, 11, 12] });
  });

  it('reads them by part, in each way a part is written', async () => {
    for (const nameOf of [
      (name: string, part: string) => `${name}_${part}`,
      (name: string, part: string) => `${part}_${name}`,
      (name: string, part: string) => `${name === 'score' ? 'y' : 'x'}_${part}/${name}`,
    ]) {
      const arrays = Object.fromEntries(
        ['train', 'val', 'test'].flatMap((part, i) => [
          [nameOf('left', part), floats([i + 1, 2])],
          [nameOf('right', part), floats([i + 1, 1])],
          [nameOf('score', part), floats([i + 1])],
        ]),
      );
      expect(await archive(arrays, both)).toMatchObject({
        part: 'train',
        count: 1,
        parts: ['train', 'validation', 'test'],
      });
      expect(await archive(arrays, { ...both, part: 'validation' })).toMatchObject({ part: 'validation', count: 2 });
      const test = await archive(arrays, { ...both, part: 'test' });
      expect(test.targets.get('score')).toMatchObject({ kind: 'values', values: Float32Array.of(0, 1, 2) });
    }
  });

  it('takes the arrays that the keys name, several targets, and files of a folder', async () => {
    const arrays = { a: floats([2, 1]), b: floats([2, 1], 5), m: floats([2], 1), n: floats([2, 3]) };
    const options = { inputs: named('left=a', 'right=b'), outputs: named('mean=m', 'more=n') };
    const found = await archive(arrays, options);
    expect(await valuesOf(found.inputs)).toEqual({ left: [0, 1], right: [5, 6] });
    expect([...found.targets]).toMatchObject([
      ['mean', { width: 1 }],
      ['more', { width: 3 }],
    ]);
    const files = join(folder, 'files');
    await mkdir(files);
    for (const [name, bytes] of Object.entries(arrays)) await write(files, `${name}.npy`, bytes);
    expect(await openSources(files, options)).toMatchObject({ format: 'npy', count: 2 });
  });

  it('refuses an input without an array, with what there is, and counts that differ', async () => {
    await expect(archive({ left: floats([2, 1]), r: floats([2, 1]), score: floats([2]) }, both)).rejects.toMatchObject({
      kind: 'input',
      what: expect.stringMatching(/nothing for the model's input "right". It has left, r, score/),
      settings: [['input', 'right=KEY']],
    });
    await expect(archive({ left: floats([2, 1]), right: floats([2, 1]) }, both)).rejects.toMatchObject({
      settings: [['output', 'score=KEY']],
    });
    const unlabelled = await archive(
      { left: floats([2, 1]), right: floats([2, 1]) },
      { ...both, requireTargets: false },
    );
    expect(unlabelled.targets.size).toBe(0);
    await expect(archive({ left: floats([2, 1]), right: floats([3, 1]), score: floats([2]) }, both)).rejects.toThrow(
      /input "right" has 3 samples, "left" 2/,
    );
    const arrays = { left: floats([2, 1]), right: floats([2, 1]), score: floats([3]) };
    await expect(archive(arrays, both)).rejects.toThrow(/score holds 3 targets for 2 samples/);
  });
});

describe('openSources: tables', () => {
  const text = 'user_0,user_1,user_10,user_2,img_a,img_b,price,label\n1,2,10,3,0.5,0.25,9,0\n4,5,11,6,,1,8,1\n';

  it('takes a column, those numbered from NAME_0, or those that the key lists', async () => {
    const found = await table(text, { inputs: named('user', 'pixels=img_*', 'price'), outputs: named('out') });
    expect(await valuesOf(found.inputs)).toEqual({
      user: [1, 2, 3, 10, 4, 5, 6, 11],
      // each input has an encoding of its own: the gap is filled with the mean of what is there
      pixels: [0.5, 0.25, 0.5, 1],
      price: [9, 8],
    });
    expect(found.inputs.get('pixels')?.encoding?.sentences).toEqual([
      "1 missing value of 'img_a' replaced by the mean 0.5 of the data at hand",
    ]);
    expect(found.targets.get('out')).toMatchObject({ kind: 'class', labels: Int32Array.of(0, 1) });
    const several = await table(text, { inputs: named('x'), outputs: named('a=price,label', 'b=user_1') });
    expect(several.inputs.get('x')?.sample.names).toEqual(['user_0', 'user_10', 'user_2', 'img_a', 'img_b']);
    expect(several.targets.get('a')).toEqual({ kind: 'values', values: Float32Array.of(9, 0, 8, 1), width: 2 });
  });

  it('reads the images that a column names beside numbers', async () => {
    const image = { width: 2, height: 2, channels: 3, background: '#0000ff' } as const;
    await mkdir(join(folder, 'photos'));
    await write(folder, 'photos/1.png', await sharp({ create: image }).png().toBuffer());
    const found = await table('photo,age,y\nphotos/1.png,31,0\nphotos/1.png,40,1\n', {
      inputs: named('picture=photo', 'age'),
      outputs: named('y'),
    });
    expect(found.inputs.get('picture')).toMatchObject({ count: 2, sample: { shape: null, dtype: 'uint8' } });
    const one = { height: 1, width: 1 };
    const into = new Float32Array(3);
    const size = { ...one, channels: 3, resized: one, fit: 'stretch', interpolation: 'linear' } as const;
    await found.inputs.get('picture')?.read([1], into, size);
    expect([...into]).toEqual([0, 0, 255]);
  });

  it('refuses what it does not find, and formats of one input', async () => {
    await expect(table(text, { inputs: named('user', 'colour'), outputs: [] })).rejects.toMatchObject({
      what: expect.stringMatching(/nothing for the model's input "colour". It has user_0, user_1/),
      settings: [['input', 'colour=KEY']],
    });
    await expect(table(text, { inputs: named('user', 'c=red,price'), outputs: [] })).rejects.toThrow(/no "red,price"/);
    const pictures = await temporaryFolder();
    await mkdir(join(pictures, 'cat'));
    const image = { width: 1, height: 1, channels: 3, background: '#000000' } as const;
    await write(pictures, 'cat/1.png', await sharp({ create: image }).png().toBuffer());
    const one = await openSources(pictures, { inputs: named('x'), outputs: named('y') });
    expect(one.inputs.get('x')).toMatchObject({ count: 1 });
    expect(one.targets.get('y')).toMatchObject({ names: ['cat'] });
    await expect(openSources(pictures, { inputs: named('x', 'z'), outputs: [] })).rejects.toThrow(
      /image folders hold one input and one target/,
    );
  });
});

describe('openSources: what something beside the model reads', () => {
  it('has the shape that its array has, one-hot rows too, and is no input', async () => {
    const labels = npyBytes('<i8', [2], int64([7, 1]));
    const oneHot = npyBytes('<f4', [2, 2], float32([0, 1, 1, 0]));
    const arrays = { x: floats([2, 3]), points: floats([2, 4, 2]), y: labels, oneHot };
    const { besides, there } = await archive(arrays, {
      inputs: named('x'),
      outputs: [],
      besides: named('points', 'target', 'mask=oneHot', 'gone'),
    });
    expect(there).toEqual(['x', 'points', 'y', 'oneHot']);
    expect(besides.get('points')).toMatchObject({ kind: 'values', width: 8, shape: [4, 2] });
    expect(besides.get('target')).toEqual({ kind: 'values', values: Float32Array.of(7, 1), width: 1 });
    expect(besides.get('mask')).toMatchObject({ kind: 'values', width: 2, values: Float32Array.of(0, 1, 1, 0) });
    expect(besides.has('gone')).toBe(false);
  });

  it('is no feature of a table', async () => {
    const { inputs, besides } = await table('a,weight,b,y\n1,0.5,2,3\n4,0.25,5,6\n', {
      inputs: named('x'),
      outputs: [],
      besides: named('target', 'weight'),
    });
    expect(await valuesOf(inputs)).toEqual({ x: [1, 2, 4, 5] });
    expect(besides.get('target')).toMatchObject({ values: Float32Array.of(3, 6) });
    expect(besides.get('weight')).toMatchObject({ values: Float32Array.of(0.5, 0.25) });
  });

  it('is refused where float32 would round its whole numbers', async () => {
    const ids = npyBytes('<i8', [2], int64([2 ** 24 + 1, 1]));
    const opening = archive({ x: floats([2, 3]), ids }, { inputs: named('x'), outputs: [], besides: named('ids') });
    await expect(opening).rejects.toThrow(/16777217/);
  });
});

describe('columns that are targets', () => {
  const text = 'a,b,price,weight,hot_0,hot_1,sold\n1,2,3,4,0,1,True\n5,6,7,8,1,0,True\n';

  it('of other outputs are no features', async () => {
    const apart = named('weight', 'hot', 'sold');
    const found = await table(text, { inputs: named('x'), outputs: named('price'), apart });
    expect(await valuesOf(found.inputs)).toEqual({ x: [1, 2, 5, 6] });
  });

  it('are classes where they are one-hot, numbered by their places, unless values are wanted', async () => {
    const hot = { inputs: named('x=a,b'), outputs: named('hot') };
    expect((await table(text, hot)).targets.get('hot')).toEqual({
      kind: 'class',
      labels: Int32Array.of(1, 0),
      names: ['hot_0', 'hot_1'],
      numbered: true,
    });
    expect((await table(text, { ...hot, targetKind: 'values' })).targets.get('hot')).toMatchObject({ kind: 'values' });
  });

  it('are 0 and 1 where they are false and true, whichever of them occur', async () => {
    const { targets } = await table(text, { inputs: named('x=a,b'), outputs: named('sold') });
    expect(targets.get('sold')).toEqual({
      kind: 'class',
      labels: Int32Array.of(1, 1),
      names: ['False', 'True'],
      numbered: true,
    });
  });

  it('are found by their names in tables and arrays of any part', async () => {
    const csv = await write(folder, 'held.csv', text);
    const npz = await write(
      folder,
      'held.npz',
      zipBytes({ 'x_train.npy': floats([2, 2]), 'price_train.npy': floats([2]) }),
    );
    for (const path of [csv, npz]) {
      expect(await holdsAnyOf(path, ['price'])).toBe(true);
      expect(await holdsAnyOf(path, ['logits'])).toBe(false);
    }
  });
});
