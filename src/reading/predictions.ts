import { Failure } from '../contract/failure.js';
import { batches } from '../data/batches.js';
import type { ModelProto } from '../model/graph.js';
import { elementCount } from '../model/tensor.js';
import { openPredictor, type Predictor, type Signature } from '../runtime/predictor.js';
import type { InferenceSession } from '../runtime/session.js';
import type { DataPart } from './data.js';

/** What a model says about every sample of a part, in the part's order. */
export interface Predictions {
  /** [count, width] */
  readonly values: Float32Array;
  readonly width: number;
  readonly seconds: number;
}

const batchSize = 256;

/**
 * Runs a model over a part of the data: any model that ONNX Runtime loads, at whatever batch size it was exported with.
 * @param limit the first samples only
 */
export function predict(
  model: ModelProto | Uint8Array | string,
  signature: Signature,
  part: DataPart,
  options: InferenceSession.SessionOptions = {},
  limit = Number.POSITIVE_INFINITY,
): Promise<Predictions> {
  return withPredictor(model, signature, options, (predictOn) => predictOn(part, limit));
}

/** Runs a model over several parts of the data, opened once for all of them. */
export async function withPredictor<Result>(
  model: ModelProto | Uint8Array | string,
  signature: Signature,
  options: InferenceSession.SessionOptions,
  compute: (predictOn: (part: DataPart, limit?: number) => Promise<Predictions>) => Promise<Result>,
): Promise<Result> {
  const predictor = await openPredictor(model, signature, options);
  try {
    return await compute((part, limit) => predictWith(predictor, part, limit));
  } finally {
    await predictor.release();
  }
}

async function predictWith(
  predictor: Predictor,
  part: DataPart,
  limit = Number.POSITIVE_INFINITY,
): Promise<Predictions> {
  const { split } = part;
  const indices = split.indices.slice(0, Math.min(split.count, limit));
  let values: Float32Array | undefined;
  let width = 0;
  let at = 0;
  const began = performance.now();
  for await (const batch of batches(part, { indices, batchSize })) {
    const output = await predictor.predict(batch.inputs, batch.count);
    if (at > 0 && elementCount(output.shape) !== width) {
      throw new Failure('input', {
        what: `The model gives ${width} values for one sample and ${elementCount(output.shape)} for another.`,
        cure: 'Export it with an output of a fixed size, or name another output.',
        settings: ['output'],
      });
    }
    width = elementCount(output.shape);
    values ??= new Float32Array(indices.length * width);
    values.set(output.values, at * width);
    at += batch.count;
  }
  return { values: values ?? new Float32Array(), width, seconds: (performance.now() - began) / 1000 };
}

/** The largest |a - b| over all elements; NaN where one has a NaN that the other has not. */
export function maxAbsDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} values against ${b.length}`);
  let largest = 0;
  a.forEach((value, i) => {
    const other = b[i] ?? Number.NaN;
    const difference = Object.is(value, other) ? 0 : Math.abs(value - other);
    if (!(difference <= largest)) largest = difference;
  });
  return largest;
}
