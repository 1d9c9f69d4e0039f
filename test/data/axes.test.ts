import { expect, test } from 'vitest';
import { channelNames, inputAxes } from '../../src/data/axes.js';
import type { Dataset } from '../../src/data/dataset.js';
import { type ModelInput, planPreprocessing } from '../../src/data/preprocess.js';
import { arrayDataset } from '../../src/data/readers/arrays.js';
import { memoryDataset, ramp } from './memory.js';

/** Where the second value of the last channel lies, with the names of the channels and the picture's size. */
function axesOf(dataset: Dataset, model: ModelInput) {
  const axes = inputAxes({ dataset, preprocessing: planPreprocessing(dataset, model) });
  const { channels, positions, grid } = axes;
  return {
    names: channelNames(axes, dataset).join(' '),
    positions,
    grid,
    at: axes.at(channels - 1, Math.min(1, positions - 1)),
  };
}

const grid = { height: 2, width: 5 };

test('pixels divide into colours, wherever the model has its channels', () => {
  const stored = memoryDataset({ shape: [2, 5, 3], layout: 'HWC', storage: ramp(30) });
  expect(axesOf(stored, { shape: [null, 3, 2, 5] })).toEqual({ names: 'R G B', positions: 10, grid, at: 21 });
  expect(axesOf(stored, { shape: [null, 2, 5, 3] })).toEqual({ names: 'R G B', positions: 10, grid, at: 5 });
  expect(axesOf(stored, { shape: [null, 30], layout: 'NHWC' })).toMatchObject({ names: 'R G B', grid, at: 5 });
});

test('grey pixels are one channel, flattened too', () => {
  const grey = memoryDataset({ shape: [2, 5], layout: 'HW', storage: ramp(10) });
  for (const shape of [
    [null, 1, 2, 5],
    [null, 2, 5],
    [null, 10],
  ]) {
    expect(axesOf(grey, { shape })).toEqual({ names: 'c1', positions: 10, grid, at: 1 });
  }
});

test('the features of a row are channels of one value', () => {
  const row = memoryDataset({ shape: [3], storage: Float32Array.of(1, 2, 3) });
  expect(axesOf(row, { shape: [null, 3] })).toEqual({ names: 'x1 x2 x3', positions: 1, grid: null, at: 2 });
});

test('a table names its features itself', () => {
  const shape = [2];
  const storage = Float32Array.of(1, 2);
  const named = (...names: string[]) =>
    arrayDataset({ path: 'table', format: 'csv', shape, layout: 'values', names, storage, targets: { kind: 'none' } });
  expect(axesOf(named('age', 'income'), { shape: [null, 2] })).toMatchObject({ names: 'age income' });
  expect(axesOf(named('twice', 'twice'), { shape: [null, 2] })).toMatchObject({ names: 'x1 x2' });
});

test('a series has the channels that its layout says, one if nothing does', () => {
  const series = memoryDataset({ shape: [4, 2], storage: new Float32Array(8) });
  expect(axesOf(series, { shape: [null, 4, 2] })).toMatchObject({ names: 'c1', positions: 8 });
  expect(axesOf(series, { shape: [null, 4, 2], layout: 'NHWC' })).toMatchObject({
    names: 'c1 c2',
    positions: 4,
    at: 3,
  });
});
