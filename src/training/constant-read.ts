import { intsAttribute } from '../model/attributes.js';
import type { Graph, NodeProto } from '../model/graph.js';
import { dimsOf, elementCount, readIntegers } from '../model/tensor.js';

/** A constant that a node reads, through nodes that only rearrange it. */
export interface ConstantRead {
  /** the value's name where the constant stands */
  readonly name: string;
  /** its shape as the node reads it; null where that is not told by the nodes between */
  readonly dims: readonly number[] | null;
}

/** Nodes that give their first input on, its elements at other places. */
const rearranging: ReadonlySet<string> = new Set([
  'Identity',
  'Cast',
  'Transpose',
  'Reshape',
  'Flatten',
  'Unsqueeze',
  'Squeeze',
]);

/** Whether a node gives its first input on, all of it. */
export const isRearranging = ({ opType, domain }: NodeProto): boolean => domain === '' && rearranging.has(opType);

/** The constant behind a value; null where it is computed or fed. Of a body, what stands around it too. */
export function constantRead(graph: Graph, value: string): ConstantRead | null {
  const node = graph.producer(value);
  if (node === undefined && graph.outer !== null && graph.comesFromOutside(value)) {
    return constantRead(graph.outer, value);
  }
  if (node === undefined || node.opType === 'Constant') {
    const tensor = graph.constant(value);
    return tensor === undefined ? null : { name: value, dims: dimsOf(tensor) };
  }
  const [source = ''] = node.input;
  const read = isRearranging(node) ? constantRead(graph, source) : null;
  return read && { name: read.name, dims: read.dims && rearranged(graph, node, read.dims) };
}

function rearranged(graph: Graph, node: NodeProto, dims: readonly number[]): readonly number[] | null {
  switch (node.opType) {
    case 'Identity':
    case 'Cast':
      return dims;
    case 'Transpose': {
      const perm = intsAttribute(node, 'perm') ?? dims.map((_, i) => dims.length - 1 - i);
      return perm.map((axis) => dims[axis] ?? 1);
    }
    case 'Reshape':
      return reshaped(graph, node, dims);
    default:
      return null;
  }
}

function reshaped(graph: Graph, node: NodeProto, dims: readonly number[]): readonly number[] | null {
  const wanted = graph.constant(node.input[1] ?? '');
  if (wanted === undefined) return null;
  const sizes = readIntegers(wanted).map((size, i) => (size === 0 ? (dims[i] ?? 1) : size));
  const known = elementCount(sizes.filter((size) => size > 0));
  return sizes.map((size) => (size < 0 ? elementCount(dims) / known : size));
}
