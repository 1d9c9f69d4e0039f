import { create } from '@bufbuild/protobuf';
import { ValueInfoProtoSchema } from 'onnx-buf';
import { batches } from '../data/batches.js';
import type { Histogram, SiteActivations } from '../evaluation/result.js';
import type { Graph } from '../model/graph.js';
import type { Site, SiteParameters } from '../model/plan.js';
import type { Signature } from '../runtime/predictor.js';
import { openSession } from '../runtime/session.js';
import { floatsOf, tensorOf } from '../runtime/tensors.js';
import type { DataPart } from './data.js';

const sampleLimit = 256;
/** sites looked at: a report of thousands of histograms helps nobody, and each is a tensor held in memory */
const siteLimit = 64;
const binCount = 40;

/** What enters each site, before and after, over the first samples of a part. */
export interface Activations {
  readonly before: ReadonlyMap<string, SiteActivations>;
  readonly after: ReadonlyMap<string, SiteActivations>;
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
  const observed = sites.filter(({ status }) => status === 'migrate').slice(0, siteLimit);
  const floors = new Map(parameters.map(({ id, offset }) => [id, offset]));
  const zero = (): number => 0;
  const floorAfter = (site: Site) => {
    const offset = floors.get(site.id) ?? new Float32Array();
    if (site.form !== 'fused') return zero;
    return offset.length === 1 ? () => offset[0] ?? 0 : (channel: number) => offset[channel] ?? 0;
  };
  return {
    before: await observe(part, signature, observed, before, () => zero),
    after: await observe(part, signature, observed, after, floorAfter),
  };
}

async function observe(
  { inputs, split }: DataPart,
  signature: Signature,
  sites: readonly Site[],
  graph: Graph,
  floorOf: (site: Site) => (channel: number) => number,
): Promise<Map<string, SiteActivations>> {
  const copy = graph.copy();
  const present = sites.filter(({ input }) => copy.producer(input) !== undefined);
  copy.proto.output = [...new Set(present.map(({ input }) => input))].map((name) =>
    create(ValueInfoProtoSchema, { name }),
  );
  if (present.length === 0) return new Map();
  const indices = split.indices.slice(0, Math.min(split.count, sampleLimit));
  const fixed = signature.inputShape[0] ?? null;
  const session = await openSession(copy.model);
  try {
    const collected = new Map(present.map((site) => [site.id, new Tally(floorOf(site))]));
    let samples = 0;
    for await (const batch of batches(inputs, { indices, batchSize: fixed ?? 64 })) {
      if (fixed !== null && batch.count !== fixed) break;
      const feed = tensorOf(signature.elementType, batch.inputs, [batch.count, ...inputs.shape]);
      const outputs = await session.run({ [signature.input]: feed });
      for (const { id, input } of present) {
        const value = outputs[input];
        if (value !== undefined) collected.get(id)?.add(floatsOf(value), value.dims);
      }
      samples += batch.count;
    }
    return new Map([...collected].map(([id, tally]) => [id, tally.result(samples)]));
  } finally {
    await session.release();
  }
}

/** Values are kept until the range is known: a histogram needs both ends. */
class Tally {
  readonly #parts: Float32Array[] = [];
  #floored = 0;
  #count = 0;

  constructor(private readonly floor: (channel: number) => number) {}

  /** `values` of shape [N, C, ...] */
  add(values: Float32Array, dims: readonly number[]): void {
    const channels = dims[1] ?? 1;
    const inner = dims.slice(2).reduce((product, dim) => product * dim, 1);
    values.forEach((value, i) => {
      if (value <= this.floor(Math.floor(i / inner) % channels)) this.#floored++;
    });
    this.#count += values.length;
    this.#parts.push(values);
  }

  result(samples: number): SiteActivations {
    return { inputs: histogram(this.#parts), floored: this.#count === 0 ? 0 : this.#floored / this.#count, samples };
  }
}

function histogram(parts: readonly Float32Array[]): Histogram {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const part of parts) {
    for (const value of part) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (!(high > low)) high = low + 1;
  const width = (high - low) / binCount;
  const counts = Array<number>(binCount).fill(0);
  for (const part of parts) {
    for (const value of part) {
      const bin = Math.min(binCount - 1, Math.floor((value - low) / width));
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
  }
  return { edges: Array.from({ length: binCount + 1 }, (_, i) => low + i * width), counts };
}
