import type { GraphProto, TensorProto, ValueInfoProto } from 'onnx-buf';
import { subgraphsOf } from '../../model/attributes.js';
import type { Graph, NodeProto } from '../../model/graph.js';
import { bytesOf, DataType, float16ToNumber, readTensor } from '../../model/tensor.js';

/** Attributes that name an element type. */
const typeAttributes: ReadonlySet<string> = new Set(['to', 'dtype', 'output_dtype', 'stash_type']);

/**
 * Makes a model that computes in float16, bfloat16 or double compute in float32: master weights for training. Initializers and
 * constants take float32 values (every half is one, doubles are rounded), inputs and outputs become float32, a Cast to another
 * float a Cast to float32 (which ONNX Runtime drops between floats).
 *
 * Requires: external data loaded. Ensures: the same names; the same function but for the rounding. Returns
 * whether anything was of another float type.
 */
export function toFloat32(graph: Graph): boolean {
  let changed = false;
  const widen = (dataType: number): number => {
    if (!isOther(dataType)) return dataType;
    changed = true;
    return DataType.FLOAT;
  };
  const widenGraph = (proto: GraphProto): void => {
    for (const value of [...proto.input, ...proto.output, ...proto.valueInfo]) widenType(value, widen);
    for (const tensor of proto.initializer) widenTensor(tensor, widen);
    proto.node.forEach(widenNode);
  };
  const widenNode = (node: NodeProto): void => {
    for (const attribute of node.attribute) {
      if (typeAttributes.has(attribute.name)) attribute.i = BigInt(widen(Number(attribute.i)));
      for (const tensor of [attribute.t, ...attribute.tensors]) if (tensor !== undefined) widenTensor(tensor, widen);
    }
    for (const body of subgraphsOf(node)) widenGraph(body);
  };
  widenGraph(graph.proto);
  for (const fn of graph.model.functions) fn.node.forEach(widenNode);
  return changed;
}

/** A float type that is not float32. */
function isOther(dataType: number): boolean {
  return dataType === DataType.FLOAT16 || dataType === DataType.BFLOAT16 || dataType === DataType.DOUBLE;
}

function widenType({ type }: ValueInfoProto, widen: (dataType: number) => number): void {
  if (type?.value.case === 'tensorType') type.value.value.elemType = widen(type.value.value.elemType);
}

function widenTensor(tensor: TensorProto, widen: (dataType: number) => number): void {
  if (!isOther(tensor.dataType)) return;
  const bits = readTensor(tensor);
  if (bits instanceof Float64Array) {
    tensor.rawData = bytesOf(Float32Array.from(bits));
    tensor.doubleData = [];
    tensor.dataType = widen(tensor.dataType);
    return;
  }
  if (!(bits instanceof Uint16Array)) throw new Error(`tensor '${tensor.name}' is not kept in 16 bits`);
  tensor.rawData =
    tensor.dataType === DataType.FLOAT16
      ? bytesOf(Float32Array.from(bits, float16ToNumber))
      : // bfloat16 is the upper half of a float32
        bytesOf(Uint32Array.from(bits, (half) => half * 2 ** 16));
  tensor.int32Data = [];
  tensor.dataType = widen(tensor.dataType);
}
