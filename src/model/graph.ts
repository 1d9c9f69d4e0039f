import { clone, create } from '@bufbuild/protobuf';
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { type AttributeValue, makeAttribute, subgraphsOf } from './attributes.js';
import { Names } from './names.js';
import { DataType, floatTensor, int64Tensor, shareTensor, type TensorProto } from './tensor.js';

export type { GraphProto, ModelProto, NodeProto, ValueInfoProto } from 'onnx-buf';

/** One place where a value is read. */
export interface Use {
  readonly node: NodeProto;
  /** the input's position; -1 where the value is captured by a body (If, Loop, Scan) of `node` */
  readonly input: number;
}

export type Attributes = Readonly<Record<string, AttributeValue>>;

/**
 * The main graph of an ONNX model with its producers and consumers, kept true while it is edited.
 * The messages stay the model's own: a field that no edit touches is written back as it was read.
 * Edit nodes and initializers through this class only, or the index goes stale.
 */
export class Graph {
  readonly #producers = new Map<string, NodeProto>();
  readonly #uses = new Map<string, Use[]>();
  readonly #initializers = new Map<string, TensorProto>();
  readonly #names: Names;

  /**
   * @param outer of a body: the graph around it, whose constants it sees, and whose names are not to be had twice
   * @param kind what the graph is of, for messages
   */
  constructor(
    readonly model: ModelProto,
    readonly outer: Graph | null = null,
    readonly kind: 'model' | 'body' | 'function' = outer === null ? 'model' : 'body',
  ) {
    if (model.graph === undefined) throw new Error('the model has no graph');
    this.proto = model.graph;
    this.#names = outer === null ? new Names() : outer.#names;
    for (const tensor of this.proto.initializer) this.#initializers.set(tensor.name, tensor);
    for (const { name } of [...this.proto.input, ...this.proto.output, ...this.proto.initializer])
      this.#names.add(name);
    for (const sparse of this.proto.sparseInitializer) if (sparse.values) this.#names.add(sparse.values.name);
    for (const node of this.proto.node) this.#index(node);
  }

  readonly proto: GraphProto;

  get nodes(): readonly NodeProto[] {
    return this.proto.node;
  }

  /** The version of a domain's op set that the model imports; 0 where it does not. '' is ONNX's own domain. */
  opset(domain = ''): number {
    const same = (other: string) => (other === 'ai.onnx' ? '' : other) === domain;
    return Number(this.model.opsetImport.find((entry) => same(entry.domain))?.version ?? 0n);
  }

  producer(value: string): NodeProto | undefined {
    return this.#producers.get(value);
  }

  /** Every read of a value, captures by bodies included; reads as a graph output are not among them. */
  uses(value: string): readonly Use[] {
    return this.#uses.get(value) ?? [];
  }

  initializer(name: string): TensorProto | undefined {
    return this.#initializers.get(name);
  }

  /** The constant behind a value: an initializer, or the output of a Constant node; of a body, what is one around it too. */
  constant(value: string): TensorProto | undefined {
    const tensor = this.#initializers.get(value);
    if (tensor !== undefined) return tensor;
    const node = this.#producers.get(value);
    if (node !== undefined) return node.opType === 'Constant' ? constantValue(node) : undefined;
    return this.comesFromOutside(value) ? this.outer?.constant(value) : undefined;
  }

  /** Whether a body does not define a value itself, nor is given it in each round. */
  comesFromOutside(value: string): boolean {
    return !this.#producers.has(value) && !this.#initializers.has(value) && !this.isInput(value);
  }

  /** Inputs that a caller must feed: IR below 4 lists initializers among the inputs too. */
  feeds(): readonly ValueInfoProto[] {
    return this.proto.input.filter((input) => !this.#initializers.has(input.name));
  }

  isOutput(value: string): boolean {
    return this.proto.output.some((output) => output.name === value);
  }

  isInput(value: string): boolean {
    return this.proto.input.some((input) => input.name === value);
  }

  /** A name that no value, node or captured value of the model has, and that is taken from now on. */
  freshName(wanted: string): string {
    return this.#names.fresh(wanted);
  }

  addInitializer(tensor: TensorProto): string {
    this.proto.initializer.push(tensor);
    this.#initializers.set(tensor.name, tensor);
    this.#names.add(tensor.name);
    return tensor.name;
  }

  removeInitializer(name: string): void {
    const at = this.proto.initializer.findIndex((tensor) => tensor.name === name);
    if (at >= 0) this.proto.initializer.splice(at, 1);
    this.#initializers.delete(name);
    const input = this.proto.input.findIndex((value) => value.name === name);
    if (input >= 0) this.proto.input.splice(input, 1);
  }

  /** Puts nodes before `anchor` (or, without one, at the end); the caller keeps the order topological. */
  insert(nodes: readonly NodeProto[], anchor?: NodeProto): void {
    const at = anchor === undefined ? this.proto.node.length : this.proto.node.indexOf(anchor);
    if (at < 0) throw new Error(`node '${anchor?.name}' is not in this graph`);
    this.proto.node.splice(at, 0, ...nodes);
    for (const node of nodes) this.#index(node);
  }

  insertAfter(nodes: readonly NodeProto[], anchor: NodeProto): void {
    this.insert(nodes, this.proto.node[this.proto.node.indexOf(anchor) + 1]);
  }

  remove(node: NodeProto): void {
    const at = this.proto.node.indexOf(node);
    if (at < 0) throw new Error(`node '${node.name}' is not in this graph`);
    this.proto.node.splice(at, 1);
    for (const output of node.output) this.#producers.delete(output);
    const read = [...node.input, ...subgraphsOf(node).flatMap((body) => [...captures(body, this.#names)])];
    for (const value of new Set(read)) {
      this.#uses.set(
        value,
        this.uses(value).filter((use) => use.node !== node),
      );
    }
  }

  /** Makes one input of a node read another value; inputs up to it that were left out become empty. */
  setInput(node: NodeProto, input: number, value: string): void {
    const before = node.input[input];
    if (before)
      this.#uses.set(
        before,
        this.uses(before).filter((use) => use.node !== node || use.input !== input),
      );
    while (node.input.length < input) node.input.push('');
    node.input[input] = value;
    this.#addUse(value, { node, input });
  }

  setOutput(node: NodeProto, output: number, value: string): void {
    const before = node.output[output];
    if (before) this.#producers.delete(before);
    node.output[output] = value;
    this.#producers.set(value, node);
    this.#names.add(value);
  }

  /** A copy that can be edited without touching this one; the bytes of initializers are shared until they are replaced. */
  copy(): Graph {
    const bare = Object.assign(create(GraphProtoSchema), this.proto, { initializer: [] });
    const model = clone(ModelProtoSchema, Object.assign(create(ModelProtoSchema), this.model, { graph: bare }));
    model.graph?.initializer.push(...this.proto.initializer.map(shareTensor));
    return new Graph(model);
  }

  #index(node: NodeProto): void {
    if (node.name) this.#names.add(node.name);
    for (const output of node.output) {
      if (output === '') continue;
      this.#producers.set(output, node);
      this.#names.add(output);
    }
    node.input.forEach((value, input) => {
      if (value !== '') this.#addUse(value, { node, input });
    });
    for (const body of subgraphsOf(node)) {
      for (const value of captures(body, this.#names)) this.#addUse(value, { node, input: -1 });
    }
  }

  #addUse(value: string, use: Use): void {
    const uses = this.#uses.get(value);
    if (uses === undefined) this.#uses.set(value, [use]);
    else uses.push(use);
  }
}

/** The outer values that a body reads, its own bodies included. */
export function capturesOf(body: GraphProto): Set<string> {
  return captures(body, new Names());
}

/** The values from outside that the bodies of a node read; none where it has no body. */
export function capturedBy(node: NodeProto): Set<string> {
  const names = new Names();
  return new Set(subgraphsOf(node).flatMap((body) => [...captures(body, names)]));
}

/** A body as a graph of its own within the graph of its node: edited in place, with names that are free in both. */
export function bodyGraph(outer: Graph, body: GraphProto): Graph {
  const { irVersion, opsetImport } = outer.model;
  return new Graph(Object.assign(create(ModelProtoSchema), { irVersion, opsetImport, graph: body }), outer);
}

/** What `capturesOf` gives; every name seen inside goes into `names`. */
function captures(body: GraphProto, names: Names): Set<string> {
  const own = new Set([...body.input, ...body.initializer].map(({ name }) => name));
  for (const node of body.node) for (const output of node.output) own.add(output);
  const captured = new Set<string>();
  for (const node of body.node) {
    for (const input of node.input) if (input !== '' && !own.has(input)) captured.add(input);
    for (const inner of subgraphsOf(node)) {
      for (const value of captures(inner, names)) if (!own.has(value)) captured.add(value);
    }
  }
  for (const output of body.output) if (!own.has(output.name)) captured.add(output.name);
  for (const name of own) names.add(name);
  return captured;
}

/** What a Constant node holds, in whichever of its attributes; undefined for strings and sparse tensors. */
function constantValue(node: NodeProto): TensorProto | undefined {
  const attribute = node.attribute[0];
  const name = outputName(node);
  switch (attribute?.name) {
    case 'value':
      return attribute.t;
    case 'value_float':
      return floatTensor(name, [], [attribute.f]);
    case 'value_floats':
      return floatTensor(name, [attribute.floats.length], attribute.floats);
    case 'value_int':
      return int64Tensor(name, [], [Number(attribute.i)]);
    case 'value_ints':
      return int64Tensor(name, [attribute.ints.length], attribute.ints.map(Number));
    default:
      return undefined;
  }
}

/** A node of ONNX's own domain, or of `domain`. */
export function makeNode(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Attributes = {},
  name = '',
  domain = '',
): NodeProto {
  const attribute = Object.entries(attributes).map(([key, value]) => makeAttribute(key, value));
  return create(NodeProtoSchema, { opType, input: [...input], output: [...output], attribute, name, domain });
}

/** Whether a node's operator is one of ONNX's own, whose domain has two names. */
export function isStandard({ domain }: NodeProto): boolean {
  return domain === '' || domain === 'ai.onnx';
}

/** Whether a node gives something else at every run, its bodies aside. */
export function drawsNumbers(node: NodeProto): boolean {
  if (!isStandard(node)) return false;
  // the third input of Dropout is whether it is training
  return /^(Random|Bernoulli|Multinomial)/.test(node.opType) || (node.opType === 'Dropout' && Boolean(node.input[2]));
}

/**
 * The value that a node reads as input `at`, which its operator requires.
 * @throws Error that names the node, where it leaves that input out
 */
export function inputName(node: NodeProto, at: number): string {
  return node.input[at] || missing(node, `input ${at}`);
}

/** The value that a node reads as input `at`; null where it leaves that input out. */
export function optionalInput(node: NodeProto, at: number): string | null {
  return node.input[at] || null;
}

/**
 * The value that a node computes as output `at`.
 * @throws Error that names the node, where nothing of that output is wanted
 */
export function outputName(node: NodeProto, at = 0): string {
  return node.output[at] || missing(node, `output ${at}`);
}

function missing(node: NodeProto, what: string): never {
  throw new Error(`${describeNode(node)} has no ${what}`);
}

/** How a node is called in a plan and in messages: its name, or that of its first output where it has none. */
export function nodeId(node: NodeProto): string {
  return node.name || node.output.find((output) => output !== '') || `a ${node.opType} without outputs`;
}

/** A node as messages name it: Conv '/l/l.0/c1/Conv'. */
export function describeNode(node: NodeProto): string {
  return `${node.opType} '${nodeId(node)}'`;
}

/** A float32 input or output of a graph; a dimension that is a name is free. */
export function floatValue(name: string, shape: readonly (number | string)[]): ValueInfoProto {
  return tensorValue(name, DataType.FLOAT, shape);
}

/** The same of any ONNX element type. */
export function tensorValue(name: string, elemType: number, shape: readonly (number | string)[]): ValueInfoProto {
  const dim = shape.map((size) =>
    typeof size === 'string'
      ? { value: { case: 'dimParam' as const, value: size } }
      : { value: { case: 'dimValue' as const, value: BigInt(size) } },
  );
  const type = create(TypeProtoSchema, {
    value: { case: 'tensorType', value: { elemType, shape: { dim } } },
  });
  return create(ValueInfoProtoSchema, { name, type });
}
