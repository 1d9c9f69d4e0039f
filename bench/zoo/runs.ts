import { messageOf } from '../../src/contract/failure.js';
import { createRandom } from '../../src/math/random.js';
import type { Graph, ValueInfoProto } from '../../src/model/graph.js';
import { DataType, elementCount } from '../../src/model/tensor.js';
import { openSession, type Tensor } from '../../src/runtime/session.js';
import { floatsOf, tensorOf } from '../../src/runtime/tensors.js';

export interface Difference {
  /** the largest |difference| of an element */
  readonly maxAbsDiff: number;
  /** the largest |output|, which the difference is to be seen against */
  readonly scale: number;
}

/** The outputs of one run, by name. */
type Outputs = ReadonlyMap<string, Float32Array>;

/** What open axes are tried with, in this order: others than the batch, which is 1. */
const extents = [64, 32, 96, 224, 1, 16, 256, 512];

/**
 * A graph's outputs on random inputs, as its nodes say: ONNX Runtime's optimisations are off. Inputs are uniform in [0, 1), integers 0 or 1; open
 * axes have the first extent that the graph runs with. The same for every graph with these inputs.
 * @throws Error with ONNX Runtime's words where it runs with none of them
 */
export async function runAtRandom(graph: Graph): Promise<Outputs> {
  const session = await openSession(graph.model, { graphOptimizationLevel: 'disabled' });
  try {
    const failures: string[] = [];
    for (const extent of extents) {
      // what is fed beside the data, such as a state, often has a batch axis that is not the first
      for (const others of [extent, 1]) {
        try {
          const results = await session.run(feedsOf(graph, extent, others));
          return new Map(Object.entries(results).map(([name, tensor]) => [name, Float32Array.from(floatsOf(tensor))]));
        } catch (cause) {
          failures.push(messageOf(cause));
        }
      }
    }
    throw new Error(failures[0]);
  } finally {
    await session.release();
  }
}

export function differenceOf(expected: Outputs, actual: Outputs): Difference {
  let [maxAbsDiff, scale] = [0, 0];
  for (const [name, values] of expected) {
    const others = actual.get(name);
    if (others?.length !== values.length) throw new Error(`the output '${name}' has another shape`);
    for (const [at, value] of values.entries()) {
      const other = others[at] ?? Number.NaN;
      // two infinities, or two NaNs, agree
      const distance = Object.is(value, other) ? 0 : Math.abs(value - other);
      maxAbsDiff = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : Math.max(maxAbsDiff, distance);
      if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
    }
  }
  return { maxAbsDiff, scale };
}

function feedsOf(graph: Graph, extent: number, others: number): Record<string, Tensor> {
  const random = createRandom(1);
  const inputs = graph.feeds();
  const batch = new Set(inputs.map((input) => axesOf(input)[0]).filter((axis) => typeof axis === 'string'));
  return Object.fromEntries(
    inputs.map((input, at) => {
      const open = at === 0 ? extent : others;
      const dims = axesOf(input).map((axis, position) => {
        if (typeof axis === 'number') return axis;
        return position === 0 || (axis !== '' && batch.has(axis)) ? 1 : open;
      });
      const type = typeOf(input);
      const isFloat = type === DataType.FLOAT || type === DataType.FLOAT16 || type === DataType.DOUBLE;
      const draw = () => (isFloat ? random.uniform() : random.below(2));
      return [input.name, tensorOf(type, Float32Array.from({ length: elementCount(dims) }, draw), dims)];
    }),
  );
}

/** A number, or the name of an axis that is open: '' where it has none. */
function axesOf({ type }: ValueInfoProto): (number | string)[] {
  const dims = type?.value.case === 'tensorType' ? (type.value.value.shape?.dim ?? []) : [];
  return dims.map(({ value }) => {
    if (value.case === 'dimValue' && value.value > 0n) return Number(value.value);
    return value.case === 'dimParam' ? value.value : '';
  });
}

function typeOf({ type }: ValueInfoProto): number {
  return type?.value.case === 'tensorType' ? type.value.value.elemType : DataType.FLOAT;
}
