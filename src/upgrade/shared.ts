import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import * as v from 'valibot';
import { parseJson } from '../contract/parse-json.js';
import { RangeReader } from '../model/file-pieces.js';
import { errorCode, isAbsence } from './file-errors.js';

/** Large, and never a place for models. */
const foreign: ReadonlySet<string> = new Set(['node_modules', '.git', '.frelu']);

/** A folder of more entries than this is a store of other things; what lies deeper in it is not looked at. */
const entryLimit = 20_000;

/**
 * Those of a model's side files (absolute paths) that something else uses too: another model in its folder, below it or in the folder
 * above names them, or a link leads to them. A TensorFlow.js model names its shards in its manifest; an ONNX model its external data
 * somewhere in the file, whose bytes are searched for the name, so that none is overlooked.
 * @param entry the model's own entry file, an absolute path
 */
export async function usedByOthers(entry: string, files: readonly string[]): Promise<ReadonlySet<string>> {
  const used = new Set<string>();
  if (files.length === 0) return used;
  const real = new Map<string, string>();
  for (const file of files) real.set(await realpath(file).catch(() => file), file);
  const note = (path: string): void => {
    const file = real.get(path);
    if (file !== undefined) used.add(file);
  };
  const folder = dirname(entry);
  const { links, models } = await found(folder);
  for (const link of links) note(await realpath(link).catch(() => link));
  for (const model of [...models, ...(await modelsIn(dirname(folder)))]) {
    if (model === entry || used.size === real.size) continue;
    try {
      if (extname(model).toLowerCase() === '.json') for (const shard of await shardsOf(model)) note(shard);
      else for (const file of await namedIn(model, files)) used.add(file);
    } catch (error) {
      if (errorCode(error) === null) throw error;
      // it went away meanwhile; or nobody can tell what it names
      if (!isAbsence(error)) return new Set(files);
    }
  }
  return used;
}

interface Found {
  readonly links: readonly string[];
  readonly models: readonly string[];
}

async function found(folder: string): Promise<Found> {
  const links: string[] = [];
  const models: string[] = [];
  const folders = [folder];
  let seen = 0;
  for (let at = folders.shift(); at !== undefined && seen < entryLimit; at = folders.shift()) {
    for (const each of await entriesOf(at)) {
      seen++;
      const path = join(at, each.name);
      if (each.isSymbolicLink()) links.push(path);
      else if (each.isDirectory() && !foreign.has(each.name)) folders.push(path);
      if (each.isFile() && isModelName(each.name)) models.push(path);
    }
  }
  return { links, models };
}

async function modelsIn(folder: string): Promise<readonly string[]> {
  const entries = await entriesOf(folder);
  return entries.filter((each) => each.isFile() && isModelName(each.name)).map(({ name }) => join(folder, name));
}

/** What this user may not list is nobody's that this user could have known of. */
const entriesOf = (folder: string) => readdir(folder, { withFileTypes: true }).catch(() => []);

const isModelName = (name: string): boolean => ['.json', '.onnx'].includes(extname(name).toLowerCase());

const manifest = v.object({ weightsManifest: v.array(v.object({ paths: v.array(v.string()) })) });

/** A manifest is far smaller than what a string can hold, and no ONNX message is larger than 2 GiB: larger files are none. */
const jsonLimit = 2 ** 28;
const onnxLimit = 2 ** 31;

/** The real paths of the shards that a model.json names; none for other JSON files. */
async function shardsOf(model: string): Promise<readonly string[]> {
  try {
    if ((await stat(model)).size > jsonLimit) return [];
    const { weightsManifest } = parseJson(await readFile(model, 'utf8'), manifest);
    const paths = weightsManifest.flatMap((group) => group.paths).map((path) => resolve(dirname(model), path));
    return await Promise.all(paths.map((path) => realpath(path).catch(() => path)));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return [];
    throw error;
  }
}

/** Those of the files whose names the bytes of `model` hold. */
async function namedIn(model: string, files: readonly string[]): Promise<readonly string[]> {
  const { size } = await stat(model);
  if (size > onnxLimit) return [];
  const names = new Map(files.map((file) => [file, Buffer.from(basename(file))]));
  const longest = Math.max(...[...names.values()].map(({ length }) => length));
  const found = new Set<string>();
  const reader = new RangeReader(model);
  let tail = Buffer.alloc(0);
  try {
    for await (const piece of reader.read({ offset: 0, byteLength: size })) {
      const bytes = Buffer.concat([tail, piece]);
      for (const [file, name] of names) if (bytes.includes(name)) found.add(file);
      // a name may lie across two pieces
      tail = Buffer.from(bytes.subarray(Math.max(0, bytes.length - longest + 1)));
    }
  } finally {
    await reader.close();
  }
  return [...found];
}
