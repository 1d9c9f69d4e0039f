import type { FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto } from 'onnx-buf';
import { Failure } from '../../contract/failure.js';
import { subgraphsOf } from '../attributes.js';
import { capturesOf, describeNode, isStandard } from '../graph.js';
import { DataType, dimsOf, elementCount, isExternal } from '../tensor.js';
import { innerTensors } from './inner.js';

/**
 * Refuses what a parser lets pass and nobody can compute with: tensors whose data do not fit their dims, nodes that wait for each other,
 * functions that call themselves, or each other so often that there is no end to it. Whatever reads the graph afterwards relies on it.
 * @param rawBytes how many bytes of raw data a tensor has, wherever they lie
 * @throws Failure('input')
 */
export function refuseUnsound(
  path: string,
  model: ModelProto,
  rawBytes: (tensor: TensorProto) => number = ({ rawData }) => rawData.byteLength,
): void {
  const wrong = faultOf(model, rawBytes);
  if (wrong === null) return;
  throw new Failure('input', { what: `${path}: ${wrong}.`, cure: 'Export the model again.' });
}

function faultOf(model: ModelProto, rawBytes: (tensor: TensorProto) => number): string | null {
  const { graph, functions } = model;
  for (const tensor of [...(graph?.initializer ?? []), ...innerTensors(model)]) {
    const wrong = tensorFault(tensor, rawBytes(tensor));
    if (wrong !== null) return wrong;
  }
  if (graph === undefined) return null;
  for (const node of listsOf(graph, functions)) {
    // tables by operator are objects, which have members of their own under such names
    const strange = node.find((each) => isStandard(each) && each.opType in Object.prototype);
    if (strange !== undefined) return `${describeNode(strange)} is no operator of ONNX`;
    const waiting = firstInCircle(node);
    if (waiting !== null)
      return `${describeNode(waiting)} needs what is computed from it: the graph goes round in a circle`;
  }
  return functionFault(graph, functions);
}

/** The nodes of the graph, of each function, and of each body in them. */
function listsOf(graph: GraphProto, functions: readonly FunctionProto[]): readonly (readonly NodeProto[])[] {
  const bodies = [...bodiesOf(graph), ...functions.flatMap(({ node }) => node.flatMap(innerBodies))];
  return [...bodies, ...functions].map(({ node }) => node);
}

/** A graph, and the bodies in it. */
function bodiesOf(graph: GraphProto): GraphProto[] {
  return [graph, ...graph.node.flatMap(innerBodies)];
}

function innerBodies(node: NodeProto): GraphProto[] {
  return subgraphsOf(node).flatMap(bodiesOf);
}

/** Bits of an element; of types that are not listed only the sign of the dims is looked at. */
const elementBits: ReadonlyMap<number, number> = new Map([
  [DataType.FLOAT, 32],
  [DataType.UINT8, 8],
  [DataType.INT8, 8],
  [DataType.UINT16, 16],
  [DataType.INT16, 16],
  [DataType.INT32, 32],
  [DataType.INT64, 64],
  [DataType.BOOL, 8],
  [DataType.FLOAT16, 16],
  [DataType.DOUBLE, 64],
  [DataType.UINT32, 32],
  [DataType.UINT64, 64],
  [DataType.COMPLEX64, 64],
  [DataType.COMPLEX128, 128],
  [DataType.BFLOAT16, 16],
  [DataType.FLOAT8E4M3FN, 8],
  [DataType.FLOAT8E4M3FNUZ, 8],
  [DataType.FLOAT8E5M2, 8],
  [DataType.FLOAT8E5M2FNUZ, 8],
  [DataType.UINT4, 4],
  [DataType.INT4, 4],
]);

/** The bytes that a tensor's data take as raw data; null for strings, and for types of which that is not known. */
export function byteLengthOf(tensor: TensorProto): number | null {
  const bits = elementBits.get(tensor.dataType);
  return bits === undefined ? null : Math.ceil((elementCount(dimsOf(tensor)) * bits) / 8);
}

function tensorFault(tensor: TensorProto, rawBytes: number): string | null {
  const dims = dimsOf(tensor);
  const called = `the tensor '${tensor.name}' of shape [${dims.join(', ')}]`;
  if (dims.some((dim) => dim < 0)) return `${called} has a negative dimension`;
  if (!Number.isSafeInteger(elementCount(dims))) return `${called} is larger than any file`;
  if (isExternal(tensor)) return null;
  const expected = byteLengthOf(tensor);
  if (rawBytes > 0) {
    return expected === null || rawBytes === expected
      ? null
      : `${called} needs ${expected} bytes and holds ${rawBytes}`;
  }
  const listed = listedValues(tensor);
  if (listed === null || listed.found === listed.expected) return null;
  return `${called} needs ${listed.expected} values and holds ${listed.found}`;
}

/** How many values the field of the tensor's type holds, and should (onnx.proto, TensorProto); null where that is not known. */
function listedValues(tensor: TensorProto): { readonly found: number; readonly expected: number } | null {
  const count = elementCount(dimsOf(tensor));
  switch (tensor.dataType) {
    case DataType.FLOAT:
      return { found: tensor.floatData.length, expected: count };
    case DataType.COMPLEX64:
      return { found: tensor.floatData.length, expected: 2 * count };
    case DataType.DOUBLE:
      return { found: tensor.doubleData.length, expected: count };
    case DataType.COMPLEX128:
      return { found: tensor.doubleData.length, expected: 2 * count };
    case DataType.INT64:
      return { found: tensor.int64Data.length, expected: count };
    case DataType.UINT32:
    case DataType.UINT64:
      return { found: tensor.uint64Data.length, expected: count };
    case DataType.STRING:
      return { found: tensor.stringData.length, expected: count };
    default:
      return (elementBits.get(tensor.dataType) ?? 0) >= 8 ? { found: tensor.int32Data.length, expected: count } : null;
  }
}

/** A node of a list that can never be computed, since it waits, directly or through others, for itself; null where there is none. */
function firstInCircle(nodes: readonly NodeProto[]): NodeProto | null {
  const producers = new Map(nodes.flatMap((node) => node.output.map((output) => [output, node] as const)));
  producers.delete('');
  const readers = new Map<NodeProto, NodeProto[]>();
  const waitsFor = new Map<NodeProto, number>();
  for (const node of nodes) {
    const read = [...node.input, ...subgraphsOf(node).flatMap((body) => [...capturesOf(body)])];
    const needed = new Set(read.map((value) => producers.get(value)).filter((producer) => producer !== undefined));
    waitsFor.set(node, needed.size);
    for (const producer of needed) {
      const known = readers.get(producer);
      if (known === undefined) readers.set(producer, [node]);
      else known.push(node);
    }
  }
  const ready = nodes.filter((node) => waitsFor.get(node) === 0);
  for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
    waitsFor.delete(node);
    for (const reader of readers.get(node) ?? []) {
      const left = (waitsFor.get(reader) ?? 0) - 1;
      waitsFor.set(reader, left);
      if (left === 0) ready.push(reader);
    }
  }
  return nodes.find((node) => waitsFor.has(node)) ?? null;
}

/** Nodes that local functions may be written out to: beyond that, nothing that runs it comes to an end. */
const mostNodes = 2 ** 20;

function functionFault(graph: GraphProto, functions: readonly FunctionProto[]): string | null {
  const byKey = new Map(functions.map((fn) => [functionKey(fn.domain, fn.name, fn.overload), fn]));
  const called = ({ domain, opType, overload }: NodeProto) => byKey.get(functionKey(domain, opType, overload));
  /** nodes that a function comes to; null while that is being counted */
  const sizes = new Map<FunctionProto, number | null>();
  const sizeOf = (nodes: readonly NodeProto[], depth: number): number => {
    let size = 0;
    for (const node of nodes) {
      for (const body of subgraphsOf(node)) size += sizeOf(body.node, depth);
      const fn = called(node);
      size += fn === undefined ? 1 : sizeOfFunction(fn, depth + 1);
    }
    return size;
  };
  const sizeOfFunction = (fn: FunctionProto, depth: number): number => {
    const known = sizes.get(fn);
    // one that is being counted calls itself
    if (known === null || depth > functions.length) return Number.POSITIVE_INFINITY;
    if (known !== undefined) return known;
    sizes.set(fn, null);
    const size = sizeOf(fn.node, depth);
    sizes.set(fn, size);
    return size;
  };
  if (functions.length > mostFunctions) return `it defines ${functions.length} functions of its own`;
  for (const node of listsOf(graph, functions)) {
    // ONNX Runtime ends the whole process at such a call
    const wrong = node.find((each) => exceeds(each, called(each)));
    if (wrong !== undefined) return `${describeNode(wrong)} has more inputs or outputs than the function that it calls`;
  }
  if (sizeOf(graph.node, 0) <= mostNodes) return null;
  return 'its functions call themselves, or each other more often than can be written out';
}

const functionKey = (domain: string, name: string, overload: string): string =>
  JSON.stringify([domain === 'ai.onnx' ? '' : domain, name, overload]);

function exceeds({ input, output }: NodeProto, fn: FunctionProto | undefined): boolean {
  return fn !== undefined && (input.length > fn.input.length || output.length > fn.output.length);
}

/** Of one model, each of which may call the next: what exporters write are tens. */
const mostFunctions = 2000;
