import { appendFile, chmod, mkdir, open, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { artifact } from '../../src/run/artifact.js';
import { openFolderStore } from '../../src/run/store/folder.js';
import type { ArmProgress } from '../../src/training/arm.js';
import { temporaryFolder } from './runs.js';

const progress = {
  epoch: 1,
  step: 3,
  steps: 10,
  seconds: 2.5,
  lossSum: 12.25,
  sampleCount: 192,
  state: new Map([
    ['state/weights', Float32Array.of(1, -2, Number.NaN, 1e-30)],
    ['state/sites', Float32Array.of(0.5)],
  ]),
  best: {
    epoch: 1,
    validation: { loss: Number.NaN, metric: -0 },
    parameters: new Map([['w', Float32Array.of(3, 4)]]),
  },
  curve: [{ epoch: 0, step: 0, samples: 0, trainLoss: null, validationLoss: 0.5, validationMetric: 0.7 }],
  finished: false,
} as const satisfies Partial<ArmProgress>;

const kept = artifact<typeof progress>('checkpoint', 'frelu-0', ['epoch', 'state']);
const run = 'a'.repeat(64);
const path = (folder: string): string => join(folder, 'checkpoint.frelu-0.artifact');

it('gives back what was put, bit for bit, and leaves nothing else', async () => {
  const folder = await temporaryFolder();
  const store = openFolderStore(folder, { run });
  expect(await store.get(kept)).toBeNull();
  await store.put(kept, progress);
  expect(await store.get(kept)).toEqual(progress);
  await store.put(kept, { ...progress });
  expect(await readdir(folder)).toEqual(['checkpoint.frelu-0.artifact']);
  await store.remove(kept);
  expect(await store.get(kept)).toBeNull();
});

it('keeps arrays that are parts of larger ones, and of every type', async () => {
  const store = openFolderStore(await temporaryFolder(), { run });
  const arrays = {
    a: Float32Array.of(1, 2, 3, 4).subarray(1, 3),
    b: Float64Array.of(Math.PI, Number.POSITIVE_INFINITY),
    c: Int32Array.of(-1, 7),
    d: Uint8Array.of(0, 255, 10),
    e: new Float32Array(),
  };
  const both = artifact<typeof arrays>('arrays', '', ['a', 'e']);
  await store.put(both, arrays);
  expect(await store.get(both)).toEqual(arrays);
});

it('has what one artifact is of for no other', async () => {
  const store = openFolderStore(await temporaryFolder(), { run });
  await store.put(kept, progress);
  expect(await store.get(artifact<typeof progress>('checkpoint', 'control-0', ['epoch']))).toBeNull();
});

it.runIf(process.platform !== 'win32')('is readable for nobody who may not read the model', async () => {
  const folder = await temporaryFolder();
  await openFolderStore(folder, { run, ownership: { mode: 0o600 } }).put(kept, progress);
  expect((await stat(path(folder))).mode & 0o777).toBe(0o600);
});

describe('damage', () => {
  /** Puts an artifact, spoils its file, and asks for it. */
  async function spoiled(spoil: (path: string) => Promise<void>, of = run): Promise<unknown> {
    const folder = await temporaryFolder();
    await openFolderStore(folder, { run }).put(kept, progress);
    await spoil(path(folder));
    return openFolderStore(folder, { run: of }).get(kept);
  }
  const told = { kind: 'input', what: expect.stringContaining('frelu-0.artifact'), settings: ['resume'] };

  it.each<[string, (path: string) => Promise<void>]>([
    ['cut short', async (file) => truncate(file, (await stat(file)).size - 4)],
    ['cut within its header', (file) => truncate(file, 40)],
    ['empty', (file) => truncate(file, 0)],
    ['of other bytes', (file) => writeFile(file, 'not ours\nat all')],
    ['longer than it says', (file) => appendFile(file, 'x')],
    [
      'changed in one bit',
      async (file) => {
        const bytes = await readFile(file);
        bytes[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 1;
        await writeFile(file, bytes);
      },
    ],
    [
      'a header that promises what no memory holds',
      async (file) => {
        const text = await readFile(file, 'latin1');
        await writeFile(file, text.replace(/"length":\d+/, '"length":9007199254740991'), 'latin1');
      },
    ],
  ])('is told, never taken for "none": %s', async (_, spoil) => {
    await expect(spoiled(spoil)).rejects.toMatchObject(told);
  });

  it('is told of a file of another run, and of what is no file', async () => {
    await expect(spoiled(async () => {}, 'b'.repeat(64))).rejects.toMatchObject(told);
    const folder = await temporaryFolder();
    await mkdir(path(folder));
    await expect(openFolderStore(folder, { run }).get(kept)).rejects.toMatchObject(told);
  });

  it.runIf(process.getuid?.() !== 0)('is told of a file that may not be read', async () => {
    await expect(spoiled((file) => chmod(file, 0))).rejects.toMatchObject(told);
  });

  it('leaves the old artifact where the new one cannot be written whole', async () => {
    const folder = await temporaryFolder();
    const store = openFolderStore(folder, { run });
    await store.put(kept, progress);
    const broken = { ...progress, curve: [() => 0] };
    const other = artifact<typeof broken>('checkpoint', 'frelu-0', ['epoch']);
    await expect(store.put(other, broken)).rejects.toThrow(TypeError);
    expect(await store.get(kept)).toEqual(progress);
    expect(await readdir(folder)).toEqual(['checkpoint.frelu-0.artifact']);
  });
});

it('streams what is larger than a read of Node allows', async () => {
  const folder = await temporaryFolder();
  const store = openFolderStore(folder, { run });
  const big = artifact<{ values: Float32Array }>('big', '', ['values']);
  const values = new Float32Array(2 ** 26 + 3);
  values.set([1, 2, 3], 2 ** 26);
  await store.put(big, { values });
  const read = await store.get(big);
  expect(read?.values.length).toBe(values.length);
  expect([...(read?.values.subarray(2 ** 26) ?? [])]).toEqual([1, 2, 3]);
  const handle = await open(join(folder, 'big.artifact'));
  expect((await handle.stat()).size).toBeGreaterThan(values.byteLength);
  await handle.close();
});
