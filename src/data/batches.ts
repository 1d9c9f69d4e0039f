import { setImmediate } from 'node:timers/promises';
import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import { createRandom, shuffle } from '../math/random.js';
import { rowsAt } from '../math/rows.js';
import type { Targets } from './dataset.js';
import { product } from './fit.js';
import type { FedSamples, NamedInputs } from './inputs.js';
import { checkLabels } from './labels.js';
import { gatherMasks, maskSize } from './masks.js';

/** What one input of the model is fed with. */
export interface InputValues<Values = Float32Array> {
  readonly values: Values;
  /** of one sample */
  readonly shape: readonly number[];
}

/** By the input's name. */
export type GatheredInputs<Values = Float32Array> = Readonly<Record<string, InputValues<Values>>>;

/** 8-bit samples as they are stored, [pixels, channels] each, or preprocessed ones. */
export type StoredValues = Uint8Array | Float32Array;

/** The values of samples that were preprocessed. @throws Error for 8-bit ones, which their reader takes for floats */
export function preprocessed(values: StoredValues): Float32Array {
  if (values instanceof Float32Array) return values;
  throw new Error('samples of 8 bits are not preprocessed yet');
}

export interface Batch<Values = Float32Array> {
  readonly count: number;
  /** positions of the samples in the data set, [count] */
  readonly indices: Int32Array;
  /** the preprocessed samples of each input, by its name: values of [count, ...shape] */
  readonly inputs: GatheredInputs<Values>;
  /**
   * [count, width]: one-hot for classes, the values otherwise; of masks the class of each pixel, -1 where it has none; empty (width 0)
   * without targets, and for masks as long as it is not known how they are read
   */
  readonly targets: Float32Array;
  readonly targetWidth: number;
  /** [count], for classes */
  readonly labels: Int32Array | null;
}

export interface BatchOptions {
  /** the samples to go through, in this order unless shuffled; all of them by default */
  readonly indices?: Int32Array;
  readonly batchSize: number;
  /** the order of an epoch depends on both; absent: as given */
  readonly shuffle?: { readonly seed: number; readonly epoch: number };
  /** batches at the start that are left out, without being read */
  readonly skip?: number;
  /** the model's number of classes, the width of one-hot targets; by default the data set's */
  readonly classes?: number;
}

/**
 * Goes through samples once, batch by batch; the last batch has what is left. The next batches are read while the caller
 * works on the one before. Every batch has arrays of its own.
 * @throws Failure('input') when a label is beyond `classes`, or a sample cannot be read
 */
export async function* batches(fed: FedSamples, options: BatchOptions): AsyncGenerator<Batch, void, undefined> {
  const { inputs } = fed;
  const ahead = storedBatches(fed, options);
  const prepare = async (): Promise<Batch | null> => {
    const next = await ahead.next();
    if (next.done === true) return null;
    // whoever was given the batch before sets to work first
    await setImmediate();
    return { ...next.value, inputs: toFloats(inputs, next.value.inputs) };
  };
  const prepared: Promise<Batch | null>[] = [];
  const most = floatsAhead(inputs, options.batchSize);
  let isOver = false;
  const fill = (): void => {
    while (!isOver && prepared.length < most) {
      const next = prepare();
      // it may fail while the caller still works on a batch before: it is told when it asks for this one
      next.catch(() => undefined);
      prepared.push(next);
    }
  };
  fill();
  try {
    for (let next = prepared.shift(); next !== undefined; next = prepared.shift()) {
      const batch = await next;
      if (batch === null) return;
      // threads that are woken would take the processor from a caller that takes what else is ready
      if (prepared.length > 0) void setImmediate().then(fill);
      else fill();
      yield batch;
      if (prepared.length === 0) fill();
    }
  } finally {
    isOver = true;
  }
}

/** `batches` whose 8-bit samples are as they are stored: [count, pixels, channels], as `PixelInputs` has them. */
export async function* storedBatches(
  { inputs, samples }: FedSamples,
  options: BatchOptions,
): AsyncGenerator<Batch<StoredValues>, void, undefined> {
  const { batchSize, skip = 0 } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new Failure('usage', {
      what: `The batch size ${batchSize} cannot be used.`,
      cure: 'Give a whole number of at least 1.',
      settings: ['batchSize'],
    });
  }
  const order = options.indices?.slice() ?? Int32Array.from({ length: samples.count }, (_, i) => i);
  if (options.shuffle !== undefined) shuffle(order, createRandom(options.shuffle.seed, options.shuffle.epoch));
  const width = targetWidth(samples.targets, options.classes, samples.path);

  const read = async (start: number): Promise<Batch<StoredValues>> => {
    const indices = order.slice(start, start + batchSize);
    return {
      count: indices.length,
      indices,
      inputs: await gatherStored(inputs, indices),
      targetWidth: width,
      ...(samples.targets.kind === 'mask' && width > 0
        ? { targets: await gatherMasks(samples.targets, indices, maskSize(inputs, samples.path)), labels: null }
        : gatherTargets(samples.targets, indices, width)),
    };
  };

  const readAhead = (start: number): Promise<Batch<StoredValues>> => {
    const batch = read(start);
    // it may fail while the caller still works on the batch before: it is told when it asks for this one
    batch.catch(() => undefined);
    return batch;
  };

  const ahead: Promise<Batch<StoredValues>>[] = [];
  const most = batchesAhead(inputs, batchSize);
  let start = skip * batchSize;
  const fill = (): void => {
    for (; start < order.length && ahead.length < most; start += batchSize) ahead.push(readAhead(start));
  };
  fill();
  for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
    const batch = await next;
    fill();
    yield batch;
  }
}

/** Bytes of batches that are read ahead. */
const aheadBytes = 2 ** 28;

/** Samples that are read ahead at least where threads prepare them: training takes several small batches in one call. */
const samplesAhead = 64;

/** Of these, bytes of those that are floats already: 8-bit samples wait as such, a quarter as large. */
const floatBytesAhead = 2 ** 25;

/** How many batches are read while the caller works on one: for each thread that prepares them the one under way, and the next. */
function batchesAhead(inputs: readonly NamedInputs[], batchSize: number): number {
  const threads = threadsOf(inputs);
  if (threads === 1) return 1;
  const bytes = inputs.reduce((sum, { shape, pixels }) => sum + (pixels ? 1 : 4) * batchSize * product(shape), 0);
  const wanted = Math.max(2 * threads, Math.ceil(samplesAhead / batchSize));
  return Math.max(1, Math.min(wanted, Math.floor(aheadBytes / bytes)));
}

/** How many of them wait as floats. */
function floatsAhead(inputs: readonly NamedInputs[], batchSize: number): number {
  if (threadsOf(inputs) === 1) return 1;
  const bytes = inputs.reduce((sum, { shape }) => sum + 4 * batchSize * product(shape), 0);
  return Math.max(1, Math.min(Math.ceil(samplesAhead / batchSize), Math.floor(floatBytesAhead / bytes)));
}

const threadsOf = (inputs: readonly NamedInputs[]): number => Math.max(...inputs.map(({ atOnce }) => atOnce));

/**
 * The preprocessed samples of `indices`, of each input.
 * @throws Failure('input') when a sample cannot be read
 */
export async function gatherInputs(
  inputs: readonly NamedInputs[],
  indices: ArrayLike<number>,
): Promise<GatheredInputs> {
  return toFloats(inputs, await gatherStored(inputs, indices));
}

async function gatherStored(
  inputs: readonly NamedInputs[],
  indices: ArrayLike<number>,
): Promise<GatheredInputs<StoredValues>> {
  const gathered = await Promise.all(
    inputs.map(async ({ name, shape, gather, pixels }) => {
      if (pixels === undefined) return [name, { values: await gather(indices), shape }] as const;
      const values = await pixels.gather(indices);
      const { channels } = pixels;
      return [name, { values, shape: [values.length / indices.length / channels, channels] }] as const;
    }),
  );
  return Object.fromEntries(gathered);
}

function toFloats(inputs: readonly NamedInputs[], stored: GatheredInputs<StoredValues>): GatheredInputs {
  const floats = inputs.map(({ name, shape, pixels }) => {
    const { values } = present(stored[name], `the samples of the input '${name}'`);
    if (values instanceof Float32Array) return [name, { values, shape }] as const;
    return [name, { values: present(pixels, `the pixels of '${name}'`).toFloats(values), shape }] as const;
  });
  return Object.fromEntries(floats);
}

/** @throws Failure('input') when the data has more classes than the model */
function targetWidth(targets: Targets, classes: number | undefined, path: string): number {
  if (targets.kind === 'none') return 0;
  if (targets.kind === 'values') return targets.width;
  if (targets.kind === 'mask') return targets.map === null ? 0 : targets.map.height * targets.map.width;
  const width = classes ?? targets.names.length;
  checkLabels(targets, width, path);
  return width;
}

/** The targets of `indices`, [indices.length, width]: one-hot for classes, the values otherwise. */
export function gatherTargets(
  targets: Targets,
  indices: Int32Array,
  width: number,
): { readonly targets: Float32Array; readonly labels: Int32Array | null } {
  if (targets.kind === 'values') return { targets: rowsAt(targets.values, width, indices), labels: null };
  const rows = new Float32Array(indices.length * width);
  if (targets.kind !== 'class') return { targets: rows, labels: null };
  const labels = Int32Array.from(indices, (index) => targets.labels[index] ?? 0);
  for (const [i, label] of labels.entries()) rows[i * width + label] = 1;
  return { targets: rows, labels };
}
