import { createHash } from 'node:crypto';
import { present } from '../contract/present.js';
import { batches, gatherInputs } from '../data/batches.js';
import { cacheLimit, type NamedInputs } from '../data/inputs.js';
import type { Graph } from '../model/graph.js';
import { encodeModel } from '../model/onnx/write.js';
import { elementCount } from '../model/tensor.js';
import type { DataPart } from '../reading/data.js';
import type { RunTask } from '../reading/task.js';
import { type Feeds, openPredictor, type Prediction, type Predictor, signatureOf } from '../runtime/predictor.js';
import type { InferenceSession } from '../runtime/session.js';
import { type FrozenPrefix, findFrozenPrefix } from '../training/frozen-prefix.js';
import type { StepSettings, Trainable } from '../training/prepare.js';
import type { VariationSettings } from './variation.js';

/** What decides whether something is kept, and computes it. */
export interface KeepingContext {
  readonly train: DataPart;
  readonly task: Pick<RunTask, 'task'>;
  readonly settings: StepSettings;
  readonly batchSize: number;
  /** how training samples are varied; left out: they are as they are */
  readonly variation?: VariationSettings;
  readonly session: InferenceSession.SessionOptions;
  /** whether there is time to run so many samples through the network once more; left out: there is */
  affords?(samples: number): boolean;
  /** throws where the user asked to stop */
  check?(): void;
  note?(message: string): void;
}

/** Of each sample of a part, what a frozen prefix computes: in the place of the model's inputs. */
interface Kept {
  /** the SHA-256 of the prefix */
  readonly prefix: string;
  readonly inputs: readonly NamedInputs[];
}

/** What was computed last of a part: arms and seeds that have one prefix compute it once. */
const keptOf = new WeakMap<DataPart, Kept>();

/** Lets go of what is kept of a part. */
export function forgetKept(part: DataPart): void {
  keptOf.delete(part);
}

/**
 * What an arm trains that goes through its samples several times: where a part of the network computes the same of a sample each time, what is behind it, fed with what
 * that part has computed once of every sample of the training split, in the order of the split. It is kept in memory, within `cacheLimit`
 * bytes. Whether it is depends on nothing but the model, the data and the settings, so that a run that goes on does as it did before.
 */
export async function withKeptPrefix<Context extends KeepingContext>(
  context: Context,
  trainable: Trainable,
  epochs: number,
): Promise<{ readonly context: Context; readonly trainable: Trainable }> {
  const found = await prefixFor(context, trainable, epochs);
  const kept = found === null ? null : await keep(context, found);
  if (found === null || kept === null) return { context, trainable };
  return {
    context: {
      ...context,
      train: { ...context.train, inputs: kept.inputs },
      settings: { ...context.settings, sampleShapes: found.kept },
    },
    trainable: found.rest,
  };
}

async function prefixFor(context: KeepingContext, trainable: Trainable, epochs: number): Promise<FrozenPrefix | null> {
  const { train, variation, task, settings, affords = () => true } = context;
  const { count } = train.split;
  const isVaried = variation !== undefined && (variation.mixup !== null || variation.augment.length > 0);
  // what an anomaly is told by is held against the inputs themselves
  if (epochs < 2 || count < 2 || isVaried || task.task === 'anomaly' || !affords(count)) return null;
  const perSample = cacheLimit / Float32Array.BYTES_PER_ELEMENT / count;
  return findFrozenPrefix(trainable, settings, perSample);
}

/** Null where samples have no share of their own in what is to be kept. */
async function keep(context: KeepingContext, found: FrozenPrefix): Promise<Kept | null> {
  const { train } = context;
  const prefix = digestOf(found.graph);
  const known = keptOf.get(train);
  if (known?.prefix === prefix) return known;
  forgetKept(train);
  const predictor = await openPrefix(found, context);
  try {
    if (!(await keepsSamplesApart(predictor, found, train))) return null;
    context.note?.(keptSentence(found, train.split.count));
    const kept = { prefix, inputs: await computeInputs(predictor, found, context) };
    keptOf.set(train, kept);
    return kept;
  } finally {
    await predictor.release();
  }
}

function digestOf(graph: Graph): string {
  const hash = createHash('sha256');
  for (const piece of encodeModel(graph.model)) hash.update(piece);
  return hash.digest('hex');
}

function keptSentence({ kept, share }: FrozenPrefix, count: number): string {
  const elements = Object.values(kept).reduce((sum, shape) => sum + elementCount(shape), 0);
  const megabytes = Math.ceil((count * elements * Float32Array.BYTES_PER_ELEMENT) / 1e6);
  return (
    'What stands before everything that is trained computes the same for a sample in every epoch: it is computed once, and kept ' +
    `(${megabytes} MB). Steps are spared ${Math.round(100 * share)} % of a forward pass's multiplications.`
  );
}

type Prefix = (feeds: Feeds, count: number) => Promise<Feeds>;

async function openPrefix(
  { graph, kept }: FrozenPrefix,
  { session }: KeepingContext,
): Promise<Predictor & { readonly run: Prefix }> {
  const predictor = await openPredictor(graph.model, signatureOf(graph), session);
  const [first = '', ...others] = Object.keys(kept);
  const run: Prefix = async (feeds, count) => {
    const { also, ...own }: Prediction = await predictor.predict(feeds, count, others);
    return { [first]: own, ...also };
  };
  return { ...predictor, run };
}

/** Samples that are computed together, and then some of them by themselves. */
const together = 3;
/** Of the largest number, what rounding may make of it. */
const rounding = 1e-4;

async function keepsSamplesApart(
  { run }: { readonly run: Prefix },
  { kept }: FrozenPrefix,
  train: DataPart,
): Promise<boolean> {
  const some = train.split.indices.slice(0, together);
  const count = some.length;
  const last = some.slice(-1);
  const [all, alone] = [
    await run(await gatherInputs(train.inputs, some), count),
    await run(await gatherInputs(train.inputs, last), 1),
  ];
  return Object.keys(kept).every((name) => {
    const [of, own] = [present(all[name], name), present(alone[name], name)];
    const size = elementCount(own.shape);
    const row = of.values.subarray((count - 1) * size);
    const largest = own.values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return row.length === size && row.every((value, i) => Math.abs(value - (own.values[i] ?? 0)) <= rounding * largest);
  });
}

async function computeInputs(
  { run }: { readonly run: Prefix },
  { kept }: FrozenPrefix,
  { train, batchSize, check }: KeepingContext,
): Promise<readonly NamedInputs[]> {
  const { inputs, samples, split } = train;
  const tables = Object.entries(kept).map(([name, shape]) => {
    const size = elementCount(shape);
    return { name, shape, size, values: new Float32Array(split.count * size) };
  });
  let at = 0;
  for await (const batch of batches({ inputs, samples }, { indices: split.indices, batchSize })) {
    check?.();
    const computed = await run(batch.inputs, batch.count);
    for (const { name, size, values } of tables) values.set(present(computed[name], name).values, at * size);
    at += batch.count;
  }
  const rowOf = new Map(Array.from(split.indices, (index, row) => [index, row] as const));
  const { dataset, preprocessing } = present(inputs[0], 'an input of the model');
  return tables.map(({ name, shape, size, values }) => {
    const gather = async (indices: ArrayLike<number>): Promise<Float32Array> => {
      const rows = new Float32Array(indices.length * size);
      for (let i = 0; i < indices.length; i++) {
        const row = present(rowOf.get(indices[i] ?? -1), `what is kept of the sample ${indices[i]}`);
        rows.set(values.subarray(row * size, (row + 1) * size), i * size);
      }
      return rows;
    };
    return { dataset, preprocessing, name, shape, atOnce: 1, gather };
  });
}
