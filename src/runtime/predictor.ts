import type { ModelProto } from 'onnx-buf';
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

/** The first input and first output of a graph; `feeds` says how many inputs there are to feed. */
export function signatureOf(graph: Graph): Signature {
  const [input] = graph.feeds();
  const [output] = graph.proto.output;
  return {
    input: input?.name ?? '',
    elementType: elementTypeOf(input),
    inputShape: shapeOf(input) ?? [],
    output: output?.name ?? '',
    outputShape: shapeOf(output),
  };
}

function elementTypeOf(value: ValueInfoProto | undefined): number {
  const type = value?.type?.value;
  return type?.case === 'tensorType' ? type.value.elemType : DataType.FLOAT;
}

function shapeOf(value: ValueInfoProto | undefined): (number | null)[] | null {
  const type = value?.type?.value;
  const shape = type?.case === 'tensorType' ? type.value.shape : undefined;
  if (shape === undefined) return null;
  return shape.dim.map(({ value: dim }) => (dim.case === 'dimValue' && dim.value > 0n ? Number(dim.value) : null));
}

/** Runs a model over samples. A model whose batch size is fixed is run in batches of that size, the last one filled up. */
export interface Predictor {
  /** `inputs` [count, ...sample shape] to the first output's values [count, ...] */
  predict(inputs: Float32Array, count: number, sampleShape: readonly number[]): Promise<Prediction>;
  release(): Promise<void>;
}

export interface Prediction {
  readonly values: Float32Array;
  /** the shape of one sample's output */
  readonly shape: readonly number[];
}

export async function openPredictor(
  model: ModelProto | Uint8Array | string,
  signature: Signature,
  options: InferenceSession.SessionOptions = {},
): Promise<Predictor> {
  const session = await openSession(model, options);
  const fixed = signature.inputShape[0] ?? null;

  async function run(inputs: Float32Array, count: number, sampleShape: readonly number[]): Promise<Prediction> {
    const feed = tensorOf(signature.elementType, inputs, [count, ...sampleShape]);
    const output = (await execute(session, { [signature.input]: feed }, [signature.output]))[signature.output];
    if (output === undefined) throw new Error(`the model gave no '${signature.output}'`);
    const values = floatsOf(output);
    const perSample = values.length / count;
    const shape = output.dims[0] === count ? output.dims.slice(1) : [perSample];
    return { values, shape };
  }

  return {
    async predict(inputs, count, sampleShape) {
      if (fixed === null || fixed === count) return run(inputs, count, sampleShape);
      const size = elementCount(sampleShape);
      let values: Float32Array | undefined;
      let shape: readonly number[] = [];
      for (let at = 0; at < count; at += fixed) {
        const chunk = new Float32Array(fixed * size);
        chunk.set(inputs.subarray(at * size, Math.min(count, at + fixed) * size));
        const part = await run(chunk, fixed, sampleShape);
        shape = part.shape;
        const width = elementCount(shape);
        values ??= new Float32Array(count * width);
        values.set(part.values.subarray(0, Math.min(fixed, count - at) * width), at * width);
      }
      return { values: values ?? new Float32Array(), shape };
    },
    release: () => session.release(),
  };
}
