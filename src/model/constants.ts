import { intAttribute, intsAttribute } from './attributes.js';
import { type Graph, inputName, isStandard, type NodeProto, optionalInput } from './graph.js';
import {
  dimsOf,
  elementCount,
  isExternal,
  isFloat,
  readDoubles,
  readIntegers,
  readTensor,
  type TensorProto,
} from './tensor.js';

/** A value that no input of the model can change, seen through the operators that exporters leave between a weight and its reader. */
export interface Constant {
  readonly dims: readonly number[];
  /** the ONNX element type */
  readonly dataType: number;
  /**
   * The elements in row-major order, as they stand in the graph now.
   * @throws Error when they are not floating-point, or lie in an external file that has not been loaded
   */
  read(): Float64Array;
}

/** Operators of one parameter that are seen through; each computes the dims, and the elements when they are asked for. */
const views: Readonly<Record<string, (graph: Graph, node: NodeProto, from: Constant) => Constant | undefined>> = {
  Identity: (_graph, _node, from) => from,
  Cast: (_graph, node, from) => {
    const to = intAttribute(node, 'to', 0);
    return isFloat(to) && isFloat(from.dataType) ? { ...from, dataType: to } : undefined;
  },
  Flatten: (_graph, node, { dims, ...from }) => {
    const axis = intAttribute(node, 'axis', 1);
    const at = axis < 0 ? axis + dims.length : axis;
    return { ...from, dims: [elementCount(dims.slice(0, at)), elementCount(dims.slice(at))] };
  },
  Reshape: (graph, node, { dims, ...from }) => {
    const shape = integersAt(graph, node, 1)?.map((dim, i) => (dim === 0 ? (dims[i] ?? 0) : dim));
    if (shape === undefined) return undefined;
    const known = elementCount(shape.filter((dim) => dim >= 0));
    return { ...from, dims: shape.map((dim) => (dim < 0 ? elementCount(dims) / known : dim)) };
  },
  Squeeze: (graph, node, { dims, ...from }) => {
    const axes = axesOf(graph, node)?.map((axis) => (axis < 0 ? axis + dims.length : axis));
    return { ...from, dims: dims.filter((dim, axis) => (axes === undefined ? dim !== 1 : !axes.includes(axis))) };
  },
  Unsqueeze: (graph, node, { dims, ...from }) => {
    const axes = axesOf(graph, node);
    if (axes === undefined) return undefined;
    const rank = dims.length + axes.length;
    const added = axes.map((axis) => (axis < 0 ? axis + rank : axis));
    const rest = [...dims];
    return {
      ...from,
      dims: Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : (rest.shift() ?? 1))),
    };
  },
  Transpose: (_graph, node, from) => {
    const perm = intsAttribute(node, 'perm') ?? from.dims.map((_, axis) => from.dims.length - 1 - axis);
    const dims = perm.map((axis) => from.dims[axis] ?? 1);
    return { dims, dataType: from.dataType, read: () => transpose(from.read(), from.dims, perm) };
  },
};

/** The constant behind a value, or undefined where the value depends on an input, or on an operator that is not seen through. */
export function constantOf(graph: Graph, value: string): Constant | undefined {
  const tensor = graph.constant(value);
  if (tensor !== undefined) {
    return { dims: dimsOf(tensor), dataType: tensor.dataType, read: () => readDoubles(tensor) };
  }
  const node = graph.producer(value);
  const view = node !== undefined && isStandard(node) ? views[node.opType] : undefined;
  if (node === undefined || view === undefined) return undefined;
  const from = constantOf(graph, inputName(node, 0));
  return from && view(graph, node, from);
}

/** The number in a constant of one element; undefined for anything else, and where its external data is not loaded. */
export function numberOf(tensor: TensorProto | undefined): number | undefined {
  if (tensor === undefined || isExternal(tensor) || elementCount(dimsOf(tensor)) !== 1) return undefined;
  return isFloat(tensor.dataType) ? readDoubles(tensor)[0] : Number(readTensor(tensor)[0]);
}

/** The integers that a node reads as one of its inputs (shapes, axes, pads), where they are constant. */
export function integersAt(graph: Graph, node: NodeProto, input: number): number[] | undefined {
  const value = optionalInput(node, input);
  const tensor = value === null ? undefined : graph.constant(value);
  return tensor === undefined || isExternal(tensor) ? undefined : readIntegers(tensor);
}

/** The axes of a Squeeze, Unsqueeze or Reduce: an attribute in older op sets, input 1 in newer ones. */
export function axesOf(graph: Graph, node: NodeProto): number[] | undefined {
  return intsAttribute(node, 'axes') ?? integersAt(graph, node, 1);
}

/** `values` of shape `dims` with axis i of the result being axis `perm[i]`. */
function transpose(values: Float64Array, dims: readonly number[], perm: readonly number[]): Float64Array {
  const strides = dims.map((_, axis) => elementCount(dims.slice(axis + 1)));
  const innermostFirst = perm.map((axis) => ({ size: dims[axis] ?? 1, stride: strides[axis] ?? 0, at: 0 })).reverse();
  const result = new Float64Array(values.length);
  let source = 0;
  for (let i = 0; i < result.length; i++) {
    result[i] = values[source] ?? 0;
    for (const axis of innermostFirst) {
      source += axis.stride;
      if (++axis.at < axis.size) break;
      source -= axis.stride * axis.size;
      axis.at = 0;
    }
  }
  return result;
}
