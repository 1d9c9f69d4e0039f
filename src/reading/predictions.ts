import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import { type Batch, batches, type StoredValues } from '../data/batches.js';
import type { MapReading } from '../data/dataset.js';
import { wantedTargets } from '../data/samples.js';
import { type MaskScores, tallyMasks } from '../evaluation/metrics/masks.js';
import type { ModelProto } from '../model/graph.js';
import { elementCount } from '../model/tensor.js';
import { openPredictor, type Prediction, type Signature } from '../runtime/predictor.js';
import type { InferenceSession } from '../runtime/session.js';
import type { DataPart } from './data.js';
import { type FedPredictor, fedPredictors, type ModelSource } from './fed-predictor.js';
import type { Measure } from './measures.js';
import { type OwnGraph, outputsRead } from './own-graphs.js';
import { openScorer, type ScoredSamples, type Scorer, sampleOf, targetFeeds } from './scorer.js';

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
  /** of these, the seconds in which the model waited for samples to be read */
  readonly secondsWaiting: number;
  /** of each sample, what the part's measures say, by their names; left out where it has none */
  readonly measured?: Readonly<Record<string, Float32Array>>;
}

/** The mean of a loss over the batches of a part, each weighted by its samples. */
export interface BatchedLoss {
  readonly graph: OwnGraph;
  readonly batchSize: number;
}

const batchSize = 256;

/** numbers that go in and come out in one batch, and of maps those of which the first are kept */
const [batchValues, keptValues] = [2 ** 23, 2 ** 22];

/**
 * Runs a model over a part of the data: any model that ONNX Runtime loads, at whatever batch size it was exported with.
 * @param limit the first samples only
 */
export function predict(
  model: ModelSource,
  signature: Signature,
  part: DataPart,
  options: InferenceSession.SessionOptions = {},
  limit = Number.POSITIVE_INFINITY,
): Promise<Predictions> {
  return withPredictor(model, signature, options, (predictOn) => predictOn(part, limit));
}

/** Runs a model over several parts of the data, opened once for all of them that are fed alike. */
export async function withPredictor<Result>(
  model: ModelSource,
  signature: Signature,
  options: InferenceSession.SessionOptions,
  compute: (predictOn: (part: DataPart, limit?: number) => Promise<Predictions>) => Promise<Result>,
): Promise<Result> {
  const predictors = fedPredictors(model, signature, options);
  try {
    return await compute(
      async (part, limit) => (await predictWith(await predictors.of(part), part, { limit })).predictions,
    );
  } finally {
    await predictors.release();
  }
}

/** Runs a model over a part, and a loss of the user's over its batches. */
export async function predictWithLoss(
  model: ModelProto,
  signature: Signature,
  part: DataPart,
  options: InferenceSession.SessionOptions,
  loss: BatchedLoss,
): Promise<{ readonly predictions: Predictions; readonly loss: number }> {
  const predictors = fedPredictors(model, signature, options);
  try {
    const said = await predictWith(await predictors.of(part), part, { loss });
    return { predictions: said.predictions, loss: present(said.loss, 'the loss over the batches') };
  } finally {
    await predictors.release();
  }
}

/** What a model says of some samples, as a graph of the user's reads it. */
export async function samplesFor(
  model: ModelProto | Uint8Array | string,
  signature: Signature,
  part: DataPart,
  options: InferenceSession.SessionOptions,
  graph: OwnGraph,
  indices: Int32Array,
): Promise<ScoredSamples> {
  const predictor = await openPredictor(model, signature, options);
  try {
    for await (const batch of batches(part, { indices, batchSize: indices.length })) {
      const prediction = await predictor.predict(batch.inputs, batch.count, outputsRead([graph]));
      return scored(graph, part, batch, prediction);
    }
    throw new Error('there are no samples');
  } finally {
    await predictor.release();
  }
}

function scored(
  { inputs }: OwnGraph,
  { samples }: DataPart,
  { count, indices }: Batch<StoredValues>,
  { also }: Prediction,
) {
  return { count, outputs: also, targets: targetFeeds(inputs, wantedTargets(samples), indices) };
}

interface PredictOptions {
  readonly limit?: number | undefined;
  readonly loss?: BatchedLoss;
}

async function predictWith(
  predictor: FedPredictor,
  part: DataPart,
  { limit = Number.POSITIVE_INFINITY, loss }: PredictOptions,
): Promise<{ readonly predictions: Predictions; readonly loss: number | null }> {
  const { split, samples, measures = [] } = part;
  const indices = split.indices.slice(0, Math.min(split.count, limit));
  const graphs = [
    ...measures.flatMap((measure) => (measure.kind === 'graph' ? [measure.graph] : [])),
    loss?.graph ?? null,
  ];
  const also = outputsRead(graphs);
  const scorers = new Map<OwnGraph, Scorer>();
  const { targets } = samples;
  const map = targets.kind === 'mask' ? targets.map : null;
  const answers = map === null ? rowAnswers(indices.length) : maskAnswers(indices.length, map);
  const size = loss?.batchSize ?? batchFor(part, map);
  let at = 0;
  let lossSum = 0;
  const measured = measures.map(({ name }) => [name, new Float32Array(indices.length)] as const);
  const began = performance.now();
  const waited = { milliseconds: 0 };
  try {
    for (const graph of graphs) if (graph !== null && !scorers.has(graph)) scorers.set(graph, await openScorer(graph));
    const scorerOf = (graph: OwnGraph): Scorer => present(scorers.get(graph), `the scorer of ${graph.path}`);
    for await (const batch of timed(predictor.batches({ indices, batchSize: size }), waited)) {
      const output = await predictor.predict(batch.inputs, batch.count, also);
      answers.add(batch, output);
      for (const [i, measure] of measures.entries()) {
        measured[i]?.[1].set(await measureBatch(measure, scorerOf, part, batch, output), at);
      }
      if (loss !== undefined) {
        const said = await scorerOf(loss.graph).run(scored(loss.graph, part, batch, output));
        lossSum += (said.values[0] ?? Number.NaN) * batch.count;
      }
      at += batch.count;
    }
  } finally {
    for (const scorer of scorers.values()) await scorer.release();
  }
  const predictions: Predictions = {
    ...answers.all(),
    seconds: (performance.now() - began) / 1000,
    secondsWaiting: waited.milliseconds / 1000,
    ...(measures.length > 0 && { measured: Object.fromEntries(measured) }),
  };
  return { predictions, loss: loss === undefined ? null : lossSum / at };
}

/** What is given as it comes, and how long was waited for it. */
async function* timed<Item>(
  items: AsyncGenerator<Item, void, undefined>,
  waited: { milliseconds: number },
): AsyncGenerator<Item, void, undefined> {
  try {
    for (;;) {
      const began = performance.now();
      const next = await items.next();
      waited.milliseconds += performance.now() - began;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await items.return();
  }
}

/** Takes what a model says batch by batch. */
interface Answers {
  /** @throws Failure('input') for samples of which the model says more, or less, than of those before */
  add(batch: Batch<StoredValues>, output: Prediction): void;
  all(): Pick<Predictions, 'values' | 'width' | 'shape' | 'masks'>;
}

/** Keeps every number. */
function rowAnswers(count: number): Answers {
  let values: Float32Array | undefined;
  let shape: readonly number[] = [];
  let width = 0;
  let at = 0;
  return {
    add(batch, output) {
      if (at > 0) requireSize(output, width);
      ({ shape } = output);
      width = elementCount(shape);
      values ??= new Float32Array(count * width);
      values.set(output.values, at * width);
      at += batch.count;
    },
    all: () => ({ values: values ?? new Float32Array(), width, shape, masks: null }),
  };
}

/** Holds maps against masks and counts: what is kept does not grow with their pixels. */
function maskAnswers(count: number, map: MapReading): Answers {
  const { columns, axis, scores } = map;
  const pixels = map.height * map.width;
  const width = columns * pixels;
  const kept = Math.min(count, Math.max(1, Math.floor(keptValues / width)));
  const values = new Float32Array(kept * width);
  const tally = tallyMasks(count, { columns, pixels, axis, scores });
  let shape: readonly number[] = [];
  let at = 0;
  return {
    add(batch, output) {
      requireSize(output, width);
      ({ shape } = output);
      for (let i = 0; i < batch.count; i++) {
        const maps = output.values.subarray(i * width, (i + 1) * width);
        if (at < kept) values.set(axis === 'first' ? maps : columnsFirst(maps, columns), at * width);
        tally.add(maps, batch.targets.subarray(i * pixels, (i + 1) * pixels));
        at++;
      }
    },
    all: () => ({ values, width, shape, masks: tally.scores() }),
  };
}

/** So many samples that memory suffices for them, and for their maps where they are held against masks. */
function batchFor({ inputs }: DataPart, map: MapReading | null): number {
  const answer = map === null ? 0 : map.columns * map.height * map.width;
  const values = inputs.reduce((sum, { shape }) => sum + elementCount(shape), answer);
  return Math.max(1, Math.min(batchSize, Math.floor(batchValues / values)));
}

function requireSize({ shape }: Prediction, width: number): void {
  if (elementCount(shape) === width) return;
  throw new Failure('input', {
    what: `The model gives ${width} values for one sample and ${elementCount(shape)} for another.`,
    cure: 'Export it with an output of a fixed size, or name another output.',
    settings: ['output'],
  });
}

/** A map [height, width, columns] as [columns, height, width], so that maps of either layout can be held against each other. */
function columnsFirst(maps: Float32Array, columns: number): Float32Array {
  const pixels = maps.length / columns;
  return Float32Array.from(maps, (_, i) => maps[(i % pixels) * columns + Math.floor(i / pixels)] ?? Number.NaN);
}

/** What a measure says of each sample of a batch. */
async function measureBatch(
  measure: Measure,
  scorerOf: (graph: OwnGraph) => Scorer,
  part: DataPart,
  batch: Batch<StoredValues>,
  output: Prediction,
): Promise<Float32Array> {
  if (measure.kind === 'reconstruction') return reconstructionErrors(batch, output);
  const { graph, eachAlone } = measure;
  const samples = scored(graph, part, batch, output);
  const scorer = scorerOf(graph);
  if (!eachAlone) return (await scorer.run(samples)).values.subarray(0, batch.count);
  const each = new Float32Array(batch.count);
  for (let i = 0; i < batch.count; i++) each[i] = (await scorer.run(sampleOf(samples, i))).values[0] ?? Number.NaN;
  return each;
}

/** Of each sample, the mean square of output - input. */
function reconstructionErrors({ inputs, count }: Batch<StoredValues>, { values: outputs }: Prediction): Float32Array {
  const { values } = present(Object.values(inputs)[0], 'the input of the model');
  const width = values.length / count;
  return Float32Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let j = i * width; j < (i + 1) * width; j++)
      sum += ((outputs[j] ?? Number.NaN) - (values[j] ?? Number.NaN)) ** 2;
    return sum / width;
  });
}

/** The largest |a - b| over all elements; NaN where one has a NaN that the other has not. */
export function meanAbsDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} values against ${b.length}`);
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? Number.NaN)), 0) / a.length;
}

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
