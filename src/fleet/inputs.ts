import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Failure } from '../contract/failure.js';
import { preprocessorConfigName } from '../data/preprocessor-config.js';
import { hashFile } from '../model/file-pieces.js';
import type { ModelFile } from '../model/model.js';
import { classListNames } from '../reading/class-names.js';
import { absentIsNull } from '../upgrade/file-errors.js';
import { addressOf } from './address.js';
import type { Input, InputFile, Unit } from './unit.js';

/** Hashes files; each once as long as its size and the time of its last change stay. */
export class Fingerprints {
  readonly #known = new Map<string, { readonly stamp: string; readonly file: Promise<Omit<InputFile, 'path'>> }>();

  /** @throws what reading throws */
  async of(path: string): Promise<Omit<InputFile, 'path'>> {
    const { size, mtimeMs, ctimeMs, ino } = await stat(path);
    const stamp = [size, mtimeMs, ctimeMs, ino].join(' ');
    const known = this.#known.get(path);
    if (known?.stamp === stamp) return known.file;
    const file = hashFile(path);
    this.#known.set(path, { stamp, file });
    return file;
  }
}

/**
 * A local file, or all files of a folder, by content.
 * @throws Failure('input') where there is none
 */
export async function localInput(path: string, fingerprints: Fingerprints): Promise<Input> {
  const found = await stat(path).catch(() => null);
  if (found === null) {
    throw new Failure('input', {
      what: `${path}: there is no such file or folder.`,
      cure: 'Check the path in the description of the fleet.',
      written: 'nothing',
    });
  }
  if (!found.isDirectory()) {
    const entry = basename(path);
    return { uri: path, entry, files: [{ path: entry, ...(await fingerprints.of(path)) }] };
  }
  const files: InputFile[] = [];
  for (const name of await filesBelow(path)) files.push({ path: name, ...(await fingerprints.of(join(path, name))) });
  return { uri: path, entry: null, files };
}

/** The files of a model, and those beside it that say how it is read. */
export async function localModel(
  path: string,
  files: readonly ModelFile[],
  fingerprints: Fingerprints,
): Promise<Input> {
  const folder = dirname(path);
  const beside: InputFile[] = [];
  for (const name of [preprocessorConfigName, ...classListNames]) {
    const found = await fingerprints.of(join(folder, name)).catch(absentIsNull);
    if (found !== null) beside.push({ path: name, ...found });
  }
  const own = files.map(({ path: name, sha256, bytes }) => ({ path: name, sha256, bytes }));
  return {
    uri: path,
    entry: basename(path),
    files: [...own, ...beside.filter((file) => !own.some((each) => each.path === file.path))],
  };
}

/** Relative paths, in order, '/' between their parts. What begins with a dot is no part of a data set. */
async function filesBelow(folder: string, prefix = ''): Promise<string[]> {
  const entries = (await readdir(join(folder, prefix), { withFileTypes: true })).filter(
    ({ name }) => !name.startsWith('.'),
  );
  const found: string[] = [];
  for (const { name } of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = prefix === '' ? name : `${prefix}/${name}`;
    if ((await stat(join(folder, path))).isDirectory()) found.push(...(await filesBelow(folder, path)));
    else found.push(path);
  }
  return found;
}

/** The folder that the files of a local input lie in. */
function folderOf({ uri, entry }: Pick<Input, 'uri' | 'entry'>): string {
  const address = addressOf(uri);
  if (address.kind !== 'file') throw new Error(`${uri} lies in no folder`);
  return entry === null ? address.path : dirname(address.path);
}

/**
 * Holds local inputs against what the unit was planned for.
 * @throws Failure('input') naming the first file that is missing or another
 */
export async function verifyInputs({ model, inputs }: Unit, fingerprints: Fingerprints): Promise<void> {
  for (const input of [model, ...inputs]) {
    if (addressOf(input.uri).kind !== 'file') continue;
    const folder = folderOf(input);
    for (const { path, sha256 } of input.files) {
      const found = await fingerprints.of(join(folder, path)).catch(absentIsNull);
      if (found?.sha256 === sha256) continue;
      throw new Failure('input', {
        what: `${join(folder, path)}: this file ${found === null ? 'is not there' : 'is another than the one that was planned for'}.`,
        cure: 'Bring it back, or plan the fleet again.',
        written: 'model-untouched',
      });
    }
  }
}
