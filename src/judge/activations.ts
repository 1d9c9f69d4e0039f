import { create } from '@bufbuild/protobuf';
import { ValueInfoProtoSchema } from 'onnx-buf';
import type { Histogram, SiteActivations } from '../contract/result.js';
import type { Provider } from '../contract/settings.js';
import { batches } from '../data/batches.js';
import type { Graph } from '../model/graph.js';
import type { Site, SiteParameters } from '../model/plan.js';
import type { DataPart } from '../reading/data.js';
import { sessionOptions } from '../runtime/devices.js';
import { fixedBatch, type Signature, tensorsFor } from '../runtime/predictor.js';
import { openSession } from '../runtime/session.js';
import { floatsOf } from '../runtime/tensors.js';

const sampleLimit = 256;
/** sites looked at: a report of thousands of histograms helps nobody, and each is a tensor held in memory */
const siteLimit = 64;
/** values kept per site for its histogram; the maps of large images hold a thousand times as many, which no memory holds */
const valueLimit = 2 ** 20;
/** all sites' values of a batch lie in memory at once */
const batchSize = 8;
const binCount = 40;

/**
 * Where activations are looked at, whatever the run's device is: a baseline and what is held against it later come from the
 * same kernels, and every value looked at would have to be copied to the host anyway.
 */
export const activationsProvider: Provider = 'cpu';

/** What enters each site, before and after, over the first samples of a part. */
export interface Activations {
  readonly before: ReadonlyMap<string, SiteActivations>;
  readonly after: ReadonlyMap<string, SiteActivations>;
  /** the places of the written graph that were looked at */
  readonly probes: readonly Probe[];
}

/** Where a site is looked at: the value that its activation reads, and the floor there, one or one per channel. */
export interface Probe {
  readonly site: string;
  readonly value: string;
  readonly floor: number | readonly number[];
}

/**
 * Observes the values that enter the activations. In the written graph the value at the same place is what the activation
 * reads there: x + a where the offset went into the readers, x + a + b where it stands at the site (fused), so that its floor
 * is 0 in the one and b in the other.
 */
export async function observeActivations(
  part: DataPart,
  signature: Signature,
  sites: readonly Site[],
  before: Graph,
  after: Graph,
  parameters: readonly SiteParameters[],
): Promise<Activations> {
  // values of bodies and functions are no values of the graph that could be asked for
  const observed = sites.filter(({ status, scope }) => status === 'migrate' && scope === undefined).slice(0, siteLimit);
  const offsets = new Map(parameters.map(({ id, offset }) => [id, [...offset]]));
  const original = observed.map(({ id, input }): Probe => ({ site: id, value: input, floor: 0 }));
  const probes = observed.map(({ id, input, form }): Probe => {
    const offset = form === 'fused' ? (offsets.get(id) ?? []) : [];
    return { site: id, value: input, floor: offset.length > 1 ? offset : (offset[0] ?? 0) };
  });
  return {
    before: await observeProbes(part, signature, before, original),
    after: await observeProbes(part, signature, after, probes),
    probes,
  };
}

/** What the probed values of a graph hold over the first samples of a part, by site; a value that it has not is left out. */
export async function observeProbes(
  part: DataPart,
  signature: Signature,
  graph: Graph,
  probes: readonly Probe[],
): Promise<Map<string, SiteActivations>> {
  const copy = graph.copy();
  const present = probes.filter(({ value }) => copy.producer(value) !== undefined);
  copy.proto.output = [...new Set(present.map(({ value }) => value))].map((name) =>
    create(ValueInfoProtoSchema, { name }),
  );
  if (present.length === 0) return new Map();
  const { split } = part;
  const indices = split.indices.slice(0, Math.min(split.count, sampleLimit));
  const fixed = fixedBatch(signature);
  const session = await openSession(copy.model, sessionOptions(activationsProvider));
  try {
    const collected = new Map(present.map(({ site, floor }) => [site, new Tally(floor)]));
    let samples = 0;
    for await (const batch of batches(part, { indices, batchSize: fixed ?? batchSize })) {
      if (fixed !== null && batch.count !== fixed) break;
      const outputs = await session.run(tensorsFor(signature, batch.inputs, batch.count));
      for (const { site, value: name } of present) {
        const value = outputs[name];
        if (value !== undefined) collected.get(site)?.add(floatsOf(value), value.dims, batch.count);
      }
      samples += batch.count;
    }
    return new Map([...collected].map(([site, tally]) => [site, tally.result(samples)]));
  } finally {
    await session.release();
  }
}

/**
 * Counts what lies on the floor, and finds both ends, over all values. Those that the histogram counts are kept until the
 * ends are known: all, or evenly spaced ones, others in the next batch.
 */
class Tally {
  readonly #kept: Float32Array[] = [];
  #low = Number.POSITIVE_INFINITY;
  #high = Number.NEGATIVE_INFINITY;
  #floored = 0;
  #count = 0;

  constructor(private readonly floor: Probe['floor']) {}

  /** `values` of shape [N, C, ...], of `samples` samples */
  add(values: Float32Array, dims: readonly number[], samples: number): void {
    const channels = dims[1] ?? 1;
    const inner = dims.slice(2).reduce((product, dim) => product * dim, 1);
    const { floor } = this;
    if (typeof floor === 'number') this.#look(values, floor);
    else {
      for (let at = 0, channel = 0; at < values.length; at += inner, channel = (channel + 1) % channels) {
        this.#look(values.subarray(at, at + inner), floor[channel] ?? 0);
      }
    }
    this.#count += values.length;
    this.#kept.push(
      everyNth(values, Math.ceil((values.length * sampleLimit) / samples / valueLimit), this.#kept.length),
    );
  }

  /** Values that have one floor. */
  #look(values: Float32Array, floor: number): void {
    // numbers in locals, and no branch that goes now one way, now the other: there are tens of millions of values
    let [low, high, floored] = [this.#low, this.#high, 0];
    for (let i = 0; i < values.length; i++) {
      const value = values[i] ?? Number.NaN;
      floored += Number(value <= floor);
      if (value < low) low = value;
      if (value > high) high = value;
    }
    this.#low = low;
    this.#high = high;
    this.#floored += floored;
  }

  result(samples: number): SiteActivations {
    const inputs = histogram(this.#kept, this.#low, this.#high);
    return { inputs, floored: this.#count === 0 ? 0 : this.#floored / this.#count, samples };
  }
}

/** Values `stride` apart, from `start` modulo `stride` on. */
function everyNth(values: Float32Array, stride: number, start: number): Float32Array {
  if (stride <= 1) return values;
  const first = start % stride;
  const kept = new Float32Array(Math.max(0, Math.ceil((values.length - first) / stride)));
  for (let i = 0; i < kept.length; i++) kept[i] = values[first + i * stride] ?? Number.NaN;
  return kept;
}

/** Of values between `low` and `high`. */
function histogram(parts: readonly Float32Array[], low: number, highest: number): Histogram {
  const high = highest > low ? highest : low + 1;
  const width = (high - low) / binCount;
  const counts = new Float64Array(binCount);
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      const bin = Math.min(binCount - 1, Math.floor(((part[i] ?? Number.NaN) - low) / width));
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
  }
  return { edges: Array.from({ length: binCount + 1 }, (_, i) => low + i * width), counts: [...counts] };
}
