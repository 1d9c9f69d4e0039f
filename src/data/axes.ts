import type { Dataset } from './dataset.js';
import type { Inputs } from './inputs.js';
import { inputLength } from './preprocess.js';

/** How the values of one sample, as the model is fed, divide into channels (the features of a row) and positions. */
export interface InputAxes {
  readonly channels: number;
  /** values per channel; 1 for rows */
  readonly positions: number;
  /** of the positions, row by row, where the sample is an image */
  readonly grid: { readonly height: number; readonly width: number } | null;
  /** where a value lies in the flat sample */
  at(channel: number, position: number): number;
}

/** An array whose axes have no known meaning counts as one channel. */
export function inputAxes({ dataset, preprocessing }: Pick<Inputs, 'dataset' | 'preprocessing'>): InputAxes {
  const { raw, shape } = preprocessing;
  const { sample } = dataset;
  const length = inputLength(preprocessing);
  if (raw.layout !== 'values') {
    const [height = 1, width = 1] = raw.layout === 'HWC' ? raw.shape : raw.shape.slice(1);
    const channels = length / (height * width);
    return axes(channels, height * width, preprocessing.channels !== 'last', { height, width });
  }
  if (sample.layout === 'HW' && shape.length === 2) {
    const [height = 1, width = 1] = shape;
    return axes(1, length, true, { height, width });
  }
  if (shape.length === 1) return axes(length, 1, true, null);
  switch (preprocessing.channels) {
    case 'none':
      return axes(1, length, true, null);
    case 'first':
      return axes(shape[0] ?? 1, length / (shape[0] ?? 1), true, null);
    case 'last':
      return axes(shape.at(-1) ?? 1, length / (shape.at(-1) ?? 1), false, null);
  }
}

function axes(channels: number, positions: number, channelsFirst: boolean, grid: InputAxes['grid']): InputAxes {
  const at = (channel: number, position: number): number =>
    channelsFirst ? channel * positions + position : position * channels + channel;
  return { channels, positions, grid, at };
}

/**
 * The file's own names of the features of a row, else names in no language: colours for pixels, x1, x2 ... for features,
 * c1, c2 ... for other channels.
 */
export function channelNames({ channels, positions, grid }: InputAxes, { sample }: Dataset): readonly string[] {
  const { names } = sample;
  if (positions === 1 && names?.length === channels && new Set(names).size === channels) return names;
  if (grid !== null && channels === 3) return ['R', 'G', 'B'];
  const letter = positions === 1 ? 'x' : 'c';
  return Array.from({ length: channels }, (_, i) => `${letter}${i + 1}`);
}
