import { Failure } from '../contract/failure.js';
import { inOrder, phrase } from '../contract/phrases.js';
import type { ChannelOrder } from '../contract/settings.js';
import type { Dataset } from './dataset.js';
import { type Fit, type FitOptions, fitSamples, type ModelInput, product, shapeText } from './fit.js';
import type { PixelArithmetic } from './images/arithmetic.js';

export type { ModelInput } from './fit.js';

export interface PreprocessingOptions extends FitOptions {
  /** what stored values are multiplied by; 1/255 by default for 8-bit pixels that become floats, else 1 */
  readonly scale?: number;
  /** subtracted after scaling, one number or one per channel */
  readonly mean?: readonly number[];
  /** divided by last, one number or one per channel */
  readonly std?: readonly number[];
  /** of the three colours in the model's input; stored samples are taken to be RGB. mean and std are in this order */
  readonly channelOrder?: ChannelOrder;
}

/** `dtype`: the model takes integers, and so scales by itself; `model`: its format or the shapes tell. */
export interface PreprocessingSources {
  readonly scale: 'option' | 'preprocessor-config' | 'dtype' | 'default';
  readonly mean: 'option' | 'preprocessor-config' | 'dtype' | 'default';
  readonly std: 'option' | 'preprocessor-config' | 'dtype' | 'default';
  readonly layout: 'option' | 'model';
  readonly channelOrder: 'option' | 'preprocessor-config' | 'default';
}

/** From a stored sample to a model's input; plain, so that a report can hold it. */
export interface Preprocessing extends Pick<Fit, 'size' | 'raw' | 'arrangement' | 'repeat' | 'shape'> {
  /** x * scale, then - mean, then / std; mean and std have one entry, or one per channel */
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** the position of the channels in the model's input (in a flat one: what was flattened); `none` where it has none */
  readonly channels: 'first' | 'last' | 'none';
  /** BGR: the three channels of a stored sample are reversed before anything else is done to their values */
  readonly channelOrder: ChannelOrder;
  /** what decided each of them */
  readonly sources: PreprocessingSources;
  /** all of it in one sentence for people */
  readonly sentence: string;
}

/**
 * Plans how raw samples become the model's input.
 * With nothing given, 8-bit pixels are scaled to [0, 1] unless the model takes integers; image files are resized to the
 * model's input (aspect kept, centre crop);
 * a channel axis is added, one channel repeated, channels moved first or last, samples flattened, where one way only fits.
 * @throws Failure('input') naming both shapes, and the option that decides, where none or several ways fit
 * @throws Failure('usage') for mean, std or scale that cannot be used
 */
export function planPreprocessing(
  dataset: Dataset,
  modelInput: ModelInput,
  options: PreprocessingOptions = {},
): Preprocessing {
  const fit = fitSamples(dataset, modelInput, options);
  const { sources, ...arithmetic } = planArithmetic(dataset, fit, modelInput, options);
  const order = planChannelOrder(dataset, fit, options);
  const { size, raw, arrangement, repeat, shape } = fit;
  return {
    size,
    raw,
    arrangement,
    repeat,
    ...arithmetic,
    channels: fit.layout === null ? 'none' : fit.layout === 'NCHW' ? 'first' : 'last',
    channelOrder: order.value,
    shape,
    sources: { ...sources, layout: options.layout === undefined ? 'model' : 'option', channelOrder: order.source },
    sentence: describe(dataset, fit, { ...arithmetic, channelOrder: order.value }, options),
  };
}

/** @throws Failure('usage') for an order of channels where there are not three */
function planChannelOrder(
  dataset: Dataset,
  { layout, channelCount, repeat }: Fit,
  { channelOrder, preprocessorConfig }: PreprocessingOptions,
): { readonly value: ChannelOrder; readonly source: PreprocessingSources['channelOrder'] } {
  const hasColours = layout !== null && channelCount === 3 && repeat === 1;
  if (channelOrder === undefined) {
    return hasColours && preprocessorConfig?.channelOrder === 'BGR'
      ? { value: 'BGR', source: 'preprocessor-config' }
      : { value: 'RGB', source: 'default' };
  }
  if (!hasColours) {
    throw new Failure('usage', {
      what: `${dataset.path}: its samples have no three colours whose order could be ${channelOrder}.`,
      cure: 'Leave the order of the channels out.',
      settings: ['channelOrder'],
    });
  }
  return { value: channelOrder, source: 'option' };
}

interface Arithmetic {
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** A value with what decided it. */
interface Sourced<T> {
  readonly value: T;
  readonly source: PreprocessingSources['scale'];
}

function planArithmetic(
  dataset: Dataset,
  fit: Fit,
  modelInput: ModelInput,
  options: PreprocessingOptions,
): Arithmetic & { readonly sources: Pick<PreprocessingSources, 'scale' | 'mean' | 'std'> } {
  const { preprocessorConfig: config } = options;
  const bytes = dataset.sample.dtype === 'uint8';
  const integers = /^(u?int\d+|bool)$/.test(modelInput.dtype ?? 'float32');
  // a model that takes integers scales and normalises them itself, whatever a config says of the floats of its training
  const choose = <T>(option: T | undefined, configured: T | null | undefined, neutral: T, byDefault: T): Sourced<T> => {
    if (option !== undefined) return { value: option, source: 'option' };
    if (integers) return { value: neutral, source: 'dtype' };
    if (configured !== undefined && configured !== null) return { value: configured, source: 'preprocessor-config' };
    return { value: byDefault, source: 'default' };
  };
  const configured = config === undefined || !bytes ? undefined : (config.scale ?? 1);
  const scaled = choose(options.scale, configured, 1, bytes ? 1 / 255 : 1);
  const centred = choose<readonly number[]>(options.mean, config?.mean, [0], [0]);
  const spread = choose<readonly number[]>(options.std, config?.std, [1], [1]);
  const { value: scale } = scaled;
  const { value: mean } = centred;
  const { value: std } = spread;
  if (!Number.isFinite(scale) || scale === 0) {
    throw new Failure('usage', {
      what: `The scale ${scale} cannot be used.`,
      cure: 'Give a finite number other than 0.',
      settings: ['scale'],
    });
  }
  for (const [setting, name, values] of [
    ['mean', 'mean', mean],
    ['std', 'standard deviation', std],
  ] as const) {
    const perChannel = values.length === fit.channelCount && (fit.channelCount === 1 || fit.layout !== null);
    if (!(values.length === 1 || perChannel) || !values.every(Number.isFinite)) {
      throw new Failure('usage', {
        what: `The ${name} ${values.join(', ')} does not fit the ${fit.channelCount === 1 ? 'one channel' : `${fit.channelCount} channels`}.`,
        cure: 'Give one finite number, or one for each channel.',
        settings: [setting],
      });
    }
  }
  if (std.includes(0))
    throw new Failure('usage', {
      what: `The standard deviation ${std.join(', ')} would divide by 0.`,
      cure: 'Give the standard deviation of the training data.',
      settings: ['std'],
    });
  return { scale, mean, std, sources: { scale: scaled.source, mean: centred.source, std: spread.source } };
}

function describe(
  dataset: Dataset,
  fit: Fit,
  { scale, mean, std, channelOrder }: Arithmetic & Pick<Preprocessing, 'channelOrder'>,
  options: PreprocessingOptions,
): string {
  const { size, arrangement, repeat, shape } = fit;
  const steps: string[] = [];
  if (size !== null) {
    const { resized, fit: manner, height, width } = size;
    steps.push(
      phrase(manner === 'cover' ? 'step.covered' : 'step.stretched', {
        size: `${resized.height}x${resized.width}`,
        interpolation: size.interpolation,
      }),
    );
    if (height !== resized.height || width !== resized.width) {
      steps.push(phrase('step.cropped', { size: `${height}x${width}` }));
    }
  }
  if (channelOrder === 'BGR') steps.push(phrase('step.blueFirst'));
  if (scale !== 1) steps.push(phrase('step.scaled', { factor: Math.abs(scale * 255 - 1) < 1e-9 ? '1/255' : scale }));
  if (mean.some((value) => value !== 0)) steps.push(phrase('step.mean', { mean: mean.join(', ') }));
  if (std.some((value) => value !== 1)) steps.push(phrase('step.std', { std: std.join(', ') }));
  if (repeat > 1) steps.push(phrase('step.repeated', { channels: repeat }));
  if (arrangement !== 'as stored') {
    steps.push(phrase(arrangement === 'HWC to CHW' ? 'step.channelsFirst' : 'step.channelsLast'));
  }
  const stored = dataset.sample.shape;
  if (stored !== null && size === null && arrangement === 'as stored' && shapeText(stored) !== shapeText(shape)) {
    steps.push(phrase('step.shaped', { stored: shapeText(stored), shape: shapeText(shape) }));
  }
  const { dtype } = dataset.sample;
  const Source = stored === null ? phrase('source.images') : phrase('source.samples', { shape: shapeText(stored) });
  const path = options.preprocessorConfig?.path;
  if (steps.length === 0) {
    return path === undefined
      ? phrase('input.asStored', { Source, dtype })
      : phrase('input.asStoredBy', { Source, dtype, path });
  }
  const Steps = inOrder(steps);
  return path === undefined
    ? phrase('input.prepared', { Source, dtype, Steps })
    : phrase('input.preparedBy', { Source, dtype, Steps, path });
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
  if (preprocessing.channelOrder === 'BGR') reverseChannels(preprocessing, into, count);
  normalise(preprocessing, into, count);
}

/** Swaps the first and the last of three channels, in place. */
function reverseChannels({ channels, shape }: Preprocessing, values: Float32Array, count: number): void {
  const length = product(shape);
  const plane = length / 3;
  const [step, far] = channels === 'first' ? [1, 2 * plane] : [3, 2];
  for (let start = 0; start < count * length; start += length) {
    for (let p = 0; p < plane; p += 1) {
      const at = start + p * step;
      const first = values[at] ?? 0;
      values[at] = values[at + far] ?? 0;
      values[at + far] = first;
    }
  }
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

/** 8-bit pixels [count, channels], and what they become in a model's input. */
export interface PixelReading {
  readonly arithmetic: PixelArithmetic;
  readonly channels: number;
}

/** What `applyPreprocessing` does to 8-bit pixels [height, width, channels], as arithmetic for each channel of the model's input. */
export function pixelReading(preprocessing: Preprocessing): PixelReading {
  const { raw, arrangement, repeat, channelOrder } = preprocessing;
  const stored = raw.shape.at(-1) ?? 1;
  const { groups, factors, terms } = affineOf(preprocessing);
  const channels = Array.from({ length: stored * repeat }, (_, channel) => channel);
  return {
    arithmetic: {
      planar: repeat > 1 ? preprocessing.channels !== 'last' : arrangement === 'HWC to CHW',
      sources: channels.map((channel) => (repeat > 1 ? 0 : channelOrder === 'BGR' ? stored - 1 - channel : channel)),
      factors: channels.map((channel) => factors[channel % groups] ?? 1),
      terms: channels.map((channel) => terms[channel % groups] ?? 0),
    },
    channels: stored,
  };
}

/**
 * What `applyPreprocessing` does to 8-bit samples as they are stored; null where that is not the same for all values of a channel: planes
 * that each have numbers of their own.
 */
export function storedReading(preprocessing: Preprocessing): PixelReading | null {
  const { raw, arrangement, repeat, channelOrder } = preprocessing;
  if (raw.layout === 'HWC') return pixelReading(preprocessing);
  const { groups, factors, terms } = affineOf(preprocessing);
  if (groups > 1 || arrangement !== 'as stored' || repeat > 1 || channelOrder === 'BGR') return null;
  return { arithmetic: { planar: true, sources: [0], factors, terms }, channels: 1 };
}

/** (x * scale - mean) / std as one multiplication and one addition, for all values or for each channel. */
function affineOf({ scale, mean, std }: Arithmetic) {
  const groups = Math.max(mean.length, std.length);
  const factors: number[] = [];
  const terms: number[] = [];
  for (let c = 0; c < groups; c += 1) {
    const deviation = std[c % std.length] ?? 1;
    factors.push(scale / deviation);
    terms.push(-(mean[c % mean.length] ?? 0) / deviation);
  }
  return { groups, factors, terms };
}

/** (x * scale - mean) / std in place, in float64. */
function normalise(preprocessing: Preprocessing, values: Float32Array, count: number): void {
  const { channels, shape } = preprocessing;
  const { groups, factors, terms } = affineOf(preprocessing);
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
