import type { PixelSize } from '../dataset.js';

/**
 * Where each pixel of a picture that is made smaller comes from, as libvips 8.18 has it (reducev.cpp, reduceh.cpp and the filters of
 * templates.h), to the last bit: its taps are the kernel's, widened by the reduction, at the nearest 1/64 of a pixel.
 */

/** What the pixels along one axis become. */
export interface Reduction {
  /** how many pixels there were */
  readonly size: number;
  /** how many come out */
  readonly count: number;
  /** of one pixel; even, so that they are taken in pairs */
  readonly taps: number;
  /** of each pixel that comes out the position of its first tap, [count]; negative and beyond the end the last pixel is repeated */
  readonly starts: Int32Array;
  /** [count, taps], in 1/4096 */
  readonly weights: Int16Array;
}

export const weightBits = 12;

const phases = 64;

/** From here on libvips takes means of whole pixels first, and a JPEG is decoded to fewer. */
const largestFactor = 4;

type Kernel = Exclude<PixelSize['interpolation'], 'nearest'>;

/** Half the width of a kernel, in pixels that come out, and its values: a tent, Catmull and Rom's spline, sinc windowed by sinc. */
const kernels: Readonly<Record<Kernel, { readonly reach: number; readonly at: (x: number) => number }>> = {
  linear: { reach: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  cubic: { reach: 2, at: (x) => spline(Math.abs(x)) },
  lanczos3: { reach: 3, at: (x) => (Math.abs(x) <= 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function spline(x: number): number {
  const [square, cube] = [x * x, x * x * x];
  if (x <= 1) return (9 * cube - 15 * square + 6) / 6;
  return x <= 2 ? (-3 * cube + 15 * square - 24 * x + 12) / 6 : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** C's rint: a half goes to its even neighbour. */
function rint(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

/**
 * `size` pixels reduced by a factor.
 * @returns null where libvips does something else: enlarges, reduces by more than four, takes the nearest pixel
 */
export function planReduction(
  size: number,
  factor: number,
  interpolation: PixelSize['interpolation'],
): Reduction | null {
  // libvips is told the scale, and turns it round again
  const shrink = 1 / (1 / factor);
  const count = Math.floor(size / shrink + 0.5);
  if (interpolation === 'nearest' || !(shrink >= 1) || count < 1 || size / count >= largestFactor) return null;
  const { reach, at } = kernels[interpolation];
  const width = shrink === 1 ? 1 : 2 * rint(reach * shrink) + 1;
  const taps = width + 1;
  const masks = Array.from({ length: phases + 1 }, (_, phase) => maskOf(at, width, shrink, phase / phases));
  const starts = new Int32Array(count);
  const weights = new Int16Array(count * taps);
  const before = Math.ceil(width / 2) - 1;
  const offset = (1 + (count * shrink - size)) / 2 - 1;
  let from = shrink === 1 ? 0 : 0.5 * shrink - 0.5 - offset;
  for (let i = 0; i < count; i++, from += shrink) {
    starts[i] = Math.trunc(from) - before;
    weights.set(masks[((Math.trunc(from * 2 * phases) % (2 * phases)) + 1) >> 1] ?? [], i * taps);
  }
  return { size, count, taps, starts, weights };
}

/** The weights of the taps of a pixel that lies `phase` beyond the middle one of them. */
function maskOf(at: (x: number) => number, width: number, shrink: number, phase: number): readonly number[] {
  const middle = phase + width / 2 - 1;
  const values = Array.from({ length: width }, (_, i) => (width === 1 ? 1 : at((i - middle) / shrink)));
  const sum = values.reduce((total, value) => total + value, 0);
  return values.map((value) => Math.trunc((value / sum) * (1 << weightBits)));
}
