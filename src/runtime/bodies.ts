import { create } from '@bufbuild/protobuf';
import { type GraphProto, GraphProtoSchema, ModelProtoSchema } from 'onnx-buf';
import { intAttribute, intsAttribute } from '../model/attributes.js';
import { capturedBy, Graph, makeNode, type NodeProto, tensorValue } from '../model/graph.js';
import { DataType, elementCount, readTensor, type TensorProto } from '../model/tensor.js';
import { Tensor } from './session.js';

/**
 * What a body reads in its first round, by the names that it has there: what is handed in, and what it takes from outside. Null for a
 * node whose bodies run in another way than those of If, Loop and Scan, or whose inputs are no tensors.
 * @param values of the graph around, those that the node and its bodies read; constants may be left out
 */
export function bodyFeeds(
  graph: Graph,
  node: NodeProto,
  body: GraphProto,
  values: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> | null {
  const tensorOf = (name: string): Tensor | undefined => values[name] ?? constantTensor(graph.constant(name));
  const given = handedIn(node, tensorOf);
  if (given === null || given.length !== body.input.length) return null;
  const feeds: Record<string, Tensor> = {};
  for (const [i, { name }] of body.input.entries()) {
    const tensor = given[i];
    if (tensor === undefined) return null;
    feeds[name] = tensor;
  }
  for (const name of capturedBy(node)) {
    const tensor = graph.initializer(name) === undefined ? tensorOf(name) : undefined;
    if (tensor !== undefined) feeds[name] = tensor;
  }
  return feeds;
}

/** A body as a model: what it is fed with are its inputs, the initializers around it are its own. */
export function bodyModel(graph: Graph, body: GraphProto, feeds: Readonly<Record<string, Tensor>>): Graph {
  const bare = Object.assign(create(GraphProtoSchema), body);
  const own = new Set(bare.initializer.map(({ name }) => name));
  const outer = namesRead(body).flatMap((name) => (own.has(name) ? [] : (graph.initializer(name) ?? [])));
  bare.initializer = [...bare.initializer, ...outer];
  bare.input = Object.entries(feeds).map(([name, { type, dims }]) => tensorValue(name, elementTypes[type] ?? 0, dims));
  const { irVersion, opsetImport, functions } = graph.model;
  return new Graph(Object.assign(create(ModelProtoSchema), { irVersion, opsetImport, functions, graph: bare }));
}

function namesRead(body: GraphProto): string[] {
  const holder = makeNode('If', [], [], { body: { graph: body } });
  return [...capturedBy(holder)];
}

type TensorOf = (name: string) => Tensor | undefined;

function handedIn(node: NodeProto, tensorOf: TensorOf): (Tensor | undefined)[] | null {
  switch (node.opType) {
    case 'If':
      return [];
    case 'Loop': {
      const states = node.input.slice(2).map(tensorOf);
      return [new Tensor('int64', BigInt64Array.of(0n), []), new Tensor('bool', Uint8Array.of(1), []), ...states];
    }
    case 'Scan': {
      const count = intAttribute(node, 'num_scan_inputs', 1);
      const states = node.input.slice(0, -count).map(tensorOf);
      const axes = intsAttribute(node, 'scan_input_axes') ?? [];
      const slices = node.input.slice(-count).map((name, i) => {
        const tensor = tensorOf(name);
        return tensor && zerosWithout(tensor, axes[i] ?? 0);
      });
      return [...states, ...slices];
    }
    default:
      return null;
  }
}

/** Zeros of a tensor's type and shape, less one axis. */
function zerosWithout({ type, dims, data }: Tensor, axis: number): Tensor | undefined {
  if (Array.isArray(data)) return undefined;
  const rest = dims.filter((_, i) => i !== (axis < 0 ? axis + dims.length : axis));
  const zeros: typeof data = Reflect.construct(data.constructor, [elementCount(rest)]);
  return new Tensor(type, zeros, rest);
}

const elementTypes: Readonly<Partial<Record<Tensor.Type, DataType>>> = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  float16: DataType.FLOAT16,
  int64: DataType.INT64,
  int32: DataType.INT32,
  int16: DataType.INT16,
  int8: DataType.INT8,
  uint8: DataType.UINT8,
  bool: DataType.BOOL,
};

/** A constant as ONNX Runtime is fed with it; undefined for types that bodies are not fed with. */
function constantTensor(tensor: TensorProto | undefined): Tensor | undefined {
  if (tensor === undefined) return undefined;
  const dims = tensor.dims.map(Number);
  const values = readTensor(tensor);
  switch (tensor.dataType) {
    case DataType.FLOAT:
      return new Tensor('float32', Float32Array.from(values, Number), dims);
    case DataType.INT64:
      return new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
    case DataType.INT32:
      return new Tensor('int32', Int32Array.from(values, Number), dims);
    case DataType.BOOL:
      return new Tensor('bool', Uint8Array.from(values, Number), dims);
    default:
      return undefined;
  }
}
