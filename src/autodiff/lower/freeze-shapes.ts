import { clone, create } from '@bufbuild/protobuf';
import { GraphProtoSchema, type ModelProto, ModelProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { intAttribute, subgraphsOf } from '../../model/attributes.js';
import type { Graph, NodeProto } from '../../model/graph.js';
import { DataType, elementCount, int64Tensor, rawTensor, type TensorProto } from '../../model/tensor.js';
import { runOnce, type Tensor } from '../../runtime/session.js';

/** Operators that give other values in every run. */
const random: ReadonlySet<string> = new Set([
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Multinomial',
  'Bernoulli',
]);

/** A value of more elements stays computed: masks and zeros that would only make the graph larger. */
const largestFolded = 1 << 16;

/**
 * Replaces Shape and Size by the shapes that were observed, and folds what then depends on constants alone (targets of
 * Reshape, ends of Slice, conditions on shapes) through one run of ONNX Runtime.
 *
 * Requires: `shapes` of every value, observed at the batch size that the graph is to run at from now on; `kept`, the
 * initializers that stay apart because they are trained. Ensures: the same values under the same names at these shapes;
 * folded values are initializers. Returns how many nodes were folded.
 */
export async function freezeShapes(
  graph: Graph,
  shapes: ReadonlyMap<string, readonly number[]>,
  kept: ReadonlySet<string>,
): Promise<number> {
  const frozen: NodeProto[] = [];
  for (const node of [...graph.nodes]) {
    const tensor = node.domain === '' ? observed(node, shapes) : undefined;
    if (tensor === undefined || node.output.some((output) => graph.isOutput(output))) continue;
    graph.remove(node);
    graph.addInitializer(tensor);
    frozen.push(node);
  }

  const folded: NodeProto[] = [];
  const known = new Set<string>();
  const isKnown = (value: string): boolean =>
    value === '' || known.has(value) || (!kept.has(value) && graph.constant(value) !== undefined);
  for (const node of graph.nodes) {
    if (node.domain !== '' || random.has(node.opType) || node.opType === 'Constant') continue;
    if (subgraphsOf(node).length > 0 || !node.input.every(isKnown)) continue;
    const isSmall = (output: string) => elementCount(shapes.get(output) ?? [Number.POSITIVE_INFINITY]) <= largestFolded;
    if (!node.output.every((output) => output === '' || (isSmall(output) && !graph.isOutput(output)))) continue;
    folded.push(node);
    for (const output of node.output) known.add(output);
  }
  if (folded.length === 0) return frozen.length;

  // values that only folded nodes read need not be kept
  const isReadElsewhere = (value: string) => graph.uses(value).some(({ node }) => !folded.includes(node));
  const wanted = folded.flatMap(({ output }) => output.filter((value) => value !== '' && isReadElsewhere(value)));
  const results = wanted.length > 0 ? await runOnce(constantPart(graph, folded, wanted), {}) : {};
  const tensors = new Map(wanted.map((value) => [value, toTensor(value, results[value])]));
  if ([...tensors.values()].includes(undefined)) return frozen.length;
  for (const node of folded.toReversed()) graph.remove(node);
  for (const tensor of tensors.values()) if (tensor !== undefined) graph.addInitializer(tensor);
  return frozen.length + folded.length;
}

/** What a Shape or Size node computes at the observed shapes. */
function observed(node: NodeProto, shapes: ReadonlyMap<string, readonly number[]>): TensorProto | undefined {
  const shape = shapes.get(node.input[0] ?? '');
  const name = node.output[0] ?? '';
  if (shape === undefined) return undefined;
  if (node.opType === 'Size') return int64Tensor(name, [], [elementCount(shape)]);
  if (node.opType !== 'Shape') return undefined;
  const dims = shape.slice(intAttribute(node, 'start', 0), intAttribute(node, 'end', shape.length));
  return int64Tensor(name, [dims.length], dims);
}

/** A model of the folded nodes alone, with the constants they read and the wanted values as its outputs. */
function constantPart(graph: Graph, nodes: readonly NodeProto[], wanted: readonly string[]): ModelProto {
  const read = new Set(nodes.flatMap(({ input }) => input));
  const constants = graph.nodes.filter(({ opType, output }) => opType === 'Constant' && read.has(output[0] ?? ''));
  const { irVersion, opsetImport } = graph.model;
  return clone(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion,
      opsetImport,
      graph: create(GraphProtoSchema, {
        name: 'constants',
        node: [...constants, ...nodes],
        initializer: graph.proto.initializer.filter(({ name }) => read.has(name)),
        output: wanted.map((name) => create(ValueInfoProtoSchema, { name })),
      }),
    }),
  );
}

/** An initializer with a result's values; undefined for an element type that folding does not need. */
function toTensor(name: string, result: Tensor | undefined): TensorProto | undefined {
  const data = result?.data;
  const dims = result?.dims ?? [];
  switch (result?.type) {
    case 'float32':
      return data instanceof Float32Array ? rawTensor(name, DataType.FLOAT, dims, data.slice()) : undefined;
    case 'float64':
      return data instanceof Float64Array ? rawTensor(name, DataType.DOUBLE, dims, data.slice()) : undefined;
    case 'int64':
      return data instanceof BigInt64Array ? rawTensor(name, DataType.INT64, dims, data.slice()) : undefined;
    case 'int32':
      return data instanceof Int32Array ? rawTensor(name, DataType.INT32, dims, data.slice()) : undefined;
    case 'bool':
      return data instanceof Uint8Array ? rawTensor(name, DataType.BOOL, dims, data.slice()) : undefined;
    default:
      return undefined;
  }
}
