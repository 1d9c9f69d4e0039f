import { Failure, type Way } from '../contract/failure.js';
import type { SettingHint } from '../contract/settings.js';
import type { Dataset, PixelSize } from './dataset.js';
import { listed } from './encoding.js';
import type { PreprocessorConfig } from './preprocessor-config.js';

export interface ModelInput {
  /** with the batch axis first; null where the model leaves a dimension open */
  readonly shape: readonly (number | null)[];
  /** the element type, 'float32', 'uint8' ...; absent where the format does not say: then floats are assumed */
  readonly dtype?: string;
  /** where the model's format tells; otherwise it is read off the shapes */
  readonly layout?: 'NCHW' | 'NHWC';
}

export interface FitOptions {
  /** the layout of the model's input */
  readonly layout?: 'NCHW' | 'NHWC';
  /** [height, width] that pixels are resized to */
  readonly resize?: readonly [number, number];
  /** its size and crop count here, unless `resize` is given */
  readonly preprocessorConfig?: PreprocessorConfig;
}

/** Where the samples of a data set go in the model's input, before any arithmetic on their values. */
export interface Fit {
  /** how pixels are sized while they are read; null where samples are read as they are stored */
  readonly size: PixelSize | null;
  /** the raw sample: [height, width, channels], [channels, height, width], or values in a row */
  readonly raw: { readonly shape: readonly number[]; readonly layout: 'HWC' | 'CHW' | 'values' };
  readonly arrangement: 'as stored' | 'HWC to CHW' | 'CHW to HWC';
  /** into how many channels the one channel of the raw sample is written; 1 for none */
  readonly repeat: number;
  /** the shape of one sample as the model takes it, without the batch axis */
  readonly shape: readonly number[];
  /** null where the input has no channel axis */
  readonly layout: 'NCHW' | 'NHWC' | null;
  readonly channelCount: number;
}

export const product = (shape: readonly number[]): number => shape.reduce((total, dim) => total * dim, 1);
export const shapeText = (shape: readonly (number | null)[]): string =>
  `[${shape.map((dim) => dim ?? '?').join(', ')}]`;
const known = (shape: readonly (number | null)[]): shape is readonly number[] => shape.every((dim) => dim !== null);
const sameShape = (a: readonly (number | null)[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((dim, i) => dim === null || dim === b[i]);

/**
 * Fits the samples into the model's input where exactly one way does.
 * @throws Failure('input') naming both shapes, and the option that decides, where none or several do
 */
export function fitSamples(dataset: Dataset, modelInput: ModelInput, options: FitOptions): Fit {
  const wanted = modelInput.shape.slice(1);
  if (wanted.length === 0 && product(dataset.sample.shape ?? [0]) !== 1) {
    throw new Failure('input', {
      what: `The model's input ${shapeText(modelInput.shape)} has no axes besides the batch: ${dataset.path} cannot be fed to it.`,
      cure: 'Export the model with an input of [batch, ...], or give one number for each sample.',
      settings: ['data'],
    });
  }
  const layout = options.layout ?? modelInput.layout;
  return dataset.sample.layout === 'values' || wanted.length === 0
    ? fitValues(dataset, wanted, layout)
    : fitPixels(dataset, wanted, layout, options);
}

function mismatch(
  dataset: Dataset,
  samples: readonly number[] | null,
  wanted: readonly (number | null)[],
  cure: string,
  settings: readonly SettingHint[] = [],
  ways: readonly Way[] = [],
): Failure {
  const { names, shape } = dataset.sample;
  // what is not as stored are the axes of pixels
  const layout = samples === shape ? dataset.sample.layout : 'HWC';
  const columns = names === undefined ? '' : `: ${listed(names)}`;
  const found =
    samples === null
      ? 'its images are of various sizes'
      : `its samples are ${shapeText(samples)} (${layout}${columns})`;
  return new Failure('input', {
    what: `${dataset.path}: ${found}, the model takes ${shapeText(wanted)}.`,
    cure,
    settings,
    ways,
  });
}

/** Both ways round: the numbers fit either. */
const layouts: readonly Way[] = [
  { name: 'channels first: [channels, height, width]', settings: [['layout', 'NCHW']] },
  { name: 'channels last: [height, width, channels]', settings: [['layout', 'NHWC']] },
];

/** Rows, and arrays whose axes have no names: the same numbers in the same order, under the model's shape. */
function fitValues(dataset: Dataset, wanted: readonly (number | null)[], layout: ModelInput['layout']): Fit {
  const stored = dataset.sample.shape ?? [];
  const length = product(stored);
  const shape = sameShape(wanted, stored) ? stored : reshaped(stored, wanted);
  if (shape === null) {
    throw mismatch(dataset, stored, wanted, "Give data of the model's shape, or another target column.", ['target']);
  }
  const axes = shape.filter((dim) => dim !== 1).length;
  if (stored.length === 1 && axes > 2 && layout === undefined) {
    throw mismatch(
      dataset,
      stored,
      wanted,
      "Say by the layout, NCHW or NHWC, that the row holds the pixels in the order of the model's axes.",
      ['layout'],
      layouts,
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

interface Pixels {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

const pixelShape = ({ height, width, channels }: Pixels): readonly number[] => [height, width, channels];

function fitPixels(
  dataset: Dataset,
  wanted: readonly (number | null)[],
  layout: ModelInput['layout'],
  options: FitOptions,
): Fit {
  const stored = storedPixels(dataset);
  const requested = requestedSize(stored, options);
  const storedShape = dataset.sample.shape ?? [];
  if (
    stored !== null &&
    requested === null &&
    layout === undefined &&
    known(wanted) &&
    sameShape(wanted, storedShape)
  ) {
    return fitExactly(dataset, stored, storedShape);
  }
  const read = requested ?? stored;
  const expected = {
    height: read?.height ?? null,
    width: read?.width ?? null,
    channels: stored?.channels ?? null,
  };
  const target = targetAxes(dataset, expected, wanted, layout);
  const size = pixelSize(dataset, stored, requested, target);
  const pixels = size ?? stored;
  if (pixels === null) {
    throw new Failure('usage', {
      what: `${dataset.path}: its images are of various sizes, and the model takes ${shapeText(wanted)}.`,
      cure: 'Give the size to resize them to.',
      settings: [['resize', 'HEIGHTxWIDTH']],
    });
  }
  const channels = target.channels ?? pixels.channels;
  const repeat = channels === pixels.channels ? 1 : channels;
  requireFit(dataset, pixels, target, wanted, repeat);
  const from = size === null && dataset.sample.layout === 'CHW' ? 'CHW' : 'HWC';
  const to = target.layout === 'NCHW' ? 'CHW' : 'HWC';
  const shape = inputShape({ ...pixels, channels }, to, wanted.length);
  if (!sameShape(wanted, shape)) {
    throw mismatch(dataset, pixelShape(pixels), wanted, 'Give a size to resize them to that fits.', ['resize']);
  }
  return {
    size,
    raw: { shape: inputShape(pixels, from, 3), layout: from },
    // one channel has the same order either way
    arrangement: from === to || pixels.channels === 1 ? 'as stored' : from === 'HWC' ? 'HWC to CHW' : 'CHW to HWC',
    repeat,
    shape,
    layout: target.layout,
    channelCount: channels,
  };
}

/** A series of features, or any array that the model takes exactly as it is stored. */
function fitExactly(dataset: Dataset, stored: Pixels, shape: readonly number[]): Fit {
  const planar = dataset.sample.layout === 'CHW';
  const image = shape.length === 3;
  return {
    size: null,
    raw: { shape, layout: !image ? 'values' : planar ? 'CHW' : 'HWC' },
    arrangement: 'as stored',
    repeat: 1,
    shape,
    layout: !image ? null : planar ? 'NCHW' : 'NHWC',
    channelCount: image ? stored.channels : 1,
  };
}

function inputShape({ height, width, channels }: Pixels, order: 'HWC' | 'CHW', rank: number): readonly number[] {
  if (rank === 1) return [height * width * channels];
  if (rank === 2) return [height, width];
  return order === 'CHW' ? [channels, height, width] : [height, width, channels];
}

/** @throws Failure('input') where the pixels are of another size or layout, or of channels that cannot be repeated */
function requireFit(
  dataset: Dataset,
  pixels: Pixels,
  target: TargetAxes,
  wanted: readonly (number | null)[],
  repeat: number,
): void {
  const { height, width } = target;
  if ((height ?? pixels.height) !== pixels.height || (width ?? pixels.width) !== pixels.width) {
    const [other, order] = target.layout === 'NCHW' ? (['NHWC', 'HWC'] as const) : (['NCHW', 'CHW'] as const);
    const isTurned = wanted.length === 3 && sameShape(wanted, inputShape(pixels, order, 3));
    const cure = `The layout is that of the model's input, in whatever order the samples are stored: it fits as ${other}.`;
    if (isTurned) throw mismatch(dataset, pixelShape(pixels), wanted, cure, [['layout', other]]);
    throw height === null || width === null
      ? mismatch(dataset, pixelShape(pixels), wanted, 'Give data of that size.')
      : mismatch(dataset, pixelShape(pixels), wanted, 'Have them resized.', ...resizing(height, width));
  }
  if (repeat !== 1 && !(pixels.channels === 1 && repeat === 3)) {
    throw mismatch(dataset, pixelShape(pixels), wanted, 'Convert the images to its channels.');
  }
}

function resizing(height: number, width: number): [readonly SettingHint[], readonly Way[]] {
  const settings: readonly SettingHint[] = [['resize', `${height}x${width}`]];
  return [settings, [{ name: `they are resized to ${height}x${width}`, settings }]];
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

/** What is known of the pixels that will be fed. */
type Expected = Omit<TargetAxes, 'layout'>;

/** Which axes of the model's input are height, width and channels. */
function targetAxes(
  dataset: Dataset,
  expected: Expected,
  wanted: readonly (number | null)[],
  layout: ModelInput['layout'],
): TargetAxes {
  const stored = dataset.sample.shape;
  const [a = null, b = null, c = null] = wanted;
  if (wanted.length === 2) return { layout: 'NCHW', height: a, width: b, channels: 1 };
  if (wanted.length === 1) {
    const { height, width } = expected;
    if (stored === null && (height === null || width === null)) throw withoutSize(dataset, a);
    const channels = expected.channels ?? (a === product([height ?? 0, width ?? 0]) ? 1 : 3);
    // of no size are they as many numbers, in whatever layout
    if (a !== null && a % channels !== 0) {
      const cure = `Give the data that this model was made for: images of ${channels} channels are never ${a} numbers.`;
      throw mismatch(dataset, stored, wanted, cure, ['data']);
    }
    if (channels > 1 && layout === undefined) {
      const cure = 'Say in which layout, NCHW or NHWC, its pixels were flattened.';
      throw mismatch(dataset, stored, wanted, cure, ['layout'], layouts);
    }
    return { layout: layout ?? 'NCHW', height: null, width: null, channels };
  }
  if (wanted.length !== 3) {
    throw mismatch(dataset, stored, wanted, 'Images fit an input of 2, 3 or 4 axes with the batch.');
  }
  const first: TargetAxes = { layout: 'NCHW', height: b, width: c, channels: a };
  const last: TargetAxes = { layout: 'NHWC', height: a, width: b, channels: c };
  if (layout !== undefined) return layout === 'NCHW' ? first : last;
  const byChannels = [first, last].filter((axes) => channelsFit(axes.channels, expected.channels));
  const bySize = byChannels.filter((axes) => sizeFits(axes, expected));
  // where no size fits, the channels may still tell which way round the model is: the message is then about the size
  const [only, other] = bySize.length > 0 ? bySize : byChannels;
  if (only === undefined && first.channels !== null && last.channels !== null) {
    throw mismatch(dataset, stored, wanted, 'Give images of as many channels as the model takes.');
  }
  if (only === undefined || other !== undefined) {
    const cure = "Say which layout the model's input has, NCHW or NHWC.";
    throw mismatch(dataset, stored, wanted, cure, ['layout'], layouts);
  }
  return only;
}

/** Image files, for a model that takes `numbers` of them in a row: of what size they are, only the user knows; most are square. */
function withoutSize(dataset: Dataset, numbers: number | null): Failure {
  const [grey, coloured] = [Math.sqrt(numbers ?? 0), Math.sqrt((numbers ?? 0) / 3)];
  const side = [grey, coloured].find((each) => each > 0 && Number.isInteger(each));
  const size = side === undefined ? 'HEIGHTxWIDTH' : `${side}x${side}`;
  const fitting =
    side === undefined ? '' : `, ${size} in ${side === grey ? 'grey' : 'three colours'} if they are square`;
  return new Failure('usage', {
    what: `${dataset.path}: the model takes ${numbers ?? 'any number of'} numbers in a row, which does not say how large its images are.`,
    cure: `Give the size to resize them to${fitting}.`,
    settings: [['resize', size]],
    ways: side === undefined ? [] : [{ name: `they are resized to ${size}`, settings: [['resize', size]] }],
  });
}

function channelsFit(wanted: number | null, stored: number | null): boolean {
  if (wanted === null) return false;
  if (stored === null) return wanted === 1 || wanted === 3 || wanted === 4;
  return wanted === stored || (stored === 1 && wanted === 3);
}

const sizeFits = (axes: TargetAxes, { height, width }: Expected): boolean =>
  (axes.height === null || height === null || axes.height === height) &&
  (axes.width === null || width === null || axes.width === width);

type Size = Omit<PixelSize, 'channels'>;

const wholeSize = (height: number, width: number, fit: PixelSize['fit']): Size => ({
  height,
  width,
  resized: { height, width },
  fit,
  interpolation: 'linear',
});

/** The size that an option or the model's config asks for; null for none. */
function requestedSize(stored: Pixels | null, { resize, preprocessorConfig: config }: FitOptions): Size | null {
  if (resize !== undefined) return wholeSize(resize[0], resize[1], 'stretch');
  if (config === undefined || (config.resize === null && config.crop === null)) return null;
  const resized = config.resize ?? stored;
  if (resized === null) {
    throw new Failure('input', {
      what: `${config.path}: it crops images without resizing them.`,
      cure: 'Add do_resize and size.',
    });
  }
  const crop = config.crop ?? resized;
  if (crop.height > resized.height || crop.width > resized.width) {
    throw new Failure('input', {
      what:
        `${config.path}: its crop ${crop.height}x${crop.width} is larger than ` +
        `its size ${resized.height}x${resized.width}.`,
      cure: 'Correct crop_size or size.',
    });
  }
  return {
    height: crop.height,
    width: crop.width,
    resized: { height: resized.height, width: resized.width },
    fit: config.resize?.fit ?? 'stretch',
    interpolation: config.resize?.interpolation ?? 'linear',
  };
}

/** The size to read pixels at, or null to read them as stored. Image files take the model's size by default. */
function pixelSize(
  dataset: Dataset,
  stored: Pixels | null,
  requested: Size | null,
  target: TargetAxes,
): PixelSize | null {
  const { height, width } = target;
  const size =
    requested ?? (stored === null && height !== null && width !== null ? wholeSize(height, width, 'cover') : null);
  if (size === null || (stored !== null && isAsStored(size, stored))) return null;
  if (dataset.sample.dtype !== 'uint8') {
    throw new Failure('input', {
      what:
        `${dataset.path}: its samples are floats of ${shapeText(dataset.sample.shape ?? [])}; ` +
        'only 8-bit pixels are resized.',
      cure: `Save them at ${size.height}x${size.width}, or as uint8.`,
    });
  }
  return { ...size, channels: stored?.channels ?? target.channels ?? 3 };
}

const isAsStored = (size: Size, stored: Pixels): boolean =>
  size.height === stored.height &&
  size.width === stored.width &&
  size.resized.height === stored.height &&
  size.resized.width === stored.width;
