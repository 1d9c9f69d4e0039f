import { type Attributes, type Graph, makeNode, type NodeProto } from '../model/graph.js';
import { DataType, floatTensor, int64Tensor, rawTensor } from '../model/tensor.js';

/** A tuple of `Count` names where the count is known to the compiler, else a list. */
export type Names<Count extends number, Found extends string[] = []> = number extends Count
  ? string[]
  : Found['length'] extends Count
    ? Found
    : Names<Count, [...Found, string]>;

function areAsMany<Count extends number>(names: string[], count: Count): names is Names<Count> {
  return names.length === count;
}

/**
 * Writes ONNX nodes: every call appends one node and returns the name of what it computes, so that an expression reads
 * as one. Constants become initializers, equal ones once.
 */
export class Emitter {
  readonly nodes: NodeProto[] = [];
  readonly #constants = new Map<string, string>();

  constructor(
    readonly graph: Graph,
    /** the prefix of every name, so that a profile says which part of the step a node belongs to */
    readonly prefix: string,
  ) {}

  /** One node with one output. An input that is left out is ''. */
  op(opType: string, inputs: readonly string[], attributes: Attributes = {}, domain = ''): string {
    const [output] = this.ops(opType, inputs, 1, attributes, domain);
    return output;
  }

  /** One node with several outputs: as many names as were asked for, which their type says. */
  ops<Count extends number>(
    opType: string,
    inputs: readonly string[],
    outputs: Count,
    attributes: Attributes = {},
    domain = '',
  ): Names<Count> {
    const name = this.graph.freshName(`${this.prefix}/${opType}`);
    const names = Array.from({ length: outputs }, (_, i) => this.graph.freshName(`${name}:${i}`));
    if (!areAsMany(names, outputs)) throw new Error(`a node cannot have ${outputs} outputs`);
    this.nodes.push(makeNode(opType, inputs, names, attributes, name, domain));
    return names;
  }

  /** One node whose only output has a name that others read already. */
  opTo(output: string, opType: string, inputs: readonly string[], attributes: Attributes = {}, domain = ''): void {
    const name = this.graph.freshName(`${this.prefix}/${opType}`);
    this.nodes.push(makeNode(opType, inputs, [output], attributes, name, domain));
  }

  /** Values side by side along an axis; one alone is itself. */
  concat(values: readonly string[], axis: number): string {
    const [only] = values;
    return values.length === 1 && only !== undefined ? only : this.op('Concat', values, { axis: { int: axis } });
  }

  /** A FLOAT constant; a number alone is a scalar (shape []). */
  float(values: number | readonly number[], shape: readonly number[] = []): string {
    const list = typeof values === 'number' ? [values] : values;
    return this.#constant(`f${shape}:${list}`, (name) => floatTensor(name, shape, list));
  }

  /** An INT64 vector: axes, shapes, pads, starts. */
  ints(values: readonly number[]): string {
    return this.#constant(`i${values.length}:${values}`, (name) => int64Tensor(name, [values.length], values));
  }

  /**
   * Rows of `rows` [n, length], chosen and ordered: row i of the result [m, length] is row order()[i]; or, along another axis, what lies there.
   * ONNX Runtime copies them with all threads, which its Transpose and Slice do not. `key` stands for the order, which is computed once.
   */
  gather(rows: string, key: string, order: () => Int32Array, axis = 0): string {
    const indices = this.#constant(`r${key}`, (name) => {
      const values = order();
      return rawTensor(name, DataType.INT32, [values.length], values);
    });
    return this.op('Gather', [rows, indices], { axis: { int: axis } });
  }

  /** Takes back a node that was written and is not in the graph yet. */
  takeBack(node: NodeProto): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  /** Moves a node that was written behind all others: to after whatever gives what it has been told to read as well. */
  moveLast(node: NodeProto): void {
    this.takeBack(node);
    this.nodes.push(node);
  }

  /** Moves what was written into the graph, at its end, or before `anchor`. */
  flush(anchor?: NodeProto): void {
    this.graph.insert(this.nodes.splice(0), anchor);
  }

  #constant(key: string, make: (name: string) => ReturnType<typeof floatTensor>): string {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.graph.freshName(`${this.prefix}/const`);
    this.graph.addInitializer(make(name));
    this.#constants.set(key, name);
    return name;
  }
}
