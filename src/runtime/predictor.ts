import { create } from '@bufbuild/protobuf';
import { type ModelProto, ValueInfoProtoSchema } from 'onnx-buf';
import { ExecutionError, Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { Graph, ValueInfoProto } from '../model/graph.js';
import { DataType, elementCount } from '../model/tensor.js';
import { type PixelPrologue, pixelInputName, withPixelInputs } from './pixel-prologue.js';
import { execute, openSession, type SessionOptions, Tensor } from './session.js';
import { floatsOf, tensorOf } from './tensors.js';

/** An input of a model, with the batch axis first; null for a dimension that is free. */
export interface SignatureInput {
  readonly name: string;
  readonly elementType: number;
  readonly shape: readonly (number | null)[];
}

/** What a model takes and gives, as far as its file says; null for a dimension that is free. */
export interface Signature {
  /** all that there is to feed, in the order of the file */
  readonly inputs: readonly SignatureInput[];
  readonly output: string;
  readonly outputShape: readonly (number | null)[] | null;
}

/** The samples that an input is fed with. */
export interface Feed<Values = Float32Array> {
  /** [count, ...shape] */
  readonly values: Values;
  /** of one sample */
  readonly shape: readonly number[];
}

/** By the input's name; every one holds the same samples. */
export type Feeds<Values = Float32Array> = Readonly<Record<string, Feed<Values>>>;

/** 8-bit pixels, for an input that a prologue makes of them, or numbers. */
export type FedValues = Uint8Array | Float32Array;

/** The shape of one sample of each input, by its name. */
export type SampleShapes = Readonly<Record<string, readonly number[]>>;

/**
 * The inputs and the first output of a graph.
 * @throws Failure('input') where there is no input or no output
 */
export function signatureOf(graph: Graph): Signature {
  const feeds = graph.feeds();
  const [output] = graph.proto.output;
  if (feeds.length === 0 || output === undefined) {
    throw new Failure('input', {
      what: `The graph '${graph.proto.name}' has no ${feeds.length === 0 ? 'input' : 'output'}.`,
      cure: 'Export the model again with the data as its input and the predictions as its output.',
    });
  }
  return {
    inputs: feeds.map((input) => ({
      name: input.name,
      elementType: elementTypeOf(input),
      shape: shapeOf(input) ?? [],
    })),
    output: output.name,
    outputShape: shapeOf(output),
  };
}

/** The batch size that the export fixed; null where it is free. */
export function fixedBatch({ inputs }: Pick<Signature, 'inputs'>): number | null {
  for (const { shape } of inputs) if (typeof shape[0] === 'number') return shape[0];
  return null;
}

/** What ONNX Runtime is fed with: [count, ...shape] of each input's own element type, pixels as they are. */
export function tensorsFor(
  { inputs }: Pick<Signature, 'inputs'>,
  feeds: Feeds<FedValues>,
  count: number,
): Record<string, Tensor> {
  const tensors = inputs.map(({ name, elementType }) => {
    const { values, shape } = present(feeds[name], `what the input '${name}' is fed with`);
    const dims = [count, ...shape];
    if (values instanceof Uint8Array) return [pixelInputName(name), new Tensor('uint8', values, dims)] as const;
    return [name, tensorOf(elementType, values, dims)] as const;
  });
  return Object.fromEntries(tensors);
}

/** Samples of one number, for what looks at shapes and times alone. */
export function filledFeeds(shapes: SampleShapes, count: number, value = 0): Feeds {
  const feeds = Object.entries(shapes).map(([name, shape]) => {
    const values = new Float32Array(count * elementCount(shape));
    return [name, { values: value === 0 ? values : values.fill(value), shape }] as const;
  });
  return Object.fromEntries(feeds);
}

/** Samples `from` to `to` of the feeds, not copied. */
function slice(feeds: Feeds<FedValues>, from: number, to: number): Feeds<FedValues> {
  const slices = Object.entries(feeds).map(([name, { values, shape }]) => {
    const size = elementCount(shape);
    return [name, { values: values.subarray(from * size, to * size), shape }] as const;
  });
  return Object.fromEntries(slices);
}

/** The feeds with zeros behind them, so that they are `count` samples. */
function filledUp(feeds: Feeds<FedValues>, count: number): Feeds<FedValues> {
  const filled = Object.entries(feeds).map(([name, { values, shape }]) => {
    const length = count * elementCount(shape);
    const all = values instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
    all.set(values);
    return [name, { values: all, shape }] as const;
  });
  return Object.fromEntries(filled);
}

function elementTypeOf(value: ValueInfoProto): number {
  const type = value.type?.value;
  return type?.case === 'tensorType' ? type.value.elemType : DataType.FLOAT;
}

function shapeOf(value: ValueInfoProto): (number | null)[] | null {
  const type = value.type?.value;
  const shape = type?.case === 'tensorType' ? type.value.shape : undefined;
  if (shape === undefined) return null;
  return shape.dim.map(({ value: dim }) => (dim.case === 'dimValue' && dim.value > 0n ? Number(dim.value) : null));
}

/**
 * Runs a model over samples. A model whose batch size is fixed is run in batches of that size, the last one filled up; any
 * other in batches as large as memory suffices for.
 */
export interface Predictor {
  /**
   * `count` samples of every input to the output's values [count, ...]
   * @param also outputs of the model that are given beside it
   * @throws ExecutionError where the model cannot be run; where memory does not suffice, for not even one sample
   */
  predict(feeds: Feeds<FedValues>, count: number, also?: readonly string[]): Promise<Prediction>;
  release(): Promise<void>;
}

export interface Prediction {
  readonly values: Float32Array;
  /** the shape of one sample's output */
  readonly shape: readonly number[];
  /** what else was asked for, by the output's name */
  readonly also: Feeds;
}

/** A model that gives a value of its graph as an output too, where it does not yet. */
function withOutput(model: ModelProto | Uint8Array | string, output: string): ModelProto | Uint8Array | string {
  if (typeof model === 'string' || model instanceof Uint8Array || model.graph === undefined) return model;
  const { graph } = model;
  if (graph.output.some(({ name }) => name === output)) return model;
  return { ...model, graph: { ...graph, output: [...graph.output, create(ValueInfoProtoSchema, { name: output })] } };
}

/** An output that is as large as its values want, or one for a whole batch, cannot be held against samples. */
function withoutBatch(where: string, output: string, dims: readonly number[], count: number): Failure {
  return new Failure('input', {
    what: `${where}the output '${output}' is [${dims.join(', ')}] for ${count} samples: its first axis is not that of the samples.`,
    cure: 'Export the model with what it says of a sample in a row of its own, or name another output.',
    settings: ['output'],
  });
}

/**
 * @param signature its output is one of the model's, or for a model in memory any value of its graph
 * @param prologues of the inputs that are fed with pixels, for a model in memory
 */
export async function openPredictor(
  model: ModelProto | Uint8Array | string,
  signature: Signature,
  options: SessionOptions = {},
  prologues: readonly PixelPrologue[] = [],
): Promise<Predictor> {
  const where = typeof model === 'string' ? `${model}: ` : '';
  const given = withOutput(model, signature.output);
  const source = typeof given === 'string' || given instanceof Uint8Array ? given : withPixelInputs(given, prologues);
  let session = await openSession(source, options);
  const fixed = fixedBatch(signature);
  let limit = fixed ?? Number.POSITIVE_INFINITY;

  async function run(feeds: Feeds<FedValues>, count: number, also: readonly string[]): Promise<Prediction> {
    const wanted = [...new Set([signature.output, ...also])];
    const outputs = await execute(session, tensorsFor(signature, feeds, count), wanted);
    const given = (name: string): Feed => {
      const output = outputs[name];
      if (output === undefined) throw new Error(`the model gave no '${name}'`);
      const values = floatsOf(output);
      const perSample = values.length / count;
      if (!Number.isInteger(perSample)) throw withoutBatch(where, name, output.dims, count);
      return { values, shape: output.dims[0] === count ? output.dims.slice(1) : [perSample] };
    };
    return { ...given(signature.output), also: Object.fromEntries(also.map((name) => [name, given(name)] as const)) };
  }

  /** Runs as many of the samples as go at once; null: for so many memory does not suffice, and from here on there are fewer. */
  async function attempt(feeds: Feeds<FedValues>, count: number, also: readonly string[]) {
    if (fixed !== null && count < fixed) return run(filledUp(feeds, fixed), fixed, also);
    try {
      return await run(feeds, count, also);
    } catch (cause) {
      if (!(cause instanceof ExecutionError && cause.outOfMemory) || fixed !== null || count === 1) throw cause;
      limit = Math.ceil(count / 2);
      // what it took goes with the session
      await session.release();
      session = await openSession(source, options);
      return null;
    }
  }

  return {
    async predict(feeds, count, also = []) {
      const parts: { readonly part: Prediction; readonly taken: number }[] = [];
      for (let at = 0; at < count; ) {
        const taken = Math.min(limit, count - at);
        const part = await attempt(slice(feeds, at, at + taken), taken, also);
        if (part === null) continue;
        const [known] = parts;
        if (known !== undefined && elementCount(known.part.shape) !== elementCount(part.shape)) {
          throw withoutBatch(where, signature.output, [taken, ...part.shape], taken);
        }
        parts.push({ part, taken });
        at += taken;
      }
      const joined = (of: (part: Prediction) => Feed | undefined): Feed =>
        join(parts.map(({ part, taken }) => ({ feed: present(of(part), 'an output of the model'), taken })));
      const others = also.map((name) => [name, joined((part) => part.also[name])] as const);
      return { ...joined((part) => part), also: Object.fromEntries(others) };
    },
    release: () => session.release(),
  };
}

/** Samples one after another; of each part the first `taken`, since the last one may be filled up. */
function join(parts: readonly { readonly feed: Feed; readonly taken: number }[]): Feed {
  const shape = parts.at(-1)?.feed.shape ?? [];
  const width = elementCount(shape);
  const values = new Float32Array(parts.reduce((sum, { taken }) => sum + taken, 0) * width);
  let at = 0;
  for (const { feed, taken } of parts) {
    values.set(feed.values.subarray(0, taken * width), at * width);
    at += taken;
  }
  return { values, shape };
}
