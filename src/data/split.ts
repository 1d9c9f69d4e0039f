import { createHash, hash } from 'node:crypto';
import { Failure } from '../contract/failure.js';
import { createRandom, shuffle } from '../math/random.js';
import { otherTargets, type SampleSet, sampleBytes, wantedTargets } from './samples.js';

/** Some samples of a data set. */
export interface Selection {
  /** positions in the data set, ascending */
  readonly indices: Int32Array;
  readonly count: number;
}

/** Some samples of a data set, with what identifies them. */
export interface Split extends Selection {
  /** SHA-256 over the indices as little-endian int32 */
  readonly indicesSha256: string;
  /** SHA-256 over the samples' digests and then their targets, in the order of the indices */
  readonly contentSha256: string;
}

export interface SplitOptions {
  readonly seed: number;
  /** of all samples; 0 where the test set is a data set of its own */
  readonly testFraction?: number;
  /** of all samples */
  readonly validationFraction?: number;
}

export interface Splits {
  readonly train: Split;
  readonly validation: Split;
  readonly test: Split;
}

const fractions = { test: 0.2, validation: 0.1 } as const;

/**
 * Splits a data set into disjoint parts that cover it. Classes are stratified: each part has of every class its
 * share to within one sample, and a class keeps one sample in training if it can. Without classes, samples are shuffled.
 * @throws Failure('usage') for fractions that leave no training data
 * @throws Failure('input') when there are too few samples for parts that are wanted
 */
export async function splitDataset(samples: SampleSet, options: SplitOptions): Promise<Splits> {
  const test = options.testFraction ?? fractions.test;
  const validation = options.validationFraction ?? fractions.validation;
  if (!(test >= 0 && validation >= 0 && test + validation < 1)) {
    throw new Failure('usage', {
      what: `The fractions ${test} for the test set and ${validation} for validation leave no training data, or are negative.`,
      cure: 'Give fractions of at least 0 that stay below 1 together.',
      settings: ['testFraction', 'validationFraction'],
    });
  }
  const parts = splitIndices(samples, test, validation, options.seed);
  if (
    parts.train.length === 0 ||
    (test > 0 && parts.test.length === 0) ||
    (validation > 0 && parts.validation.length === 0)
  ) {
    throw new Failure('input', {
      what: `${samples.path}: ${samples.count} samples are too few to split into training, validation and test data.`,
      cure: 'Give more data, or a test set of its own.',
      settings: ['data', 'test'],
    });
  }
  const digests = await sampleDigests(samples);
  return {
    train: await splitOf(samples, parts.train, digests),
    validation: await splitOf(samples, parts.validation, digests),
    test: await splitOf(samples, parts.test, digests),
  };
}

/** A whole data set as one split: a test set that is a data set of its own. */
export async function wholeSplit(samples: SampleSet): Promise<Split> {
  return splitOf(samples, wholeSelection(samples).indices, await sampleDigests(samples));
}

/** All samples; what identifies them would be all of their bytes, which are not read for it. */
export function wholeSelection({ count }: SampleSet): Selection {
  return { indices: Int32Array.from({ length: count }, (_, i) => i), count };
}

/** The samples of a split that are to stay. @throws Failure('input') where none is */
export async function narrowSplit(samples: SampleSet, split: Split, stays: (index: number) => boolean): Promise<Split> {
  const indices = split.indices.filter(stays);
  if (indices.length === split.count) return split;
  if (indices.length > 0) return splitOf(samples, indices, await sampleDigests(samples));
  throw new Failure('input', {
    what: `${samples.path}: of ${split.count} samples for training or validation none is a normal one.`,
    cure: 'Give normal samples, labelled 0 or not at all.',
    settings: ['data'],
  });
}

interface PartIndices {
  readonly train: Int32Array;
  readonly validation: Int32Array;
  readonly test: Int32Array;
}

function splitIndices(samples: SampleSet, testFraction: number, validationFraction: number, seed: number): PartIndices {
  const strata = stratify(samples);
  for (const [stratum, indices] of strata.entries()) shuffle(indices, createRandom(seed, stratum));
  const sizes = strata.map((indices) => indices.length);
  // a class that training never sees cannot be learned
  const spare = sizes.map((size) => Math.max(0, size - 1));
  const test = apportion(sizes, testFraction, spare);
  const validation = apportion(
    sizes,
    validationFraction,
    spare.map((room, i) => room - (test[i] ?? 0)),
  );
  const pick = (from: (stratum: number) => number, to: (stratum: number) => number): Int32Array =>
    Int32Array.from(strata.flatMap((indices, i) => [...indices.subarray(from(i), to(i))])).sort();
  const testEnd = (i: number): number => test[i] ?? 0;
  const validationEnd = (i: number): number => testEnd(i) + (validation[i] ?? 0);
  return {
    test: pick(() => 0, testEnd),
    validation: pick(testEnd, validationEnd),
    train: pick(validationEnd, (i) => sizes[i] ?? 0),
  };
}

/** The indices of each class; one stratum where there are no classes. */
function stratify(samples: SampleSet): Int32Array[] {
  const { targets, count } = samples;
  if (targets.kind !== 'class') return [Int32Array.from({ length: count }, (_, i) => i)];
  const strata: number[][] = targets.names.map(() => []);
  for (const [i, label] of targets.labels.entries()) strata[label]?.push(i);
  return strata.map((indices) => Int32Array.from(indices));
}

/**
 * How many of each stratum a part takes: the whole part of its share, and the largest remainders (Hamilton's method) until
 * the part has its share of all; never more than there is room for.
 */
function apportion(sizes: readonly number[], fraction: number, room: readonly number[]): readonly number[] {
  const shares = sizes.map((size) => size * fraction);
  const taken = shares.map((share, i) => Math.min(Math.floor(share), room[i] ?? 0));
  const total = Math.round(sizes.reduce((sum, size) => sum + size, 0) * fraction);
  let missing = total - taken.reduce((sum, count) => sum + count, 0);
  const byRemainder = shares
    .map((share, i) => ({ i, remainder: share - Math.floor(share) }))
    .sort((a, b) => b.remainder - a.remainder || a.i - b.i);
  for (const { i } of byRemainder) {
    if (missing <= 0) break;
    if ((taken[i] ?? 0) >= (room[i] ?? 0)) continue;
    taken[i] = (taken[i] ?? 0) + 1;
    missing -= 1;
  }
  return taken;
}

/** How many bytes a SHA-256 takes. */
const digestBytes = 32;
const chunk = 64;

const digestsOf = new WeakMap<SampleSet, Promise<Uint8Array>>();

/** SHA-256 of each sample's stored bytes, one after another; computed once per data set. */
function sampleDigests(samples: SampleSet): Promise<Uint8Array> {
  const known = digestsOf.get(samples);
  if (known !== undefined) return known;
  const digests = computeDigests(samples);
  digestsOf.set(samples, digests);
  return digests;
}

async function computeDigests(samples: SampleSet): Promise<Uint8Array> {
  const digests = new Uint8Array(samples.count * digestBytes);
  for (let start = 0; start < samples.count; start += chunk) {
    const length = Math.min(chunk, samples.count - start);
    // image files are read from disk: several at a time
    await Promise.all(
      Array.from({ length }, async (_, k) => {
        digests.set(hash('sha256', await sampleBytes(samples, start + k), 'buffer'), (start + k) * digestBytes);
      }),
    );
  }
  return digests;
}

async function splitOf(samples: SampleSet, indices: Int32Array, digests: Uint8Array): Promise<Split> {
  const content = createHash('sha256');
  for (const index of indices) content.update(digests.subarray(index * digestBytes, (index + 1) * digestBytes));
  for (const targets of [samples.targets, ...otherTargets(samples).values(), ...wantedTargets(samples).values()]) {
    if (targets.kind === 'none') continue;
    if (targets.kind === 'mask') {
      for (const index of indices) content.update((await targets.store?.bytes(index)) ?? '');
      continue;
    }
    const width = targets.kind === 'class' ? 1 : targets.width;
    const stored = targets.kind === 'class' ? targets.labels : targets.values;
    const chosen = targets.kind === 'class' ? new Int32Array(indices.length) : new Float32Array(indices.length * width);
    for (const [i, index] of indices.entries())
      chosen.set(stored.subarray(index * width, (index + 1) * width), i * width);
    content.update(new Uint8Array(chosen.buffer));
  }
  return {
    indices,
    count: indices.length,
    indicesSha256: hash('sha256', new Uint8Array(indices.buffer, indices.byteOffset, indices.byteLength), 'hex'),
    contentSha256: content.digest('hex'),
  };
}

/** A split and the data set that its indices point into. */
export interface SplitSamples {
  readonly samples: SampleSet;
  readonly split: Split;
}

/**
 * The positions in `test` of the samples that are not, byte for byte, in any of `parts`: those that neither training nor the choice of
 * the best epoch has seen. In their order.
 */
export async function unseenPositions(parts: readonly SplitSamples[], test: SplitSamples): Promise<Int32Array> {
  const seen = new Set((await Promise.all(parts.map(splitDigests))).flat());
  return Int32Array.from((await splitDigests(test)).flatMap((digest, i) => (seen.has(digest) ? [] : [i])));
}

/** How many samples of a split repeat an earlier one of the same split, byte for byte. */
export async function countRepeats(part: SplitSamples): Promise<number> {
  const digests = await splitDigests(part);
  return digests.length - new Set(digests).size;
}

async function splitDigests({ samples, split }: SplitSamples): Promise<string[]> {
  const digests = Buffer.from(await sampleDigests(samples));
  return Array.from(split.indices, (index) =>
    digests.toString('latin1', index * digestBytes, (index + 1) * digestBytes),
  );
}
