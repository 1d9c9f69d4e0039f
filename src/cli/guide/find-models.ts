import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../contract/failure.js';
import { openRegular } from '../../contract/regular-file.js';
import { formatOf } from '../../model/load.js';

/** A search ends here: it is for a folder that somebody works in, not for a disk. */
const foldersSearched = 2000;

/** Folders that hold other people's models, and earlier versions of one's own. */
const aside: ReadonlySet<string> = new Set(['node_modules', '__pycache__']);

/**
 * The models in a folder and in those below it, the nearest first: told by their names and by what is in them.
 * @param most how many are looked for
 * @returns paths relative to `folder`
 */
export async function findModels(folder: string, most: number): Promise<readonly string[]> {
  const found: string[] = [];
  const folders = [''];
  for (let i = 0; i < Math.min(folders.length, foldersSearched) && found.length < most; i++) {
    const within = folders[i] ?? '';
    for (const entry of await entriesOf(join(folder, within))) {
      const path = join(within, entry.name);
      if (entry.isDirectory()) {
        if (!entry.name.startsWith('.') && !aside.has(entry.name)) folders.push(path);
      } else if (await isModel(folder, path, entry)) found.push(path);
    }
  }
  return found.slice(0, most);
}

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** the tag of an ONNX message's first field, the version of its format */
const firstTag = 0x08;

async function isModel(folder: string, path: string, { name }: Dirent): Promise<boolean> {
  const isOnnx = name.endsWith('.onnx');
  if (!isOnnx && name !== 'model.json') return false;
  try {
    const whole = join(folder, path);
    if (isOnnx) return (await firstByte(whole)) === firstTag;
    return (await formatOf(whole)) !== 'onnx';
  } catch (cause) {
    // no regular file, no model, or not to be read
    if (cause instanceof Failure || (cause instanceof Error && 'code' in cause)) return false;
    throw cause;
  }
}

async function firstByte(path: string): Promise<number | undefined> {
  const file = await openRegular(path);
  try {
    const { bytesRead, buffer } = await file.read(new Uint8Array(1), 0, 1, 0);
    return bytesRead === 0 ? undefined : buffer[0];
  } finally {
    await file.close();
  }
}
