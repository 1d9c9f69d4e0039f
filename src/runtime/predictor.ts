import { create } from '@bufbuild/protobuf';
import { type ModelProto, ValueInfoProtoSchema } from 'onnx-buf';
import { ExecutionError, Failure } from '../contract/failure.js';
import type { Graph, ValueInfoProto } from '../model/graph.js';
import { DataType, elementCount } from '../model/tensor.js';
import { execute, type InferenceSession, openSession } from './session.js';
import { floatsOf, tensorOf } from './tensors.js';

/** What a model takes and gives, as far as its file says; null for a dimension that is free. */
export interface Signature {
  readonly input: string;
  readonly elementType: number;
  readonly inputShape: readonly (number | null)[];
  readonly output: string;
  readonly outputShape: readonly (number | null)[] | null;
}

/**
 * The first input and first output of a graph; `feeds` says how many inputs there are to feed.
 * @throws Failure('input') where there is no input or no output
 */
export function signatureOf(graph: Graph): Signature {
  const [input] = graph.feeds();
  const [output] = graph.proto.output;
  if (input === undefined || output === undefined) {
    throw new Failure('input', {
      what: `The graph '${graph.proto.name}' has no ${input === undefined ? 'input' : 'output'}.`,
      cure: 'Export the model again with the data as its input and the predictions as its output.',
    });
  }
  return {
    input: input.name,
    elementType: elementTypeOf(input),
    inputShape: shapeOf(input) ?? [],
    output: output.name,
    outputShape: shapeOf(output),
  };
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
   * `inputs` [count, ...sample shape] to the first output's values [count, ...]
   * @throws ExecutionError where the model cannot be run; where memory does not suffice, for not even one sample
   */
  predict(inputs: Float32Array, count: number, sampleShape: readonly number[]): Promise<Prediction>;
  release(): Promise<void>;
}

export interface Prediction {
  readonly values: Float32Array;
  /** the shape of one sample's output */
  readonly shape: readonly number[];
}

/** A model that gives a value of its graph as an output too, where it does not yet. */
function withOutput(model: ModelProto | Uint8Array | string, output: string): ModelProto | Uint8Array | string {
  if (typeof model === 'string' || model instanceof Uint8Array || model.graph === undefined) return model;
  const { graph } = model;
  if (graph.output.some(({ name }) => name === output)) return model;
  return { ...model, graph: { ...graph, output: [...graph.output, create(ValueInfoProtoSchema, { name: output })] } };
}

/** @param signature its output is one of the model's, or for a model in memory any value of its graph */
export async function openPredictor(
  model: ModelProto | Uint8Array | string,
  signature: Signature,
  options: InferenceSession.SessionOptions = {},
): Promise<Predictor> {
  const source = withOutput(model, signature.output);
  let session = await openSession(source, options);
  const fixed = signature.inputShape[0] ?? null;
  let limit = fixed ?? Number.POSITIVE_INFINITY;

  async function run(inputs: Float32Array, count: number, sampleShape: readonly number[]): Promise<Prediction> {
    const feed = tensorOf(signature.elementType, inputs, [count, ...sampleShape]);
    const output = (await execute(session, { [signature.input]: feed }, [signature.output]))[signature.output];
    if (output === undefined) throw new Error(`the model gave no '${signature.output}'`);
    const values = floatsOf(output);
    const perSample = values.length / count;
    const shape = output.dims[0] === count ? output.dims.slice(1) : [perSample];
    return { values, shape };
  }

  /** Runs as many of the samples as go at once; null: for so many memory does not suffice, and from here on there are fewer. */
  async function attempt(inputs: Float32Array, count: number, sampleShape: readonly number[]) {
    if (fixed !== null && count < fixed) {
      const filled = new Float32Array(fixed * elementCount(sampleShape));
      filled.set(inputs);
      return run(filled, fixed, sampleShape);
    }
    try {
      return await run(inputs, count, sampleShape);
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
    async predict(inputs, count, sampleShape) {
      const size = elementCount(sampleShape);
      let values: Float32Array | undefined;
      let shape: readonly number[] = [];
      for (let at = 0; at < count; ) {
        const taken = Math.min(limit, count - at);
        const part = await attempt(inputs.subarray(at * size, (at + taken) * size), taken, sampleShape);
        if (part === null) continue;
        shape = part.shape;
        const width = elementCount(shape);
        values ??= new Float32Array(count * width);
        values.set(part.values.subarray(0, taken * width), at * width);
        at += taken;
      }
      return { values: values ?? new Float32Array(), shape };
    },
    release: () => session.release(),
  };
}
