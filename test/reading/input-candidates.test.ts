import { describe, expect, it } from 'vitest';
import { type InputSituation, inputCandidates } from '../../src/reading/input-candidates.js';

const pixels: InputSituation = {
  inForce: { scale: 1 / 255, mean: [0], std: [1], channels: 'first' },
  channelCount: 3,
  stored: { dtype: 'uint8', min: 0, max: 255 },
  bothLayouts: false,
};

/** What a stored value becomes in each channel. */
const prepared = ({ apply }: ReturnType<typeof inputCandidates>[number], x: number): number[] =>
  [0, 1, 2].map((c) => {
    const { scale = 1, mean = [0], std = [1] } = apply;
    return (x * scale - (mean[c % mean.length] ?? 0)) / (std[c % std.length] ?? 1);
  });

function named(situation: InputSituation, name: string) {
  const candidate = inputCandidates(situation).find((each) => each.name === name);
  if (candidate === undefined) throw new Error(`no candidate '${name}'`);
  return candidate;
}

describe('8-bit pixels', () => {
  it('have the usual preparations but the one in force', () => {
    expect(inputCandidates(pixels).map(({ name }) => name)).toEqual([
      'pixels scaled to [-1, 1]',
      'pixels from 0 to 255 as they are',
      "ImageNet's mean and standard deviation",
      "Caffe's means (blue, green, red)",
      "Caffe's means (red, green, blue)",
    ]);
    const imagenet = {
      scale: 1 / 255,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      channels: 'first' as const,
    };
    const names = inputCandidates({ ...pixels, inForce: imagenet }).map(({ name }) => name);
    expect(names).toContain('pixels scaled to [0, 1]');
    expect(names).not.toContain("ImageNet's mean and standard deviation");
  });

  it('are told by the options that people write', () => {
    expect(named(pixels, "ImageNet's mean and standard deviation").settings).toEqual([
      ['mean', '0.485,0.456,0.406'],
      ['std', '0.229,0.224,0.225'],
    ]);
    expect(named(pixels, 'pixels from 0 to 255 as they are').settings).toEqual([['scale', '1']]);
    expect(named(pixels, "Caffe's means (blue, green, red)").settings).toEqual([
      ['scale', '1'],
      ['mean', '103.939,116.779,123.68'],
    ]);
  });

  it('come out as each preparation says', () => {
    expect(prepared(named(pixels, 'pixels scaled to [-1, 1]'), 255)).toEqual([1, 1, 1]);
    expect(prepared(named(pixels, 'pixels scaled to [-1, 1]'), 0)).toEqual([-1, -1, -1]);
    const [red = 0] = prepared(named(pixels, "ImageNet's mean and standard deviation"), 255);
    expect(red).toBeCloseTo((1 - 0.485) / 0.229, 5);
  });

  it('of one channel have no means of three', () => {
    const grey = { ...pixels, channelCount: 1 };
    expect(inputCandidates(grey).map(({ name }) => name)).toEqual([
      'pixels scaled to [-1, 1]',
      'pixels from 0 to 255 as they are',
      "MNIST's mean and standard deviation",
    ]);
    expect(named(grey, "MNIST's mean and standard deviation").settings).toEqual([
      ['mean', '0.1307'],
      ['std', '0.3081'],
    ]);
  });
});

describe('floats', () => {
  const floats = (min: number, max: number): InputSituation => ({
    ...pixels,
    inForce: { ...pixels.inForce, scale: 1 },
    stored: { dtype: 'float32', min, max },
  });

  it.each([
    { range: 'in [0, 1]', situation: floats(0, 0.99), zero: 0, white: 1 },
    { range: 'in [-1, 1]', situation: floats(-1, 0.98), zero: -1, white: 1 },
    { range: 'in [0, 255]', situation: floats(0, 251.5), zero: 0, white: 255 },
  ])('$range are pixels', ({ situation, zero, white }) => {
    const caffe = named(situation, "Caffe's means (red, green, blue)");
    expect(prepared(caffe, zero)[0]).toBeCloseTo(-123.68, 3);
    expect(prepared(caffe, white)[2]).toBeCloseTo(255 - 103.939, 3);
    const imagenet = named(situation, "ImageNet's mean and standard deviation");
    expect(prepared(imagenet, zero)[1]).toBeCloseTo(-0.456 / 0.224, 4);
  });

  it('of another range are left as they are', () => {
    expect(inputCandidates(floats(-4.2, 3.9))).toEqual([]);
    expect(inputCandidates(floats(0, 70_000))).toEqual([]);
    expect(inputCandidates(floats(0, 0.01))).toEqual([]);
  });
});

it('has the other layout where both fit', () => {
  const both = inputCandidates({ ...pixels, bothLayouts: true }).at(-1);
  expect(both).toEqual({ name: 'channels last (NHWC)', settings: [['layout', 'NHWC']], apply: { layout: 'NHWC' } });
});
