import { Failure } from '../contract/failure.js';
import type { MaskTargets, Targets } from './dataset.js';
import { maskStore } from './masks.js';

/** Targets that are numbers of which a sample has more than a row. */
export type DenseTargets = Extract<Targets, { kind: 'values' }> & { readonly shape: readonly number[] };

/** Where the pixels of such targets lie, and how many numbers each has. */
export interface DenseLayout {
  readonly height: number;
  readonly width: number;
  readonly columns: number;
  /** [columns, height, width] or [height, width, columns]; one column lies at either */
  readonly axis: 'first' | 'last';
}

/** What arrays of numbers that are no masks as they stand say of the classes of pixels. */
export type DenseClasses =
  /** one number a pixel, whole ones from 0: those that occur, ascending */
  | (DenseLayout & { readonly kind: 'numbers'; readonly values: readonly number[] })
  /**
   * a column for each class, of which a pixel has at most one. `unmarked`: the first sample with a pixel that has none; null where every pixel
   * is of one class
   */
  | (DenseLayout & { readonly kind: 'one-hot'; readonly unmarked: number | null });

/** No mask of ours holds more. */
const mostValues = 2 ** 16;

export function isDense(targets: Targets): targets is DenseTargets {
  return targets.kind === 'values' && targets.shape !== undefined && targets.shape.length > 1;
}

/**
 * What numbers for each pixel say of classes; null where they are amounts, or several classes may hold at once.
 * @param fits which of the ways in which the axes may lie are looked at
 */
export function denseClasses(targets: DenseTargets, fits: (layout: DenseLayout) => boolean): DenseClasses | null {
  const values = wholeNumbers(targets.values);
  if (values === null) return null;
  const found = layoutsOf(targets.shape)
    .filter(fits)
    .flatMap((layout): DenseClasses[] => {
      if (layout.columns === 1) return [{ kind: 'numbers', ...layout, values }];
      if (!isTwo(values)) return [];
      const unmarked = unmarkedIn(targets, layout);
      return unmarked === 'several' ? [] : [{ kind: 'one-hot', ...layout, unmarked }];
    });
  // where every pixel has its class along one axis alone, the other one is none of classes
  const whole = found.filter((each) => each.kind === 'numbers' || each.unmarked === null);
  return whole[0] ?? found[0] ?? null;
}

/** Whether values are those of black and white masks, 0 and 1 or 0 and 255. */
export const isTwo = (values: readonly number[]): boolean =>
  values.every((value) => value === 0 || value === 1) || values.every((value) => value === 0 || value === 255);

/**
 * Whether every row, or every column, of every sample has exactly one number that is not 0: then [T, K] is the class of each step of a
 * sequence rather than a map of T x K pixels.
 */
export function isOneHotSequence({ values, shape, width: size }: DenseTargets): boolean {
  const [rows = 0, columns = 0, ...others] = shape;
  if (others.length > 0) return false;
  const marked = (at: number, stride: number, count: number): number => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += Number(values[at + i * stride] !== 0);
    return sum;
  };
  const everySample = (isOne: (at: number) => boolean): boolean => {
    for (let at = 0; at < values.length; at += size) if (!isOne(at)) return false;
    return true;
  };
  const all = (count: number, isOne: (i: number) => boolean) => Array.from({ length: count }, (_, i) => i).every(isOne);
  return (
    everySample((at) => all(rows, (row) => marked(at + row * columns, 1, columns) === 1)) ||
    everySample((at) => all(columns, (column) => marked(at + column, columns, rows) === 1))
  );
}

/** Every value, ascending; null where one is no whole number from 0 to 65535. */
function wholeNumbers(all: Float32Array): readonly number[] | null {
  const seen = new Uint8Array(mostValues);
  for (const value of all) {
    if (!(Number.isInteger(value) && value >= 0 && value < mostValues)) return null;
    seen[value] = 1;
  }
  return Array.from(seen.keys()).filter((value) => seen[value] === 1);
}

function layoutsOf(shape: readonly number[]): readonly DenseLayout[] {
  const [a = 0, b = 0, c = 0] = shape;
  const layouts: readonly DenseLayout[] =
    shape.length === 2
      ? [{ columns: 1, height: a, width: b, axis: 'first' }]
      : shape.length === 3
        ? [
            { columns: a, height: b, width: c, axis: 'first' },
            { columns: c, height: a, width: b, axis: 'last' },
          ]
        : [];
  return layouts.filter(({ height, width }) => height > 1 && width > 1);
}

/** The first sample with a pixel of no class; null: there is none; 'several': a pixel is of two classes. */
function unmarkedIn({ values, width: size }: DenseTargets, layout: DenseLayout): number | null | 'several' {
  const pixels = layout.height * layout.width;
  let unmarked: number | null = null;
  for (let at = 0; at < values.length; at += size) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      let marked = 0;
      for (let column = 0; column < layout.columns; column++) {
        marked += Number(values[at + place(layout, pixels, pixel, column)] !== 0);
      }
      if (marked > 1) return 'several';
      if (marked === 0) unmarked ??= at / size;
    }
  }
  return unmarked;
}

function place({ columns, axis }: DenseLayout, pixels: number, pixel: number, column: number): number {
  return axis === 'first' ? column * pixels + pixel : pixel * columns + column;
}

/** Of the same numbers, the same masks: they are asked for wherever targets are. */
const made = new WeakMap<Float32Array, MaskTargets>();

/**
 * Such targets as masks, the number of the class for each pixel, for a model that tells so many classes apart.
 * @throws Failure('input') for other numbers than those of classes, and for pixels that are of no class
 */
export function denseMasks(targets: DenseTargets, classes: number, path: string): MaskTargets {
  const known = made.get(targets.values);
  if (known !== undefined) return known;
  const found = denseClasses(targets, ({ columns }) => columns === 1 || columns === classes);
  if (found === null) {
    throw new Failure('input', {
      what: `${path}: its targets, [samples, ${targets.shape.join(', ')}], are not the classes of pixels, of which the model knows ${classes}.`,
      cure: 'Save the masks of all parts alike.',
      settings: ['data', 'test'],
      written: 'nothing',
    });
  }
  const masks = masksOf(targets, found, path);
  made.set(targets.values, masks);
  return masks;
}

function masksOf(targets: DenseTargets, classes: DenseClasses, path: string): MaskTargets {
  if (classes.kind === 'one-hot' && classes.unmarked !== null) throw unmarkedPixel(path, classes.unmarked);
  const { height, width, columns } = classes;
  const pixels = height * width;
  const count = targets.values.length / targets.width;
  const highest = classes.kind === 'numbers' ? (classes.values.at(-1) ?? 0) : columns - 1;
  const stored = highest > 255 ? new Uint16Array(count * pixels) : new Uint8Array(count * pixels);
  for (let sample = 0; sample < count; sample++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      const own = (column: number) =>
        targets.values[sample * targets.width + place(classes, pixels, pixel, column)] ?? 0;
      let value = own(0);
      if (classes.kind === 'one-hot') {
        value = 0;
        while (own(value) === 0) value++;
      }
      stored[sample * pixels + pixel] = value;
    }
  }
  return {
    kind: 'mask',
    map: null,
    store: maskStore({
      path,
      count,
      values: [...new Set(stored)].sort((a, b) => a - b),
      shape: [height, width],
      name: (index) => `${path}: the mask of sample ${index}`,
      read: async (index) => ({ values: stored.subarray(index * pixels, (index + 1) * pixels), height, width }),
      bytes: async (index) => {
        const own = stored.subarray(index * pixels, (index + 1) * pixels);
        return new Uint8Array(own.buffer, own.byteOffset, own.byteLength);
      },
    }),
  };
}

export function unmarkedPixel(path: string, sample: number): Failure {
  return new Failure('input', {
    what: `${path}: its targets have a column for each class, and a pixel of sample ${sample} is of none.`,
    cure: 'Save a column for what is none of the classes, or the number of the class for each pixel, with 255 for pixels of none; or say that each column is a label of its own.',
    settings: ['data', ['task', 'multilabel']],
    ways: [{ name: 'each column is a label of its own', settings: [['task', 'multilabel']] }],
    written: 'nothing',
  });
}
