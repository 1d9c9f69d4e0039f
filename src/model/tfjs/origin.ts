import { elementCount } from '../tensor.js';

/** One reversible rearrangement of a tensor's elements. */
export type LayoutStep =
  | { readonly kind: 'transpose'; readonly perm: readonly number[] }
  | { readonly kind: 'reshape'; readonly shape: readonly number[] }
  /** the axis is cut into `order.length` equal blocks; block i of the result is block order[i] of the source */
  | { readonly kind: 'blocks'; readonly axis: number; readonly order: readonly number[] };

/** The TensorFlow.js weight that an ONNX initializer was made from, and how its elements were rearranged. */
export interface WeightOrigin {
  readonly weight: string;
  readonly steps: readonly LayoutStep[];
}

export interface Rearranged<T> {
  readonly shape: readonly number[];
  readonly values: T;
}

/** The tensor after the steps; `values` itself, not a copy, where no element moves. */
export function rearrange<T extends Float32Array | Int32Array | Uint8Array>(
  values: T,
  shape: readonly number[],
  steps: readonly LayoutStep[],
): Rearranged<T> {
  const map = indexMap(shape, steps);
  if (map.source === null) return { shape: map.shape, values };
  const result = values.slice();
  for (const [i, from] of map.source.entries()) result[i] = values[from] ?? 0;
  return { shape: map.shape, values: sameType(values, result) };
}

/** The weight in its own order from the rearranged elements: the inverse of `rearrange`, bit for bit. `shape` is the weight's own. */
export function restore(values: Float32Array, shape: readonly number[], steps: readonly LayoutStep[]): Float32Array {
  const { source } = indexMap(shape, steps);
  if (source === null) return values;
  const result = new Float32Array(values.length);
  for (const [i, to] of source.entries()) result[to] = values[i] ?? 0;
  return result;
}

/** For each element of the result the index of the source element it is; null: nothing moves. */
function indexMap(
  shape: readonly number[],
  steps: readonly LayoutStep[],
): { readonly shape: readonly number[]; readonly source: Uint32Array | null } {
  let dims = shape;
  let source: Uint32Array | null = null;
  for (const step of steps) {
    if (step.kind === 'reshape') {
      dims = step.shape;
      continue;
    }
    const before: Uint32Array = source ?? Uint32Array.from({ length: elementCount(dims) }, (_, i) => i);
    const taken = step.kind === 'transpose' ? transposeIndices(dims, step.perm) : blockIndices(dims, step);
    source = taken.map((index) => before[index] ?? 0);
    if (step.kind === 'transpose') dims = transposed(dims, step.perm);
  }
  return { shape: dims, source };
}

/** `list` permuted as ONNX's and TensorFlow's Transpose does: entry i of the result is entry perm[i]. */
function transposed<T>(list: readonly T[], perm: readonly number[]): T[] {
  return perm.flatMap((axis) => list.slice(axis, axis + 1));
}

function transposeIndices(shape: readonly number[], perm: readonly number[]): Uint32Array {
  const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
  const outer = transposed(shape, perm);
  const steps = transposed(strides, perm);
  const indices = new Uint32Array(elementCount(shape));
  const position = outer.map(() => 0);
  let index = 0;
  for (let i = 0; i < indices.length; i++) {
    indices[i] = index;
    for (let axis = outer.length - 1; axis >= 0; axis--) {
      const step = steps[axis] ?? 0;
      const next = (position[axis] ?? 0) + 1;
      index += step;
      if (next < (outer[axis] ?? 0)) {
        position[axis] = next;
        break;
      }
      position[axis] = 0;
      index -= step * next;
    }
  }
  return indices;
}

function blockIndices(
  shape: readonly number[],
  { axis, order }: { readonly axis: number; readonly order: readonly number[] },
): Uint32Array {
  const inner = elementCount(shape.slice(axis + 1));
  const length = shape[axis] ?? 1;
  const block = length / order.length;
  return Uint32Array.from({ length: elementCount(shape) }, (_, i) => {
    const along = Math.floor(i / inner) % length;
    const from = (order[Math.floor(along / block)] ?? 0) * block + (along % block);
    return i + (from - along) * inner;
  });
}

/** TypeScript types `slice` of a generic array by its base type; the two arrays are of one class. */
function sameType<T extends Float32Array | Int32Array | Uint8Array>(
  like: T,
  values: Float32Array | Int32Array | Uint8Array,
): T {
  if (!isLike(like, values)) throw new Error('slice changed the type of an array');
  return values;
}

function isLike<T extends object>(like: T, values: object): values is T {
  return values.constructor === like.constructor;
}
