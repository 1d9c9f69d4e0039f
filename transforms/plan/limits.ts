import { findAttribute, intAttribute } from '../../src/model/attributes.js';
import { numberOf } from '../../src/model/constants.js';
import { type Graph, inputName, isStandard, type NodeProto, optionalInput } from '../../src/model/graph.js';
import {
  DataType,
  dimsOf,
  elementCount,
  isExternal,
  isFloat,
  readDoubles,
  readIntegers,
  type TensorProto,
} from '../../src/model/tensor.js';

/** Of more elements no constant is asked: those of 64 KiB are not loaded where a model is only looked at. */
const largestLimit = 1 << 14;

/** Looks a constant up by the name of its value; bodies see those of the graph around them. */
export type ConstantLookup = (value: string) => TensorProto | undefined;

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Nodes that limit a value, element by element. */
export interface Limiter extends Interval {
  readonly input: string;
  /** in an order in which they can be computed; none of them is read by anything else but the last */
  readonly nodes: readonly [NodeProto, ...NodeProto[]];
  readonly named: NodeProto;
  /** why what it gives may be more than the limited value; null where it is exactly that */
  readonly doubt: string | null;
}

export const unbounded: Interval = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

/** A value of which every element is one number. */
interface Uniform {
  readonly number: number;
  /** the element type; null where it is that of what stands beside it (CastLike) */
  readonly dataType: number | null;
  /** null where the graph does not tell */
  readonly shape: readonly number[] | { readonly of: string } | null;
  /** the nodes that compute it, but for a constant */
  readonly nodes: readonly NodeProto[];
}

/** What limits a value: one number, and the nodes that bring it to the value's shape or type, if any. */
export interface Limit {
  readonly number: number;
  readonly nodes: readonly NodeProto[];
  readonly doubt: string | null;
}

/**
 * The number that `value` is in every element, beside `input`. Integer tensors are indices and shapes: limits on those are no
 * activations.
 */
export function limitBeside(graph: Graph, value: string, input: string, constant: ConstantLookup): Limit | undefined {
  const uniform = uniformOf(graph, value, constant);
  if (uniform === undefined) return undefined;
  const { number, dataType, shape, nodes } = uniform;
  if (dataType !== null && !isFloat(dataType)) return undefined;
  return {
    number: unlimited(number, dataType ?? DataType.FLOAT),
    nodes: nodes.some((node) => node.input.includes(input)) ? nodes : [],
    doubt: fits(graph, shape, input) ? null : `'${value}' may be larger than '${input}', which it limits`,
  };
}

/** Exporters write "no limit" as the largest number of the element type. */
export function unlimited(limit: number, dataType: number = DataType.FLOAT): number {
  const largest = dataType === DataType.FLOAT16 ? 65504 : 3.4e38;
  if (limit >= largest) return Number.POSITIVE_INFINITY;
  return limit <= -largest ? Number.NEGATIVE_INFINITY : limit;
}

/** Of a chain of nodes that ends in its last: those that nothing else reads, nor what they lead to. */
export function ownNodes(graph: Graph, chain: readonly NodeProto[], last: NodeProto): [NodeProto, ...NodeProto[]] {
  const own: [NodeProto, ...NodeProto[]] = [last];
  for (const node of chain.toReversed()) {
    const isOwn = node.output.every((output) => {
      return !graph.isOutput(output) && graph.uses(output).every((use) => own.includes(use.node));
    });
    if (isOwn && !own.includes(node)) own.unshift(node);
  }
  return own;
}

function isShapeOf(shape: Uniform['shape']): shape is { readonly of: string } {
  return shape !== null && 'of' in shape;
}

/** Whether a constant of a shape never makes a value larger that it is compared with. */
function fits(graph: Graph, shape: Uniform['shape'], value: string): boolean {
  if (shape === null) return false;
  if (isShapeOf(shape)) return shape.of === value;
  if (elementCount(shape) === 1) return true;
  const declared = [...graph.proto.valueInfo, ...graph.proto.input].find(({ name }) => name === value)?.type?.value;
  const dims = declared?.case === 'tensorType' ? declared.value.shape?.dim : undefined;
  if (dims === undefined || shape.length > dims.length) return false;
  return shape.every((dim, axis) => {
    const size = dims[dims.length - shape.length + axis]?.value;
    return dim === 1 || (size?.case === 'dimValue' && Number(size.value) === dim);
  });
}

function uniformOf(graph: Graph, value: string, constant: ConstantLookup): Uniform | undefined {
  const tensor = constant(value);
  if (tensor !== undefined) {
    const number = sameNumber(tensor);
    return number === undefined ? undefined : { number, dataType: tensor.dataType, shape: dimsOf(tensor), nodes: [] };
  }
  const node = graph.producer(value);
  if (node === undefined || !isStandard(node)) return undefined;
  const from = (): Uniform | undefined => {
    const before = optionalInput(node, 0);
    const uniform = before === null ? undefined : uniformOf(graph, before, constant);
    return uniform && { ...uniform, nodes: [...uniform.nodes, node] };
  };
  const moved = (uniform: Uniform | undefined): Uniform | undefined => {
    const isOne = uniform?.shape != null && !isShapeOf(uniform.shape) && elementCount(uniform.shape) === 1;
    return uniform && { ...uniform, shape: isOne ? [] : null };
  };
  switch (node.opType) {
    case 'Identity':
      return from();
    case 'Cast': {
      const uniform = from();
      return uniform && { ...uniform, dataType: intAttribute(node, 'to', DataType.FLOAT) };
    }
    case 'CastLike': {
      const uniform = from();
      return uniform && { ...uniform, dataType: null };
    }
    case 'Reshape':
    case 'Squeeze':
    case 'Unsqueeze':
    case 'Flatten':
    case 'Transpose':
      return moved(from());
    case 'ConstantOfShape': {
      const filled = findAttribute(node, 'value')?.t;
      const number = filled === undefined ? 0 : numberOf(filled);
      const dataType = filled?.dataType ?? DataType.FLOAT;
      return number === undefined ? undefined : { number, dataType, ...filledShape(graph, node, 0, constant) };
    }
    case 'Expand': {
      const uniform = from();
      const filled = filledShape(graph, node, 1, constant);
      return uniform && { ...uniform, ...filled, nodes: [...uniform.nodes.slice(0, -1), ...filled.nodes] };
    }
    default:
      return undefined;
  }
}

/** The shape that a node fills, with what computes it where that is the shape of another value. */
function filledShape(
  graph: Graph,
  node: NodeProto,
  input: number,
  constant: ConstantLookup,
): Pick<Uniform, 'shape' | 'nodes'> {
  const wanted = inputName(node, input);
  const tensor = constant(wanted);
  if (tensor !== undefined) return { shape: isExternal(tensor) ? null : readIntegers(tensor), nodes: [node] };
  const shapeOf = graph.producer(wanted);
  const isWhole = shapeOf?.opType === 'Shape' && intAttribute(shapeOf, 'start', 0) === 0 && !hasEnd(shapeOf);
  return isWhole ? { shape: { of: inputName(shapeOf, 0) }, nodes: [shapeOf, node] } : { shape: null, nodes: [node] };
}

function hasEnd(node: NodeProto): boolean {
  return findAttribute(node, 'end') !== undefined;
}

/** The number that all elements of a constant are; undefined, too, for one that is larger than the limits that files hold. */
function sameNumber(tensor: TensorProto): number | undefined {
  const count = elementCount(dimsOf(tensor));
  if (isExternal(tensor) || count === 1) return numberOf(tensor);
  if (count === 0 || count > largestLimit) return undefined;
  const [first, ...others] = isFloat(tensor.dataType) ? readDoubles(tensor) : readIntegers(tensor);
  return others.every((value) => value === first) ? first : undefined;
}
