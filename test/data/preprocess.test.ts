import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { SettingHint } from '../../src/contract/settings.js';
import type { Dataset } from '../../src/data/dataset.js';
import { createInputs } from '../../src/data/inputs.js';
import { openDataset } from '../../src/data/open.js';
import { type ModelInput, type PreprocessingOptions, planPreprocessing } from '../../src/data/preprocess.js';
import { findPreprocessorConfig, parsePreprocessorConfig } from '../../src/data/preprocessor-config.js';
import { memoryDataset, ramp } from './memory.js';
import { temporaryFolder, write } from './readers/bytes.js';

/** What the model is fed for the first sample. */
async function fed(dataset: Dataset, shape: ModelInput['shape'], options: PreprocessingOptions = {}) {
  const inputs = createInputs(dataset, planPreprocessing(dataset, { shape }, options));
  return { shape: inputs.shape, values: [...(await inputs.gather([0]))] };
}

const unscaled = { scale: 1 };
const grey = memoryDataset({ shape: [2, 3], layout: 'HW', storage: ramp(6) });
/** pixel p has the channels 3 p, 3 p + 1, 3 p + 2 */
const interleaved = memoryDataset({ shape: [2, 5, 3], layout: 'HWC', storage: ramp(30) });
const planar = memoryDataset({ shape: [3, 2, 5], layout: 'CHW', storage: ramp(30) });
const row = memoryDataset({ shape: [6], storage: Float32Array.of(0, 1, 2, 3, 4, 5) });

it('tells of pixels that no layout makes fit a flat input', () => {
  const dataset = memoryDataset({ shape: [3, 4, 4], layout: 'CHW', storage: ramp(2 * 48) });
  expect(() => planPreprocessing(dataset, { shape: [null, 8] })).toThrow(/images of 3 channels are never 8 numbers/);
  expect(() => planPreprocessing(dataset, { shape: [null, 48] })).toThrow(/NCHW or NHWC/);
});

describe('planPreprocessing: shapes', () => {
  it('adds the channel axis where the model has it, or flattens', async () => {
    const values = [0, 1, 2, 3, 4, 5];
    expect(await fed(grey, [null, 1, 2, 3], unscaled)).toEqual({ shape: [1, 2, 3], values });
    expect(await fed(grey, [null, 2, 3, 1], unscaled)).toEqual({ shape: [2, 3, 1], values });
    expect(await fed(grey, [1, 2, 3], unscaled)).toEqual({ shape: [2, 3], values });
    expect(await fed(grey, [null, 6], unscaled)).toEqual({ shape: [6], values });
    expect(await fed(grey, [null, null, null, 1], unscaled)).toEqual({ shape: [2, 3, 1], values });
    expect(await fed(row, [null, 6])).toEqual({ shape: [6], values });
    expect(await fed(row, [null, 1, 2, 3])).toEqual({ shape: [1, 2, 3], values });
    expect(await fed(row, [null, null])).toEqual({ shape: [6], values });
  });

  it('moves the channels to where the model has them', async () => {
    const first = await fed(interleaved, [null, 3, 2, 5], unscaled);
    expect(first.shape).toEqual([3, 2, 5]);
    expect(first.values.slice(0, 3)).toEqual([0, 3, 6]);
    expect(first.values.slice(10, 13)).toEqual([1, 4, 7]);
    const last = await fed(planar, [null, 2, 5, 3], unscaled);
    expect(last.shape).toEqual([2, 5, 3]);
    expect(last.values.slice(0, 6)).toEqual([0, 10, 20, 1, 11, 21]);
    expect((await fed(planar, [null, 3, 2, 5], unscaled)).values).toEqual([...ramp(30)]);
    expect((await fed(planar, [null, 30], { ...unscaled, layout: 'NHWC' })).values.slice(0, 3)).toEqual([0, 10, 20]);
  });

  it('repeats one channel where the model takes three', async () => {
    expect((await fed(grey, [null, 2, 3, 3], unscaled)).values.slice(0, 6)).toEqual([0, 0, 0, 1, 1, 1]);
    expect((await fed(grey, [null, 3, 2, 3], { ...unscaled, layout: 'NCHW' })).values.slice(0, 8)).toEqual([
      0, 1, 2, 3, 4, 5, 0, 1,
    ]);
  });

  it('feeds arrays whose axes have no names as they are', async () => {
    const series = memoryDataset({ shape: [4, 2, 2], storage: new Float32Array(16).fill(2) });
    expect((await fed(series, [null, 4, 2, 2])).values).toEqual(new Array(16).fill(2));
    expect(() => planPreprocessing(series, { shape: [null, 2, 2, 4] })).toThrow(/\[4, 2, 2\].*\[2, 2, 4\]/);
  });

  it('refuses what several ways fit or none, with both shapes and the option that decides', () => {
    const refused = (
      dataset: Dataset,
      shape: ModelInput['shape'],
      message: RegExp,
      settings: readonly SettingHint[] = [],
    ) => {
      const plan = () => planPreprocessing(dataset, { shape });
      expect(plan).toThrow(message);
      expect(plan).toThrow(expect.objectContaining({ kind: 'input', settings }));
    };
    refused(planar, [null, 30], /\[3, 2, 5\].*takes \[30\].*Say in which layout, NCHW or NHWC/, ['layout']);
    refused(grey, [null, 1, 28, 28], /\[2, 3, 1\].*takes \[1, 28, 28\].*Have them resized/, [['resize', '28x28']]);
    refused(interleaved, [null, 1, 2, 5], /\[2, 5, 3\].*takes \[1, 2, 5\]. Give images of as many channels/);
    refused(row, [null, 7], /\[6\].*takes \[7\]/, ['target']);
    refused(memoryDataset({ shape: [12], storage: ramp(12) }), [null, 3, 2, 2], /NCHW or NHWC/, ['layout']);
    refused(memoryDataset({ shape: [3, 3], layout: 'HW', storage: ramp(9) }), [null, 3, 3, 3], /NCHW or NHWC/, [
      'layout',
    ]);
    refused(row, [null], /no axes besides the batch/, ['data']);
  });

  it("says that the layout is the model's where the stored one was named", () => {
    const plan = () => planPreprocessing(planar, { shape: [null, 2, 5, 3] }, { ...unscaled, layout: 'NCHW' });
    expect(plan).toThrow(/\[2, 5, 3\] \(HWC\), the model takes \[2, 5, 3\]\. The layout is that of the model's input/);
    expect(plan).toThrow(expect.objectContaining({ kind: 'input', settings: [['layout', 'NHWC']] }));
    // a cube fits either way
    const cube = memoryDataset({ shape: [3, 3, 3], layout: 'HWC', storage: ramp(27) });
    expect(planPreprocessing(cube, { shape: [null, 3, 3, 3] }, { ...unscaled, layout: 'NCHW' }).shape).toEqual([
      3, 3, 3,
    ]);
  });

  it('gives a model that takes a number for each sample that number', async () => {
    const ids = memoryDataset({ shape: [1], storage: Float32Array.of(4) });
    const plan = planPreprocessing(ids, { shape: [null], dtype: 'int64' });
    expect(plan.shape).toEqual([]);
    expect(await fed(ids, [null], unscaled)).toEqual({ shape: [], values: [4] });
  });
});

describe('planPreprocessing: values', () => {
  it('scales 8-bit pixels to [0, 1], and leaves floats alone', async () => {
    const pixels = memoryDataset({ shape: [1, 2], layout: 'HW', storage: Uint8Array.of(51, 255) });
    expect((await fed(pixels, [null, 1, 1, 2])).values).toEqual([Math.fround(0.2), 1]);
    expect((await fed(row, [null, 6])).values).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('feeds 8-bit pixels as they are to a model that takes integers, and says what decided', async () => {
    const pixels = memoryDataset({ shape: [1, 2], layout: 'HW', storage: Uint8Array.of(51, 255) });
    const shape = [null, 1, 1, 2];
    const config = parsePreprocessorConfig('config', { image_mean: [0.5], image_std: [0.5] });
    const plan = (dtype: string, options: PreprocessingOptions = {}) =>
      planPreprocessing(pixels, { shape, dtype }, options);
    for (const dtype of ['uint8', 'int8', 'int32']) {
      expect(plan(dtype)).toMatchObject({ scale: 1, sources: { scale: 'dtype', mean: 'dtype', layout: 'model' } });
    }
    expect(plan('uint8', { preprocessorConfig: config })).toMatchObject({ scale: 1, mean: [0], std: [1] });
    expect(plan('uint8', { scale: 0.5 })).toMatchObject({ scale: 0.5, sources: { scale: 'option', std: 'dtype' } });
    expect(plan('float16')).toMatchObject({ scale: 1 / 255, sources: { scale: 'default', mean: 'default' } });
    expect(plan('float32', { preprocessorConfig: config, std: [2], layout: 'NCHW' })).toMatchObject({
      mean: [0.5],
      std: [2],
      sources: { scale: 'preprocessor-config', mean: 'preprocessor-config', std: 'option', layout: 'option' },
    });
  });

  it('scales first, then subtracts the mean, then divides, per channel in either layout', async () => {
    const normalised = { scale: 0.5, mean: [1, 2, 3], std: [2, 4, 8] };
    const pixel = memoryDataset({ shape: [1, 2, 3], layout: 'HWC', storage: Uint8Array.of(8, 8, 8, 10, 20, 30) });
    expect((await fed(pixel, [null, 1, 2, 3], normalised)).values).toEqual([1.5, 0.5, 0.125, 2, 2, 1.5]);
    expect((await fed(pixel, [null, 3, 1, 2], normalised)).values).toEqual([1.5, 2, 0.5, 2, 0.125, 1.5]);
    const flat = { ...normalised, layout: 'NCHW' } as const;
    expect((await fed(pixel, [null, 6], flat)).values).toEqual([1.5, 2, 0.5, 2, 0.125, 1.5]);
  });

  it('reverses three colours before it does anything else, in either layout', async () => {
    const blueFirst = { scale: 1, mean: [1, 2, 3], channelOrder: 'BGR' } as const;
    const pixel = memoryDataset({ shape: [1, 2, 3], layout: 'HWC', storage: Uint8Array.of(8, 9, 10, 20, 30, 40) });
    expect((await fed(pixel, [null, 1, 2, 3], blueFirst)).values).toEqual([9, 7, 5, 39, 28, 17]);
    expect((await fed(pixel, [null, 3, 1, 2], blueFirst)).values).toEqual([9, 39, 7, 28, 5, 17]);
    const two = { shape: [3, 1, 2], layout: 'CHW', storage: Float32Array.of(1, 2, 3, 4, 5, 6) } as const;
    expect((await fed(memoryDataset(two), [null, 3, 1, 2], { channelOrder: 'BGR' })).values).toEqual([
      5, 6, 3, 4, 1, 2,
    ]);
    const config = parsePreprocessorConfig('config', { do_flip_channel_order: true, do_rescale: false });
    const plan = planPreprocessing(pixel, { shape: [null, 1, 2, 3] }, { preprocessorConfig: config });
    expect(plan).toMatchObject({ channelOrder: 'BGR', sources: { channelOrder: 'preprocessor-config' } });
    expect(plan.sentence).toContain('put into the order blue, green, red');
    // one channel has no order: a config says it of the colour images that it was made for
    expect(planPreprocessing(grey, { shape: [null, 2, 3, 1] }, { preprocessorConfig: config }).channelOrder).toBe(
      'RGB',
    );
  });

  it('refuses what cannot be meant', () => {
    const usage = (options: PreprocessingOptions) => () => planPreprocessing(grey, { shape: [null, 1, 2, 3] }, options);
    expect(usage({ channelOrder: 'BGR' })).toThrow(
      expect.objectContaining({ kind: 'usage', settings: ['channelOrder'] }),
    );
    const failure = (what: string, setting: string) =>
      expect.objectContaining({ kind: 'usage', what, settings: [setting] });
    expect(usage({ std: [0] })).toThrow(failure('The standard deviation 0 would divide by 0.', 'std'));
    expect(usage({ mean: [0.5, 0.5, 0.5] })).toThrow(
      failure('The mean 0.5, 0.5, 0.5 does not fit the one channel.', 'mean'),
    );
    expect(usage({ scale: Number.NaN })).toThrow(failure('The scale NaN cannot be used.', 'scale'));
  });

  it('says in a sentence what is done', () => {
    expect(planPreprocessing(grey, { shape: [null, 1, 2, 3] }, { mean: [0.5], std: [0.25] }).sentence).toBe(
      'Samples of [2, 3] (uint8) are multiplied by 1/255, then less the mean 0.5, ' +
        'then divided by the standard deviation 0.25, then [2, 3] shaped to [1, 2, 3].',
    );
  });
});

describe('planPreprocessing: size', () => {
  it('resizes 8-bit arrays of either layout, and keeps flat colours', async () => {
    const colours = Uint8Array.from({ length: 3 * 16 }, (_, i) => [10, 120, 250][Math.floor(i / 16)] ?? 0);
    const dataset = memoryDataset({ shape: [3, 4, 4], layout: 'CHW', storage: colours });
    const resized = await fed(dataset, [null, 3, 2, 6], { ...unscaled, resize: [2, 6] });
    expect(resized).toEqual({
      shape: [3, 2, 6],
      values: Array.from({ length: 36 }, (_, i) => [10, 120, 250][Math.floor(i / 12)]),
    });
    const small = memoryDataset({ shape: [4, 4], layout: 'HW', storage: new Uint8Array(16).fill(9) });
    expect((await fed(small, [null, 1, 8, 8], { ...unscaled, resize: [8, 8] })).values).toEqual(new Array(64).fill(9));
  });

  it('resizes bilinearly: the average of four where the size is halved', async () => {
    const dataset = memoryDataset({ shape: [2, 2], layout: 'HW', storage: Uint8Array.of(0, 100, 100, 200) });
    expect((await fed(dataset, [null, 1], { ...unscaled, resize: [1, 1] })).values).toEqual([100]);
  });

  it("brings image files to the model's size and channels; where the model leaves the size open, it has to be given", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'red'));
    const red = { width: 6, height: 4, channels: 3, background: '#ff0000' } as const;
    await write(folder, 'red/1.png', await sharp({ create: red }).png().toBuffer());
    const files = await openDataset(folder);
    expect(await fed(files, [null, 3, 1, 2])).toEqual({ shape: [3, 1, 2], values: [1, 1, 0, 0, 0, 0] });
    expect(await fed(files, [null, 2, 1, 3])).toEqual({ shape: [2, 1, 3], values: [1, 0, 0, 1, 0, 0] });
    expect((await fed(files, [null, 1, 2, 2])).shape).toEqual([1, 2, 2]);
    expect(() => planPreprocessing(files, { shape: [null, 3, 2, 3] })).toThrow(
      /images are of various sizes, the model takes \[3, 2, 3\]. Say which layout the model's input has/,
    );
    expect(() => planPreprocessing(files, { shape: [null, 3, null, null] })).toThrow(
      expect.objectContaining({ what: expect.stringMatching(/various sizes/), settings: [['resize', 'HEIGHTxWIDTH']] }),
    );
    expect((await fed(files, [null, 3, null, null], { resize: [2, 1] })).shape).toEqual([3, 2, 1]);
    const flat = (numbers: number, settings: unknown) =>
      expect(() => planPreprocessing(files, { shape: [null, numbers] })).toThrow(
        expect.objectContaining({ what: expect.stringContaining(`takes ${numbers} numbers in a row`), settings }),
      );
    flat(768, [['resize', '16x16']]);
    flat(784, [['resize', '28x28']]);
    flat(30, [['resize', 'HEIGHTxWIDTH']]);
    expect(await fed(files, [null, 6], { resize: [1, 2], layout: 'NCHW' })).toEqual({
      shape: [6],
      values: [1, 1, 0, 0, 0, 0],
    });
    expect((await fed(files, [null, 4], { resize: [2, 2] })).shape).toEqual([4]);
  });

  it('refuses to resize floats', () => {
    const floats = memoryDataset({ shape: [2, 2], layout: 'HW', storage: new Float32Array(4) });
    expect(() => planPreprocessing(floats, { shape: [null, 1, 4, 4] }, { resize: [4, 4] })).toThrow(
      /only 8-bit pixels are resized/,
    );
  });
});

describe("Hugging Face's preprocessor_config.json", () => {
  const parse = (config: unknown) => parsePreprocessorConfig('preprocessor_config.json', config);
  const imageNet = { image_mean: [0.485, 0.456, 0.406], image_std: [0.229, 0.224, 0.225] };

  it('is read in its older and its newer form', () => {
    const vit = { do_resize: true, size: 224, resample: 2, do_normalize: true, ...imageNet };
    expect(parse(vit)).toMatchObject({
      resize: { height: 224, width: 224, fit: 'stretch', interpolation: 'linear' },
      crop: null,
      scale: 1 / 255,
      mean: imageNet.image_mean,
      std: imageNet.image_std,
    });
    const mobileNet = {
      ...{ do_resize: true, size: { shortest_edge: 256 }, resample: 3 },
      ...{ do_center_crop: true, crop_size: { height: 224, width: 224 } },
      ...{ do_rescale: true, rescale_factor: 0.00392156862745098, do_normalize: false, ...imageNet },
    };
    expect(parse(mobileNet)).toMatchObject({
      resize: { height: 256, width: 256, fit: 'cover', interpolation: 'cubic' },
      crop: { height: 224, width: 224 },
      scale: 0.00392156862745098,
      mean: null,
      std: null,
    });
    expect(parse({ size: { shortest_edge: 224 }, crop_pct: 0.875 })).toMatchObject({
      resize: { height: 256, width: 256, fit: 'cover' },
      crop: { height: 224, width: 224 },
    });
    expect(parse({ do_resize: false, do_rescale: false, do_normalize: false })).toMatchObject({
      resize: null,
      crop: null,
      scale: null,
      mean: null,
    });
  });

  it('decides what is done, and gives way to an option', async () => {
    const preprocessorConfig = parse({
      size: 4,
      do_center_crop: true,
      crop_size: 2,
      image_mean: [0.5],
      image_std: [0.5],
    });
    const dataset = memoryDataset({ shape: [8, 8], layout: 'HW', storage: new Uint8Array(64).fill(255) });
    expect(await fed(dataset, [null, 1, 2, 2], { preprocessorConfig })).toEqual({
      shape: [1, 2, 2],
      values: [1, 1, 1, 1],
    });
    expect((await fed(dataset, [null, 1, 2, 2], { preprocessorConfig, mean: [0] })).values).toEqual([2, 2, 2, 2]);
    expect(() => planPreprocessing(dataset, { shape: [null, 1, 4, 4] }, { preprocessorConfig })).toThrow(
      /\[2, 2, 1\].*takes \[1, 4, 4\]/,
    );
  });

  it('is found beside the model, or in its folder', async () => {
    const folder = await temporaryFolder();
    expect(await findPreprocessorConfig(join(folder, 'model.onnx'))).toBeNull();
    const path = await write(folder, 'preprocessor_config.json', '{ "size": 32, "image_mean": [0.5] }');
    for (const model of [folder, join(folder, 'model.onnx')]) {
      expect(await findPreprocessorConfig(model)).toMatchObject({ path, resize: { height: 32 }, mean: [0.5] });
    }
    await write(folder, 'preprocessor_config.json', '{ "size": ');
    await expect(findPreprocessorConfig(folder)).rejects.toThrow(/preprocessor_config.json: it is not readable JSON/);
  });

  it('takes one number for all channels, and the steps that EfficientNet has besides', () => {
    expect(parse({ image_mean: 0.5, image_std: 0.25, do_convert_rgb: true, do_pad: false })).toMatchObject({
      mean: [0.5],
      std: [0.25],
    });
    // of pixels in [-1, 1], less 0.5, divided by 0.25 twice
    expect(
      parse({ rescale_factor: 1 / 127.5, rescale_offset: true, image_mean: 0.5, image_std: [0.25], include_top: true }),
    ).toMatchObject({ scale: 1 / 127.5, mean: [1.5], std: [0.0625] });
    expect(
      parse({ rescale_factor: 1 / 127.5, rescale_offset: true, do_normalize: false, include_top: false }),
    ).toMatchObject({ mean: [1], std: null });
    expect(parse({ do_normalize: false, image_std: [0.5], include_top: true })).toMatchObject({ std: [0.5] });
  });

  it('is refused where it asks for more', () => {
    expect(() => parse({ do_convert_grayscale: true })).toThrow(/do_convert_grayscale is not supported/);
    expect(() => parse({ do_flip_channel_order: true, image_mean: [0.4, 0.5, 0.6] })).toThrow(
      /which order they are in/,
    );
    expect(() => parse([])).toThrow(/not a JSON object/);
    expect(() => parse({ size: 'large' })).toThrow(
      /size is not a positive number, { height, width } or { shortest_edge }/,
    );
    expect(() => parse({ image_mean: 'half' })).toThrow(/image_mean is not a number, or a list of numbers/);
    expect(() => parse({ do_color_quantize: true })).toThrow(/do_color_quantize is not supported/);
    expect(() => parse({ rescale_offset: true })).toThrow(
      /rescale_offset .* releases of transformers read differently/,
    );
    expect(() => parse({ image_std: [0.5, '0.5'] })).toThrow(/image_std.* is not a number/);
    expect(() => parse({ size: { height: 0, width: 4 } })).toThrow(/size.height is not a positive number/);
    expect(() => parse({ resample: 5 })).toThrow(/resample is not 0 \(nearest\)/);
    expect(() => parse({ do_center_crop: true })).toThrow(/do_center_crop is set without crop_size/);
  });
});
