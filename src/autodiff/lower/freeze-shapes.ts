import { clone, create } from '@bufbuild/protobuf';
import { GraphProtoSchema, type ModelProto, ModelProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { intAttribute, subgraphsOf } from '../../model/attributes.js';
import type { Graph, NodeProto } from '../../model/graph.js';
import { elementCount, int64Tensor, type TensorProto } from '../../model/tensor.js';
import { inputOf, outputOf } from '../operands.js';

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

/** Computes the outputs of a model without inputs, by name; one that it has no tensor for is left out. */
export type Evaluate = (model: ModelProto) => Promise<ReadonlyMap<string, TensorProto>>;

/**
 * Replaces Shape and Size by the shapes that were observed, and folds what then depends on constants alone (targets of
 * Reshape, ends of Slice, conditions on shapes) through one call of `evaluate`.
 *
 * Requires: `shapes` of every value, observed at the batch size that the graph is to run at from now on; `kept`, the
 * initializers that stay apart because they are trained. Ensures: the same values under the same names at these shapes;
 * folded values are initializers. Returns how many nodes were folded.
 */
export async function freezeShapes(
  graph: Graph,
  shapes: ReadonlyMap<string, readonly number[]>,
  kept: ReadonlySet<string>,
  evaluate: Evaluate,
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
  const results =
    wanted.length > 0 ? await evaluate(constantPart(graph, folded, wanted)) : new Map<string, TensorProto>();
  const tensors = wanted.flatMap((value) => results.get(value) ?? []);
  if (tensors.length < wanted.length) return frozen.length;
  for (const node of folded.toReversed()) graph.remove(node);
  for (const tensor of tensors) graph.addInitializer(tensor);
  return frozen.length + folded.length;
}

/** What a Shape or Size node computes at the observed shapes. */
function observed(node: NodeProto, shapes: ReadonlyMap<string, readonly number[]>): TensorProto | undefined {
  if (node.opType !== 'Shape' && node.opType !== 'Size') return undefined;
  const [shape, name] = [shapes.get(inputOf(node, 0)), outputOf(node)];
  if (shape === undefined) return undefined;
  if (node.opType === 'Size') return int64Tensor(name, [], [elementCount(shape)]);
  const dims = shape.slice(intAttribute(node, 'start', 0), intAttribute(node, 'end', shape.length));
  return int64Tensor(name, [dims.length], dims);
}

/** A model of the folded nodes alone, with the constants they read and the wanted values as its outputs. */
function constantPart(graph: Graph, nodes: readonly NodeProto[], wanted: readonly string[]): ModelProto {
  const read = new Set(nodes.flatMap(({ input }) => input));
  const constants = graph.nodes.filter(
    ({ opType, output }) => opType === 'Constant' && output.some((value) => read.has(value)),
  );
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
