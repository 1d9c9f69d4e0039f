import type { MetricOf } from '../../contract/metrics.js';
import { present } from '../../contract/present.js';
import { clippedLogLoss, noValue, type Statistic } from './statistic.js';

/**
 * What a model said about the pixels of `images` images, counted image by image: metrics over any images are sums of these, and no
 * logit is kept. Pixels that are of no class count in `answers` and `confidences` alone.
 */
export interface MaskScores {
  readonly kind: 'mask';
  readonly images: number;
  readonly classes: number;
  /** pixels of each class that are answered with it; [images, classes] */
  readonly right: Int32Array;
  /** pixels that are of each class; [images, classes] */
  readonly actual: Int32Array;
  /** pixels that are answered with each class; [images, classes] */
  readonly predicted: Int32Array;
  /** the sum of the cross-entropy over the pixels of each image */
  readonly losses: Float64Array;
  /** the mean of the largest class probability over all pixels of each image */
  readonly confidences: Float64Array;
  /** pixels of all images that are answered with each class */
  readonly answers: Float64Array;
  /** over all images: pixels by their class and answer, [classes, classes] */
  readonly confusion: Float64Array;
  /** pixels about which the model said NaN */
  readonly unanswered: number;
}

/** What masks are compared with is counted in the scores; which images and classes there are. */
export interface MaskTruth {
  readonly kind: 'mask';
  readonly images: number;
  readonly classes: number;
}

/** How a model's maps are laid out and read. */
export interface MapLayout {
  /** numbers a pixel: one for each class, or one for two classes */
  readonly columns: number;
  /** of one map */
  readonly pixels: number;
  readonly axis: 'first' | 'last';
  readonly scores: 'logits' | 'probabilities';
}

export interface MaskTally {
  /** Counts the next image. @param maps of one image @param labels [pixels], below 0 for pixels that do not count */
  add(maps: Float32Array, labels: Float32Array): void;
  scores(): MaskScores;
}

/** Counts the answers of a model image by image. */
export function tallyMasks(images: number, { columns, pixels, axis, scores: kind }: MapLayout): MaskTally {
  const classes = Math.max(2, columns);
  const counts = () => new Int32Array(images * classes);
  const [right, actual, predicted] = [counts(), counts(), counts()];
  const [losses, confidences] = [new Float64Array(images), new Float64Array(images)];
  const answers = new Float64Array(classes);
  const confusion = new Float64Array(classes * classes);
  const add = (to: Int32Array | Float64Array, at: number, amount = 1): void => {
    to[at] = (to[at] ?? 0) + amount;
  };
  const [alongColumns, alongPixels] = axis === 'first' ? [pixels, 1] : [1, columns];
  const read = pixelReader(kind, columns, alongColumns);
  let image = 0;
  let unanswered = 0;
  return {
    add(maps, labels) {
      let confidence = 0;
      for (let pixel = 0; pixel < pixels; pixel++) {
        const label = labels[pixel] ?? -1;
        const { answer, largest, loss } = read(maps, pixel * alongPixels, label);
        confidence += largest;
        if (answer >= 0) add(answers, answer);
        else unanswered++;
        if (label < 0) continue;
        add(losses, image, loss);
        add(actual, image * classes + label);
        if (answer < 0) continue;
        add(predicted, image * classes + answer);
        add(confusion, label * classes + answer);
        if (answer === label) add(right, image * classes + label);
      }
      confidences[image] = confidence / pixels;
      image++;
    },
    scores: () => ({
      kind: 'mask',
      images,
      classes,
      right,
      actual,
      predicted,
      losses,
      confidences,
      answers,
      confusion,
      unanswered,
    }),
  };
}

interface PixelAnswer {
  /** the most probable class, the lower one on a tie; with one column, class 1 from a probability of 0.5; -1 for NaN */
  readonly answer: number;
  /** its probability */
  readonly largest: number;
  /** -log of the probability of the pixel's own class */
  readonly loss: number;
}

type PixelReader = (maps: Float32Array, at: number, label: number) => PixelAnswer;

function pixelReader(kind: MapLayout['scores'], columns: number, step: number): PixelReader {
  if (columns === 1) {
    return (maps, at, label) => {
      const value = maps[at] ?? Number.NaN;
      const p = kind === 'logits' ? 1 / (1 + Math.exp(-value)) : value;
      const answer = Number.isNaN(value) ? -1 : Number(kind === 'logits' ? value >= 0 : value >= 0.5);
      const logit = label === 1 ? value : -value;
      const loss =
        kind === 'logits'
          ? Math.log1p(Math.exp(-Math.abs(logit))) + Math.max(-logit, 0)
          : clippedLogLoss(label === 1 ? p : 1 - p);
      return { answer, largest: Math.max(p, 1 - p), loss };
    };
  }
  return (maps, at, label) => {
    // millions of pixels come by here: nothing is made but the answer
    let answer = 0;
    let top = Number.NEGATIVE_INFINITY;
    let total = 0;
    for (let c = 0, i = at; c < columns; c++, i += step) {
      const value = maps[i] ?? Number.NaN;
      total += value;
      if (value > top) {
        answer = c;
        top = value;
      }
    }
    if (Number.isNaN(total)) return { answer: -1, largest: Number.NaN, loss: Number.NaN };
    const own = maps[at + Math.max(0, label) * step] ?? Number.NaN;
    if (kind === 'probabilities') return { answer, largest: top, loss: clippedLogLoss(own) };
    let sum = 0;
    for (let c = 0, i = at; c < columns; c++, i += step) sum += Math.exp((maps[i] ?? Number.NaN) - top);
    return { answer, largest: 1 / sum, loss: top + Math.log(sum) - own };
  };
}

/** The sum of one column of [images, columns] over some images, which may repeat. */
function sumOf(values: ArrayLike<number>, columns: number, column: number, indices: Int32Array): number {
  let sum = 0;
  for (const i of indices) sum += values[i * columns + column] ?? Number.NaN;
  return sum;
}

function countedPixels({ actual, classes }: MaskScores, indices: Int32Array): number {
  let sum = 0;
  for (let c = 0; c < classes; c++) sum += sumOf(actual, classes, c, indices);
  return sum;
}

/**
 * The intersection over union of one class: the pixels that are of it and answered with it, over those that are either, summed over
 * the images. NaN where no pixel is.
 */
export function intersectionOverUnion({ right, actual, predicted, classes }: MaskScores, label: number): Statistic {
  return (indices) => {
    const [both, of, answered] = [right, actual, predicted].map((counts) => sumOf(counts, classes, label, indices));
    return present(both, 'a sum') / (present(of, 'a sum') + present(answered, 'a sum') - present(both, 'a sum'));
  };
}

const statistics: Readonly<Record<MetricOf<'mask'>, (scores: MaskScores) => Statistic>> = {
  /** over the classes that occur in truth or answers (Everingham et al. 2010, with the mean over those that do) */
  miou: (scores) => {
    const ofClass = Array.from({ length: scores.classes }, (_, label) => intersectionOverUnion(scores, label));
    return (indices) => {
      let [sum, occurring] = [0, 0];
      for (const iou of ofClass) {
        const value = iou(indices);
        if (Number.isNaN(value)) continue;
        sum += value;
        occurring++;
      }
      return sum / occurring;
    };
  },
  pixelAccuracy: (scores) => (indices) => {
    let sum = 0;
    for (let c = 0; c < scores.classes; c++) sum += sumOf(scores.right, scores.classes, c, indices);
    return sum / countedPixels(scores, indices);
  },
  logLoss: (scores) => (indices) => sumOf(scores.losses, 1, 0, indices) / countedPixels(scores, indices),
};

/** Prepares the metrics of masks. None has a value where the model said NaN about a pixel. */
export function maskMetrics(scores: MaskScores): (name: MetricOf<'mask'>) => Statistic {
  return (name) => (scores.unanswered > 0 ? noValue : statistics[name](scores));
}

/** `confusion[actual][predicted]` in pixels. */
export function maskConfusion({ confusion, classes }: MaskScores): number[][] {
  return Array.from({ length: classes }, (_, label) => [...confusion.subarray(label * classes, (label + 1) * classes)]);
}
