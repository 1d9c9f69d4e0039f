import sharp, { type Sharp } from 'sharp';
import { expect, it } from 'vitest';
import type { PixelSize } from '../../../src/data/dataset.js';
import { decodeImage, resizePixels } from '../../../src/data/images/decode.js';
import { faultOfDecoding } from '../../../src/data/images/fault.js';
import { readJpegHeader } from '../../../src/data/images/jpeg.js';
import { createRandom } from '../../../src/math/random.js';

const [height, width] = [83, 120];

function photograph(channels: 1 | 3 | 4 = 3): Sharp {
  const random = createRandom(2);
  const pixels = Uint8Array.from({ length: height * width * channels }, () => Math.floor(256 * random.uniform()));
  return sharp(pixels, { raw: { height, width, channels } });
}

const size = (over: Partial<PixelSize> = {}): PixelSize => ({
  ...{ height: 60, width: 60, channels: 3, resized: { height: 60, width: 60 }, fit: 'cover', interpolation: 'linear' },
  ...over,
});

it.each<[string, () => Sharp, PixelSize]>([
  ['a photograph', () => photograph().jpeg(), size()],
  ['stretched', () => photograph().jpeg(), size({ fit: 'stretch' })],
  [
    'cropped about the centre',
    () => photograph().jpeg(),
    size({ resized: { height: 70, width: 64 }, height: 51, width: 33 }),
  ],
  ['by a spline', () => photograph().jpeg(), size({ interpolation: 'cubic' })],
  ['as grey', () => photograph().jpeg(), size({ channels: 1 })],
  ['of a grey one', () => photograph(1).toColourspace('b-w').jpeg(), size()],
  ['progressive', () => photograph().jpeg({ progressive: true }), size()],
  ['at its own size', () => photograph().jpeg(), size({ height, width, resized: { height, width } })],
  ['enlarged', () => photograph().jpeg(), size({ height: 100, width: 100, resized: { height: 100, width: 100 } })],
  [
    'five times smaller',
    () => photograph().jpeg(),
    size({ height: 16, width: 16, resized: { height: 16, width: 16 } }),
  ],
  ['lying on its side', () => photograph().jpeg().withMetadata({ orientation: 6 }), size()],
  ['with an orientation that is upright', () => photograph().jpeg().withMetadata({ orientation: 1 }), size()],
  ['a PNG file with alpha', () => photograph(4).png(), size()],
])('decodes as libvips alone does: %s', async (_, image, wanted) => {
  const encoded = await image().toBuffer();
  const into = new Uint8Array(wanted.height * wanted.width * wanted.channels);
  await decodeImage(encoded, wanted, into);
  const alone = await resizePixels(sharp(encoded).autoOrient(), wanted);
  expect(Buffer.from(into).equals(alone)).toBe(true);
});

it('reads what a JPEG file says of its picture', async () => {
  const plain = await photograph().jpeg().toBuffer();
  expect(readJpegHeader(plain)).toEqual({ height, width, components: 3, bits: 8, coding: 0, upright: true });
  const turned = await photograph().jpeg().withMetadata({ orientation: 3 }).toBuffer();
  expect(readJpegHeader(turned)).toMatchObject({ upright: false });
  const grey = await photograph(1).toColourspace('b-w').jpeg().toBuffer();
  expect(readJpegHeader(grey)).toMatchObject({ components: 1, upright: true });
  const progressive = await photograph().jpeg({ progressive: true }).toBuffer();
  expect(readJpegHeader(progressive)).toMatchObject({ coding: 2 });
  expect(readJpegHeader(await photograph().png().toBuffer())).toBeNull();
  for (let length = 0; length < 150; length++) expect(readJpegHeader(plain.subarray(0, length))).toBeNull();
});

it.each(['jpeg', 'png'] as const)(
  'takes the numbers of a file as they are, whatever profile it has: %s',
  async (format) => {
    const red = { width: 16, height: 16, channels: 3 as const, background: { r: 200, g: 60, b: 40 } };
    const image = sharp({ create: red })
      .withIccProfile('p3')
      .toFormat(format, { quality: 100, chromaSubsampling: '4:4:4' });
    const encoded = await image.toBuffer();
    // Display P3 has names of its own for the same red; sRGB's are what libvips would give
    const [first = 0] = await sharp(encoded).raw().toBuffer();
    expect(Math.abs(first - 200)).toBeLessThan(3);
    for (const side of [8, 32]) {
      const into = new Uint8Array(side * side * 3);
      await decodeImage(encoded, size({ height: side, width: side, resized: { height: side, width: side } }), into);
      for (const [i, stored] of [186, 71, 50].entries()) expect(Math.abs((into[i] ?? 0) - stored)).toBeLessThan(3);
    }
  },
);

it('refuses more pixels than memory is for, before it decodes them, and takes a single one', async () => {
  const vast = await photograph().jpeg().toBuffer();
  const frame = vast.indexOf(Buffer.of(0xff, 0xc0));
  vast.writeUInt16BE(20_000, frame + 5);
  vast.writeUInt16BE(20_000, frame + 7);
  const fault = await decodeImage(vast, size(), new Uint8Array(60 * 60 * 3)).then(null, faultOfDecoding);
  expect(fault).toBe('it has more than 134217728 pixels, the most that are read: make it smaller');
  const single = await sharp(Uint8Array.of(3, 4, 250), { raw: { height: 1, width: 1, channels: 3 } })
    .png()
    .toBuffer();
  const into = new Uint8Array(60 * 60 * 3);
  await decodeImage(single, size(), into);
  expect(into).toEqual(Uint8Array.from({ length: 60 * 60 * 3 }, (_, i) => [3, 4, 250][i % 3] ?? 0));
});
