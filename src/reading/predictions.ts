import { batches } from '../data/batches.js';
import type { MapReading } from '../data/dataset.js';
import { type MaskScores, tallyMasks } from '../evaluation/metrics/masks.js';
import type { ModelProto } from '../model/graph.js';
import { elementCount } from '../model/tensor.js';
import { openPredictor, type Predictor, type Signature } from '../runtime/predictor.js';
import type { InferenceSession } from '../runtime/session.js';
import type { DataPart } from './data.js';

/** What a model says about every sample of a part, in the part's order. */
export interface Predictions {
  /** [count, width]; where `masks` counts them, those of the first images alone, the columns of their maps first */
  readonly values: Float32Array;
  readonly width: number;
  /** of one sample's output; empty without samples */
  readonly shape: readonly number[];
  /** the answers held against masks, where it is known how these are read: there are too many numbers to keep */
  readonly masks: MaskScores | null;
  readonly seconds: number;
}

const batchSize = 256;

/** numbers that go in and come out in one batch of maps, and of which the first are kept */
const [batchValues, keptValues] = [2 ** 23, 2 ** 22];

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
  const { split, samples } = part;
  const indices = split.indices.slice(0, Math.min(split.count, limit));
  const { targets } = samples;
  if (targets.kind === 'mask' && targets.map !== null) return predictMasks(predictor, part, indices, targets.map);
  let shape: readonly number[] = [];
  let values: Float32Array | undefined;
  let width = 0;
  let at = 0;
  const began = performance.now();
  for await (const batch of batches(part, { indices, batchSize })) {
    const output = await predictor.predict(batch.inputs, batch.count);
    ({ shape } = output);
    width = elementCount(shape);
    values ??= new Float32Array(indices.length * width);
    values.set(output.values, at * width);
    at += batch.count;
  }
  const seconds = (performance.now() - began) / 1000;
  return { values: values ?? new Float32Array(), width, shape, masks: null, seconds };
}

/** Counts what a model says about masks, batch by batch: what is kept does not grow with their pixels. */
async function predictMasks(
  predictor: Predictor,
  part: DataPart,
  indices: Int32Array,
  { height, width: across, columns, axis, scores }: MapReading,
): Promise<Predictions> {
  const pixels = height * across;
  const width = columns * pixels;
  const fed = part.inputs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const size = Math.max(1, Math.min(batchSize, Math.floor(batchValues / (fed + width))));
  const kept = Math.min(indices.length, Math.max(1, Math.floor(keptValues / width)));
  const values = new Float32Array(kept * width);
  const tally = tallyMasks(indices.length, { columns, pixels, axis, scores });
  let shape: readonly number[] = [];
  let at = 0;
  const began = performance.now();
  for await (const batch of batches(part, { indices, batchSize: size })) {
    const output = await predictor.predict(batch.inputs, batch.count);
    ({ shape } = output);
    if (elementCount(shape) !== width) throw new Error(`a map of [${shape}] where ${width} numbers were expected`);
    for (let i = 0; i < batch.count; i++) {
      const maps = output.values.subarray(i * width, (i + 1) * width);
      if (at < kept) values.set(axis === 'first' ? maps : columnsFirst(maps, columns), at * width);
      tally.add(maps, batch.targets.subarray(i * pixels, (i + 1) * pixels));
      at++;
    }
  }
  return { values, width, shape, masks: tally.scores(), seconds: (performance.now() - began) / 1000 };
}

/** A map [height, width, columns] as [columns, height, width], so that maps of either layout can be held against each other. */
function columnsFirst(maps: Float32Array, columns: number): Float32Array {
  const pixels = maps.length / columns;
  return Float32Array.from(maps, (_, i) => maps[(i % pixels) * columns + Math.floor(i / pixels)] ?? Number.NaN);
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
