import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { present } from '../../contract/present.js';
import { fileName } from '../file-name.js';
import type { Graph } from '../graph.js';
import type { WrittenFile } from '../model.js';
import { bytesOf, DataType, elementCount, float16ToNumber, numberToFloat16, readFloats } from '../tensor.js';
import { type Quantization, type Shard, type TfjsFiles, type TfjsWeight, weightValues } from './files.js';
import { isObject, type Json, type JsonObject, listOf, objectOf, parseJson, rewriteJson } from './json.js';
import { restore, type WeightOrigin } from './origin.js';

/** The key under which a rewritten model says so: in userDefinedMetadata of model.json, in metadata_props of the graph. */
const noteKey = 'frelu-migrate';

/** A weight that the manifest did not have: a bias, a beta, the constant of a new node. Stored as float32. */
export interface NewWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface WeightChanges {
  /** new elements by weight name, in the weight's own order; a weight that keeps its elements is left out */
  readonly changed: ReadonlyMap<string, Float32Array>;
  readonly added: readonly NewWeight[];
}

/** What storing a changed weight in its quantised type cost. */
export interface Requantized {
  readonly weight: string;
  readonly dtype: Quantization['dtype'];
  /** the largest |stored - wanted| over its elements */
  readonly maxAbsDiff: number;
}

export interface WrittenTfjs {
  /** model.json and the shards that are new; what is not here stays as it is on disk */
  readonly files: readonly WrittenFile[];
  /** shards that the new model.json does not name any more */
  readonly obsolete: readonly string[];
  readonly requantized: readonly Requantized[];
}

/**
 * The weights that differ between the model as it was read and `baked`, in their own order: initializers are compared
 * by their elements, so that a weight that was only read and written again is not among them.
 * Several initializers of one weight must agree.
 * @throws Error when two of them were changed to different values
 */
export function changedWeights(
  files: TfjsFiles,
  origins: ReadonlyMap<string, WeightOrigin>,
  baked: Graph,
): Map<string, Float32Array> {
  const changed = new Map<string, Float32Array>();
  for (const [name, origin] of origins) {
    const tensor = baked.initializer(name);
    const weight = files.weights.get(origin.weight);
    if (tensor === undefined || weight === undefined || tensor.dataType !== DataType.FLOAT) continue;
    const values = restore(readFloats(tensor), weight.shape, origin.steps);
    const before = weightValues(files, weight);
    if (before instanceof Float32Array && isSameBits(values, before)) continue;
    const other = changed.get(origin.weight);
    if (other !== undefined && !isSameBits(values, other)) {
      throw new Error(`weight '${origin.weight}' stands in the graph twice, changed to different values`);
    }
    changed.set(origin.weight, values);
  }
  return changed;
}

function isSameBits(a: Float32Array, b: Float32Array): boolean {
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}

/**
 * The files of a changed model. Shards whose bytes change get new, content-hashed names; new weights come in a group of
 * their own at the end of the manifest; model.json keeps every character that is not concerned. Quantised weights stay
 * on their type, on their old grid or a new one, whichever is nearer to the new elements; but vectors in float16, which would round a
 * shift away, go to the new weights as float32.
 * @param json the edited model.json; its weightsManifest is still the one that was read
 */
export function writeTfjs(files: TfjsFiles, json: JsonObject, changes: WeightChanges): WrittenTfjs {
  const requantized: Requantized[] = [];
  // biases and scales: few bytes, each element of which moves a whole channel
  const widened: { readonly weight: TfjsWeight; readonly values: Float32Array }[] = [];
  const stored = new Map<TfjsWeight, { readonly bytes: Uint8Array; readonly quantization: Quantization | null }>();
  for (const [name, values] of changes.changed) {
    const weight = files.weights.get(name);
    if (weight === undefined) throw new Error(`there is no weight '${name}' to change`);
    if (values.length !== elementCount(weight.shape)) throw new Error(`weight '${name}' changed its size`);
    const { bytes, quantization, maxAbsDiff } = encode(values, weight.quantization);
    const isVector = weight.shape.filter((extent) => extent > 1).length <= 1;
    if (quantization?.dtype === 'float16' && isVector && maxAbsDiff > 0) {
      widened.push({ weight, values });
      continue;
    }
    stored.set(weight, { bytes, quantization });
    if (quantization !== null) requantized.push({ weight: name, dtype: quantization.dtype, maxAbsDiff });
  }

  const written: WrittenFile[] = [];
  const renamed = new Map<string, string>();
  for (const [group, shards] of files.groups.entries()) {
    const patches = [...stored].filter(([weight]) => weight.group === group);
    const cuts = widened.flatMap(({ weight }) => (weight.group === group ? [weight] : []));
    for (const [i, bytes] of patchShards(shards, patches, cuts).entries()) {
      const before = shards[i];
      if (bytes === null || before === undefined) continue;
      const path = hashedPath(before.path, bytes);
      if (path === before.path) continue;
      renamed.set(before.path, path);
      if (!written.some((file) => file.path === path)) written.push({ path, bytes });
    }
  }

  const manifest = listOf(files.json.weightsManifest).map((value, group) => {
    const entry = objectOf(value);
    const changedHere = new Map(
      [...stored].flatMap(([weight, to]) => (weight.group === group ? [[weight.index, to]] : [])),
    );
    return {
      ...entry,
      paths: listOf(entry.paths).map((path, i) => {
        const shard = present(files.groups[group]?.[i], `shard ${i} of weight group ${group}`);
        return renamed.get(shard.path) ?? path;
      }),
      weights: listOf(entry.weights).flatMap((spec, index) => {
        if (widened.some(({ weight }) => weight.group === group && weight.index === index)) return [];
        const quantization = changedHere.get(index)?.quantization;
        if (!quantization || quantization.dtype === 'float16') return [spec];
        return [{ ...objectOf(spec), quantization: { ...objectOf(objectOf(spec).quantization), ...quantization } }];
      }),
    };
  });
  const appended: Json[] = [];
  const added = [
    ...widened.map(({ weight: { name, shape }, values }): NewWeight => ({ name, shape, values })),
    ...changes.added,
  ];
  if (added.length > 0) {
    const bytes = Buffer.concat(added.map(({ values }) => bytesOf(values)));
    const first = files.groups[0]?.[0]?.path ?? 'shard';
    const path = hashedPath(`${first.slice(0, first.length - basename(first).length)}frelu.bin`, bytes);
    written.push({ path, bytes });
    appended.push({
      paths: [path],
      weights: added.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
    });
  }
  const edited = { ...json, weightsManifest: [...manifest, ...appended] };
  const text = rewriteJson(files.text, files.json, edited);
  const entry = { path: basename(files.path), bytes: new TextEncoder().encode(text) };
  return { files: [entry, ...written], obsolete: [...renamed.keys()], requantized };
}

/** The entries of the graph's metadata_props: the note of a rewrite that model.json has, as JSON. */
export function metadataOf(json: JsonObject): Record<string, string> {
  const metadata = json.userDefinedMetadata;
  const note = isObject(metadata) ? metadata[noteKey] : undefined;
  return note === undefined ? {} : { [noteKey]: JSON.stringify(note) };
}

/** model.json with the note of a rewrite, as the graph's metadata has it, in userDefinedMetadata. */
export function withNote(json: JsonObject, baked: Graph): JsonObject {
  const note = baked.model.metadataProps.find(({ key }) => key === noteKey)?.value;
  if (note === undefined) return json;
  return { ...json, userDefinedMetadata: { ...objectOf(json.userDefinedMetadata), [noteKey]: parseJson(note) } };
}

/** The bytes of each shard after the patches, without those of weights that are cut out; null for a shard that stays. */
function patchShards(
  shards: readonly Shard[],
  patches: readonly (readonly [TfjsWeight, { readonly bytes: Uint8Array }])[],
  cuts: readonly TfjsWeight[],
): (Uint8Array | null)[] {
  let start = 0;
  return shards.map(({ bytes: before }) => {
    const first = start;
    const end = start + before.byteLength;
    start = end;
    let after: Uint8Array | null = null;
    for (const [{ offset }, { bytes }] of patches) {
      const from = Math.max(first, offset);
      const to = Math.min(end, offset + bytes.byteLength);
      if (from >= to) continue;
      const part = bytes.subarray(from - offset, to - offset);
      if (Buffer.compare(part, before.subarray(from - first, to - first)) === 0) continue;
      after ??= before.slice();
      after.set(part, from - first);
    }
    const ranges = cuts
      .map(({ offset, byteLength }) => [Math.max(first, offset), Math.min(end, offset + byteLength)] as const)
      .filter(([from, to]) => from < to)
      .map(([from, to]) => [from - first, to - first] as const);
    return ranges.length === 0 ? after : without(after ?? before, ranges);
  });
}

/** Bytes without some ranges of them, which do not overlap. */
function without(bytes: Uint8Array, ranges: readonly (readonly [from: number, to: number])[]): Uint8Array {
  const kept: Uint8Array[] = [];
  let at = 0;
  for (const [from, to] of ranges.toSorted(([a], [b]) => a - b)) {
    kept.push(bytes.subarray(at, from));
    at = to;
  }
  return Buffer.concat([...kept, bytes.subarray(at)]);
}

/** `folder/name.bin` with a hash of the content before its ending, in place of an older hash: a name never stands for two contents. */
function hashedPath(path: string, bytes: Uint8Array): string {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
  const name = basename(path);
  const [, stem = name, ending = ''] = /^(.*?)(?:\.[0-9a-f]{12})?(\.[^.]*)?$/.exec(name) ?? [];
  return `${path.slice(0, path.length - name.length)}${fileName(stem, `.${hash}${ending}`)}`;
}

interface Encoded {
  readonly bytes: Uint8Array;
  readonly quantization: Quantization | null;
  readonly maxAbsDiff: number;
}

function encode(values: Float32Array, quantization: Quantization | null): Encoded {
  if (quantization === null) return { bytes: bytesOf(values), quantization, maxAbsDiff: 0 };
  if (quantization.dtype === 'float16') {
    const halves = Uint16Array.from(values, numberToFloat16);
    const maxAbsDiff = largest(values, (value, i) => value - float16ToNumber(halves[i] ?? 0));
    return { bytes: bytesOf(halves), quantization, maxAbsDiff };
  }
  // The old grid keeps elements exact that did not change; one over the new range does, where all of them moved alike.
  const onOld = onGrid(values, quantization);
  const onNew = onGrid(values, gridOver(values, quantization.dtype));
  return onNew.maxAbsDiff < onOld.maxAbsDiff ? onNew : onOld;
}

type AffineGrid = Extract<Quantization, { readonly scale: number }>;

function levelsOf(dtype: AffineGrid['dtype']): number {
  return dtype === 'uint8' ? 255 : 65535;
}

/** Each value in the nearest place of a grid. */
function onGrid(values: Float32Array, grid: AffineGrid): Encoded {
  const { dtype, scale, min } = grid;
  const place = (value: number) => Math.min(levelsOf(dtype), Math.max(0, Math.round((value - min) / scale)));
  const places = dtype === 'uint8' ? Uint8Array.from(values, place) : Uint16Array.from(values, place);
  const maxAbsDiff = largest(values, (value, i) => value - Math.fround((places[i] ?? 0) * scale + min));
  return { bytes: bytesOf(places), quantization: grid, maxAbsDiff };
}

/** The grid whose first and last place are the smallest and largest value. */
function gridOver(values: Float32Array, dtype: AffineGrid['dtype']): AffineGrid {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { dtype, scale: high > low ? (high - low) / levelsOf(dtype) : 1, min: low };
}

function largest(values: Float32Array, difference: (value: number, index: number) => number): number {
  let max = 0;
  for (const [i, value] of values.entries()) max = Math.max(max, Math.abs(difference(value, i)));
  return max;
}
