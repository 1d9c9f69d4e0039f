import * as tf from '@tensorflow/tfjs';
import { createRandom } from '../../../src/math/random.js';
import type { Graph } from '../../../src/model/graph.js';
import type { ReadFile } from '../../../src/model/tfjs/files.js';
import type { TfjsLayersModel } from '../../../src/model/tfjs-layers/model.js';
import { readTfjsLayers } from '../../../src/model/tfjs-layers/read.js';
import { openSession, Tensor } from '../../../src/runtime/session.js';

/** A model's files by their paths relative to its folder. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** What one input is fed with. */
export interface Feed {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

export function feed(shape: readonly number[], seed = 1): Feed {
  const stream = createRandom(seed);
  return { shape, values: Array.from({ length: sizeOf(shape) }, () => stream.normal()) };
}

/** Whole numbers from 0 to below `limit`: the indices of an Embedding. */
export function indices(shape: readonly number[], limit: number, seed = 1): Feed {
  const stream = createRandom(seed);
  return { shape, values: Array.from({ length: sizeOf(shape) }, () => stream.below(limit)) };
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Gives every weight random values, biases too; variances positive ones. */
export function randomize(model: tf.LayersModel, seed = 7): void {
  const stream = createRandom(seed);
  const weights = model.weights.map((weight) => {
    const size = weight.shape.reduce<number>((product, dim) => product * (dim ?? 1), 1);
    const isVariance = weight.originalName.endsWith('variance');
    const values = Array.from({ length: size }, () => (isVariance ? 0.5 + stream.uniform() : 0.5 * stream.normal()));
    return tf.tensor(values, weight.shape.map(Number), 'float32');
  });
  model.setWeights(weights);
}

/** The files that `model.save` writes, with shards of at most `shardBytes`. */
export async function save(
  model: tf.LayersModel,
  shardBytes = 1 << 22,
  indent?: number,
): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const handler: tf.io.IOHandler = {
    save: async (artifacts) => {
      const data = new Uint8Array(tf.io.CompositeArrayBuffer.join(artifacts.weightData));
      const paths: string[] = [];
      for (let at = 0; at < data.byteLength; at += shardBytes) {
        const path = `shards/group1-shard${paths.length + 1}.bin`;
        files.set(path, data.slice(at, at + shardBytes));
        paths.push(path);
      }
      const json = {
        format: artifacts.format,
        generatedBy: artifacts.generatedBy,
        convertedBy: null,
        modelTopology: artifacts.modelTopology,
        weightsManifest: [{ paths, weights: artifacts.weightSpecs }],
      };
      files.set('model.json', new TextEncoder().encode(JSON.stringify(json, null, indent)));
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    },
  };
  await model.save(handler);
  return files;
}

function sourceOf(files: Files): ReadFile {
  return async (path) => {
    const bytes = files.get(path);
    if (bytes === undefined) throw new Error(`there is no file ${path}`);
    return bytes;
  };
}

export function open(files: Files): Promise<TfjsLayersModel> {
  return readTfjsLayers('/models/model.json', sourceOf(files));
}

/** Loads files with TensorFlow.js alone, as an application does. */
export async function loadStock(files: Files): Promise<tf.LayersModel> {
  const json: tf.io.ModelJSON = JSON.parse(new TextDecoder().decode(files.get('model.json')));
  const manifest = json.weightsManifest;
  const shards = manifest.flatMap(({ paths }) => paths.map((path) => files.get(path) ?? new Uint8Array(0)));
  return tf.loadLayersModel(
    tf.io.fromMemory({
      modelTopology: json.modelTopology,
      weightSpecs: manifest.flatMap(({ weights }) => weights),
      weightData: Uint8Array.from(Buffer.concat(shards)).buffer,
      ...(json.userDefinedMetadata === undefined ? {} : { userDefinedMetadata: json.userDefinedMetadata }),
    }),
  );
}

export interface Output {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export async function runStock(model: tf.LayersModel, feeds: readonly Feed[]): Promise<Output[]> {
  const inputs = feeds.map(({ values, shape }) => tf.tensor([...values], [...shape]));
  const result = model.predict(inputs.length === 1 && inputs[0] ? inputs[0] : inputs);
  const outputs = Array.isArray(result) ? result : [result];
  return Promise.all(
    outputs.map(async (each) => ({ shape: each.shape, values: Float32Array.from(await each.data()) })),
  );
}

export async function runGraph(graph: Graph, feeds: readonly Feed[]): Promise<Output[]> {
  const session = await openSession(graph.model);
  try {
    const named = Object.fromEntries(
      graph.feeds().map(({ name }, i) => {
        const { shape = [], values = [] } = feeds[i] ?? {};
        return [name, new Tensor('float32', Float32Array.from(values), [...shape])];
      }),
    );
    const results = await session.run(named);
    return graph.proto.output.map(({ name }) => {
      const tensor = results[name];
      return {
        shape: tensor?.dims ?? [],
        values: tensor?.data instanceof Float32Array ? tensor.data : new Float32Array(0),
      };
    });
  } finally {
    await session.release();
  }
}

/**
 * The largest |difference|, in units of the largest value where that is above 1 (float32 has 7 digits, wherever the point
 * stands); infinite where a shape or the number of outputs differs.
 */
export function difference(a: readonly Output[], b: readonly Output[]): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (const [i, { shape, values }] of a.entries()) {
    const other = b[i];
    if (other === undefined || shape.join() !== other.shape.join()) return Number.POSITIVE_INFINITY;
    const scale = values.reduce((max, value) => Math.max(max, Math.abs(value)), 1);
    for (const [k, value] of values.entries()) {
      const distance = Math.abs(value - (other.values[k] ?? Number.NaN)) / scale;
      largest = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : Math.max(largest, distance);
    }
  }
  return largest;
}

/** The largest difference between TensorFlow.js's outputs and those of the graph that the saved model is read into. */
export async function readingError(model: tf.LayersModel, feeds: readonly Feed[]): Promise<number> {
  randomize(model);
  const { graph } = await open(await save(model));
  return difference(await runStock(model, feeds), await runGraph(graph, feeds));
}
