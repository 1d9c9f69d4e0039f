import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { type ImageJob, type KeptPixels, runJob } from '../../../src/data/images/job.js';
import type { decodeImages as DecodeImages } from '../../../src/data/images/threads.js';
import { createRandom } from '../../../src/math/random.js';
import { temporaryFolder } from '../readers/bytes.js';

const [side, count] = [24, 40];
const channels = 3;
const random = createRandom(3);
const bytes = Uint8Array.from({ length: side * side * channels }, () => Math.floor(256 * random.uniform()));

/** The pixels as a file that keeps them. */
const png = (): Promise<Uint8Array> =>
  sharp(bytes, { raw: { height: side, width: side, channels } })
    .png()
    .toBuffer();

const sized = (height: number, width: number): ImageJob['size'] => {
  return { height, width, channels, resized: { height, width }, fit: 'stretch', interpolation: 'linear' };
};

const jobOf = (encoded: ImageJob['encoded'], size: ImageJob['size'], kept: KeptPixels | null = null): ImageJob => {
  return { indices: encoded.map((_, i) => i), encoded, size, kept };
};

it('keeps what it decodes for the second time, and says which images cannot be read', async () => {
  const kept = { pixels: new SharedArrayBuffer(3 * bytes.length), asked: new SharedArrayBuffer(12) };
  const whole = await png();
  const first = await runJob(jobOf([whole, 'no such file', whole], sized(side, side), kept));
  expect(first.failed).toEqual([1]);
  expect(first.pixels.subarray(0, bytes.length)).toEqual(bytes);
  const second = jobOf([whole, whole, whole], sized(side, side), kept);
  expect((await runJob(jobOf([null], sized(side, side), kept))).failed).toEqual([0]);
  await runJob(second);
  expect(new Int32Array(kept.asked)).toEqual(Int32Array.of(2, 1, 2));
  const again = await runJob(jobOf([null, whole, null], sized(side, side), kept));
  expect(again.failed).toEqual([]);
  expect(again.pixels).toEqual(Uint8Array.from([...bytes, ...bytes, ...bytes]));
});

const built = resolve('dist/src/data/images/threads.js');

it.skipIf(!existsSync(built))('threads give what is computed here', async () => {
  const folder = await temporaryFolder();
  const files = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const file = join(folder, `${i}.jpg`);
      await writeFile(
        file,
        await sharp(await png())
          .jpeg({ quality: 40 + i })
          .toBuffer(),
      );
      return file;
    }),
  );
  const { decodeImages }: { decodeImages: typeof DecodeImages } = await import(pathToFileURL(built).href);
  const job = jobOf([...files, join(folder, 'none.jpg')], sized(20, 20));
  const here = await runJob(job);
  for (const decoded of await Promise.all(Array.from({ length: 5 }, () => decodeImages(job)))) {
    expect(decoded.failed).toEqual([count]);
    expect(decoded.pixels).toEqual(here.pixels);
  }
});
