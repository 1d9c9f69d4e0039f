import { create } from '@bufbuild/protobuf';
import { type GraphProto, OperatorSetIdProtoSchema, type ValueInfoProto } from 'onnx-buf';
import { Failure } from '../contract/failure.js';
import { intsAttribute, subgraphsOf } from '../model/attributes.js';
import { type Attributes, type Graph, makeNode, type NodeProto, nodeId } from '../model/graph.js';
import { dimsOf, floatTensor, int64Tensor, type TensorProto } from '../model/tensor.js';
import { inlineFunctions } from './lower/inline-functions.js';
import { outputOf } from './operands.js';
import { opsetChanges, type Raising } from './opset-changes.js';

/** The op set that gradient rules are written for; a training copy of an older model is raised to it. */
export const canonicalOpset = 21;

/** The IR version that op set 21 came with. */
const canonicalIr = 10n;

/** The graph, or the body within a node, in which a node stands. */
interface Scope {
  readonly graph: Graph;
  /** the body's message; null for the main graph */
  readonly body: GraphProto | null;
  readonly outer: Scope | null;
  readonly dims: ReadonlyMap<string, readonly (number | null)[]>;
  readonly path: string;
  /** the op set that a node is written for, where it is not the model's: it came from a function */
  readonly versions: ReadonlyMap<NodeProto, number>;
}

/**
 * Rewrites a training copy in place so that it means the same in the canonical op set; a model of a newer one keeps its
 * version, in which the canonical operators mean the same. Local functions are inlined, inference Dropout becomes
 * Identity, initializers are no longer listed as inputs. Bodies of If, Loop and Scan are raised too. Nodes keep their
 * names and values theirs; operators of other domains are left as they are.
 *
 * Requires: op set 7 or newer; float32 where the older operator kept floats in attributes (`toFloat32` first).
 * `shapes`, where they were observed, spare Softmax before op set 13 a detour through a matrix.
 * @throws Failure('input') naming the node that has no equivalent
 */
export function raiseOpset(graph: Graph, path: string, shapes?: ReadonlyMap<string, readonly number[]>): void {
  const versions = inlineFunctions(graph);
  const known = new Map<string, readonly (number | null)[]>();
  declaredDims(graph.proto, known);
  for (const [value, shape] of shapes ?? []) known.set(value, shape);
  const scope: Scope = { graph, body: null, outer: null, dims: known, path, versions };

  for (const node of [...graph.nodes]) {
    const version = versions.get(node) ?? graph.opset();
    if (!needsRaising(node, version, scope)) continue;
    const next = graph.nodes[graph.nodes.indexOf(node) + 1];
    graph.remove(node);
    graph.insert(raiseNode(node, version, scope), next);
  }

  const initialized = new Set(graph.proto.initializer.map(({ name }) => name));
  graph.proto.input = graph.proto.input.filter(({ name }) => !initialized.has(name));
  const { model } = graph;
  if (model.irVersion < canonicalIr) model.irVersion = canonicalIr;
  const own = model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx');
  if (own === undefined) {
    model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(canonicalOpset) }));
  } else if (own.version < BigInt(canonicalOpset)) own.version = BigInt(canonicalOpset);
}

/** The dimensions that a graph declares for its values, with those of the bodies within; null for a symbolic one. */
function declaredDims(proto: GraphProto, into: Map<string, readonly (number | null)[]>): void {
  const declare = ({ name, type }: ValueInfoProto): void => {
    const shape = type?.value.case === 'tensorType' ? type.value.value.shape : undefined;
    const dims = shape?.dim.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : null));
    if (dims !== undefined) into.set(name, dims);
  };
  for (const value of [...proto.input, ...proto.output, ...proto.valueInfo]) declare(value);
  for (const tensor of proto.initializer) into.set(tensor.name, dimsOf(tensor));
  for (const node of proto.node) {
    const rank = rankOf(node);
    const output = rank === undefined ? undefined : outputOf(node);
    if (output !== undefined && !into.has(output)) into.set(output, Array<null>(rank ?? 0).fill(null));
    for (const body of subgraphsOf(node)) declaredDims(body, into);
  }
}

/** The rank of a node's output, where the node alone says it. */
function rankOf(node: NodeProto): number | undefined {
  if (node.opType === 'Gemm' || node.opType === 'Flatten') return 2;
  return node.opType === 'Transpose' ? intsAttribute(node, 'perm')?.length : undefined;
}

function changesOf(node: NodeProto, version: number) {
  if (node.domain !== '' && node.domain !== 'ai.onnx') return [];
  return (opsetChanges[node.opType] ?? []).filter(({ since }) => version < since);
}

function needsRaising(node: NodeProto, version: number, scope: Scope): boolean {
  if (node.domain === 'ai.onnx' || changesOf(node, version).length > 0) return true;
  return subgraphsOf(node).some((body) =>
    body.node.some((inner) => needsRaising(inner, scope.versions.get(inner) ?? version, scope)),
  );
}

/** The nodes that a node becomes; it is among them, rewritten. */
function raiseNode(node: NodeProto, version: number, scope: Scope): NodeProto[] {
  if (node.domain === 'ai.onnx') node.domain = '';
  for (const body of subgraphsOf(node)) {
    const inner: Scope = { ...scope, body, outer: scope };
    body.node = body.node.flatMap((one) => raiseNode(one, scope.versions.get(one) ?? version, inner));
  }
  const before: NodeProto[] = [];
  const after: NodeProto[] = [];
  // a change may make it another operator, whose own changes are already in what was written
  for (const change of changesOf(node, version)) change.raise(raisingOf(node, version, scope, before, after));
  return [...before, node, ...after];
}

function raisingOf(node: NodeProto, version: number, scope: Scope, before: NodeProto[], after: NodeProto[]): Raising {
  const { graph, path } = scope;
  const prefix = nodeId(node);
  const constant = (make: (name: string) => TensorProto): string => {
    const name = graph.freshName(`${prefix}/const`);
    const tensor = make(name);
    if (scope.body === null) graph.addInitializer(tensor);
    else before.push(makeNode('Constant', [], [name], { value: { tensor } }));
    return name;
  };
  const list = (values: number | readonly number[]) =>
    typeof values === 'number' ? { shape: [], values: [values] } : { shape: [values.length], values };
  return {
    node,
    version,
    constant: (value) => constantIn(scope, value),
    dims: (value) => scope.dims.get(value),
    isRead: (value) => isReadIn(scope, value),
    ints: (values) => constant((name) => int64Tensor(name, list(values).shape, list(values).values)),
    float: (values) => constant((name) => floatTensor(name, list(values).shape, list(values).values)),
    before(opType, inputs, attributes: Attributes = {}) {
      const name = graph.freshName(`${prefix}/${opType}`);
      before.push(makeNode(opType, inputs, [name], attributes, name));
      return name;
    },
    after(opType, inputs, output, attributes: Attributes = {}) {
      after.push(makeNode(opType, inputs, [output], attributes, graph.freshName(`${prefix}/${opType}`)));
    },
    freshName: (wanted) => graph.freshName(wanted),
    refuse: (why) =>
      new Failure('input', {
        what: `${path}: node '${prefix}' (${node.opType}) of op set ${version} cannot be raised to op set ${canonicalOpset}: ${why}.`,
        cure: 'Export the model again with a newer op set.',
      }),
  };
}

function constantIn(scope: Scope | null, value: string): TensorProto | undefined {
  if (scope === null || value === '') return undefined;
  const { graph, body, outer } = scope;
  if (body === null) return graph.constant(value);
  const tensor = body.initializer.find(({ name }) => name === value);
  if (tensor !== undefined) return tensor;
  const producer = body.node.find(({ output }) => output.includes(value));
  if (producer === undefined) return constantIn(outer, value);
  return producer.opType === 'Constant' ? producer.attribute.find(({ name }) => name === 'value')?.t : undefined;
}

function isReadIn({ graph, body }: Scope, value: string): boolean {
  if (body === null) return graph.isOutput(value) || graph.uses(value).length > 0;
  const reads = (one: GraphProto): boolean =>
    one.output.some(({ name }) => name === value) ||
    one.node.some((node) => node.input.includes(value) || subgraphsOf(node).some(reads));
  return reads(body);
}
