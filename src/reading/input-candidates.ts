import { phrase } from '../contract/phrases.js';
import type { ChannelOrder, SettingHint } from '../contract/settings.js';
import type { Preprocessing, PreprocessingOptions } from '../data/preprocess.js';

/** One way in which the model may want its inputs. */
export interface InputCandidate {
  /** for people, after "with": 'pixels scaled to [-1, 1]' */
  readonly name: string;
  /** what says it to the command line */
  readonly settings: readonly SettingHint[];
  /** what changes in the options that the preprocessing was planned with */
  readonly apply: PreprocessingOptions;
}

/** What is known of the stored values. */
export interface StoredValues {
  readonly dtype: 'uint8' | 'float32';
  /** of a good part of the data */
  readonly min: number;
  readonly max: number;
}

export interface InputSituation {
  readonly inForce: Pick<Preprocessing, 'scale' | 'mean' | 'std' | 'channels' | 'channelOrder'>;
  /** of the model's input; 1 where it has no channel axis */
  readonly channelCount: number;
  readonly stored: StoredValues;
  /** the ends of what the input takes, where that is whole numbers; null: it takes any */
  readonly whole: readonly [low: number, high: number] | null;
  /** both [C, H, W] and [H, W, C] fit the model's input */
  readonly bothLayouts: boolean;
}

/** What a network may have been trained on, as (pixel - mean) / std of pixels from 0 to 255. */
interface PixelScheme {
  readonly name: string;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** of what images it is; absent: of any */
  readonly channels?: number;
  /** of the model's input, which mean and std are in; absent: as in force */
  readonly order?: ChannelOrder;
  /** for inputs that take whole numbers, which have a sign */
  readonly signed?: true;
}

const caffe = [103.939, 116.779, 123.68];

const schemes: readonly PixelScheme[] = [
  { name: phrase('reading.unit'), mean: [0], std: [255] },
  { name: phrase('reading.signedUnit'), mean: [127.5], std: [127.5] },
  { name: phrase('reading.asTheyAre'), mean: [0], std: [1] },
  // torchvision's mean and standard deviation of ImageNet
  {
    name: phrase('reading.imageNet'),
    mean: [0.485, 0.456, 0.406].map((value) => value * 255),
    std: [0.229, 0.224, 0.225].map((value) => value * 255),
  },
  // what PyTorch's own examples subtract and divide by
  { name: phrase('reading.mnist'), mean: [0.1307 * 255], std: [0.3081 * 255], channels: 1 },
  // Caffe's networks: means alone, in the order of OpenCV's channels
  { name: phrase('reading.caffeBgr'), mean: caffe, std: [1], order: 'BGR' },
  { name: phrase('reading.caffeRgb'), mean: caffe.toReversed(), std: [1], order: 'RGB' },
  // a network that was fed by OpenCV, whose images are blue first
  { name: phrase('reading.unitBlueFirst'), mean: [0], std: [255], channels: 3, order: 'BGR' },
  { name: phrase('reading.asTheyAreBlueFirst'), mean: [0], std: [1], channels: 3, order: 'BGR' },
  { name: phrase('reading.signedUnitBlueFirst'), mean: [127.5], std: [127.5], channels: 3, order: 'BGR' },
  // a quantised network: the zero point of its input is -128
  { name: phrase('reading.lessZeroPoint'), mean: [128], std: [1], signed: true },
];

/** Whether an input can be fed so: one of whole numbers takes pixels as they are, or where it has a sign less 128. */
function isFeedable({ mean, std, signed }: PixelScheme, whole: InputSituation['whole']): boolean {
  if (whole === null) return signed !== true;
  const [low, high] = whole;
  return (
    [...mean, ...std].every(Number.isInteger) &&
    std.every((each) => each === 1) &&
    mean.every((each) => -each >= low && 255 - each <= high)
  );
}

/**
 * The usual ways of preparing images that differ from the one in force and can be told from the stored values: 8-bit
 * pixels, or floats that are plainly pixels in [0, 255], [0, 1] or [-1, 1]. None for other values, whose unit nobody knows.
 */
export function inputCandidates({
  inForce,
  channelCount,
  stored,
  whole,
  bothLayouts,
}: InputSituation): readonly InputCandidate[] {
  const unit = pixelUnit(stored);
  const found: InputCandidate[] = [];
  if (unit !== null) {
    const taken = [{ order: inForce.channelOrder, effect: effectOf(inForce, channelCount) }];
    for (const scheme of schemes) {
      if (!isFeedable(scheme, whole)) continue;
      if (channelCount !== (scheme.channels ?? (scheme.mean.length > 1 ? scheme.mean.length : channelCount))) continue;
      const order = scheme.order ?? inForce.channelOrder;
      const arithmetic = optionsOf(scheme, unit);
      const effect = effectOf(arithmetic, channelCount);
      if (taken.some((other) => other.order === order && isSameEffect(other.effect, effect, unit))) continue;
      taken.push({ order, effect });
      const other = order === inForce.channelOrder ? null : order;
      found.push({
        name: scheme.name,
        settings: [...hintsOf(arithmetic, inForce), ...(other === null ? [] : [['channelOrder', other] as const])],
        apply: { ...arithmetic, ...(other === null ? {} : { channelOrder: other }) },
      });
    }
  }
  if (hasColours(inForce, channelCount)) found.push(...swappedColours(inForce, found));
  if (bothLayouts && inForce.channels !== 'none') {
    const layout = inForce.channels === 'first' ? 'NHWC' : 'NCHW';
    found.push({
      name: phrase(layout === 'NCHW' ? 'reading.channelsFirst' : 'reading.channelsLast'),
      settings: [['layout', layout]],
      apply: { layout },
    });
  }
  return found;
}

function hasColours({ channels }: InputSituation['inForce'], channelCount: number): boolean {
  return channels !== 'none' && channelCount === 3;
}

/** The other order of the colours, and nothing else: for values of any unit. */
function swappedColours(
  { channelOrder, mean, std }: InputSituation['inForce'],
  others: readonly InputCandidate[],
): readonly InputCandidate[] {
  const order = channelOrder === 'RGB' ? 'BGR' : 'RGB';
  const isThere = others.some(({ settings }) => settings.length === 1 && settings[0]?.[0] === 'channelOrder');
  const isPlain = mean.length === 1 && std.length === 1;
  if (isThere && isPlain) return [];
  const name = phrase(order === 'BGR' ? 'reading.blueFirst' : 'reading.redFirst');
  return [{ name, settings: [['channelOrder', order]], apply: { channelOrder: order } }];
}

/** pixel = stored * factor + term, with pixels from 0 to 255. */
interface PixelUnit {
  readonly factor: number;
  readonly term: number;
}

function pixelUnit({ dtype, min, max }: StoredValues): PixelUnit | null {
  if (dtype === 'uint8') return { factor: 1, term: 0 };
  if (min >= 0 && max <= 1 && max > 0.5) return { factor: 255, term: 0 };
  if (min >= -1 && min < -0.5 && max <= 1 && max > 0.5) return { factor: 127.5, term: 127.5 };
  if (min >= 0 && max <= 255 && max > 127) return { factor: 1, term: 0 };
  return null;
}

interface Arithmetic {
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** (pixel - mean) / std as (x * scale - mean) / std of the stored x, in the numbers that people write. */
function optionsOf({ mean, std }: PixelScheme, { factor, term }: PixelUnit): Arithmetic {
  // a scheme in units of [0, 1] is written as such
  const unit = std.every((value) => value >= 2) ? 255 : 1;
  const neat = (value: number): number => Number((value / unit).toPrecision(6)) + 0;
  return { scale: factor / unit, mean: mean.map((value) => neat(value - term)), std: std.map(neat) };
}

interface Effect {
  readonly factor: number;
  readonly term: number;
}

/** What x * scale, - mean, / std comes to, per channel: x * factor + term. */
function effectOf({ scale, mean, std }: Arithmetic, channels: number): readonly Effect[] {
  return Array.from({ length: channels }, (_, c) => {
    const deviation = std[c % std.length] ?? 1;
    return { factor: scale / deviation, term: -(mean[c % mean.length] ?? 0) / deviation };
  });
}

/** Whether two preparations give numbers that are within a thousandth of each other, measured by the pixels' range. */
function isSameEffect(a: readonly Effect[], b: readonly Effect[], unit: PixelUnit): boolean {
  const range = 255 / unit.factor;
  return a.every(({ factor, term }, c) => {
    const other = b[c] ?? { factor: Number.NaN, term: 0 };
    const size = 1e-3 * Math.max(Math.abs(factor), Math.abs(other.factor)) * range;
    return Math.abs(factor - other.factor) * range <= size && Math.abs(term - other.term) <= size;
  });
}

/** The options that say it, without those that are in force already. */
function hintsOf({ scale, mean, std }: Arithmetic, inForce: Arithmetic): SettingHint[] {
  const hints: SettingHint[] = [];
  const isSame = (a: readonly number[], b: readonly number[]) =>
    a.length === b.length && a.every((value, i) => value === b[i]);
  if (Math.abs(scale / inForce.scale - 1) > 1e-6) hints.push(['scale', `${scale}`]);
  if (!isSame(mean, inForce.mean)) hints.push(['mean', mean.join(',')]);
  if (!isSame(std, inForce.std)) hints.push(['std', std.join(',')]);
  return hints;
}
