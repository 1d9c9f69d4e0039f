import { readFile } from 'node:fs/promises';
import { join, parse, relative } from 'node:path';
import { Failure, messageOf } from '../../contract/failure.js';
import { present } from '../../contract/present.js';
import type { Dataset, MaskStore, Part, Targets } from '../dataset.js';
import { faultOfDecoding } from '../images/fault.js';
import { loadSharp } from '../images/sharp.js';
import { maskStore } from '../masks.js';
import { isFolder, isImageFile, listFolder } from './files.js';
import { partNames } from './image-folder.js';
import { readMaskPng } from './mask-png.js';
import { encodedImagesDataset } from './pixels.js';
import type { DatasetReader, ReadOptions } from './reader.js';

/** Usual names of both folders, in lower case; of several that are there, the first one that holds images. */
const imageNames = ['images', 'imgs', 'jpegimages', 'image', 'img'];
const maskNames = ['masks', 'mask', 'segmentationclass', 'gt', 'labels', 'annotations'];

/** The folder of the images and that of their masks. */
interface Pair {
  readonly images: string;
  readonly masks: string;
}

/** An image with the mask of the same name. */
interface MaskedImage {
  readonly image: string;
  readonly mask: string;
}

async function pairIn(path: string): Promise<Pair | null> {
  const { folders } = await listFolder(path);
  const named = async (names: readonly string[]): Promise<string | null> => {
    for (const name of names) {
      const folder = folders.find((each) => each.toLowerCase() === name);
      if (folder !== undefined && (await holdsImages(join(path, folder)))) return join(path, folder);
    }
    return null;
  };
  const [images, masks] = [await named(imageNames), await named(maskNames)];
  return images === null || masks === null ? null : { images, masks };
}

/** Whether there are images in a folder or in one below it. */
async function holdsImages(path: string): Promise<boolean> {
  const { files, folders } = await listFolder(path);
  if (files.some(isImageFile)) return true;
  for (const folder of folders) if ((await listFolder(join(path, folder))).files.some(isImageFile)) return true;
  return false;
}

/** The folder of a part below a path. */
async function partBelow(path: string, part: Part): Promise<string | null> {
  const { folders } = await listFolder(path);
  const found = folders.find((folder) => partNames[part].has(folder.toLowerCase()));
  return found === undefined ? null : join(path, found);
}

/**
 * Both folders of each part: train/images and train/masks, or images/train and masks/train. Parts whose masks are not there are no
 * parts. Where there is no test part, the validation part is it, as in folders of classes. Null for data without parts.
 */
async function partPairs(path: string): Promise<ReadonlyMap<Part, Pair> | null> {
  const whole = await pairIn(path);
  const pairOf = async (part: Part): Promise<Pair | null> => {
    if (whole === null) {
      const folder = await partBelow(path, part);
      return folder === null ? null : pairIn(folder);
    }
    const [images, masks] = [await partBelow(whole.images, part), await partBelow(whole.masks, part)];
    return images === null || masks === null ? null : { images, masks };
  };
  const train = await pairOf('train');
  if (train === null) return null;
  const validation = await pairOf('validation');
  const ownTest = await pairOf('test');
  const parts = new Map<Part, Pair>([['train', train]]);
  const test = ownTest ?? validation;
  if (test !== null) parts.set('test', test);
  if (validation !== null && ownTest !== null) parts.set('validation', validation);
  return parts;
}

async function read(path: string, options: ReadOptions): Promise<Dataset> {
  const parts = await partPairs(path);
  const part = parts === null ? undefined : (options.part ?? 'train');
  const pair = part === undefined ? await pairIn(path) : parts?.get(part);
  if (pair === null || pair === undefined) {
    throw new Failure('input', {
      what: `${path}: it has no ${part ?? ''} images with masks.`,
      cure: 'Add folders of that part with images and masks, or give the part that there is as a data set of its own.',
    });
  }
  // what watches a model asks for no masks, and new images may have none
  if (options.requireTargets === false && options.targetKind === 'mask') {
    const images = (await filesBelow(pair.images)).map((file) => join(pair.images, file));
    return imagesDataset(path, part, images, { kind: 'none' });
  }
  const masked = await matched(pair);
  const targets: Targets = { kind: 'mask', store: await folderStore(path, masked), map: null };
  return imagesDataset(
    path,
    part,
    masked.map(({ image }) => image),
    targets,
  );
}

/** The image files below a folder, by their paths from it, sorted. */
async function filesBelow(path: string): Promise<readonly string[]> {
  const { files, folders } = await listFolder(path);
  const found = files.filter(isImageFile);
  for (const folder of folders) {
    found.push(...(await filesBelow(join(path, folder))).map((file) => join(folder, file)));
  }
  return found;
}

/** @throws Failure('input') naming an image without a mask, a mask without an image, or two of one name */
async function matched({ images, masks }: Pair): Promise<readonly MaskedImage[]> {
  const maskOf = await byStem(masks);
  const imageOf = await byStem(images);
  const pairs = Array.from(imageOf, ([stem, image]): MaskedImage => {
    const mask = maskOf.get(stem);
    if (mask !== undefined) return { image, mask };
    throw new Failure('input', {
      what: `${image}: there is no mask of that name in ${masks}.`,
      cure: 'Add it, or remove the image; an image and its mask are files of one name, whatever their endings.',
    });
  });
  for (const [stem, mask] of maskOf) {
    if (imageOf.has(stem)) continue;
    throw new Failure('input', {
      what: `${mask}: there is no image of that name in ${images}.`,
      cure: 'Add it, or remove the mask; an image and its mask are files of one name, whatever their endings.',
    });
  }
  return pairs;
}

async function byStem(folder: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const file of await filesBelow(folder)) {
    const { dir, name } = parse(file);
    const stem = join(dir, name);
    const path = join(folder, file);
    const other = found.get(stem);
    if (other !== undefined) {
      throw new Failure('input', {
        what: `${path}: ${other} has the same name, and which of them is meant is not known.`,
        cure: 'Remove one of them.',
      });
    }
    found.set(stem, path);
  }
  return found;
}

/** How many files are looked at side by side. */
const together = 16;

/** The masks of a folder, each looked at once: what is wrong with one is told before anything is computed. */
async function folderStore(path: string, masked: readonly MaskedImage[]): Promise<MaskStore> {
  const values = new Uint8Array(256);
  const shapes = new Map<string, readonly [number, number]>();
  for (let start = 0; start < masked.length; start += together) {
    await Promise.all(
      masked.slice(start, start + together).map(async ({ image, mask }) => {
        const { values: pixels, height, width } = await decoded(mask);
        for (const value of pixels) values[value] = 1;
        shapes.set(`${height}x${width}`, [height, width]);
        await requireSize(image, mask, height, width);
      }),
    );
  }
  const [shape = null, ...others] = shapes.values();
  const nameOf = (index: number): string => present(masked[index], `the mask ${index}`).mask;
  return maskStore({
    path,
    count: masked.length,
    values: Array.from(values.keys()).filter((value) => values[value] === 1),
    shape: others.length === 0 ? shape : null,
    name: nameOf,
    read: (index) => decoded(nameOf(index)),
    bytes: (index) => fileBytes(nameOf(index)),
  });
}

async function decoded(mask: string) {
  return readMaskPng(mask, await fileBytes(mask));
}

/** @throws Failure('input') for an image of another size than its mask: they would not lie over each other */
async function requireSize(image: string, mask: string, height: number, width: number): Promise<void> {
  const sharp = await loadSharp();
  const { autoOrient } = await sharp(await fileBytes(image))
    .metadata()
    .catch((cause: unknown) => {
      throw new Failure(
        'input',
        {
          what: `${image}: cannot be decoded as an image (${faultOfDecoding(cause)}).`,
          cure: 'Replace or remove it, with its mask.',
        },
        { cause },
      );
    });
  if (autoOrient.height === height && autoOrient.width === width) return;
  throw new Failure('input', {
    what: `${mask}: it is ${height}x${width}, its image ${autoOrient.height}x${autoOrient.width} (height x width, upright).`,
    cure: 'Save the mask at the size of its image.',
  });
}

async function fileBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new Failure(
      'input',
      { what: `${path}: cannot be read (${messageOf(cause)}).`, cure: 'Put it back, or run again without it.' },
      { cause },
    );
  }
}

function imagesDataset(path: string, part: Part | undefined, images: readonly string[], targets: Targets): Dataset {
  if (images.length === 0) {
    throw new Failure('input', { what: `${path}: it holds no images.`, cure: 'Add images with masks.' });
  }
  const nameOf = (index: number): string => present(images[index], `the image ${index}`);
  return encodedImagesDataset({
    path,
    format: 'masks',
    part,
    count: images.length,
    targets,
    name: nameOf,
    source: nameOf,
    file: (index) => relative(path, nameOf(index)),
    encoded: (index) => fileBytes(nameOf(index)),
  });
}

/** A folder of images beside a folder of masks of the same names, with or without train/, val/ and test/ above or below. */
export const maskFolder: DatasetReader = {
  format: 'images with masks',
  async recognises(path) {
    return (await isFolder(path)) && ((await pairIn(path)) !== null || (await partPairs(path)) !== null);
  },
  async parts(path) {
    const parts = await partPairs(path);
    return parts === null ? ['train'] : [...parts.keys()];
  },
  read,
};
