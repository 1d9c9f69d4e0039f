import { create } from '@bufbuild/protobuf';
import { type GraphProto, GraphProtoSchema, type NodeProto, type TensorProto, ValueInfoProtoSchema } from 'onnx-buf';
import type { Provider } from '../contract/settings.js';
import { capturedBy, floatValue, type Graph } from '../model/graph.js';
import { Emitter } from './emitter.js';

/** Nodes of a graph that came from another file than the model: a loss of the user's. */
export interface ForeignNodes {
  readonly path: string;
  /** what the names of its nodes begin with */
  readonly prefix: string;
}

export interface DifferentiateOptions {
  /** where the model came from, for messages */
  readonly path: string;
  readonly foreign?: ForeignNodes;
  readonly provider: Provider;
  /** of the blocked channel layout, where `blockLayout` brought the graph into it */
  readonly blockSize?: number;
  /** the shape of every value of the graph, by name */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/** A value of the graph around a node, and a part of its gradient. */
export type Contribution = readonly [value: string, gradient: string];

export type Differentiate = (
  graph: Graph,
  seeds: ReadonlyMap<string, string>,
  wanted: ReadonlySet<string>,
  options: DifferentiateOptions,
) => Map<string, string>;

/** A node with bodies on the way back. */
export interface BodyContext {
  readonly graph: Graph;
  readonly node: NodeProto;
  readonly emit: Emitter;
  /** dL/d(output i); null where the output does not reach the loss */
  readonly outputGradients: readonly (string | null)[];
  /** values of the graph around whose gradient is asked for, or leads to one that is */
  readonly active: ReadonlySet<string>;
  readonly options: DifferentiateOptions;
  /** the walk itself, for what is within a body */
  readonly differentiate: Differentiate;
}

/** All that a node reads, its bodies included. */
export function readBy(node: NodeProto): string[] {
  return [...node.input, ...capturedBy(node)].filter((value) => value !== '');
}

/** The nodes that differentiate a body, taken out of it again, for a body of their own. */
export class BackwardBody {
  readonly emit: Emitter;
  /** by the value: of the body, or from outside */
  readonly gradients: ReadonlyMap<string, string>;
  readonly #inner: Graph;
  readonly #nodes: NodeProto[];
  readonly #firstInitializer: number;
  readonly #outputs = new Set<string>();

  /** @param seeds values of the body, each with what is handed in as (a part of) its gradient */
  constructor(
    inner: Graph,
    seeds: readonly (readonly [value: string, gradient: string])[],
    wanted: ReadonlySet<string>,
    { options, differentiate }: BodyContext,
  ) {
    const count = inner.nodes.length;
    this.#inner = inner;
    this.#firstInitializer = inner.proto.initializer.length;
    this.emit = new Emitter(inner, 'grad');
    const totals = new Map<string, string>();
    for (const [value, gradient] of seeds) {
      const known = totals.get(value);
      totals.set(value, known === undefined ? gradient : this.emit.op('Add', [known, gradient]));
    }
    const sums = this.emit.nodes.splice(0);
    this.gradients = differentiate(inner, totals, wanted, options);
    this.#nodes = [...sums, ...inner.proto.node.splice(count)];
  }

  get nodes(): readonly NodeProto[] {
    return [...this.#nodes, ...this.emit.nodes];
  }

  /** The initializers that these nodes came with; they are the forward body's no more. */
  takeInitializers(): TensorProto[] {
    return this.#inner.proto.initializer.splice(this.#firstInitializer);
  }

  producer(value: string): NodeProto | undefined {
    return this.nodes.find(({ output }) => output.includes(value));
  }

  /** A value under a name that the body can give it by: what is handed in, or given already, goes through a node. */
  output(value: string): string {
    const isFree = this.producer(value) !== undefined && !this.#outputs.has(value);
    const name = isFree ? value : this.emit.op('Identity', [value]);
    this.#outputs.add(name);
    return name;
  }

  /** Zeros for what no gradient reaches. */
  zeros(shape: readonly number[]): string {
    return this.emit.op('ConstantOfShape', [this.emit.ints(shape)]);
  }
}

/**
 * A body of these nodes, without what its outputs do not need. Types and shapes of its inputs follow from what is handed in; a Scan
 * asks for those of the outputs, all of them float32.
 */
export function bodyOf(
  name: string,
  input: readonly string[],
  output: readonly ShapedValue[],
  nodes: readonly NodeProto[],
  initializer: readonly TensorProto[],
): GraphProto {
  const proto = create(GraphProtoSchema, {
    name,
    input: input.map((each) => create(ValueInfoProtoSchema, { name: each })),
    output: output.map((value) => floatValue(value.name, value.shape)),
  });
  const outputs = output.map((value) => value.name);
  return Object.assign(proto, { node: needed(nodes, outputs), initializer: [...initializer] });
}

/** A float32 value of a body; a dimension that is a name is not known before the run. */
export interface ShapedValue {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

/** The nodes, in their order, that values are computed from. */
export function needed(nodes: readonly NodeProto[], values: readonly string[]): NodeProto[] {
  const wanted = new Set(values);
  const kept = nodes.toReversed().filter((node) => {
    if (!node.output.some((value) => wanted.has(value))) return false;
    for (const value of readBy(node)) wanted.add(value);
    return true;
  });
  return kept.reverse();
}

/** One part of a sum over rounds, [m, n] = the sum of left^T right, left [k, m], right [k, n]. */
export interface RoundProduct {
  readonly left: string;
  readonly right: string;
  readonly alpha: number;
}

/** How a gradient is added up: products that may be taken of all rounds at once, and what is left (null: nothing). */
export function splitSum(
  backward: BackwardBody,
  gradient: string,
  isWanted: (product: RoundProduct) => boolean,
): { readonly products: readonly RoundProduct[]; readonly rest: string | null } {
  const products: RoundProduct[] = [];
  const rest: string[] = [];
  const visit = (value: string): void => {
    const node = backward.producer(value);
    const [left, right, more] = node?.input ?? [];
    const [transA, transB, alpha] = ['transA', 'transB', 'alpha'].map((name) =>
      node?.attribute.find((attribute) => attribute.name === name),
    );
    const isProduct = node?.opType === 'Gemm' && transA?.i === 1n && (transB?.i ?? 0n) === 0n && !more;
    const product = { left: left ?? '', right: right ?? '', alpha: alpha?.f ?? 1 };
    if (left === undefined || right === undefined) rest.push(value);
    else if (isProduct && isWanted(product)) products.push(product);
    else if (node?.opType === 'Add') [left, right].forEach(visit);
    else rest.push(value);
  };
  visit(gradient);
  if (products.length === 0) return { products, rest: gradient };
  const [first, ...others] = rest;
  if (first === undefined) return { products, rest: null };
  return { products, rest: others.reduce((sum, term) => backward.emit.op('Add', [sum, term]), first) };
}
