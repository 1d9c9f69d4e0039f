import { create } from '@bufbuild/protobuf';
import {
  type TensorShapeProto,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { intAttribute, subgraphsOf } from '../model/attributes.js';
import { capturedBy, type Graph, inputName, makeNode, type NodeProto } from '../model/graph.js';
import { DataType, dimsOf, elementCount, floatTensor, int64Tensor, type TensorProto } from '../model/tensor.js';
import { bodyFeeds, bodyModel } from './bodies.js';
import { openSession, type Tensor } from './session.js';

/** Elements; no shape depends on a value of that many. */
const weights = 4096;

/**
 * The shape of every value of a graph at the shapes of `feeds`, from ONNX Runtime, with no shape inference of our own: what it infers
 * when it opens the graph, and for what depends on values, which it cannot infer, read off one execution. Initializers are included;
 * values that are no tensors are not. Optimisation is off, so that every value of the graph is one that is computed. Values within
 * bodies (If, Loop, Scan) are among them, but for those of a body that does not run by itself: its first round, both branches of an If.
 * Requires names that differ from body to body.
 */
export async function observeShapes(
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Map<string, readonly number[]>> {
  const shapes = new Map<string, readonly number[]>();
  for (const tensor of graph.proto.initializer) shapes.set(tensor.name, dimsOf(tensor));
  for (const [name, tensor] of Object.entries(feeds)) shapes.set(name, tensor.dims);
  const values = tensorsOf(graph);
  const withBodies = graph.nodes.filter((node) => subgraphsOf(node).length > 0);
  if (withBodies.length === 0 && !graph.nodes.some(isRounded)) {
    for (const [value, shape] of await inferShapes(withoutWeights(graph), values, feeds)) shapes.set(value, shape);
  }
  const left = values.filter((value) => !shapes.has(value));
  if (left.length > 0) await runForShapes(graph, left, withBodies, feeds, shapes);
  return shapes;
}

/** Whether the size of what a node gives is rounded, or worked out in reverse: there what is inferred and what is computed may differ by one. */
function isRounded(node: NodeProto): boolean {
  return ['Resize', 'Upsample', 'ConvTranspose'].includes(node.opType) || intAttribute(node, 'ceil_mode', 0) !== 0;
}

/** The shapes that ONNX Runtime infers. An empty one may be of a single number, or of something that it cannot infer: it is left out. */
async function inferShapes(
  graph: Graph,
  values: readonly string[],
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Map<string, readonly number[]>> {
  graph.proto.output = values.map((name) => create(ValueInfoProtoSchema, { name }));
  for (const { name, type } of graph.proto.input) {
    const [dims, tensor] = [feeds[name]?.dims, type?.value];
    if (dims !== undefined && tensor?.case === 'tensorType') tensor.value.shape = staticShape(dims);
  }
  const shapes = new Map<string, readonly number[]>();
  // what does not even open says why when it is run
  const session = await openSession(graph.model, { graphOptimizationLevel: 'disabled' }).catch(() => null);
  for (const output of session?.outputMetadata ?? []) {
    if (!output.isTensor) continue;
    const dims = output.shape.filter((dim) => typeof dim === 'number');
    if (dims.length > 0 && dims.length === output.shape.length) shapes.set(output.name, dims);
  }
  await session?.release();
  return shapes;
}

function staticShape(dims: readonly number[]): TensorShapeProto {
  return create(TensorShapeProtoSchema, {
    dim: dims.map((size) =>
      create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value: BigInt(size) } }),
    ),
  });
}

/** Puts the shapes of values, and of what stands in bodies, into `shapes`. */
async function runForShapes(
  graph: Graph,
  values: readonly string[],
  withBodies: readonly NodeProto[],
  feeds: Readonly<Record<string, Tensor>>,
  shapes: Map<string, readonly number[]>,
): Promise<void> {
  const copy = withoutWeights(graph);
  if (withBodies.length === 0) keepLeadingTo(copy, values);
  const probes = values.map((value, i) => ({ value, probe: `frelu/shape:${i}` }));
  copy.proto.output = probes.map(({ probe }) => create(ValueInfoProtoSchema, { name: probe }));
  // ONNX Runtime goes for what nothing reads from the last to the first: so each value is let go of before the next ones are there
  copy.insert(probes.toReversed().map(({ value, probe }) => makeNode('Shape', [value], [probe])));
  const read = new Set(withBodies.flatMap((node) => [...node.input, ...capturedBy(node)]));
  const computed = values.filter((value) => read.has(value));
  copy.proto.output.push(...computed.map((name) => create(ValueInfoProtoSchema, { name })));

  const session = await openSession(copy.model, { graphOptimizationLevel: 'disabled' });
  let outputs: Readonly<Record<string, Tensor>>;
  try {
    outputs = await session.run(feeds);
    for (const { value, probe } of probes) {
      const dims = outputs[probe]?.data;
      if (dims instanceof BigInt64Array) shapes.set(value, Array.from(dims, Number));
    }
  } finally {
    await session.release();
  }
  for (const node of withBodies) await observeBodies(graph, node, { ...feeds, ...outputs }, shapes);
}

/** Drops the nodes that no value asked for depends on; there are no bodies. */
function keepLeadingTo(graph: Graph, values: readonly string[]): void {
  const needed = new Set(values);
  for (const node of graph.nodes.toReversed()) {
    if (node.output.some((name) => needed.has(name))) for (const input of node.input) needed.add(input);
    else graph.remove(node);
  }
}

/** A copy in which zeros stand for large weights. */
function withoutWeights(graph: Graph): Graph {
  const copy = graph.copy();
  if (graph.opset() >= 9) for (const tensor of graph.proto.initializer) if (isWeights(tensor)) useZeros(copy, tensor);
  return copy;
}

/** The shapes within a node's bodies, from what they read in the graph around. */
async function observeBodies(
  graph: Graph,
  node: NodeProto,
  values: Readonly<Record<string, Tensor>>,
  shapes: Map<string, readonly number[]>,
): Promise<void> {
  for (const body of subgraphsOf(node)) {
    const given = bodyFeeds(graph, node, body, values);
    if (given === null) continue;
    // one that does not run by itself stays unobserved: nothing is trained through it
    const within = await observeShapes(bodyModel(graph, body, given), given).catch(() => new Map<string, number[]>());
    for (const [value, shape] of within) if (!shapes.has(value)) shapes.set(value, shape);
  }
}

/** Operators that give a sequence, a map or an optional value, none of which has a shape. */
const shapeless: ReadonlySet<string> = new Set([
  'SplitToSequence',
  'SequenceConstruct',
  'SequenceEmpty',
  'SequenceInsert',
  'SequenceErase',
  'SequenceMap',
  'Optional',
  'ZipMap',
]);

/** What the nodes of a graph give, as far as it is tensors. */
function tensorsOf(graph: Graph): string[] {
  const others = new Set<string>();
  return graph.nodes.flatMap((node) => {
    const { opType, output } = node;
    const isOther = (at: number): boolean => {
      if (opType === 'Identity') return others.has(inputName(node, 0));
      return shapeless.has(opType) || bodyGives(node, at, others);
    };
    const [tensors, rest] = [false, true].map((other) =>
      output.filter((name, at) => name !== '' && isOther(at) === other),
    );
    for (const name of rest ?? []) others.add(name);
    return tensors ?? [];
  });
}

/** Whether a Loop or If gives what is no tensor: what it carries, or what a branch ends in. */
function bodyGives(node: NodeProto, at: number, others: ReadonlySet<string>): boolean {
  if (node.opType === 'Loop' && others.has(node.input[at + 2] ?? '')) return true;
  return subgraphsOf(node).some((body) => {
    const name = body.output[node.opType === 'Loop' ? at + 1 : at]?.name;
    const last = body.node.find(({ output }) => name !== undefined && output.includes(name));
    return last !== undefined && shapeless.has(last.opType);
  });
}

function isWeights(tensor: TensorProto): boolean {
  return tensor.dataType === DataType.FLOAT && elementCount(dimsOf(tensor)) > weights;
}

/** Zeros in the place of weights: a model of half a gigabyte takes a second to be handed over. */
function useZeros(graph: Graph, tensor: TensorProto): void {
  const [name, dims] = [tensor.name, dimsOf(tensor)];
  graph.removeInitializer(name);
  const shape = graph.addInitializer(int64Tensor(graph.freshName(`${name}/shape`), [dims.length], dims));
  const value = { tensor: floatTensor('', [1], [0]) };
  graph.insert([makeNode('ConstantOfShape', [shape], [name], { value })], graph.nodes[0]);
}
