import { present } from '../../src/contract/present.js';
import { constantOf } from '../../src/model/constants.js';
import type { Graph } from '../../src/model/graph.js';
import type { Site, SiteParameters } from '../../src/model/plan.js';
import { elementCount, floatTensor, writeFloats } from '../../src/model/tensor.js';
import type { Arithmetic, Place } from './arithmetic.js';

/** A constant as numbers, row-major. */
export interface NumberTensor {
  readonly dims: readonly number[];
  readonly values: Float64Array;
}

/** Arithmetic as float64 numbers; what is bound becomes an initializer of the graph, rounded once to its element type. */
export class NumberArithmetic implements Arithmetic<NumberTensor> {
  readonly #parameters: ReadonlyMap<string, SiteParameters>;
  /** constants that readers were given of their own: by their names, the initializers that these read before */
  readonly copies = new Map<string, string>();

  constructor(
    readonly graph: Graph,
    parameters: readonly SiteParameters[],
  ) {
    this.#parameters = new Map(parameters.map((each) => [each.id, each]));
  }

  /** A site without given parameters, or of which one is empty, has zeros. */
  parameter(site: Site, which: 'shift' | 'offset'): NumberTensor | null {
    if (which === 'shift' && site.shift === null) return null;
    const dims =
      site.granularity === 'channel' ? [present(site.channels, `the number of channels of '${site.id}'`)] : [];
    const given = this.#parameters.get(site.id)?.[which];
    if (given === undefined || given.length === 0) return { dims, values: new Float64Array(elementCount(dims)) };
    if (given.length !== elementCount(dims)) {
      throw new Error(`site '${site.id}': its ${which} has ${given.length} values, not ${elementCount(dims)}`);
    }
    return { dims, values: Float64Array.from(given) };
  }

  constant(name: string): NumberTensor {
    const constant = constantOf(this.graph, name);
    if (constant === undefined) throw new Error(`'${name}' is not a constant of the graph`);
    return { dims: constant.dims, values: constant.read() };
  }

  literal(dims: readonly number[], values: readonly number[]): NumberTensor {
    return { dims, values: Float64Array.from(values) };
  }

  add(a: NumberTensor, b: NumberTensor): NumberTensor {
    return broadcast(a, b, (x, y) => x + y);
  }

  multiply(a: NumberTensor, b: NumberTensor): NumberTensor {
    return broadcast(a, b, (x, y) => x * y);
  }

  matMul(a: NumberTensor, b: NumberTensor): NumberTensor {
    const [m, k, n] = [extent(a, a.dims.length - 2), extent(a, a.dims.length - 1), extent(b, b.dims.length - 1)];
    const batch = a.dims.slice(0, -2);
    const values = new Float64Array(elementCount(batch) * m * n);
    for (let row = 0; row < values.length / n; row++) {
      const block = Math.floor(row / m) * k * n;
      for (let i = 0; i < k; i++) {
        const left = a.values[row * k + i] ?? 0;
        for (let j = 0; j < n; j++) {
          values[row * n + j] = (values[row * n + j] ?? 0) + left * (b.values[block + i * n + j] ?? 0);
        }
      }
    }
    return { dims: [...batch, m, n], values };
  }

  sum(a: NumberTensor, axes: readonly number[]): NumberTensor {
    return [...axes].sort((x, y) => y - x).reduce(sumAxis, a);
  }

  reshape(a: NumberTensor, dims: readonly number[]): NumberTensor {
    return { dims, values: a.values };
  }

  gather(vector: NumberTensor, indices: readonly number[]): NumberTensor {
    return { dims: [indices.length], values: Float64Array.from(indices, (index) => vector.values[index] ?? 0) };
  }

  isZero({ values }: NumberTensor): boolean {
    return values.every((value) => value === 0);
  }

  known({ dims, values }: NumberTensor): number | null {
    return dims.length === 0 ? (values[0] ?? null) : null;
  }

  /**
   * In place of the initializer that it replaces, when that is read here alone, keeps its shape, and is no input that a
   * caller could feed; otherwise the reader gets a constant of its own.
   */
  bind({ dims, values }: NumberTensor, { name, dataType, replaces }: Place): string {
    const { graph } = this;
    const standing = replaces === undefined ? undefined : graph.initializer(replaces);
    const own =
      standing !== undefined &&
      graph.uses(standing.name).length === 1 &&
      !graph.isOutput(standing.name) &&
      !graph.isInput(standing.name) &&
      standing.dims.length === dims.length &&
      dims.every((dim, axis) => dim === Number(standing.dims[axis]));
    if (own) {
      writeFloats(standing, values);
      return standing.name;
    }
    const tensor = floatTensor(graph.freshName(name), dims, []);
    tensor.dataType = dataType;
    writeFloats(tensor, values);
    if (standing !== undefined) this.copies.set(tensor.name, standing.name);
    return graph.addInitializer(tensor);
  }
}

function extent({ dims }: NumberTensor, axis: number): number {
  return present(dims[axis], `axis ${axis} of a tensor of shape [${dims}]`);
}

function broadcast(a: NumberTensor, b: NumberTensor, operation: (x: number, y: number) => number): NumberTensor {
  const rank = Math.max(a.dims.length, b.dims.length);
  const sizes = ({ dims }: NumberTensor) => [...Array<number>(rank - dims.length).fill(1), ...dims];
  const [left, right] = [sizes(a), sizes(b)];
  const dims = left.map((size, axis) => (size === 1 ? (right[axis] ?? 1) : size));
  if (right.some((size, axis) => size !== 1 && size !== dims[axis])) {
    throw new Error(`shapes [${a.dims}] and [${b.dims}] do not broadcast`);
  }
  const strides = (from: readonly number[]) =>
    from.map((size, axis) => (size === 1 ? 0 : elementCount(from.slice(axis + 1))));
  const [leftStrides, rightStrides] = [strides(left), strides(right)];
  const values = new Float64Array(elementCount(dims));
  for (let at = 0; at < values.length; at++) {
    let [rest, x, y] = [at, 0, 0];
    for (let axis = rank - 1; axis >= 0; axis--) {
      const size = dims[axis] ?? 1;
      const index = rest % size;
      rest = (rest - index) / size;
      x += index * (leftStrides[axis] ?? 0);
      y += index * (rightStrides[axis] ?? 0);
    }
    values[at] = operation(a.values[x] ?? 0, b.values[y] ?? 0);
  }
  return { dims, values };
}

function sumAxis(tensor: NumberTensor, axis: number): NumberTensor {
  const { dims, values } = tensor;
  const size = extent(tensor, axis);
  const inner = elementCount(dims.slice(axis + 1));
  const outer = elementCount(dims.slice(0, axis));
  const sums = new Float64Array(outer * inner);
  for (let o = 0; o < outer; o++) {
    for (let s = 0; s < size; s++) {
      for (let i = 0; i < inner; i++) {
        const at = o * inner + i;
        sums[at] = (sums[at] ?? 0) + (values[(o * size + s) * inner + i] ?? 0);
      }
    }
  }
  return { dims: dims.filter((_, each) => each !== axis), values: sums };
}
