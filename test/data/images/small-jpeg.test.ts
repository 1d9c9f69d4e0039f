import sharp, { type JpegOptions } from 'sharp';
import { expect, it } from 'vitest';
import { present } from '../../../src/contract/present.js';
import { type JpegHeader, readJpegHeader } from '../../../src/data/images/jpeg.js';
import { decodeSmallJpeg, isSmallJpeg, openSmallJpegs } from '../../../src/data/images/small-jpeg.js';
import { createRandom } from '../../../src/math/random.js';

const random = createRandom(4);

/** Shapes and grain, in which every coefficient of every block is used. */
async function photograph(height: number, width: number, options: JpegOptions, isGrey = false): Promise<Uint8Array> {
  const bytes = Uint8Array.from({ length: height * width * 3 }, () => Math.floor(256 * random.uniform()));
  const image = sharp(bytes, { raw: { height, width, channels: 3 } }).blur(0.6);
  return (isGrey ? image.greyscale().toColourspace('b-w') : image).jpeg(options).toBuffer();
}

const headerOf = (encoded: Uint8Array): JpegHeader => present(readJpegHeader(encoded), 'the header');

it.each<[string, JpegOptions, boolean?]>([
  ['colours of half the size', { chromaSubsampling: '4:2:0' }],
  ['colours of the whole size', { chromaSubsampling: '4:4:4' }],
  ['progressive', { progressive: true }],
  ['of the best quality', { quality: 100 }],
  ['of the worst', { quality: 1 }],
  ['with tables of its own', { optimiseCoding: true, quantisationTable: 3, trellisQuantisation: true }],
  ['grey', {}, true],
])('gives the numbers that libvips gives: %s', async (_, options, isGrey) => {
  for (const [height, width] of [[1, 1] as const, [7, 33] as const, [64, 48] as const, [131, 257] as const]) {
    const encoded = await photograph(height, width, options, isGrey);
    const header = headerOf(encoded);
    expect(isSmallJpeg(header)).toBe(true);
    await openSmallJpegs();
    const pixels = present(decodeSmallJpeg(encoded, header), 'the pixels');
    const alone = sharp(encoded).toColourspace(isGrey ? 'b-w' : 'srgb');
    expect(Buffer.from(pixels).equals(await alone.raw().toBuffer())).toBe(true);
  }
});

it('leaves to libvips what is large, of inks, of more bits or arithmetic codes', async () => {
  const header = headerOf(await photograph(40, 30, {}));
  expect(isSmallJpeg(header)).toBe(true);
  const others: Partial<JpegHeader>[] = [{ height: 9000 }, { components: 4 }, { bits: 12 }, { coding: 9 }];
  for (const other of others) expect(isSmallJpeg({ ...header, ...other })).toBe(false);
});

it('leaves to libvips what is damaged, decodes what comes after it, and in the end tries no more', async () => {
  const encoded = await photograph(64, 48, {});
  const header = headerOf(encoded);
  const decodes = async (bytes: Uint8Array): Promise<boolean> => {
    await openSmallJpegs();
    return decodeSmallJpeg(bytes, header) !== null;
  };
  expect(await decodes(encoded.subarray(0, encoded.length / 2))).toBe(false);
  expect(await decodes(encoded)).toBe(true);
  const stray = Buffer.concat([encoded.subarray(0, -2), Buffer.of(1, 2, 3), encoded.subarray(-2)]);
  for (let i = 0; i < 8; i++) expect(await decodes(stray)).toBe(false);
  expect(await decodes(encoded)).toBe(false);
});
