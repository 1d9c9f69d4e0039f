import { createHash } from 'node:crypto';
import { basename, dirname, join, posix, resolve } from 'node:path';
import * as v from 'valibot';
import { Failure, messageOf } from '../../contract/failure.js';
import { present } from '../../contract/present.js';
import { openRegular } from '../../contract/regular-file.js';
import type { ModelFile } from '../model.js';
import { elementCount, float16ToNumber } from '../tensor.js';
import { isList, isObject, type Json, type JsonObject, objectOf, parseJson } from './json.js';
import { readPart } from './schema.js';

const quantization = v.variant('dtype', [
  v.object({ dtype: v.picklist(['uint8', 'uint16']), scale: v.number(), min: v.number() }),
  v.object({ dtype: v.literal('float16') }),
]);

/** How a weight is stored more narrowly than its dtype says; `value = stored * scale + min` for the affine ones. */
export type Quantization = Readonly<v.InferOutput<typeof quantization>>;

const weightEntry = v.object({
  name: v.string(),
  shape: v.array(v.pipe(v.number(), v.integer(), v.minValue(0))),
  dtype: v.picklist(['float32', 'int32', 'bool', 'string', 'complex64']),
  quantization: v.nullish(quantization, null),
  /** 'model' or 'optimizer'; most files do not say */
  group: v.optional(v.string()),
});
type WeightEntry = v.InferOutput<typeof weightEntry>;

const weightsManifest = v.array(v.object({ paths: v.array(v.string()), weights: v.array(weightEntry) }));

/** One weight of the manifest and where its bytes lie. */
export interface TfjsWeight extends Readonly<Pick<WeightEntry, 'name' | 'dtype'>> {
  readonly shape: readonly number[];
  readonly quantization: Quantization | null;
  /** the weight's group in the manifest, its entry there, and its bytes among the group's concatenated shards */
  readonly group: number;
  readonly index: number;
  readonly offset: number;
  readonly byteLength: number;
}

export interface Shard {
  /** as the manifest writes it: relative to the folder of model.json, forward slashes */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** A TensorFlow.js model as its files hold it: LayersModel and GraphModel alike. */
export interface TfjsFiles {
  /** model.json, an absolute path */
  readonly path: string;
  readonly text: string;
  readonly json: JsonObject;
  /** by name; an optimizer's weights are not among them */
  readonly weights: ReadonlyMap<string, TfjsWeight>;
  /** the shards of each group of the manifest, in order */
  readonly groups: readonly (readonly Shard[])[];
  /** model.json first */
  readonly files: readonly ModelFile[];
}

/**
 * Where the bytes of a model's files come from: a path relative to the folder of model.json, with forward slashes, and how many bytes
 * there may be.
 */
export type ReadFile = (path: string, most: number) => Promise<Uint8Array>;

/**
 * Reads model.json and all its shards. Weights are decoded only when asked for (`weightValues`).
 * @param path model.json
 * @param read another source of the bytes than the disk: a model that was patched and not written yet
 * @throws Failure('input') when a file is missing, unreadable or truncated, when model.json is no JSON or has no
 *   manifest, or when a shard's path leads out of the folder
 */
export async function readTfjsFiles(path: string, read: ReadFile = fromDisk(path)): Promise<TfjsFiles> {
  const entry = basename(path);
  const bytes = await read(entry, largestJson);
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const json = parseModelJson(path, text);
  if (!isList(json.weightsManifest)) {
    throw new Failure('input', {
      what: `${path}: there is no weightsManifest, so this file holds no weights.`,
      cure: 'Save the model with its weights (model.save, tensorflowjs_converter).',
    });
  }
  const manifest = readPart(weightsManifest, json.weightsManifest, path, 'weightsManifest');
  const files: ModelFile[] = [modelFile(entry, bytes)];
  const groups: Shard[][] = [];
  const weights = new Map<string, TfjsWeight>();
  for (const [group, { paths, weights: entries }] of manifest.entries()) {
    // of all its shards: a manifest may name one file a thousand times
    let left = largestShards(entries);
    const shards: Shard[] = [];
    for (const shardPath of paths) {
      const relative = safePath(path, shardPath);
      const shard = { path: relative, bytes: await read(relative, left) };
      left -= shard.bytes.byteLength;
      shards.push(shard);
      if (!files.some((file) => file.path === relative)) files.push(modelFile(relative, shard.bytes));
    }
    groups.push(shards);
    const isLast = group === manifest.length - 1;
    for (const weight of groupWeights(path, group, entries, shards, isLast)) {
      if (entries[weight.index]?.group !== 'optimizer') weights.set(weight.name, weight);
    }
  }
  return { path: resolve(path), text, json, weights, groups, files };
}

/** V8 has no text of twice as much. */
const largestJson = 2 ** 28;

/** What lies behind the weights is not looked at; so much of it is let through. */
const surplus = 2 ** 26;

/** Strings say their lengths only in the shards: a vocabulary is smaller. */
const largestStrings = 2 ** 28;

/** How many bytes the shards of these weights may be. */
function largestShards(entries: readonly WeightEntry[]): number {
  const strings = entries.some(({ dtype }) => dtype === 'string') ? largestStrings : 0;
  return entries.reduce((sum, entry) => sum + storedBytes(entry), surplus + strings);
}

/** A source over the disk. @throws Failure('input') naming the file that cannot be read */
function fromDisk(modelPath: string): ReadFile {
  return async (path, most) => {
    const full = join(dirname(resolve(modelPath)), path);
    try {
      const file = await openRegular(full);
      try {
        const { size } = await file.stat();
        if (size > most) throw new Error(`it is ${size} bytes long where ${most} are the most that belong there`);
        const bytes = new Uint8Array(size);
        for (let at = 0; at < size; ) {
          // one read takes at most 2 GiB
          const { bytesRead } = await file.read(bytes, at, Math.min(size - at, 1 << 30), at);
          if (bytesRead === 0) throw new Error('it ended while it was read');
          at += bytesRead;
        }
        return bytes;
      } finally {
        await file.close();
      }
    } catch (cause) {
      if (cause instanceof Failure) throw cause;
      const what = messageOf(cause);
      const cure = path === basename(modelPath) ? 'Check the path.' : `Put every shard of ${modelPath} beside it.`;
      throw new Failure('input', { what: `${full}: cannot be read (${what}).`, cure }, { cause });
    }
  };
}

function parseModelJson(path: string, text: string): JsonObject {
  let json: Json;
  try {
    json = parseJson(text);
  } catch (cause) {
    const what = messageOf(cause);
    throw new Failure(
      'input',
      { what: `${path}: this is not JSON (${what}).`, cure: 'Name a TensorFlow.js model.json.' },
      { cause },
    );
  }
  if (!isObject(json) || !isObject(json.modelTopology)) {
    throw new Failure('input', {
      what: `${path}: this is not a TensorFlow.js model: it has no modelTopology.`,
      cure: 'Name a model.json that model.save or tensorflowjs_converter wrote.',
    });
  }
  refuseCrowded(path, 'it', json);
  refuseCrowded(path, 'its modelTopology', json.modelTopology);
  refuseCrowded(path, 'its userDefinedMetadata', objectOf(json.userDefinedMetadata));
  return json;
}

/** Members of an object of which an edit makes copies, which takes seconds for a million of them: models have some ten. */
const mostMembers = 2 ** 16;

function refuseCrowded(path: string, what: string, part: JsonObject): void {
  const count = Object.keys(part).length;
  if (count <= mostMembers) return;
  throw new Failure('input', {
    what: `${path}: ${what} has ${count} members, where ${mostMembers} are more than any model has.`,
    cure: 'Save or convert the model again.',
  });
}

function modelFile(path: string, bytes: Uint8Array): ModelFile {
  return { path, sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.byteLength };
}

/** Shards stay below the model's folder: a manifest must not make us read, or later replace, anything else. */
function safePath(modelPath: string, path: string): string {
  const normal = posix.normalize(path);
  const leaves = normal === '..' || normal.startsWith('../') || posix.isAbsolute(normal);
  if (path === '' || normal === '.' || leaves || /[\\:\0]/.test(path)) {
    throw new Failure('input', {
      what: `${modelPath}: the shard ${JSON.stringify(path)} does not lie below the model's folder.`,
      cure: 'Put the shards beside model.json and name them by relative paths.',
    });
  }
  return normal;
}

const elementBytes = { float32: 4, int32: 4, bool: 1, complex64: 8, uint8: 1, uint16: 2, float16: 2 } as const;

/** Of a weight of another type than string. */
function storedBytes({ shape, dtype, quantization }: Pick<WeightEntry, 'shape' | 'dtype' | 'quantization'>): number {
  const stored = quantization?.dtype ?? dtype;
  return stored === 'string' ? 0 : elementCount(shape) * elementBytes[stored];
}

/** The weights of one group, laid one after another over its shards (tfjs-core, io_utils.ts, decodeWeights). */
function groupWeights(
  path: string,
  group: number,
  entries: readonly WeightEntry[],
  shards: readonly Shard[],
  isLast: boolean,
): TfjsWeight[] {
  const total = shards.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  const names = shards.map((shard) => shard.path).join(', ');
  const weights: TfjsWeight[] = [];
  let offset = 0;
  for (const [index, { name, shape, dtype, quantization }] of entries.entries()) {
    const byteLength =
      dtype === 'string'
        ? stringBytes(shards, offset, elementCount(shape), total)
        : storedBytes({ shape, dtype, quantization });
    if (offset + byteLength > total) {
      throw new Failure('input', {
        what: `${path}: weight '${name}' needs bytes ${offset} to ${offset + byteLength}, but its shards (${names}) hold ${total}: one of them is truncated or missing.`,
        cure: 'Copy them again.',
      });
    }
    weights.push({ name, shape, dtype, quantization, group, index, offset, byteLength });
    offset += byteLength;
  }
  // TensorFlow.js concatenates the groups too, so a surplus shifts every weight of the groups after it.
  if (offset < total && !isLast) {
    throw new Failure('input', {
      what: `${path}: the shards ${names} hold ${total} bytes and their weights only ${offset}.`,
      cure: 'Convert the model again.',
    });
  }
  return weights;
}

/** Strings are stored as a uint32 length and that many bytes each. */
function stringBytes(shards: readonly Shard[], start: number, count: number, total: number): number {
  let at = start;
  for (let i = 0; i < count && at + 4 <= total; i++) {
    const length = new DataView(new Uint8Array(gather(shards, at, 4)).buffer).getUint32(0, true);
    at += 4 + length;
  }
  return at - start;
}

/** Bytes of a group: a view where they lie in one shard, a copy where they span several. */
function gather(shards: readonly Shard[], offset: number, length: number): Uint8Array {
  let start = 0;
  let whole: Uint8Array | undefined;
  for (const { bytes } of shards) {
    const from = Math.max(offset, start);
    const to = Math.min(offset + length, start + bytes.byteLength);
    if (from < to) {
      const part = bytes.subarray(from - start, to - start);
      if (part.byteLength === length) return part;
      whole ??= new Uint8Array(length);
      whole.set(part, from - offset);
    }
    start += bytes.byteLength;
  }
  return whole ?? new Uint8Array(length);
}

/** The stored bytes of a weight, quantised ones as they are; not to be changed. */
export function weightBytes(files: TfjsFiles, weight: TfjsWeight): Uint8Array {
  return gather(present(files.groups[weight.group], `weight group ${weight.group}`), weight.offset, weight.byteLength);
}

export type WeightValues = Float32Array | Int32Array | Uint8Array;

/**
 * The elements of a weight in its own order and dtype, dequantised as TensorFlow.js does it: float32 as Float32Array,
 * int32 as Int32Array, bool as Uint8Array.
 * @throws Failure('input') when the weight holds strings or complex numbers
 */
export function weightValues(files: TfjsFiles, weight: TfjsWeight): WeightValues {
  const { name, dtype, quantization } = weight;
  if (dtype === 'string' || dtype === 'complex64') {
    throw new Failure('input', {
      what: `${files.path}: weight '${name}' has dtype ${dtype}, which cannot be migrated.`,
      cure: 'Remove the part of the network that uses it.',
    });
  }
  // A copy, because a view may start at an address that no array of wider elements can start at.
  const { buffer } = new Uint8Array(weightBytes(files, weight));
  if (quantization === null) {
    if (dtype === 'float32') return new Float32Array(buffer);
    return dtype === 'int32' ? new Int32Array(buffer) : new Uint8Array(buffer);
  }
  const stored = quantization.dtype === 'uint8' ? new Uint8Array(buffer) : new Uint16Array(buffer);
  if (quantization.dtype === 'float16') return Float32Array.from(stored, float16ToNumber);
  const { scale, min } = quantization;
  if (dtype === 'int32') return Int32Array.from(stored, (value) => Math.round(value * scale + min));
  return Float32Array.from(stored, (value) => value * scale + min);
}
