import { channelNames, inputAxes } from '../data/axes.js';
import type { NamedInputs } from '../data/inputs.js';
import { elementCount } from '../model/tensor.js';
import type { DataPart } from '../reading/data.js';

const sampleLimit = 2000;
/** values kept per channel: enough for deciles, few enough for a channel of large images */
const valueLimit = 200_000;
const channelLimit = 1024;
const batchSize = 64;

/**
 * The values that the model is fed, per channel (per feature for rows, the first 1,024 of them), from samples evenly spaced
 * in a part and, in large ones, from positions evenly spaced in each sample, others in the next. Of several inputs, those of each,
 * with its name before theirs.
 */
export async function channelValues({ inputs, split }: DataPart): Promise<readonly ChannelValues[]> {
  const all: ChannelValues[] = [];
  for (const input of inputs) {
    const prefix = inputs.length === 1 ? '' : `${input.name}/`;
    for (const { name, values } of await valuesOf(input, split)) all.push({ name: `${prefix}${name}`, values });
  }
  return all;
}

export interface ChannelValues {
  readonly name: string;
  readonly values: Float32Array;
}

async function valuesOf(inputs: NamedInputs, split: DataPart['split']): Promise<readonly ChannelValues[]> {
  const axes = inputAxes(inputs);
  const length = elementCount(inputs.shape);
  const samples = Math.min(split.count, sampleLimit);
  const stride = Math.ceil((samples * axes.positions) / valueLimit);
  const names = channelNames(axes, inputs.dataset).slice(0, channelLimit);
  const values: number[][] = names.map(() => []);
  for (let start = 0; start < samples; start += batchSize) {
    const count = Math.min(batchSize, samples - start);
    const indices = Array.from(
      { length: count },
      (_, i) => split.indices[Math.floor(((start + i) * split.count) / samples)] ?? 0,
    );
    const fed = await inputs.gather(indices);
    for (let i = 0; i < count; i++) {
      for (const [channel, kept] of values.entries()) {
        for (let position = (start + i) % stride; position < axes.positions; position += stride) {
          kept.push(fed[i * length + axes.at(channel, position)] ?? Number.NaN);
        }
      }
    }
  }
  return names.map((name, channel) => ({ name, values: Float32Array.from(values[channel] ?? []) }));
}
