import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { bytesOf } from '../../../src/model/tensor.js';
import type { Json, JsonObject } from '../../../src/model/tfjs/json.js';
import type { TfjsGraphModel } from '../../../src/model/tfjs-graph/model.js';
import { readTfjsGraph } from '../../../src/model/tfjs-graph/read.js';
import { openSession, Tensor } from '../../../src/runtime/session.js';

type Values = Float32Array | Int32Array | Uint8Array;
type DType = 'float32' | 'int32' | 'bool';

const tensorflowTypes = { float32: 'DT_FLOAT', int32: 'DT_INT32', bool: 'DT_BOOL' } as const;
const variant = 'DT_VARIANT';

// attribute values as GraphDef's JSON form writes them
export const int = (i: number): Json => ({ i: String(i) });
export const float = (f: number): Json => ({ f });
export const bool = (b: boolean): Json => ({ b });
export const text = (s: string): Json => ({ s: Buffer.from(s).toString('base64') });
export const type = (dtype: DType | 'list'): Json => ({ type: dtype === 'list' ? variant : tensorflowTypes[dtype] });
export const ints = (...i: number[]): Json => ({ list: { i: i.map(String) } });
const texts = (...s: string[]): Json => ({ list: { s: s.map((each) => Buffer.from(each).toString('base64')) } });

/** The attributes of a convolution over height and width. */
export function sliding(padding: 'SAME' | 'VALID', stride = 1, dilation = 1): JsonObject {
  const strides = ints(1, stride, stride, 1);
  return { padding: text(padding), strides, dilations: ints(1, dilation, dilation, 1), data_format: text('NHWC') };
}

/** What a fused operator does besides, and how many inputs it has for that. */
export function fusing(...names: string[]): JsonObject {
  return { fused_ops: texts(...names), num_args: int(names.includes('Prelu') ? 2 : names.length === 0 ? 0 : 1) };
}

/** A GraphModel written by hand: nodes as the converter writes them, weights in one float32, int32 or bool shard. */
export class HandmadeModel {
  readonly #nodes: JsonObject[] = [];
  readonly #weights: { readonly name: string; readonly shape: readonly number[]; dtype: DType; values: Values }[] = [];
  readonly #manifest = new Map<string, JsonObject>();
  readonly #stored = new Map<string, Uint8Array>();
  /** further fields of model.json */
  fields: JsonObject = {};
  /** the graph's library: the conditions and bodies of loops */
  readonly functions: JsonObject[] = [];

  input(name: string, shape: readonly number[], dtype: DType = 'float32'): string {
    const dim = shape.map((size) => ({ size: String(size) }));
    return this.node('Placeholder', name, [], { dtype: type(dtype), shape: { shape: { dim } } });
  }

  constant(
    name: string,
    shape: readonly number[],
    values: readonly number[] | Values,
    dtype: DType = 'float32',
  ): string {
    this.#nodes.push(this.constantNode(name, shape, values, dtype));
    return name;
  }

  /** A constant whose node stands elsewhere than in the main graph. */
  constantNode(
    name: string,
    shape: readonly number[],
    values: readonly number[] | Values,
    dtype: DType = 'float32',
  ): JsonObject {
    const typed = dtype === 'float32' ? Float32Array : dtype === 'int32' ? Int32Array : Uint8Array;
    this.#weights.push({ name, shape, dtype, values: typed.from(values) });
    const dim = shape.map((size) => ({ size: String(size) }));
    const value = { tensor: { dtype: tensorflowTypes[dtype], tensorShape: { dim } } };
    return { name, op: 'Const', attr: { dtype: type(dtype), value } };
  }

  /** An int32 vector, or a scalar where one number is given alone. */
  integers(name: string, values: number | readonly number[]): string {
    return typeof values === 'number'
      ? this.constant(name, [], [values], 'int32')
      : this.constant(name, [values.length], values, 'int32');
  }

  /** A float32 constant of small random numbers, the same in every run. */
  random(name: string, shape: readonly number[]): string {
    return this.constant(name, shape, randomValues(shape, name));
  }

  /** Stores a weight quantised: `stored` are its bytes, `quantization` its entry in the manifest. */
  quantize(name: string, quantization: JsonObject, stored: Uint8Array): void {
    this.#manifest.set(name, quantization);
    this.#stored.set(name, stored);
  }

  node(op: string, name: string, input: readonly string[], attr: JsonObject = {}): string {
    this.#nodes.push(input.length === 0 ? { name, op, attr } : { name, op, input, attr });
    return name;
  }

  files(): Map<string, Uint8Array> {
    const weights = this.#weights.map(({ name, shape, dtype }) => {
      const quantization = this.#manifest.get(name);
      return quantization === undefined ? { name, shape, dtype } : { name, shape, dtype, quantization };
    });
    const shard = Buffer.concat(this.#weights.map(({ name, values }) => this.#stored.get(name) ?? bytesOf(values)));
    const json = {
      modelTopology: {
        node: this.#nodes,
        ...(this.functions.length === 0 ? {} : { library: { function: this.functions } }),
        versions: { producer: 987 },
      },
      weightsManifest: [{ paths: ['group1-shard1of1.bin'], weights }],
      ...this.fields,
    };
    return new Map<string, Uint8Array>([
      ['model.json', new TextEncoder().encode(JSON.stringify(json))],
      ['group1-shard1of1.bin', shard],
    ]);
  }
}

/** Numbers in [-1, 1), the same for the same seed. */
export function randomValues(shape: readonly number[], seed: string): Float32Array {
  let state = Array.from(seed).reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) >>> 0, 17);
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return Float32Array.from({ length: shape.reduce((product, extent) => product * extent, 1) }, next);
}

export type Feeds = Readonly<Record<string, { readonly shape: readonly number[]; readonly values: Values }>>;

/** Random feeds for float32 inputs of these shapes. */
export function randomFeeds(shapes: Readonly<Record<string, readonly number[]>>): Feeds {
  const entries = Object.entries(shapes).map(([name, shape]) => [name, { shape, values: randomValues(shape, name) }]);
  return Object.fromEntries(entries);
}

/** @param keeps whether what cannot be read stays as nodes that nothing can run */
export function readFiles(files: ReadonlyMap<string, Uint8Array>, keeps = false): Promise<TfjsGraphModel> {
  const read = async (path: string) => {
    const bytes = files.get(path);
    if (bytes === undefined) throw new Error(`there is no '${path}'`);
    return bytes;
  };
  return readTfjsGraph('/models/model.json', read, keeps);
}

export interface Output {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** What stock TensorFlow.js makes of a GraphModel, by output. */
export async function runTfjs(files: ReadonlyMap<string, Uint8Array>, feeds: Feeds): Promise<Map<string, Output>> {
  await tf.setBackend('cpu');
  const model = await tf.loadGraphModel(tf.io.fromMemory(artifacts(files)));
  try {
    const tensors = Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, tensorOf(feed)]));
    const names = model.outputs.map(({ name }) => name);
    const made = await model.executeAsync(tensors, names);
    const list = Array.isArray(made) ? made : [made];
    return new Map(
      list.map((tensor, i) => [names[i] ?? '', { shape: tensor.shape, values: Array.from(tensor.dataSync(), Number) }]),
    );
  } finally {
    model.dispose();
  }
}

function tensorOf({ shape, values }: Feeds[string]): tf.Tensor {
  const dtype = values instanceof Float32Array ? 'float32' : values instanceof Int32Array ? 'int32' : 'bool';
  return tf.tensor(values, [...shape], dtype);
}

function artifacts(files: ReadonlyMap<string, Uint8Array>): tf.io.ModelArtifacts {
  const json: tf.io.ModelJSON = JSON.parse(new TextDecoder().decode(files.get('model.json')));
  const shards = json.weightsManifest.flatMap(({ paths }) => paths.map((path) => files.get(path) ?? new Uint8Array()));
  const weightData = Uint8Array.from(Buffer.concat(shards)).buffer;
  return {
    modelTopology: json.modelTopology,
    weightSpecs: json.weightsManifest.flatMap(({ weights }) => weights),
    weightData,
    ...(json.format === undefined ? {} : { format: json.format }),
    ...(json.signature === undefined ? {} : { signature: json.signature }),
    ...(json.userDefinedMetadata === undefined ? {} : { userDefinedMetadata: json.userDefinedMetadata }),
  };
}

/** What ONNX Runtime makes of a graph, by output. */
export async function runOnnx(graph: TfjsGraphModel['graph'], feeds: Feeds): Promise<Map<string, Output>> {
  const session = await openSession(graph.model);
  try {
    const tensors = Object.entries(feeds).map(([name, { shape, values }]) => {
      if (values instanceof Float32Array) return [name, new Tensor('float32', values, shape)];
      return [
        name,
        values instanceof Int32Array ? new Tensor('int32', values, shape) : new Tensor('bool', values, shape),
      ];
    });
    const made = await session.run(Object.fromEntries(tensors));
    return new Map(
      Object.entries(made).map(([name, { dims, data }]) => [name, { shape: dims, values: Array.from(data, Number) }]),
    );
  } finally {
    await session.release();
  }
}

/** The largest difference between outputs; shapes and names must be the same. */
export function largestDifference(ours: ReadonlyMap<string, Output>, theirs: ReadonlyMap<string, Output>): number {
  expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort());
  let largest = 0;
  for (const [name, { shape, values }] of theirs) {
    const own = ours.get(name);
    expect(own?.shape, `the shape of ${name}`).toEqual(shape);
    for (const [i, value] of values.entries()) {
      const difference = Math.abs(value - (own?.values[i] ?? Number.NaN));
      largest = Math.max(largest, difference);
    }
  }
  return largest;
}

/** Holds the ONNX graph of a handmade model against TensorFlow.js's own result, to 1e-5. */
export async function expectRoundTrip(feeds: Feeds, build: (model: HandmadeModel) => void): Promise<TfjsGraphModel> {
  const handmade = new HandmadeModel();
  build(handmade);
  const files = handmade.files();
  const model = await readFiles(files);
  expect(largestDifference(await runOnnx(model.graph, feeds), await runTfjs(files, feeds))).toBeLessThan(1e-5);
  return model;
}
