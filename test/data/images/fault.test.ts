import sharp from 'sharp';
import { expect, it } from 'vitest';
import { faultOfDecoding } from '../../../src/data/images/fault.js';

const jpeg = (): Promise<Buffer> =>
  sharp({ create: { width: 90, height: 60, channels: 3, background: 'teal' } })
    .jpeg()
    .toBuffer();

it('says once what libvips says many times', async () => {
  const cut = (await jpeg()).subarray(0, 20);
  const error = await sharp(cut)
    .raw()
    .toBuffer()
    .then(null, (thrown: unknown) => thrown);
  expect(String(error).split('\n').length).toBeGreaterThan(2);
  expect(faultOfDecoding(error)).toBe('premature end of JPEG image');
});

it.each([
  ['Input buffer has corrupt header: webp: unable to parse image', 'webp: unable to parse image'],
  ['Input buffer has corrupt header:', 'its header is damaged or cut short'],
  [
    'source: bad seek to 28905\nsource: bad seek to 21741\nheif: Unexpected end of file\n (2.100)',
    'heif: Unexpected end of file',
  ],
  ['vipspng: libpng read error', 'libpng read error'],
  ['it is no JPEG, PNG, WebP, GIF, TIFF or AVIF file', 'it is no JPEG, PNG, WebP, GIF, TIFF or AVIF file'],
])('takes from %j what is wrong', (message, fault) => {
  expect(faultOfDecoding(new Error(message))).toBe(fault);
});
