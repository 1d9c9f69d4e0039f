import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readTfjsFiles, type TfjsFiles, weightBytes, weightValues } from '../../../src/model/tfjs/files.js';
import type { Json } from '../../../src/model/tfjs/json.js';
import { writeTfjs } from '../../../src/model/tfjs/write.js';

type Group = { readonly paths: readonly string[]; readonly weights: readonly Json[] };

/** Reads a model with this manifest, whose files hold these bytes. */
function read(manifest: readonly Group[], files: Readonly<Record<string, readonly number[]>>): Promise<TfjsFiles> {
  const json = JSON.stringify({ modelTopology: {}, weightsManifest: manifest });
  return readTfjsFiles('/models/m/model.json', async (path) => {
    if (path === 'model.json') return new TextEncoder().encode(json);
    const bytes = files[path];
    if (bytes === undefined) throw new Error(`there is no file ${path}`);
    return Uint8Array.from(bytes);
  });
}

function floats(...values: number[]): number[] {
  return [...new Uint8Array(Float32Array.from(values).buffer)];
}

function valuesOf(files: TfjsFiles, name: string): number[] {
  const weight = files.weights.get(name);
  if (weight === undefined) throw new Error(`${name} is missing`);
  return [...weightValues(files, weight)];
}

const float = (name: string, shape: number[], more: object = {}) => ({ name, shape, dtype: 'float32', ...more });

describe('reading weights', () => {
  it('joins the shards of a group, in sub-folders, wherever they cut a weight', async () => {
    const bytes = floats(1, 2, 3, 4, 5);
    const files = await read(
      [{ paths: ['a/1.bin', 'a/b/2.bin', 'a/3.bin'], weights: [float('x', [2]), float('y', [3])] }],
      { 'a/1.bin': bytes.slice(0, 6), 'a/b/2.bin': bytes.slice(6, 9), 'a/3.bin': bytes.slice(9) },
    );
    expect(valuesOf(files, 'x')).toEqual([1, 2]);
    expect(valuesOf(files, 'y')).toEqual([3, 4, 5]);
    expect(files.files.map(({ path }) => path)).toEqual(['model.json', 'a/1.bin', 'a/b/2.bin', 'a/3.bin']);
  });

  it('reads every type, and steps over strings and the weights of an optimizer', async () => {
    const weights = [
      { name: 's', shape: [2], dtype: 'string' },
      { name: 'i', shape: [2], dtype: 'int32' },
      { name: 'b', shape: [3], dtype: 'bool' },
      float('o', [1], { group: 'optimizer' }),
      float('u8', [2], { quantization: { dtype: 'uint8', scale: 0.5, min: -1 } }),
      float('u16', [1], { quantization: { dtype: 'uint16', scale: 2, min: 1 } }),
      float('h', [2], { quantization: { dtype: 'float16' } }),
      float('f', []),
    ];
    const bytes = [
      ...[2, 0, 0, 0, 97, 98, 0, 0, 0, 0],
      ...new Uint8Array(Int32Array.of(-5, 7).buffer),
      ...[1, 0, 1],
      ...floats(9),
      ...[0, 4],
      ...[3, 1],
      ...[0x00, 0x3c, 0x00, 0xc0],
      ...floats(0.25),
    ];
    const files = await read([{ paths: ['w'], weights }], { w: bytes });
    const read8 = ['i', 'b', 'u8', 'u16', 'h', 'f'].map((name) => valuesOf(files, name));
    expect(read8).toEqual([[-5, 7], [1, 0, 1], [-1, 1], [519], [1, -2], [0.25]]);
    expect(files.weights.has('o')).toBe(false);
    expect(() => valuesOf(files, 's')).toThrow(/weight 's' has dtype string/);
  });

  it.each<[string, readonly Group[], Readonly<Record<string, readonly number[]>>, RegExp]>([
    [
      'a truncated shard',
      [{ paths: ['w.bin'], weights: [float('x', [3])] }],
      { 'w.bin': floats(1, 2) },
      /weight 'x' needs bytes 0 to 12.*w\.bin\) hold 8.*truncated/,
    ],
    [
      'a group that is too long before another',
      [
        { paths: ['a'], weights: [float('x', [1])] },
        { paths: ['b'], weights: [] },
      ],
      { a: floats(1, 2), b: [] },
      /shards a hold 8 bytes and their weights only 4/,
    ],
    ['a shard outside of the folder', [{ paths: ['../w.bin'], weights: [] }], {}, /"\.\.\/w\.bin" does not lie below/],
    ['an absolute shard', [{ paths: ['/etc/passwd'], weights: [] }], {}, /does not lie below/],
    ['a shard at an address', [{ paths: ['http://host/w.bin'], weights: [] }], {}, /does not lie below/],
    [
      'an unknown type',
      [{ paths: ['w'], weights: [{ name: 'x', shape: [1], dtype: 'float8' }] }],
      { w: [0] },
      /weightsManifest\[0\]\.weights\[0\]\.dtype should be "float32" or .*, and is "float8"/,
    ],
    [
      'an unknown quantization',
      [{ paths: ['w'], weights: [float('x', [1], { quantization: { dtype: 'int4' } })] }],
      { w: [0] },
      /weightsManifest\[0\]\.weights\[0\]\.quantization\.dtype should be .*"float16", and is "int4"/,
    ],
    [
      'a shape that is none',
      [{ paths: ['w'], weights: [{ name: 'x', shape: [-1], dtype: 'float32' }] }],
      { w: [0] },
      /weightsManifest\[0\]\.weights\[0\]\.shape\[0\] should be >=0, and is -1/,
    ],
  ])('refuses %s', async (_, manifest, files, message) => {
    await expect(read(manifest, files)).rejects.toThrow(message);
  });

  it('refuses shards that are together far more than their weights, one file named a thousand times among them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'frelu-shards-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, 'w.bin'), new Uint8Array(2 ** 22));
    const model = (weights: object[]) =>
      JSON.stringify({ modelTopology: {}, weightsManifest: [{ paths: Array(1000).fill('w.bin'), weights }] });
    await writeFile(join(folder, 'model.json'), model([float('x', [1])]));
    await expect(readTfjsFiles(join(folder, 'model.json'))).rejects.toThrow(
      /w\.bin: cannot be read \(it is 4194304 bytes/,
    );
    // strings say their lengths only there
    await truncate(join(folder, 'w.bin'), 2 ** 33);
    await writeFile(join(folder, 'model.json'), model([{ name: 's', shape: [1], dtype: 'string' }]));
    await expect(readTfjsFiles(join(folder, 'model.json'))).rejects.toThrow(
      /w\.bin: cannot be read \(it is 8589934592 bytes/,
    );
  });

  it('names the file that is missing on the disk', async () => {
    await expect(readTfjsFiles('/nowhere/model.json')).rejects.toThrow(/\/nowhere\/model\.json: cannot be read/);
  });
});

describe('writing weights', () => {
  const manifest = [
    { paths: ['s/1.bin', 's/2.bin'], weights: [float('x', [2]), float('y', [2])] },
    { paths: ['q.bin'], weights: [float('q', [3], { quantization: { dtype: 'uint8', scale: 0.1, min: -1 } })] },
  ];
  const bytes = { 's/1.bin': floats(1, 2), 's/2.bin': floats(3, 4), 'q.bin': [0, 10, 255] };

  it('replaces the shard that changed, under a name that tells its content', async () => {
    const files = await read(manifest, bytes);
    const changed = new Map([['y', Float32Array.of(3, 5)]]);
    const written = writeTfjs(files, files.json, { changed, added: [] });
    expect(written.obsolete).toEqual(['s/2.bin']);
    expect(written.files.map(({ path }) => path)).toEqual([
      'model.json',
      expect.stringMatching(/^s\/2\.[0-9a-f]{12}\.bin$/),
    ]);
    expect(written.files[1]?.bytes).toEqual(Uint8Array.from(floats(3, 5)));
    const again = writeTfjs(files, files.json, { changed, added: [] });
    expect(again).toEqual(written);
  });

  it('writes no shard where a weight is set to what it is', async () => {
    const files = await read(manifest, bytes);
    const written = writeTfjs(files, files.json, { changed: new Map([['x', Float32Array.of(1, 2)]]), added: [] });
    expect(written.files.map(({ path }) => path)).toEqual(['model.json']);
    expect(new TextDecoder().decode(written.files[0]?.bytes)).toBe(files.text);
  });

  it('keeps the grid of a quantised weight where it reaches, so that elements that stay are exact', async () => {
    const files = await read(manifest, bytes);
    const before = valuesOf(files, 'q');
    const values = Float32Array.of(before[0] ?? 0, 0.53, before[2] ?? 0);
    const written = writeTfjs(files, files.json, { changed: new Map([['q', values]]), added: [] });
    expect(written.files[1]?.bytes).toEqual(Uint8Array.of(0, 15, 255));
    expect(written.requantized).toEqual([{ weight: 'q', dtype: 'uint8', maxAbsDiff: expect.closeTo(0.03, 5) }]);
  });

  it('moves the grid where all elements moved alike: their places stay, and so does the shard', async () => {
    const files = await read(manifest, bytes);
    const values = Float32Array.from(valuesOf(files, 'q'), (value) => value + 0.04);
    const written = writeTfjs(files, files.json, { changed: new Map([['q', values]]), added: [] });
    expect(written.files.map(({ path }) => path)).toEqual(['model.json']);
    expect(written.requantized[0]?.maxAbsDiff).toBeLessThan(1e-5);
  });

  it('makes a new grid where a value lies beyond the old one', async () => {
    const files = await read(manifest, bytes);
    const written = writeTfjs(files, files.json, { changed: new Map([['q', Float32Array.of(-1, 0, 50)]]), added: [] });
    const json = JSON.parse(new TextDecoder().decode(written.files[0]?.bytes));
    expect(json.weightsManifest[1].weights[0].quantization).toEqual({ dtype: 'uint8', scale: 0.2, min: -1 });
    expect(written.requantized[0]?.maxAbsDiff).toBeLessThanOrEqual(0.1);
  });

  it('stores a vector in float32 that float16 would round, and cuts it out of its shard', async () => {
    const half = { quantization: { dtype: 'float16' } };
    const files = await read(
      [
        {
          paths: ['h1.bin', 'h2.bin'],
          weights: [float('k', [2, 2], half), float('h', [2], half), float('z', [2], half)],
        },
      ],
      // 1, 2, 1, 1; 4 and 4 over the border of the shards; 1 and 1
      { 'h1.bin': [0, 60, 0, 64, 0, 60, 0, 60, 0, 68, 0], 'h2.bin': [68, 0, 60, 0, 60] },
    );
    const changed = new Map([
      ['h', Float32Array.of(4.0001, 5)],
      ['k', Float32Array.of(1.0001, 2, 1, 1)],
      ['z', Float32Array.of(2, 1)],
    ]);
    const written = writeTfjs(files, files.json, { changed, added: [] });
    // a matrix stays, and so does a vector that float16 holds exactly
    expect(written.requantized.map(({ weight }) => weight)).toEqual(['k', 'z']);
    const bytesOf = new Map(written.files.map(({ path, bytes }) => [path, bytes]));
    const again = await readTfjsFiles('/models/model.json', async (path) => {
      return bytesOf.get(path) ?? Promise.reject(new Error(path));
    });
    expect(valuesOf(again, 'h')).toEqual([...Float32Array.of(4.0001, 5)]);
    expect(valuesOf(again, 'k')).toEqual([1, 2, 1, 1]);
    expect(valuesOf(again, 'z')).toEqual([2, 1]);
  });

  it('puts new weights into a group of their own, behind the others', async () => {
    const files = await read(manifest, bytes);
    const added = [{ name: 'z', shape: [2], values: Float32Array.of(8, 9) }];
    const written = writeTfjs(files, files.json, { changed: new Map(), added });
    const source = new Map(written.files.map((file) => [file.path, file.bytes]));
    const after = await readTfjsFiles(files.path, async (path) => {
      const old = files.groups.flat().find((shard) => shard.path === path)?.bytes;
      return source.get(path) ?? old ?? new Uint8Array(0);
    });
    expect(valuesOf(after, 'z')).toEqual([8, 9]);
    for (const weight of files.weights.values()) {
      expect(weightBytes(after, after.weights.get(weight.name) ?? weight)).toEqual(weightBytes(files, weight));
    }
  });
});
