/** A tensor of float64, row-major. */
export interface Tensor {
  readonly dims: readonly number[];
  readonly values: Float64Array;
}

/** The numbers of one axis of a window: its size, stride and dilation, and what is read before and behind the input. */
export interface Window {
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly behind: number;
}

export type Windows = readonly [Window, Window];

/** One number for all channels of axis 1, or one for each. */
export type PerChannel = readonly number[];

export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, size) => product * size, 1);
}

function tensor(dims: readonly number[], element: (position: readonly number[]) => number): Tensor {
  const values = new Float64Array(sizeOf(dims));
  const position = dims.map(() => 0);
  for (let at = 0; at < values.length; at++) {
    values[at] = element(position);
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      position[axis] = (position[axis] ?? 0) + 1;
      if ((position[axis] ?? 0) < (dims[axis] ?? 1)) break;
      position[axis] = 0;
    }
  }
  return { dims, values };
}

/** The element at a position, which is cut to the tensor's rank from the left; an axis of extent 1 stands for any. */
function elementAt({ dims, values }: Tensor, position: readonly number[]): number {
  const skipped = position.length - dims.length;
  let at = 0;
  for (const [axis, size] of dims.entries()) at = at * size + (size === 1 ? 0 : (position[axis + skipped] ?? 0));
  return values[at] ?? Number.NaN;
}

function axis(position: readonly number[], at: number): number {
  return position[at] ?? 0;
}

export function map(x: Tensor, change: (value: number, position: readonly number[]) => number): Tensor {
  return tensor(x.dims, (position) => change(elementAt(x, position), position));
}

/** `operation` of two tensors that broadcast as numpy has it. */
export function combine(a: Tensor, b: Tensor, operation: (x: number, y: number) => number): Tensor {
  const rank = Math.max(a.dims.length, b.dims.length);
  const dims = Array.from({ length: rank }, (_, at) => {
    const size = (of: Tensor) => of.dims[at - (rank - of.dims.length)] ?? 1;
    return Math.max(size(a), size(b));
  });
  return tensor(dims, (position) => operation(elementAt(a, position), elementAt(b, position)));
}

/** The extent of a window's output. */
export function extent(size: number, window: Window): number {
  const reach = (window.size - 1) * window.dilation + 1;
  return Math.floor((size + window.before + window.behind - reach) / window.stride) + 1;
}

/** x [N, C, H, W] with `around` at the places before and behind its two last axes, or what lies nearest to them (null). */
export function padded(x: Tensor, windows: Windows, around: PerChannel | null): Tensor {
  const [n = 1, c = 1, h = 1, w = 1] = x.dims;
  const [rows, columns] = windows;
  const clamp = (at: number, size: number) => Math.min(Math.max(at, 0), size - 1);
  return tensor(
    [n, c, h + rows.before + rows.behind, w + columns.before + columns.behind],
    ([i = 0, k = 0, r = 0, s = 0]) => {
      const [y, z] = [r - rows.before, s - columns.before];
      const inside = y >= 0 && y < h && z >= 0 && z < w;
      return inside || around === null ? elementAt(x, [i, k, clamp(y, h), clamp(z, w)]) : channelOf(around, k);
    },
  );
}

export function channelOf(values: PerChannel, channel: number): number {
  return (values.length === 1 ? values[0] : values[channel]) ?? Number.NaN;
}

/** What an operator makes of each window of x [N, C, H, W], whose padding is `around`; `fold` gets the window's values. */
export function pooled(
  x: Tensor,
  windows: Windows,
  around: PerChannel,
  fold: (values: readonly number[]) => number,
): Tensor {
  const [n = 1, c = 1, h = 1, w = 1] = x.dims;
  const wide = padded(x, windows, around);
  const [rows, columns] = windows;
  return tensor([n, c, extent(h, rows), extent(w, columns)], ([i = 0, k = 0, r = 0, s = 0]) => {
    const values: number[] = [];
    for (let y = 0; y < rows.size; y++) {
      for (let z = 0; z < columns.size; z++) {
        values.push(elementAt(wide, [i, k, r * rows.stride + y, s * columns.stride + z]));
      }
    }
    return fold(values);
  });
}

/** Cross-correlation: x [N, C, H, W], weights [M, C / groups, R, S], a bias [M] or none. */
export function conv(
  x: Tensor,
  weights: Tensor,
  bias: Tensor | undefined,
  groups: number,
  windows: Windows,
  around: PerChannel,
): Tensor {
  const [n = 1, , h = 1, w = 1] = x.dims;
  const [m = 1, perGroup = 1] = weights.dims;
  const wide = padded(x, windows, around);
  const [rows, columns] = windows;
  return tensor([n, m, extent(h, rows), extent(w, columns)], ([i = 0, k = 0, r = 0, s = 0]) => {
    const first = Math.floor(k / (m / groups)) * perGroup;
    let sum = bias === undefined ? 0 : (bias.values[k] ?? Number.NaN);
    for (let c = 0; c < perGroup; c++) {
      for (let y = 0; y < rows.size; y++) {
        for (let z = 0; z < columns.size; z++) {
          const at = [i, first + c, r * rows.stride + y * rows.dilation, s * columns.stride + z * columns.dilation];
          sum += elementAt(wide, at) * elementAt(weights, [k, c, y, z]);
        }
      }
    }
    return sum;
  });
}

/** The transpose of a convolution of stride 1 over x [N, C, H, W], weights [C, M, R, S]; `crop` is cut off each side. */
export function convTranspose(x: Tensor, weights: Tensor, bias: Tensor | undefined, crop: number): Tensor {
  const [n = 1, c = 1, h = 1, w = 1] = x.dims;
  const [, m = 1, height = 1, width = 1] = weights.dims;
  return tensor([n, m, h + height - 1 - 2 * crop, w + width - 1 - 2 * crop], ([i = 0, k = 0, r = 0, s = 0]) => {
    let sum = bias === undefined ? 0 : (bias.values[k] ?? Number.NaN);
    for (let from = 0; from < c; from++) {
      for (let y = 0; y < height; y++) {
        for (let z = 0; z < width; z++) {
          const [row, column] = [r + crop - y, s + crop - z];
          if (row < 0 || row >= h || column < 0 || column >= w) continue;
          sum += elementAt(x, [i, from, row, column]) * elementAt(weights, [from, k, y, z]);
        }
      }
    }
    return sum;
  });
}

/** [..., m, k] times a matrix [k, n]. */
export function matMul(a: Tensor, b: Tensor): Tensor {
  const inner = b.dims[0] ?? 1;
  return tensor([...a.dims.slice(0, -1), b.dims[1] ?? 1], (position) => {
    const [before, last] = [position.slice(0, -1), axis(position, position.length - 1)];
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += elementAt(a, [...before, k]) * elementAt(b, [k, last]);
    return sum;
  });
}

export function transpose(x: Tensor, order: readonly number[]): Tensor {
  return tensor(
    order.map((from) => x.dims[from] ?? 1),
    (position) => {
      const source = x.dims.map((_, from) => axis(position, order.indexOf(from)));
      return elementAt(x, source);
    },
  );
}

export function concat(parts: readonly Tensor[], along: number): Tensor {
  const [first] = parts;
  const total = parts.reduce((sum, { dims }) => sum + (dims[along] ?? 0), 0);
  return tensor(first?.dims.with(along, total) ?? [], (position) => {
    let rest = axis(position, along);
    for (const part of parts) {
      const size = part.dims[along] ?? 0;
      if (rest < size) return elementAt(part, position.with(along, rest));
      rest -= size;
    }
    return Number.NaN;
  });
}

/** The mean over all axes from the third on, which stay with extent 1. */
export function spatialMean(x: Tensor): Tensor {
  const [n = 1, c = 1, ...rest] = x.dims;
  const count = sizeOf(rest);
  return tensor([n, c, ...rest.map(() => 1)], ([i = 0, k = 0]) => {
    const start = (i * c + k) * count;
    return x.values.subarray(start, start + count).reduce((sum, value) => sum + value, 0) / count;
  });
}

/** (x - mean) / sqrt(variance + 1e-5) * scale + beta, per channel of axis 1. */
export function normalized(x: Tensor, parameters: readonly Tensor[]): Tensor {
  const [scale, beta, mean, variance] = parameters.map(({ values }) => values);
  return map(x, (value, position) => {
    const at = axis(position, 1);
    const of = (list: Float64Array | undefined) => list?.[at] ?? Number.NaN;
    return ((value - of(mean)) / Math.sqrt(of(variance) + 1e-5)) * of(scale) + of(beta);
  });
}

/** Of normalizations by an input's own statistics: large, so that rounding is not made larger where all elements are nearly equal. */
export const broadEpsilon = 0.1;

/** Each row of all axes from `from` on, standardized: (x - mean) / sqrt(variance + epsilon). */
export function standardized(x: Tensor, from: number): Tensor {
  const size = sizeOf(x.dims.slice(from));
  const values = new Float64Array(x.values.length);
  for (let start = 0; start < values.length; start += size) {
    const row = x.values.subarray(start, start + size);
    const mean = row.reduce((sum, value) => sum + value, 0) / size;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size;
    for (const [at, value] of row.entries()) {
      values[start + at] = (value - mean) / Math.sqrt(variance + broadEpsilon);
    }
  }
  return { dims: x.dims, values };
}
