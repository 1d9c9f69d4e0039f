import { hash } from 'node:crypto';
import { present } from '../contract/present.js';
import type { Dataset, Targets } from './dataset.js';

/** The samples of several inputs, or with the targets of several outputs, as one set. */
export interface JoinedSamples extends Pick<Dataset, 'path' | 'format' | 'part' | 'count' | 'targets'> {
  /** of the outputs that are trained beside the first, by their names */
  readonly others: OtherTargets;
  /** what a loss or metric of the user's reads beside outputs of the model, by the names of its inputs */
  readonly wanted: OtherTargets;
  /** the SHA-256 of what each input's data set holds of a sample, one after another, in the order of the inputs */
  bytes(index: number): Promise<Uint8Array>;
}

export type OtherTargets = ReadonlyMap<string, Targets>;

/** Samples whatever their inputs are: what splits, digests and targets are about. Of a model of one input, its data set. */
export type SampleSet = Dataset | JoinedSamples;

/** The samples of aligned data sets, one for each input. */
export function joinSamples(
  datasets: readonly Dataset[],
  targets: Targets,
  others: OtherTargets,
  wanted: OtherTargets,
): JoinedSamples {
  const { path, format, part, count } = present(datasets[0], 'the data of an input');
  return {
    path,
    format,
    ...(part === undefined ? {} : { part }),
    count,
    targets,
    others,
    wanted,
    async bytes(index) {
      const digests = datasets.map(async (dataset) => hash('sha256', await sampleBytes(dataset, index), 'buffer'));
      return Buffer.concat(await Promise.all(digests));
    },
  };
}

/** The targets of the outputs that are trained beside the first, by their names; none for a data set alone. */
export function otherTargets(samples: SampleSet): OtherTargets {
  return 'others' in samples ? samples.others : new Map();
}

/** What a loss or metric of the user's reads beside outputs of the model, by the names of its inputs; none for a data set alone. */
export function wantedTargets(samples: SampleSet): OtherTargets {
  return 'wanted' in samples ? samples.wanted : new Map();
}

/** The bytes of one sample as the file holds them; its float32 values where the data set does not offer them. */
export async function sampleBytes(samples: SampleSet, index: number): Promise<Uint8Array> {
  if (!('read' in samples)) return samples.bytes(index);
  if (samples.bytes !== undefined) return samples.bytes(index);
  const length = (samples.sample.shape ?? []).reduce((product, dim) => product * dim, 1);
  const values = new Float32Array(length);
  await samples.read([index], values);
  return new Uint8Array(values.buffer);
}
