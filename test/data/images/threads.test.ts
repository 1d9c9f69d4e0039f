import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { type ImageJob, type KeptPixels, runJob } from '../../../src/data/images/job.js';
import type { prepareImages as PrepareImages } from '../../../src/data/images/threads.js';
import {
  applyPreprocessing,
  type PreprocessingOptions,
  pixelArithmetic,
  planPreprocessing,
} from '../../../src/data/preprocess.js';
import { createRandom } from '../../../src/math/random.js';
import { memoryDataset } from '../memory.js';
import { temporaryFolder } from '../readers/bytes.js';

const [side, channels, count] = [24, 3, 40];
const random = createRandom(3);
const bytes = Uint8Array.from({ length: side * side * channels }, () => Math.floor(256 * random.uniform()));

it.each<[string, readonly number[], readonly number[], PreprocessingOptions]>([
  ['channels first', [side, side, 3], [3, side, side], { mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.4] }],
  ['channels last', [side, side, 3], [side, side, 3], { mean: [0.4], std: [0.2, 0.3, 0.4] }],
  ['blue first', [side, side, 3], [3, side, side], { channelOrder: 'BGR', mean: [0.4, 0.5, 0.6], std: [1] }],
  ['one channel repeated', [side, side, 1], [3, side, side], { mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.4] }],
  ['one channel repeated, last', [side, side, 1], [side, side, 3], { mean: [0.4, 0.5, 0.6], std: [0.5] }],
  ['as they are', [side, side, 1], [side, side, 1], { scale: 1 }],
])('pixels become by a table what they become by arithmetic: %s', async (_, stored, shape, options) => {
  const length = stored.reduce((product, dim) => product * dim, 1);
  const dataset = memoryDataset({ shape: stored, layout: 'HWC', storage: bytes.slice(0, length) });
  const preprocessing = planPreprocessing(dataset, { shape: [null, ...shape] }, options);
  const raw = Float32Array.from(bytes.subarray(0, length));
  const expected = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
  applyPreprocessing(preprocessing, raw, 1, expected);
  const { values } = await runJob(await jobOf([await png(length)], pixelArithmetic(preprocessing), stored));
  expect(values).toEqual(expected);
});

/** The pixels as a file that keeps them. */
const png = (length: number): Promise<Uint8Array> => {
  const stored = length === side * side ? 1 : 3;
  return sharp(bytes.slice(0, length), { raw: { height: side, width: side, channels: stored } })
    .png()
    .toBuffer();
};

async function jobOf(
  encoded: ImageJob['encoded'],
  arithmetic: ImageJob['arithmetic'],
  stored: readonly number[],
  kept: KeptPixels | null = null,
): Promise<ImageJob> {
  const [height = 1, width = 1, channels = 1] = stored;
  const size = {
    height,
    width,
    channels,
    resized: { height, width },
    fit: 'stretch',
    interpolation: 'linear',
  } as const;
  return { indices: encoded.map((_, i) => i), encoded, size, arithmetic, kept };
}

const plain: ImageJob['arithmetic'] = {
  planar: true,
  sources: [0, 1, 2],
  tables: [0, 1, 2].map((channel) => Float32Array.from({ length: 256 }, (_, byte) => byte + channel)),
};

it('keeps what it has decoded, and says which images cannot be read', async () => {
  const kept = { pixels: new SharedArrayBuffer(3 * bytes.length), there: new SharedArrayBuffer(12) };
  const whole = await png(bytes.length);
  const first = await runJob(await jobOf([whole, 'no such file', whole], plain, [side, side, channels], kept));
  expect(first.failed).toEqual([1]);
  const again = await runJob(await jobOf([null, whole, null], plain, [side, side, channels], kept));
  expect(again.failed).toEqual([]);
  expect(again.values.subarray(0, bytes.length)).toEqual(first.values.subarray(0, bytes.length));
});

const built = resolve('dist/src/data/images/threads.js');

it.skipIf(!existsSync(built))('threads give what is computed here', async () => {
  const folder = await temporaryFolder();
  const files = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const file = join(folder, `${i}.jpg`);
      await writeFile(
        file,
        await sharp(await png(bytes.length))
          .jpeg({ quality: 40 + i })
          .toBuffer(),
      );
      return file;
    }),
  );
  const { prepareImages }: { prepareImages: typeof PrepareImages } = await import(pathToFileURL(built).href);
  const here = await runJob(await jobOf([...files, join(folder, 'none.jpg')], plain, [20, 20, channels]));
  const jobs = Array.from({ length: 5 }, () => jobOf([...files, join(folder, 'none.jpg')], plain, [20, 20, channels]));
  for (const prepared of await Promise.all(jobs.map(async (job) => prepareImages(await job)))) {
    expect(prepared.failed).toEqual([count]);
    expect(prepared.values).toEqual(here.values);
  }
});
