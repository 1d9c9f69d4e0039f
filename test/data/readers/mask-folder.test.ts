import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { Dataset, MaskStore, PixelSize } from '../../../src/data/dataset.js';
import { openCompanion, openDataset } from '../../../src/data/open.js';
import { readMaskPng } from '../../../src/data/readers/mask-png.js';
import { temporaryFolder, write } from './bytes.js';

async function folderOf(files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await write(folder, name, bytes);
  }
  return folder;
}

const grey = (width: number, height: number, values: readonly number[]) =>
  sharp(Uint8Array.from(values), { raw: { width, height, channels: 1 } });

/** A picture of 4 x 2 pixels. */
const picture = (): Promise<Buffer> => grey(4, 2, [0, 0, 255, 255, 0, 0, 255, 255]).jpeg().toBuffer();

const maskOf = (values: readonly number[], width = 4): Promise<Buffer> =>
  grey(width, values.length / width, values)
    .toColourspace('b-w')
    .png()
    .toBuffer();

function storeOf({ targets }: Dataset): MaskStore {
  if (targets.kind !== 'mask' || targets.store === null) throw new Error('these are no masks');
  return targets.store;
}

const stored = async (dataset: Dataset, index: number): Promise<number[]> => [
  ...(await storeOf(dataset).gather([index], null)).values,
];

describe('a folder of images and masks', () => {
  it.each([
    ['images', 'masks'],
    ['imgs', 'labels'],
    ['JPEGImages', 'SegmentationClass'],
    ['image', 'mask'],
    ['Images', 'gt'],
    ['img', 'annotations'],
  ])('of the names %s and %s, an image and its mask by the name of the file', async (images, masks) => {
    const folder = await folderOf({
      [`${images}/b.jpg`]: await picture(),
      [`${images}/a.JPG`]: await picture(),
      [`${masks}/a.png`]: await maskOf([0, 1, 2, 3, 0, 0, 0, 0]),
      [`${masks}/b.PNG`]: await maskOf([7, 0, 0, 0, 0, 0, 0, 255]),
    });
    const dataset = await openDataset(folder);
    expect(dataset).toMatchObject({ format: 'masks', count: 2, targets: { kind: 'mask', map: null } });
    expect(storeOf(dataset)).toMatchObject({ values: [0, 1, 2, 3, 7, 255], shape: [2, 4] });
    expect(await stored(dataset, 0)).toEqual([0, 1, 2, 3, 0, 0, 0, 0]);
    expect(await stored(dataset, 1)).toEqual([7, 0, 0, 0, 0, 0, 0, 255]);
  });

  it.each([
    ['train/images/a.jpg', 'train/masks/a.png', 'val/images/b.jpg', 'val/masks/b.png'],
    ['images/train/a.jpg', 'masks/train/a.png', 'images/val/b.jpg', 'masks/val/b.png'],
  ])('in parts: %s', async (image, mask, other, otherMask) => {
    const folder = await folderOf({
      [image]: await picture(),
      [mask]: await maskOf([0, 0, 0, 0, 1, 1, 1, 1]),
      [other]: await picture(),
      [otherMask]: await maskOf([1, 1, 1, 1, 0, 0, 0, 0]),
    });
    const train = await openDataset(folder);
    expect(train).toMatchObject({ part: 'train', count: 1 });
    // without a test part the validation part is it
    const test = await openCompanion(train, 'test');
    expect(test).toMatchObject({ part: 'test', count: 1 });
    expect(test && (await stored(test, 0))).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
    expect(await openCompanion(train, 'validation')).toBeNull();
  });

  it.each([
    ['an image without a mask', { 'images/c.jpg': picture }, /c\.jpg: there is no mask/],
    ['a mask without an image', { 'masks/c.png': () => maskOf([0, 0, 0, 0, 0, 0, 0, 0]) }, /c\.png: there is no image/],
    [
      'two images of one name',
      { 'images/a.png': () => maskOf([0, 0, 0, 0, 0, 0, 0, 0]) },
      /a\.png: .*a\.jpg has the same name|a\.jpg: .*a\.png has the same name/,
    ],
    ['a mask of another size', { 'masks/a.png': () => maskOf([0, 0, 0, 0], 2) }, /a\.png: it is 2x2, its image 2x4/],
    [
      'a mask of colours',
      {
        'masks/a.png': () =>
          sharp(
            Uint8Array.from({ length: 24 }, (_, i) => i),
            { raw: { width: 4, height: 2, channels: 3 } },
          )
            .png()
            .toBuffer(),
      },
      /a\.png: this mask holds colours/,
    ],
    ['a mask that is no PNG', { 'masks/a.png': picture }, /a\.png: this mask is no PNG/],
  ] as const)('refuses %s, and names it', async (_, files, message) => {
    const own = await Promise.all(Object.entries(files).map(async ([name, make]) => [name, await make()] as const));
    const folder = await folderOf({
      'images/a.jpg': await picture(),
      'masks/a.png': await maskOf([0, 0, 0, 0, 0, 0, 0, 0]),
      ...Object.fromEntries(own),
    });
    await expect(openDataset(folder)).rejects.toMatchObject({ kind: 'input', message: expect.stringMatching(message) });
  });

  it('is one of classes where the masks are class folders, or no images', async () => {
    const folder = await folderOf({ 'images/a.jpg': await picture(), 'labels/a.txt': Buffer.from('0 0.5 0.5') });
    await expect(openDataset(folder)).rejects.toThrow(/no images/);
  });
});

describe('the geometry of masks', () => {
  const size = (height: number, width: number, fit: PixelSize['fit']): PixelSize => ({
    height,
    width,
    channels: 1,
    resized: { height, width },
    fit,
    interpolation: 'linear',
  });

  /** Blocks of 8 x 8 pixels, dark and bright in turn. */
  const [height, width] = [40, 64];
  const blocks = Array.from({ length: height * width }, (_, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    return (Math.floor(y / 8) + Math.floor(x / 8)) % 2;
  });

  it.each([
    ['shrunk', size(20, 32, 'stretch')],
    ['stretched', size(40, 80, 'stretch')],
    ['enlarged', size(80, 128, 'stretch')],
    ['cut to a square', size(24, 24, 'cover')],
    ['cut to a strip', size(16, 60, 'cover')],
    ['cut about the centre', { ...size(16, 16, 'cover'), resized: { height: 24, width: 24 } }],
  ])('is that of their images: %s', async (_, wanted) => {
    const folder = await folderOf({
      'images/a.png': await maskOf(
        blocks.map((block) => 255 * block),
        width,
      ),
      'masks/a.png': await maskOf(blocks, width),
    });
    const dataset = await openDataset(folder);
    const image = new Float32Array(wanted.height * wanted.width);
    await dataset.read([0], image, wanted);
    const mask = await storeOf(dataset).gather([0], wanted);
    expect([mask.height, mask.width]).toEqual([wanted.height, wanted.width]);
    expect(new Set(mask.values)).toEqual(new Set([0, 1]));
    // linear interpolation blurs the edges of blocks: where it says anything at all, the mask says the same
    const clear = [...image.keys()].filter((i) => Math.abs((image[i] ?? 0) - 127.5) > 40);
    const same = clear.filter((i) => (image[i] ?? 0) > 127.5 === (mask.values[i] === 1)).length;
    expect(clear.length).toBeGreaterThan(0.5 * image.length);
    expect(same).toBe(clear.length);
  });
});

describe('masks of PNG files', () => {
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };

  /** A PNG of lines that are filtered already. */
  function pngOf(width: number, height: number, depth: number, colourType: number, lines: Uint8Array, interlace = 0) {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header.set([depth, colourType, 0, 0, interlace], 8);
    return Buffer.concat([
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
      chunk('IHDR', header),
      // every entry the same red: indices tell the classes apart, colours do not
      ...(colourType === 3
        ? [
            chunk(
              'PLTE',
              Uint8Array.from({ length: 48 }, (_, i) => (i % 3 === 0 ? 255 : 0)),
            ),
          ]
        : []),
      chunk('IDAT', deflateSync(lines)),
      chunk('IEND', new Uint8Array()),
    ]);
  }

  const values = async (png: Uint8Array): Promise<number[]> => [...(await readMaskPng('a.png', png)).values];

  it('are the indices of a palette, whatever its colours', async () => {
    expect(await values(pngOf(3, 2, 8, 3, Uint8Array.of(0, 0, 5, 15, 0, 2, 2, 1)))).toEqual([0, 5, 15, 2, 2, 1]);
    expect(await values(pngOf(3, 2, 4, 3, Uint8Array.of(0, 0x05, 0xf0, 0, 0x22, 0x10)))).toEqual([0, 5, 15, 2, 2, 1]);
  });

  it('are grey values of few bits as they are, not stretched to 255', async () => {
    expect(await values(pngOf(5, 1, 2, 0, Uint8Array.of(0, 0b00011011, 0b11000000)))).toEqual([0, 1, 2, 3, 3]);
    expect(await values(pngOf(9, 1, 1, 0, Uint8Array.of(0, 0b10100001, 0b10000000)))).toEqual([
      1, 0, 1, 0, 0, 0, 0, 1, 1,
    ]);
  });

  it('may be filtered, interlaced, of three equal channels or with alpha, as others write them', async () => {
    const width = 13;
    const pixels = Array.from({ length: width * 9 }, (_, i) => (i * i) % 7);
    const image = () => grey(width, 9, pixels);
    for (const options of [{ adaptiveFiltering: true }, { progressive: true }, { compressionLevel: 0 }]) {
      expect(await values(await image().toColourspace('b-w').png(options).toBuffer())).toEqual(pixels);
      expect(await values(await image().toColourspace('srgb').png(options).toBuffer())).toEqual(pixels);
      expect(await values(await image().ensureAlpha(0.5).png(options).toBuffer())).toEqual(pixels);
    }
  });

  it('are refused where they are deeper than 8 bits, cut short, or damaged', async () => {
    await expect(values(pngOf(1, 1, 16, 0, Uint8Array.of(0, 1, 0)))).rejects.toThrow('16 bits deep');
    await expect(values(pngOf(3, 2, 8, 0, Uint8Array.of(0, 1, 2)))).rejects.toThrow('its pixels end early');
    const whole = pngOf(3, 2, 8, 0, Uint8Array.of(0, 1, 2, 3, 0, 1, 2, 3));
    await expect(values(whole.subarray(0, whole.length - 20))).rejects.toThrow('damaged or cut short');
  });
});
