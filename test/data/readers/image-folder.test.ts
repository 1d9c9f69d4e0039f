import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { PixelSize } from '../../../src/data/dataset.js';
import { openCompanion, openDataset } from '../../../src/data/open.js';
import { temporaryFolder, write } from './bytes.js';

/** An image whose left half has one colour and whose right half another. */
async function image(width: number, height: number, left: readonly number[], right: readonly number[]) {
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const x = Math.floor(i / 3) % width;
    return (x < width / 2 ? left : right)[i % 3] ?? 0;
  });
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

const red = [255, 0, 0];
const blue = [0, 0, 255];

async function imageFolder(files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await write(folder, name, bytes);
  }
  return folder;
}

const plain = (height: number, width: number, channels: number, fit: PixelSize['fit'] = 'stretch'): PixelSize => ({
  height,
  width,
  channels,
  resized: { height, width },
  fit,
  interpolation: 'nearest',
});

describe('image folders', () => {
  it('takes the folder names as the classes, sorted, and decodes at the size and channels that are asked for', async () => {
    const picture = await image(8, 4, red, blue);
    const folder = await imageFolder({
      'dog/a.png': await picture.png().toBuffer(),
      'cat/b.PNG': await picture.png().toBuffer(),
      'cat/notes.txt': Buffer.from('not an image'),
    });
    const dataset = await openDataset(folder);
    expect(dataset).toMatchObject({
      format: 'folder',
      count: 2,
      sample: { shape: null, layout: 'HWC', dtype: 'uint8' },
      targets: { kind: 'class', labels: Int32Array.of(0, 1), names: ['cat', 'dog'] },
    });
    const rgb = new Float32Array(2 * 6);
    await dataset.read([0, 1], rgb, plain(1, 2, 3));
    expect([...rgb]).toEqual([...red, ...blue, ...red, ...blue]);
    const grey = new Float32Array(2);
    await dataset.read([0], grey, plain(1, 2, 1));
    // red is brighter than blue to the eye, and neither is black or white
    expect(grey[0]).toBeGreaterThan(grey[1] ?? 0);
    expect(grey[1]).toBeGreaterThan(0);
    expect(grey[0]).toBeLessThan(200);
  });

  it('turns an image upright as its EXIF data says', async () => {
    const lying = await (await image(8, 8, red, blue)).withMetadata({ orientation: 6 }).png().toBuffer();
    const dataset = await openDataset(await imageFolder({ 'a/x.png': lying }));
    const into = new Float32Array(6);
    await dataset.read([0], into, plain(2, 1, 3));
    // orientation 6: what is stored on the left is the top
    expect([...into]).toEqual([...red, ...blue]);
  });

  it('keeps the aspect ratio and cuts off what stands over, where asked to', async () => {
    const wide = await (await image(12, 4, red, blue)).png().toBuffer();
    const dataset = await openDataset(await imageFolder({ 'a/x.png': wide }));
    const covered = new Float32Array(4 * 4 * 3);
    await dataset.read([0], covered, plain(4, 4, 3, 'cover'));
    expect([...covered.subarray(0, 12)]).toEqual([...red, ...red, ...blue, ...blue]);
    const cropped = new Float32Array(2 * 2 * 3);
    await dataset.read([0], cropped, { ...plain(2, 2, 3, 'cover'), resized: { height: 4, width: 4 } });
    expect([...cropped.subarray(0, 6)]).toEqual([...red, ...blue]);
  });

  it('takes train/ and test/ as parts with the same classes; val/ is the test set where there is no other', async () => {
    const picture = await (await image(4, 4, red, blue)).png().toBuffer();
    const both = await openDataset(
      await imageFolder({
        'train/a/1.png': picture,
        'train/b/2.png': picture,
        'val/a/3.png': picture,
        'test/b/4.png': picture,
      }),
    );
    expect(both).toMatchObject({ part: 'train', count: 2, targets: { names: ['a', 'b'] } });
    expect(await openCompanion(both, 'test')).toMatchObject({
      targets: { labels: Int32Array.of(1), names: ['a', 'b'] },
    });
    expect(await openCompanion(both, 'validation')).toMatchObject({ targets: { labels: Int32Array.of(0) } });
    const imageNet = await openDataset(await imageFolder({ 'train/n01/1.png': picture, 'val/n01/2.png': picture }));
    expect(await openCompanion(imageNet, 'test')).toMatchObject({ count: 1 });
    expect(await openCompanion(imageNet, 'validation')).toBeNull();
    const vehicles = await openDataset(await imageFolder({ 'train/1.png': picture, 'car/2.png': picture }));
    expect(vehicles.targets).toMatchObject({ names: ['car', 'train'] });
  });

  it('refuses an empty class, images without classes, an unknown class, and names an image it cannot read', async () => {
    const picture = await (await image(4, 4, red, blue)).png().toBuffer();
    const empty = await imageFolder({ 'a/1.png': picture, 'b/readme.txt': Buffer.from('none yet') });
    await expect(openDataset(empty)).rejects.toThrow(`${join(empty, 'b')}: it holds no images`);
    const flat = await imageFolder({ '1.png': picture });
    await expect(openDataset(flat)).rejects.toThrow(/holds no class folders. Put the images of each class into/);
    expect(await openDataset(flat, { requireTargets: false })).toMatchObject({ count: 1, targets: { kind: 'none' } });
    const unknown = await imageFolder({ 'train/a/1.png': picture, 'test/c/1.png': picture });
    await expect(openDataset(unknown, { part: 'test' })).rejects.toThrow(
      /"c", which is not one of the 1 classes \(a\)/,
    );
    const broken = await imageFolder({ 'a/1.png': picture.subarray(0, 60), 'a/2.png': picture });
    const dataset = await openDataset(broken);
    await expect(dataset.read([0], new Float32Array(3), plain(1, 1, 3))).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(/1.png: cannot be decoded as an image/),
    });
  });

  it('says of a link that it leads to nothing, or to itself', async () => {
    const picture = await (await image(4, 4, red, blue)).png().toBuffer();
    const folder = await imageFolder({ 'a/1.png': picture });
    await symlink('../store/2.png', join(folder, 'a', '2.png'));
    await expect(openDataset(folder)).rejects.toMatchObject({
      kind: 'input',
      what: `${join(folder, 'a', '2.png')}: it is a link to ../store/2.png, and nothing is there.`,
      cure: 'Put back what it names, or remove the link.',
    });
    const round = await imageFolder({ 'a/1.png': picture });
    await symlink('2.png', join(round, 'a', '2.png'));
    await expect(openDataset(round)).rejects.toThrow('2.png: it is a link that leads back to itself. Remove it.');
  });

  it('names five unreadable images at once, whichever is read first', async () => {
    const picture = await (await image(4, 4, red, blue)).png().toBuffer();
    const names = Array.from({ length: 200 }, (_, i) => `a/${String(i).padStart(3, '0')}.png`);
    const folderWith = (bad: readonly number[]) =>
      imageFolder(
        Object.fromEntries(names.map((name, i) => [name, bad.includes(i) ? picture.subarray(0, 60) : picture])),
      );
    const refused = async (bad: readonly number[], read: number) => {
      const folder = await folderWith(bad);
      const dataset = await openDataset(folder);
      const both = [0, 1].map(() => dataset.read([1, read], new Float32Array(6), plain(1, 1, 3)));
      const [thrown, other] = (await Promise.allSettled(both)).map((each) => each.status === 'rejected' && each.reason);
      expect(other.message).toBe(thrown.message);
      return {
        cure: thrown.cure,
        named: thrown.what.match(/\d{3}(?=\.png: cannot)/g),
        isAll: !/more/.test(thrown.what),
      };
    };
    expect(await refused([7], 7)).toEqual({ cure: 'Replace or remove it.', named: ['007'], isAll: true });
    const three = { cure: 'Replace or remove them.', named: ['150', '007', '199'], isAll: true };
    expect(await refused([7, 150, 199], 150)).toEqual(three);
    expect(await refused([2, 3, 5, 7, 11, 13], 2)).toMatchObject({
      named: ['002', '003', '005', '007', '011'],
      isAll: false,
    });
  });
});
