import { join, relative } from 'node:path';
import { Failure, messageOf } from '../../contract/failure.js';
import { readRegular } from '../../contract/regular-file.js';
import type { Dataset, Part } from '../dataset.js';
import { isFolder, isImageFile, listFolder } from './files.js';
import { encodedImagesDataset } from './pixels.js';
import type { DatasetReader, ReadOptions } from './reader.js';
import { namedTargets } from './targets.js';

/** What the folder of each part is called, in lower case. */
export const partNames: Readonly<Record<Part, ReadonlySet<string>>> = {
  train: new Set(['train', 'training']),
  validation: new Set(['val', 'valid', 'validation']),
  test: new Set(['test', 'testing']),
};

/**
 * The folder of each part. Where there is no test folder, the validation folder is the test part, as it is
 * in ImageNet, whose published test images have no labels.
 */
async function partFolders(path: string): Promise<ReadonlyMap<Part, string>> {
  const { folders } = await listFolder(path);
  const folderOf = (part: Part): string | undefined =>
    folders.find((folder) => partNames[part].has(folder.toLowerCase()));
  const parts = new Map<Part, string>();
  const train = folderOf('train');
  // "train" is also a class of vehicles: as a part it has the class folders below it, or nothing but parts beside it
  const onlyParts = folders.every((folder) =>
    Object.values(partNames).some((names) => names.has(folder.toLowerCase())),
  );
  if (train === undefined || !(onlyParts || (await listFolder(join(path, train))).folders.length > 0)) return parts;
  parts.set('train', join(path, train));
  const validation = folderOf('validation');
  const test = folderOf('test') ?? validation;
  if (test !== undefined) parts.set('test', join(path, test));
  if (validation !== undefined && validation !== test) parts.set('validation', join(path, validation));
  return parts;
}

async function read(path: string, options: ReadOptions): Promise<Dataset> {
  const parts = await partFolders(path);
  const part = parts.size > 0 ? (options.part ?? 'train') : undefined;
  const root = part === undefined ? path : parts.get(part);
  if (root === undefined)
    throw new Failure('input', {
      what: `${path}: it has no ${part} folder.`,
      cure: `Add a folder of that name, or give the part that there is as a data set of its own.`,
    });
  const { files: flat, folders } = await listFolder(root);
  if (folders.length === 0 && options.requireTargets === false) {
    const images = flat.filter(isImageFile).map((file) => join(root, file));
    if (images.length > 0) return imagesDataset(path, part, images, null, options);
  }
  if (folders.length === 0) {
    throw new Failure('input', {
      what: `${root}: it holds no class folders.`,
      cure: 'Put the images of each class into a folder named for the class.',
    });
  }
  const images: string[] = [];
  const labels: string[] = [];
  for (const folder of folders) {
    const { files } = await listFolder(join(root, folder));
    const found = files.filter(isImageFile);
    if (found.length === 0) {
      throw new Failure('input', {
        what: `${join(root, folder)}: it holds no images.`,
        cure: 'Add images of this class, or remove the folder.',
      });
    }
    for (const file of found) {
      images.push(join(root, folder, file));
      labels.push(folder);
    }
  }
  // the classes of a test folder are those that training had, in the same order
  const train = parts.get('train');
  const isOwn = train === undefined || train === root || options.ownClasses === true;
  const names = options.classNames ?? (isOwn ? folders : (await listFolder(train)).folders);
  return imagesDataset(path, part, images, labels, { ...options, classNames: names });
}

function imagesDataset(
  path: string,
  part: Part | undefined,
  images: readonly string[],
  labels: readonly string[] | null,
  options: ReadOptions,
): Dataset {
  const imagePath = (index: number): string => images[index] ?? path;
  return encodedImagesDataset({
    path,
    format: 'folder',
    part,
    count: images.length,
    targets:
      labels === null ? { kind: 'none' } : namedTargets(labels, (i) => `${imagePath(i)}: its class folder`, options),
    name: imagePath,
    source: imagePath,
    file: (index) => relative(path, imagePath(index)),
    encoded: async (index) => {
      try {
        return await readRegular(imagePath(index));
      } catch (error) {
        if (error instanceof Failure) throw error;
        const what = `${imagePath(index)}: cannot be read any more (${messageOf(error)}).`;
        throw new Failure('input', { what, cure: 'Put it back, or run again without it.' }, { cause: error });
      }
    },
  });
}

/** Image files in one folder per class, with or without train/, val/ and test/ above; ImageNet's form. */
export const imageFolder: DatasetReader = {
  format: 'image folders',
  async recognises(path) {
    if (!(await isFolder(path))) return false;
    if ((await partFolders(path)).size > 0) return true;
    const { files, folders } = await listFolder(path);
    if (files.some(isImageFile)) return true;
    for (const folder of folders) {
      if ((await listFolder(join(path, folder))).files.some(isImageFile)) return true;
    }
    return false;
  },
  async parts(path) {
    const parts = await partFolders(path);
    return parts.size > 0 ? [...parts.keys()] : ['train'];
  },
  read,
};
