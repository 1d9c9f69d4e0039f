import { Failure } from '../errors.js';
import type { Dataset, PixelSize } from './dataset.js';
import type { PreprocessorConfig } from './preprocessor-config.js';

export interface ModelInput {
  /** with the batch axis first; null where the model leaves a dimension open */
  readonly shape: readonly (number | null)[];
  /** where the model's format tells; otherwise it is read off the shapes */
  readonly layout?: 'NCHW' | 'NHWC';
}

export interface PreprocessingOptions {
  /** what stored values are multiplied by; 1/255 by default for 8-bit pixels, else 1 */
  readonly scale?: number;
  /** subtracted after scaling, one number or one per channel */
  readonly mean?: readonly number[];
  /** divided by last, one number or one per channel */
  readonly std?: readonly number[];
  /** the layout of the model's input */
  readonly layout?: 'NCHW' | 'NHWC';
  /** [height, width] that pixels are resized to */
  readonly resize?: readonly [number, number];
  readonly preprocessorConfig?: PreprocessorConfig;
}

/** From a stored sample to a model's input; plain, so that a report can hold it. */
export interface Preprocessing {
  /** how pixels are sized while they are read; null where samples are read as they are stored */
  readonly size: PixelSize | null;
  /** the raw sample: [height, width, channels], [channels, height, width], or values in a row */
  readonly raw: { readonly shape: readonly number[]; readonly layout: 'HWC' | 'CHW' | 'values' };
  /** how the raw axes become the model's; `repeat` writes one channel into all of them */
  readonly arrangement: 'as stored' | 'HWC to CHW' | 'CHW to HWC';
  readonly repeat: number;
  /** x * scale, then - mean, then / std; mean and std have one entry, or one per channel */
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** the position of the channels in the model's input (in a flat one: what was flattened); `none` where it has none */
  readonly channels: 'first' | 'last' | 'none';
  /** the shape of one sample as the model takes it, without the batch axis */
  readonly shape: readonly number[];
  /** all of it in one sentence for people */
  readonly sentence: string;
}

interface Pixels {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Where the samples of a data set go in the model's input, before any arithmetic on their values. */
type Fit = Pick<Preprocessing, 'size' | 'raw' | 'arrangement' | 'repeat' | 'shape'> & {
  readonly layout: 'NCHW' | 'NHWC' | null;
  readonly channelCount: number;
};

const product = (shape: readonly number[]): number => shape.reduce((total, dim) => total * dim, 1);
const text = (shape: readonly (number | null)[]): string => `[${shape.map((dim) => dim ?? '?').join(', ')}]`;
const known = (shape: readonly (number | null)[]): shape is readonly number[] => shape.every((dim) => dim !== null);
const sameShape = (a: readonly (number | null)[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((dim, i) => dim === null || dim === b[i]);

/**
 * Plans how raw samples become the model's input.
 * With nothing given, 8-bit pixels are scaled to [0, 1]; image files are resized to the model's input (aspect kept, centre crop);
 * a channel axis is added, one channel repeated, channels moved first or last, samples flattened, where one way only fits.
 * @throws Failure('input') naming both shapes, and the option that decides, where none or several ways fit
 * @throws Failure('usage') for mean, std or scale that cannot be used
 */
export function planPreprocessing(
  dataset: Dataset,
  modelInput: ModelInput,
  options: PreprocessingOptions = {},
): Preprocessing {
  if (modelInput.shape.length < 2) {
    throw new Failure(
      'input',
      `The model's input ${text(modelInput.shape)} has no axes besides the batch. ${dataset.path} cannot be fed to it.`,
    );
  }
  const wanted = modelInput.shape.slice(1);
  const layout = options.layout ?? modelInput.layout;
  const fit =
    dataset.sample.layout === 'values'
      ? fitValues(dataset, wanted, layout)
      : fitPixels(dataset, wanted, layout, options);
  const arithmetic = planArithmetic(dataset, fit, options);
  const { size, raw, arrangement, repeat, shape } = fit;
  return {
    size,
    raw,
    arrangement,
    repeat,
    ...arithmetic,
    channels: fit.layout === null ? 'none' : fit.layout === 'NCHW' ? 'first' : 'last',
    shape,
    sentence: describe(dataset, fit, arithmetic, options),
  };
}

function mismatch(
  dataset: Dataset,
  stored: readonly number[],
  wanted: readonly (number | null)[],
  cure: string,
): Failure {
  return new Failure(
    'input',
    `${dataset.path}: its samples are ${text(stored)} (${dataset.sample.layout}), the model takes ${text(wanted)}. ${cure}`,
  );
}

/** Rows, and arrays whose axes have no names: the same numbers in the same order, under the model's shape. */
function fitValues(dataset: Dataset, wanted: readonly (number | null)[], layout: ModelInput['layout']): Fit {
  const stored = dataset.sample.shape ?? [];
  const length = product(stored);
  const shape = sameShape(wanted, stored) ? stored : reshaped(stored, wanted);
  if (shape === null) {
    throw mismatch(dataset, stored, wanted, "Give data of the model's shape, or another target column (--target).");
  }
  const axes = shape.filter((dim) => dim !== 1).length;
  if (stored.length === 1 && axes > 2 && layout === undefined) {
    throw mismatch(
      dataset,
      stored,
      wanted,
      "Say with --layout NCHW or NHWC that the row holds the pixels in the order of the model's axes.",
    );
  }
  const channelCount = layout === 'NCHW' ? (shape[0] ?? 1) : (shape.at(-1) ?? 1);
  return {
    size: null,
    raw: { shape: [length], layout: 'values' },
    arrangement: 'as stored',
    repeat: 1,
    shape,
    layout: shape.length === 1 ? 'NHWC' : (layout ?? null),
    channelCount,
  };
}

/** `wanted` with its open dimensions filled in, if it can hold the stored numbers without moving any; else null. */
function reshaped(stored: readonly number[], wanted: readonly (number | null)[]): readonly number[] | null {
  const length = product(stored);
  const open = wanted.filter((dim) => dim === null).length;
  if (open > 1) return null;
  const rest = product(wanted.filter((dim) => dim !== null));
  const shape = wanted.map((dim) => dim ?? length / rest);
  if (product(shape) !== length || !shape.every(Number.isInteger)) return null;
  const squeeze = (dims: readonly number[]): readonly number[] => dims.filter((dim) => dim !== 1);
  const flat = stored.length === 1 || squeeze(shape).length <= 1;
  return flat || sameShape(squeeze(stored), squeeze(shape)) ? shape : null;
}

function fitPixels(
  dataset: Dataset,
  wanted: readonly (number | null)[],
  layout: ModelInput['layout'],
  options: PreprocessingOptions,
): Fit {
  const stored = storedPixels(dataset);
  const storedShape = dataset.sample.shape ?? [];
  const resizes = options.resize !== undefined || (options.preprocessorConfig?.resize ?? null) !== null;
  // a series of features, or any array that the model takes exactly as it is
  if (stored !== null && !resizes && layout === undefined && known(wanted) && sameShape(wanted, storedShape)) {
    const named = dataset.sample.layout === 'CHW' ? 'NCHW' : 'NHWC';
    const rank3 = storedShape.length === 3;
    return {
      size: null,
      raw: { shape: storedShape, layout: !rank3 ? 'values' : dataset.sample.layout === 'CHW' ? 'CHW' : 'HWC' },
      arrangement: 'as stored',
      repeat: 1,
      shape: wanted,
      layout: rank3 ? named : null,
      channelCount: rank3 ? stored.channels : 1,
    };
  }
  const target = targetAxes(dataset, stored, wanted, layout, resizes);
  const size = pixelSize(dataset, stored, target, options);
  const pixels = size ?? stored;
  if (pixels === null) {
    throw new Failure(
      'usage',
      `${dataset.path}: its images are of various sizes, and the model takes ${text(wanted)}. Give --resize HEIGHTxWIDTH.`,
    );
  }
  if (
    (target.height !== null && target.height !== pixels.height) ||
    (target.width !== null && target.width !== pixels.width)
  ) {
    throw mismatch(
      dataset,
      [pixels.height, pixels.width, pixels.channels],
      wanted,
      target.height === null || target.width === null
        ? 'Give data of that size.'
        : `Give --resize ${target.height}x${target.width}.`,
    );
  }
  const channels = target.channels ?? pixels.channels;
  const repeat = pixels.channels === channels ? 1 : pixels.channels === 1 ? channels : 0;
  if (repeat === 0) {
    throw mismatch(
      dataset,
      [pixels.height, pixels.width, pixels.channels],
      wanted,
      'Convert the images to its channels.',
    );
  }
  const from = size === null && dataset.sample.layout === 'CHW' ? 'CHW' : 'HWC';
  const to = target.layout === 'NCHW' ? 'CHW' : 'HWC';
  const shape =
    wanted.length === 3
      ? to === 'CHW'
        ? [channels, pixels.height, pixels.width]
        : [pixels.height, pixels.width, channels]
      : wanted.length === 2
        ? [pixels.height, pixels.width]
        : [pixels.height * pixels.width * channels];
  if (wanted.length === 1 && wanted[0] !== null && wanted[0] !== shape[0]) {
    throw mismatch(
      dataset,
      [pixels.height, pixels.width, pixels.channels],
      wanted,
      'Give --resize HEIGHTxWIDTH that fits.',
    );
  }
  return {
    size,
    raw: {
      shape:
        from === 'CHW'
          ? [pixels.channels, pixels.height, pixels.width]
          : [pixels.height, pixels.width, pixels.channels],
      layout: from,
    },
    // one channel has the same order either way
    arrangement: from === to || pixels.channels === 1 ? 'as stored' : from === 'HWC' ? 'HWC to CHW' : 'CHW to HWC',
    repeat,
    shape,
    layout: target.layout,
    channelCount: channels,
  };
}

function storedPixels(dataset: Dataset): Pixels | null {
  const { shape, layout } = dataset.sample;
  if (shape === null) return null;
  const [a = 1, b = 1, c = 1] = shape;
  return layout === 'CHW'
    ? { height: b, width: c, channels: a }
    : { height: a, width: b, channels: layout === 'HW' ? 1 : c };
}

interface TargetAxes {
  readonly layout: 'NCHW' | 'NHWC';
  readonly height: number | null;
  readonly width: number | null;
  readonly channels: number | null;
}

/** Which axes of the model's input are height, width and channels. */
function targetAxes(
  dataset: Dataset,
  stored: Pixels | null,
  wanted: readonly (number | null)[],
  layout: ModelInput['layout'],
  resizes: boolean,
): TargetAxes {
  const [a = null, b = null, c = null] = wanted;
  if (wanted.length === 2) return { layout: 'NCHW', height: a, width: b, channels: 1 };
  const first: TargetAxes = { layout: 'NCHW', height: b, width: c, channels: a };
  const last: TargetAxes = { layout: 'NHWC', height: a, width: b, channels: c };
  if (wanted.length === 1) {
    const channels = stored?.channels ?? 3;
    if (channels > 1 && layout === undefined) {
      throw mismatch(
        dataset,
        dataset.sample.shape ?? [],
        wanted,
        'Say with --layout NCHW or NHWC in which order its pixels are flattened.',
      );
    }
    return { layout: layout ?? 'NCHW', height: null, width: null, channels };
  }
  if (wanted.length !== 3) {
    throw mismatch(
      dataset,
      dataset.sample.shape ?? [],
      wanted,
      'Images fit an input of 2, 3 or 4 axes with the batch.',
    );
  }
  if (layout !== undefined) return layout === 'NCHW' ? first : last;
  const candidates = [first, last].filter((axes) => mayBe(axes, resizes ? null : stored));
  const [only, other] = candidates.length > 0 ? candidates : [first, last].filter((axes) => mayBe(axes, null));
  if (only === undefined || other !== undefined) {
    throw mismatch(
      dataset,
      dataset.sample.shape ?? [],
      wanted,
      'Say with --layout NCHW or NHWC which axis of the model holds the channels.',
    );
  }
  return only;
}

/** Whether the axes can be read so: a channel count that images have, and the stored size where it is not changed. */
function mayBe(axes: TargetAxes, stored: Pixels | null): boolean {
  const { channels, height, width } = axes;
  if (channels === null) return false;
  if (stored === null) return channels === 1 || channels === 3 || channels === 4;
  return (
    (channels === stored.channels || stored.channels === 1) &&
    (height === null || height === stored.height) &&
    (width === null || width === stored.width) &&
    (channels === stored.channels || channels === 3 || channels === 4)
  );
}

/** The size to read pixels at, or null to read them as stored. */
function pixelSize(
  dataset: Dataset,
  stored: Pixels | null,
  target: TargetAxes,
  options: PreprocessingOptions,
): PixelSize | null {
  const channels = stored?.channels ?? target.channels ?? 3;
  const config = options.preprocessorConfig;
  const files = stored === null;
  const plain = (height: number, width: number, fit: PixelSize['fit']): PixelSize => ({
    height,
    width,
    channels,
    resized: { height, width },
    fit,
    interpolation: 'linear',
  });
  let size: PixelSize | null = null;
  if (options.resize !== undefined) {
    size = plain(options.resize[0], options.resize[1], 'stretch');
  } else if (config !== undefined && (config.resize !== null || config.crop !== null)) {
    const resized = config.resize ?? stored;
    if (resized === null) {
      throw new Failure('input', `${config.path}: it crops images without resizing them. Add do_resize and size.`);
    }
    const crop = config.crop ?? resized;
    if (crop.height > resized.height || crop.width > resized.width) {
      throw new Failure(
        'input',
        `${config.path}: its crop ${crop.height}x${crop.width} is larger than its size ${resized.height}x${resized.width}. Correct it.`,
      );
    }
    size = {
      height: crop.height,
      width: crop.width,
      channels,
      resized: { height: resized.height, width: resized.width },
      fit: config.resize?.fit ?? 'stretch',
      interpolation: config.resize?.interpolation ?? 'linear',
    };
  } else if (files && target.height !== null && target.width !== null) {
    size = plain(target.height, target.width, 'cover');
  }
  const unchanged =
    size !== null &&
    stored !== null &&
    size.height === stored.height &&
    size.width === stored.width &&
    size.resized.height === stored.height &&
    size.resized.width === stored.width;
  if (size === null || unchanged) return null;
  if (dataset.sample.dtype !== 'uint8') {
    throw new Failure(
      'input',
      `${dataset.path}: its samples are floats of ${text(dataset.sample.shape ?? [])}; only 8-bit pixels are resized. ` +
        `Save them at ${size.height}x${size.width}, or as uint8.`,
    );
  }
  return size;
}

function planArithmetic(
  dataset: Dataset,
  fit: Fit,
  options: PreprocessingOptions,
): { scale: number; mean: readonly number[]; std: readonly number[] } {
  const config = options.preprocessorConfig;
  const byDefault = dataset.sample.dtype === 'uint8' ? 1 / 255 : 1;
  const fromConfig = config === undefined || dataset.sample.dtype !== 'uint8' ? byDefault : (config.scale ?? 1);
  const scale = options.scale ?? fromConfig;
  const mean = options.mean ?? config?.mean ?? [0];
  const std = options.std ?? config?.std ?? [1];
  if (!Number.isFinite(scale) || scale === 0) {
    throw new Failure('usage', `--scale ${scale}: give a finite number other than 0.`);
  }
  for (const [name, values] of [
    ['--mean', mean],
    ['--std', std],
  ] as const) {
    const perChannel = values.length === fit.channelCount && (fit.channelCount === 1 || fit.layout !== null);
    if (!(values.length === 1 || perChannel) || !values.every(Number.isFinite)) {
      throw new Failure(
        'usage',
        `${name} ${values.join(',')}: give one finite number, or one for each of the ${fit.channelCount} channels.`,
      );
    }
  }
  if (std.includes(0))
    throw new Failure('usage', `--std ${std.join(',')}: dividing by 0. Give the standard deviation.`);
  return { scale, mean, std };
}

function describe(
  dataset: Dataset,
  fit: Fit,
  { scale, mean, std }: { scale: number; mean: readonly number[]; std: readonly number[] },
  options: PreprocessingOptions,
): string {
  const { size, arrangement, repeat, shape } = fit;
  const steps: string[] = [];
  if (size !== null) {
    const { resized, fit: manner, height, width } = size;
    steps.push(
      `resized to ${resized.height}x${resized.width} (${size.interpolation}, ${manner === 'cover' ? 'aspect kept, what stands over cut off' : 'stretched'})`,
    );
    if (height !== resized.height || width !== resized.width) steps.push(`cropped to the central ${height}x${width}`);
  }
  if (scale !== 1) steps.push(`multiplied by ${Math.abs(scale * 255 - 1) < 1e-9 ? '1/255' : scale}`);
  if (mean.some((value) => value !== 0)) steps.push(`less the mean ${mean.join(', ')}`);
  if (std.some((value) => value !== 1)) steps.push(`divided by the standard deviation ${std.join(', ')}`);
  if (repeat > 1) steps.push(`the one channel repeated to ${repeat}`);
  if (arrangement !== 'as stored') steps.push(`channels moved ${arrangement === 'HWC to CHW' ? 'first' : 'last'}`);
  const stored = dataset.sample.shape;
  if (stored !== null && size === null && arrangement === 'as stored' && text(stored) !== text(shape)) {
    steps.push(`${text(stored)} shaped to ${text(shape)}`);
  }
  const source = dataset.sample.shape === null ? 'Image files' : `Samples of ${text(dataset.sample.shape)}`;
  const config = options.preprocessorConfig === undefined ? '' : `, as ${options.preprocessorConfig.path} says`;
  return `${source} (${dataset.sample.dtype}) are ${steps.length === 0 ? 'fed as they are' : steps.join(', then ')}${config}.`;
}

/** How many float32 values one raw sample takes, as `Dataset.read` delivers it. */
export const rawLength = (preprocessing: Preprocessing): number => product(preprocessing.raw.shape);

/** How many float32 values one sample of the model's input takes. */
export const inputLength = (preprocessing: Preprocessing): number => product(preprocessing.shape);

/**
 * Turns raw samples, as `Dataset.read` delivers them at `preprocessing.size`, into the model's input.
 * @param raw [count, ...preprocessing.raw.shape]
 * @param into [count, ...preprocessing.shape]; may be `raw` itself where no value moves
 */
export function applyPreprocessing(
  preprocessing: Preprocessing,
  raw: Float32Array,
  count: number,
  into: Float32Array,
): void {
  const { arrangement, repeat } = preprocessing;
  if (arrangement !== 'as stored' || repeat > 1) {
    arrange(preprocessing, raw, count, into);
  } else if (into !== raw) {
    into.set(raw.subarray(0, count * inputLength(preprocessing)));
  }
  normalise(preprocessing, into, count);
}

/** Moves the channel axis, and repeats a single channel. */
function arrange(preprocessing: Preprocessing, raw: Float32Array, count: number, into: Float32Array): void {
  const { raw: source, arrangement, repeat } = preprocessing;
  const perSample = product(source.shape);
  const channels = source.layout === 'CHW' ? (source.shape[0] ?? 1) : (source.shape.at(-1) ?? 1);
  const plane = perSample / channels;
  if (repeat > 1) {
    const last = preprocessing.channels === 'last';
    for (let i = 0; i < count; i += 1) {
      for (let p = 0; p < plane; p += 1) {
        const value = raw[i * plane + p] ?? 0;
        for (let c = 0; c < repeat; c += 1) into[i * plane * repeat + (last ? p * repeat + c : c * plane + p)] = value;
      }
    }
    return;
  }
  const toPlanes = arrangement === 'HWC to CHW';
  for (let i = 0; i < count; i += 1) {
    const start = i * perSample;
    for (let c = 0; c < channels; c += 1) {
      for (let p = 0; p < plane; p += 1) {
        const planar = start + c * plane + p;
        const interleaved = start + p * channels + c;
        if (toPlanes) into[planar] = raw[interleaved] ?? 0;
        else into[interleaved] = raw[planar] ?? 0;
      }
    }
  }
}

/** (x * scale - mean) / std in place, as one multiplication and one addition in float64. */
function normalise(preprocessing: Preprocessing, values: Float32Array, count: number): void {
  const { scale, mean, std, channels, shape } = preprocessing;
  const groups = Math.max(mean.length, std.length);
  const factors: number[] = [];
  const terms: number[] = [];
  for (let c = 0; c < groups; c += 1) {
    const deviation = std[c % std.length] ?? 1;
    factors.push(scale / deviation);
    terms.push(-(mean[c % mean.length] ?? 0) / deviation);
  }
  if (factors.every((factor) => factor === 1) && terms.every((term) => term === 0)) return;
  const length = count * product(shape);
  const plane = channels === 'first' ? product(shape) / groups : 1;
  // channels last, and one channel, are planes of one value
  if (groups === 1) {
    affine(values, 0, length, 1, factors[0] ?? 1, terms[0] ?? 0);
  } else if (channels === 'last') {
    for (let c = 0; c < groups; c += 1) affine(values, c, length, groups, factors[c] ?? 1, terms[c] ?? 0);
  } else {
    for (let start = 0, c = 0; start < length; start += plane, c = (c + 1) % groups) {
      affine(values, start, start + plane, 1, factors[c] ?? 1, terms[c] ?? 0);
    }
  }
}

function affine(values: Float32Array, start: number, end: number, step: number, factor: number, term: number): void {
  for (let i = start; i < end; i += step) values[i] = (values[i] ?? 0) * factor + term;
}
