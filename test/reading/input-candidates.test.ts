import { describe, expect, it } from 'vitest';
import { type InputSituation, inputCandidates } from '../../src/reading/input-candidates.js';

const pixels: InputSituation = {
  inForce: { scale: 1 / 255, mean: [0], std: [1], channels: 'first', channelOrder: 'RGB' },
  channelCount: 3,
  stored: { dtype: 'uint8', min: 0, max: 255 },
  whole: null,
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
      'pixels scaled to [0, 1], blue first',
      'pixels from 0 to 255, blue first',
      'pixels scaled to [-1, 1], blue first',
    ]);
    const imagenet = {
      scale: 1 / 255,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      channels: 'first' as const,
      channelOrder: 'RGB' as const,
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
      ['channelOrder', 'BGR'],
    ]);
    expect(named(pixels, 'pixels scaled to [0, 1], blue first').settings).toEqual([['channelOrder', 'BGR']]);
  });

  it('are tried blue first with the means in force, which an OpenCV pipeline leaves in the order of red', () => {
    const imagenet = { ...pixels.inForce, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    expect(named({ ...pixels, inForce: imagenet }, 'blue as the first colour')).toMatchObject({
      settings: [['channelOrder', 'BGR']],
      apply: { channelOrder: 'BGR' },
    });
    const turned = { ...pixels, inForce: { ...pixels.inForce, channelOrder: 'BGR' as const } };
    expect(named(turned, 'red as the first colour').settings).toEqual([['channelOrder', 'RGB']]);
    expect(named(turned, "Caffe's means (red, green, blue)").settings.at(-1)).toEqual(['channelOrder', 'RGB']);
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

describe('an input of whole numbers', () => {
  const asStored: InputSituation = { ...pixels, inForce: { ...pixels.inForce, scale: 1 } };

  it('without a sign takes pixels as they are, in either order of the colours', () => {
    const bytes = { ...asStored, whole: [0, 255] as const };
    expect(inputCandidates(bytes).map(({ settings }) => settings)).toEqual([[['channelOrder', 'BGR']]]);
  });

  it('of signed bytes takes pixels less 128 alone', () => {
    const candidates = inputCandidates({ ...asStored, channelCount: 1, whole: [-128, 127] });
    expect(candidates.map(({ name, settings }) => [name, settings])).toEqual([
      ['pixels less 128, from -128 to 127', [['mean', '128']]],
    ]);
  });

  it('of more bytes takes either', () => {
    const wide = { ...asStored, channelCount: 1, whole: [-32768, 32767] as const };
    expect(inputCandidates(wide).map(({ settings }) => settings)).toEqual([[['mean', '128']]]);
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

  it('of another range are left as they are, but for the order of three colours', () => {
    const namesOf = (situation: InputSituation) => inputCandidates(situation).map(({ name }) => name);
    for (const other of [floats(-4.2, 3.9), floats(0, 70_000), floats(0, 0.01)]) {
      expect(namesOf(other)).toEqual(['blue as the first colour']);
      expect(namesOf({ ...other, channelCount: 1 })).toEqual([]);
      expect(namesOf({ ...other, inForce: { ...other.inForce, channels: 'none' } })).toEqual([]);
    }
  });
});

it('has the other layout where both fit', () => {
  const both = inputCandidates({ ...pixels, bothLayouts: true }).at(-1);
  expect(both).toEqual({ name: 'channels last (NHWC)', settings: [['layout', 'NHWC']], apply: { layout: 'NHWC' } });
});
