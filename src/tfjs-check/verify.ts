import type * as TensorFlow from '@tensorflow/tfjs';
import { Failure, messageOf } from '../contract/failure.js';
import type { ModelFormat } from '../contract/model.js';
import type { Graph, ValueInfoProto } from '../model/graph.js';
import { DataType } from '../model/tensor.js';
import type { TfjsFiles } from '../model/tfjs/files.js';
import { withMembers } from '../model/tfjs/json-spans.js';
import { loadEngine, type Tf } from './engine.js';
import { registerFrelu } from './register-frelu.js';

/** A tensor outside of any engine, row-major. */
export interface PlainTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** How the graph is run: by ONNX Runtime, in the caller's session. Feeds and results are by name. */
export type RunGraph = (
  feeds: Readonly<Record<string, PlainTensor>>,
) => Promise<Readonly<Record<string, ResultTensor>>>;

export interface ResultTensor {
  readonly dims: readonly number[];
  readonly data: ArrayLike<unknown>;
}

export interface Verification {
  /** what TensorFlow.js computed with: 'tensorflow' (tfjs-node), 'wasm', or 'cpu' with the reason */
  readonly backend: string;
  /** the largest |difference| over all outputs and samples */
  readonly maxAbsDiff: number;
  /** the largest |output| of TensorFlow.js, which the difference is to be seen against */
  readonly scale: number;
  readonly samples: number;
}

export interface VerifyOptions {
  /** how many random inputs (4) */
  readonly samples?: number;
  /** a number in [0, 1) for each element of an input, by its running number; the default is the same on every machine */
  readonly random?: () => number;
  /** the extent of an axis that the model leaves open, other than the batch (32) */
  readonly openExtent?: number;
  /** the model that the user named, where `files` are made from it: no code is loaded from its folder */
  readonly modelPath?: string;
  /** told of what is not used that may be expected to be */
  readonly warn?: (message: string) => void;
  /** on the plain CPU backend, and why: instead of the fastest that there is */
  readonly plain?: string;
}

/**
 * Runs a TensorFlow.js model as an application would, with TensorFlow.js alone, and the graph that stands for it, on the same
 * random inputs (uniform in [0, 1); 0 or 1 for integers), and says how far apart their outputs are.
 * @throws Failure('input') when TensorFlow.js cannot load or run the model, with its own words
 */
export async function verifyTfjs(
  files: TfjsFiles,
  format: Exclude<ModelFormat, 'onnx'>,
  graph: Graph,
  run: RunGraph,
  options: VerifyOptions = {},
): Promise<Verification> {
  const { samples = 4, random = steadyRandom(), openExtent = 32, plain = null } = options;
  const engine = await loadEngine(options.modelPath ?? files.path, options.warn ?? (() => {}));
  const { tf } = engine;
  const own = tf.getBackend();
  if (plain !== null) await tf.setBackend('cpu');
  // a LayersModel may have this layer beside TensorFlow.js's own
  if (format === 'tfjs-layers') registerFrelu(tf);
  const model = await loadStock(tf, files, format);
  try {
    const batches = triedBatches(files, () => batchesOf(graph, samples, random, openExtent));
    let backend = plain === null ? engine.backend : `cpu (${plain})`;
    let maxAbsDiff = 0;
    let scale = 0;
    for (const feeds of batches) {
      // first: what TensorFlow.js refuses need not run elsewhere
      const [expected, used] = await runStock(tf, model, files, graph, feeds, backend);
      const ours = await run(feeds);
      backend = used;
      for (const [i, { name }] of graph.proto.output.entries()) {
        const compared = compare(files, name, expected[i], ours[name]);
        maxAbsDiff = Math.max(maxAbsDiff, compared.difference);
        scale = Math.max(scale, compared.scale);
      }
    }
    return { backend, maxAbsDiff, scale, samples };
  } finally {
    model.dispose();
    await tf.setBackend(own);
  }
}

/**
 * Runs two GraphModels with TensorFlow.js alone, on the same random inputs as `verifyTfjs` does, and says how far apart their outputs are:
 * for models of which no graph stands here that can be run.
 * @param graph names their inputs and outputs
 * @throws Failure('input') when TensorFlow.js cannot load or run one of them, with its own words
 */
export async function verifySame(
  before: TfjsFiles,
  after: TfjsFiles,
  graph: Graph,
  options: VerifyOptions = {},
): Promise<Verification> {
  const { tf } = await loadEngine(options.modelPath ?? before.path, options.warn ?? (() => {}));
  const model = await loadStock(tf, before, 'tfjs-graph');
  try {
    return await verifyTfjs(
      after,
      'tfjs-graph',
      graph,
      async (feeds) => {
        const made = await predict(tf, model, graph, feeds);
        return Object.fromEntries(
          graph.proto.output.flatMap(({ name }, i) => (made[i] === undefined ? [] : [[name, made[i]]])),
        );
      },
      options,
    );
  } finally {
    model.dispose();
  }
}

function triedBatches<Batches>(files: TfjsFiles, make: () => Batches): Batches {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const what = `${files.path}: its inputs are too large to be tried (${cause.message}).`;
    throw new Failure('input', { what, cure: 'Correct the shapes of its inputs.' }, { cause });
  }
}

/**
 * Whether TensorFlow.js takes a model at all, without running it.
 * @throws Failure('input') where it does not, with its own words
 */
export async function loadsInTfjs(files: TfjsFiles, format: Exclude<ModelFormat, 'onnx'>): Promise<void> {
  const { tf } = await loadEngine(files.path, () => {});
  if (format === 'tfjs-layers') registerFrelu(tf);
  (await loadStock(tf, files, format)).dispose();
}

/** What TensorFlow.js looks at (tfjs-core, io/types.ts, ModelJSON): others may have a million keys. */
const modelMembers: ReadonlySet<string> = new Set([
  ...['modelTopology', 'trainingConfig', 'weightsManifest', 'format', 'generatedBy', 'convertedBy', 'signature'],
  ...['userDefinedMetadata', 'modelInitializer', 'initializerSignature'],
]);

async function loadStock(
  tf: Tf,
  files: TfjsFiles,
  format: Exclude<ModelFormat, 'onnx'>,
): Promise<TensorFlow.LayersModel | TensorFlow.GraphModel> {
  const handler: TensorFlow.io.IOHandler = {
    load: async () => {
      const json: TensorFlow.io.ModelJSON = JSON.parse(withMembers(files.text, modelMembers));
      return tf.io.getModelArtifactsForJSON(json, async (manifest) => {
        const shards = files.groups.flat().map(({ bytes }) => Uint8Array.from(bytes).buffer);
        return [manifest.flatMap(({ weights }) => weights), shards];
      });
    },
  };
  try {
    return format === 'tfjs-graph' ? await tf.loadGraphModel(handler) : await tf.loadLayersModel(handler);
  } catch (cause) {
    throw new Failure(
      'input',
      {
        what: `${files.path}: TensorFlow.js cannot load this model (${messageOf(cause)}).`,
        cure: 'Load it with TensorFlow.js itself, and correct what it refuses.',
      },
      { cause },
    );
  }
}

/** What the backend has no kernel for, or a narrower one, is computed by the plain CPU backend, which has all of them. */
async function runStock(
  tf: Tf,
  model: TensorFlow.LayersModel | TensorFlow.GraphModel,
  files: TfjsFiles,
  graph: Graph,
  feeds: Readonly<Record<string, PlainTensor>>,
  backend: string,
): Promise<readonly [readonly PlainTensor[], string]> {
  try {
    return [await predict(tf, model, graph, feeds), backend];
  } catch (cause) {
    if (backend.startsWith('cpu')) {
      throw new Failure(
        'input',
        {
          what: `${files.path}: TensorFlow.js cannot run this model (${messageOf(cause)}).`,
          cure: 'Run it with TensorFlow.js itself, and correct what it refuses.',
        },
        { cause },
      );
    }
    await tf.setBackend('cpu');
    const missing = /Kernel '([^']+)' not registered/.exec(messageOf(cause))?.[1];
    const lack = missing === undefined ? `fails: ${messageOf(cause)}` : `has no ${missing}`;
    const used = `cpu (the ${backend} backend ${lack})`;
    return runStock(tf, model, files, graph, feeds, used);
  }
}

async function predict(
  tf: Tf,
  model: TensorFlow.LayersModel | TensorFlow.GraphModel,
  graph: Graph,
  feeds: Readonly<Record<string, PlainTensor>>,
): Promise<PlainTensor[]> {
  const names = graph.feeds().map(({ name }) => name);
  const tensors = names.map((name) => {
    const feed = feeds[name];
    if (feed === undefined) throw new Error(`the input '${name}' is not fed`);
    return tf.tensor(feed.data, [...feed.dims], feed.data instanceof Int32Array ? 'int32' : 'float32');
  });
  const byName = Object.fromEntries(names.flatMap((name, i) => (tensors[i] === undefined ? [] : [[name, tensors[i]]])));
  const outputs = graph.proto.output.map(({ name }) => name);
  const result =
    'executeAsync' in model
      ? await execute(model, byName, outputs)
      : model.predict(tensors.length === 1 && tensors[0] !== undefined ? tensors[0] : tensors);
  const results = Array.isArray(result) ? result : [result];
  const plain = await Promise.all(
    results.map(async (each) => ({ dims: each.shape, data: Float32Array.from(await each.data()) })),
  );
  tf.dispose([...tensors, ...results]);
  return plain;
}

/** Dynamic shapes and control flow need the asynchronous way, which warns where it is not needed. */
async function execute(
  model: TensorFlow.GraphModel,
  feeds: TensorFlow.NamedTensorMap,
  outputs: string[],
): Promise<TensorFlow.Tensor | TensorFlow.Tensor[]> {
  try {
    return model.execute(feeds, outputs);
  } catch (cause) {
    if (!messageOf(cause).includes('executeAsync')) throw cause;
    return model.executeAsync(feeds, outputs);
  }
}

function compare(
  files: TfjsFiles,
  name: string,
  expected: PlainTensor | undefined,
  ours: ResultTensor | undefined,
): { readonly difference: number; readonly scale: number } {
  if (expected === undefined || ours === undefined || expected.dims.join() !== ours.dims.join()) {
    throw new Failure('input', {
      what: `${files.path}: output '${name}' has the shape [${expected?.dims}] in TensorFlow.js and [${ours?.dims}] here, so the model was not read as it is meant.`,
      cure: 'Please report this model.',
    });
  }
  let difference = 0;
  let scale = 0;
  for (const [i, value] of expected.data.entries()) {
    const own = Number(ours.data[i]);
    // two infinities, or two NaNs, agree
    const distance = Object.is(value, own) ? 0 : Math.abs(value - own);
    difference = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : Math.max(difference, distance);
    if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
  }
  return { difference, scale };
}

/** Of one random input: what a model declares is not what a machine holds. */
const mostElements = 2 ** 27;

/** Random feeds: all samples in one batch, or one after another where the model's batch is fixed. */
function batchesOf(
  graph: Graph,
  samples: number,
  random: () => number,
  openExtent: number,
): Readonly<Record<string, PlainTensor>>[] {
  const shapes = graph.feeds().map((input) => ({ input, dims: dimsOf(input) }));
  const isOpen = shapes.every(({ dims }) => dims[0] === null);
  return Array.from({ length: isOpen ? 1 : samples }, () =>
    Object.fromEntries(
      shapes.map(({ input, dims }): [string, PlainTensor] => {
        const shape = dims.map((dim, axis) => dim ?? (axis === 0 && isOpen ? samples : openExtent));
        const size = shape.reduce((product, dim) => product * dim, 1);
        if (size > mostElements) throw new RangeError(`an input of ${size} elements is not tried`);
        const isInteger = elementType(input) !== DataType.FLOAT;
        const data = isInteger
          ? Int32Array.from({ length: size }, () => Math.round(random()))
          : Float32Array.from({ length: size }, random);
        return [input.name, { dims: shape, data }];
      }),
    ),
  );
}

function elementType(info: ValueInfoProto): number {
  const type = info.type?.value;
  return type?.case === 'tensorType' ? type.value.elemType : DataType.FLOAT;
}

function dimsOf(info: ValueInfoProto): (number | null)[] {
  const type = info.type?.value;
  const dims = type?.case === 'tensorType' ? (type.value.shape?.dim ?? []) : [];
  return dims.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : null));
}

/** Weyl's sequence of the golden ratio: evenly spread, with no generator to seed. */
function steadyRandom(): () => number {
  let at = 0;
  return () => {
    at = (at + 0.6180339887498949) % 1;
    return at;
  };
}
