import type { Augmentation } from '../contract/settings.js';
import { createRandom, type Random } from '../math/random.js';
import type { StoredValues } from './batches.js';
import type { Inputs } from './inputs.js';
import { applyPreprocessing, inputLength, type Preprocessing, rawLength } from './preprocess.js';

/** Where the pixels of a picture lie in one sample: channel c of (y, x) at c * plane + y * row + x * pixel. */
interface PixelGrid {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly plane: number;
  readonly row: number;
  readonly pixel: number;
}

/**
 * Varies the pictures of a batch in place: [indices.length, ...shape] of the model's input, or 8-bit ones as they are stored, which then become what
 * the varied input is.
 */
export type Augment = (values: StoredValues, indices: ArrayLike<number>, seed: number) => void;

/** How pictures lie in a batch, and one of them whose stored values are all 0. */
interface Canvas {
  readonly grid: PixelGrid;
  readonly blank: StoredValues;
  /** of one picture, for what it was before it is moved */
  readonly before: StoredValues;
}

/** Whether the samples of an input are pictures whose height and width are known. */
export const arePictures = (input: Pick<Inputs, 'dataset' | 'preprocessing'>): boolean => gridOf(input) !== null;

/**
 * How the pictures of an input are varied, in the order in which the variations are named here: mirrored with probability 1/2; cut
 * out at a random place after a border of an eighth of each side is put around them (4 of 32 pixels: He et al., arXiv 1512.03385); with
 * probability 1/2 a rectangle blanked (`eraseIn`). Borders and rectangles are what a stored 0 becomes. The
 * variation of a sample depends on the seed and on its own index alone, so that whatever batch it is in, it is the same.
 * @throws Error for an input that is no picture
 */
export function augmenter(input: Inputs, kinds: readonly Augmentation[]): Augment {
  const [fed, stored] = [fedCanvas(input), storedCanvas(input)];
  return (values, indices, seed) => {
    const { grid, blank, before } = values instanceof Uint8Array ? stored : fed;
    const { length } = blank;
    for (let i = 0; i < indices.length; i += 1) {
      const picture = values.subarray(i * length, (i + 1) * length);
      const random = createRandom(seed, indices[i] ?? 0);
      if (kinds.includes('flip') && random.uniform() < 0.5) mirror(picture, grid);
      if (kinds.includes('crop')) {
        before.set(picture);
        moveBy(before, picture, blank, grid, drawShift(grid, random));
      }
      if (kinds.includes('erase') && random.uniform() < 0.5) eraseIn(picture, blank, grid, random);
    }
  };
}

/** As the model takes pictures. @throws Error for an input that is no picture */
function fedCanvas(input: Inputs): Canvas {
  const grid = gridOf(input);
  if (grid === null) throw new Error('what is no picture cannot be varied as one');
  const { preprocessing } = input;
  const blank = new Float32Array(inputLength(preprocessing));
  applyPreprocessing(preprocessing, new Float32Array(rawLength(preprocessing)), 1, blank);
  return { grid, blank, before: blank.slice() };
}

/** As 8-bit pictures are stored. */
function storedCanvas({ preprocessing: { raw } }: Inputs): Canvas {
  const grid = gridOfAxes(raw, 1, raw.layout === 'CHW' ? 'first' : 'last');
  const blank = new Uint8Array(grid.height * grid.width * grid.channels);
  return { grid, blank, before: blank.slice() };
}

/** In a model's input; null for what is no picture, or one whose axes are not known. */
function gridOf({ dataset, preprocessing }: Pick<Inputs, 'dataset' | 'preprocessing'>): PixelGrid | null {
  const { raw, repeat, channels } = preprocessing;
  const { sample } = dataset;
  // floats of two axes may as well be steps and features
  if (sample.layout === 'values' || (raw.layout === 'values' && sample.dtype !== 'uint8')) return null;
  return gridOfAxes(raw, repeat, channels);
}

/** @param axis where the channels are, each `repeat` times those of a stored sample */
function gridOfAxes(raw: Preprocessing['raw'], repeat: number, axis: Preprocessing['channels']): PixelGrid {
  const [a = 1, b = 1, c = 1] = raw.shape;
  const [height, width, stored] = raw.layout === 'CHW' ? [b, c, a] : [a, b, c];
  const channels = stored * repeat;
  return axis === 'first' || channels === 1
    ? { height, width, channels, plane: height * width, row: width, pixel: 1 }
    : { height, width, channels, plane: 1, row: width * channels, pixel: channels };
}

/** Left to right, in place. */
function mirror(picture: StoredValues, { height, width, channels, plane, row, pixel }: PixelGrid): void {
  for (let c = 0; c < channels; c += 1) {
    for (let y = 0; y < height; y += 1) {
      for (let [left, right] = [0, width - 1]; left < right; left += 1, right -= 1) {
        const start = c * plane + y * row;
        const [here, there] = [start + left * pixel, start + right * pixel];
        const kept = picture[here] ?? 0;
        picture[here] = picture[there] ?? 0;
        picture[there] = kept;
      }
    }
  }
}

interface Shift {
  readonly down: number;
  readonly right: number;
}

/** The place of a cut-out of the picture's own size in the picture with its border, seen from the middle one. */
function drawShift({ height, width }: PixelGrid, random: Random): Shift {
  const within = (border: number): number => random.below(2 * border + 1) - border;
  return { down: within(Math.round(height / 8)), right: within(Math.round(width / 8)) };
}

/** Pixel (y, x) becomes what (y + down, x + right) was, and blank where that lies in the border. */
function moveBy(
  from: StoredValues,
  into: StoredValues,
  blank: StoredValues,
  { height, width, channels, plane, row, pixel }: PixelGrid,
  { down, right }: Shift,
): void {
  for (let c = 0; c < channels; c += 1) {
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const at = c * plane + y * row + x * pixel;
        const [v, u] = [y + down, x + right];
        const isInside = v >= 0 && v < height && u >= 0 && u < width;
        into[at] = (isInside ? from[at + down * row + right * pixel] : blank[at]) ?? 0;
      }
    }
  }
}

/**
 * Blanks a rectangle of a share of the area from [0.02, 1/3] and a ratio of its sides from [0.3, 1 / 0.3] (evenly in its
 * logarithm), at a random place: Zhong et al., "Random Erasing Data Augmentation", arXiv 1708.04896. One that
 * does not fit in ten attempts is left out.
 */
function eraseIn(
  picture: StoredValues,
  blank: StoredValues,
  { height, width, channels, plane, row, pixel }: PixelGrid,
  random: Random,
): void {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const area = (0.02 + (1 / 3 - 0.02) * random.uniform()) * height * width;
    const ratio = Math.exp(Math.log(0.3) * (1 - 2 * random.uniform()));
    const [tall, wide] = [Math.round(Math.sqrt(area * ratio)), Math.round(Math.sqrt(area / ratio))];
    if (tall < 1 || wide < 1 || tall >= height || wide >= width) continue;
    const [top, left] = [random.below(height - tall + 1), random.below(width - wide + 1)];
    for (let c = 0; c < channels; c += 1) {
      for (let y = top; y < top + tall; y += 1) {
        for (let x = left; x < left + wide; x += 1) {
          const at = c * plane + y * row + x * pixel;
          picture[at] = blank[at] ?? 0;
        }
      }
    }
    return;
  }
}
