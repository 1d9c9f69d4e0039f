import { present } from '../../contract/present.js';
import { Names } from '../names.js';
import { type Json, type JsonObject, listOf, objectOf, textOf } from '../tfjs/json.js';
import type { NewWeight } from '../tfjs/write.js';
import { parseEndpoint } from './graph-def.js';

/** The nodes of a GraphModel while they are edited. What no edit touches stays the very same JSON. */
export class GraphEdit {
  readonly added: NewWeight[] = [];
  readonly #nodes: JsonObject[];
  readonly #names: Names;

  constructor(
    readonly json: JsonObject,
    weightNames: Iterable<string>,
  ) {
    this.#nodes = listOf(objectOf(json.modelTopology).node).map(objectOf);
    this.#names = new Names([...this.#nodes.map(nameOf), ...weightNames]);
  }

  node(name: string): JsonObject {
    const found = this.#nodes.find((node) => nameOf(node) === name);
    if (found === undefined) throw new Error(`the graph has no node '${name}'`);
    return found;
  }

  inputs(name: string): string[] {
    return listOf(this.node(name).input).map((input, i) => present(textOf(input), `input ${i} of node '${name}'`));
  }

  /** Puts nodes where one stood; the last of them bears its name, so that its readers and the signature find it. */
  replace(name: string, nodes: readonly JsonObject[]): void {
    this.#nodes.splice(this.#nodes.indexOf(this.node(name)), 1, ...nodes);
  }

  /** The node under a name of its own that begins with its present one, for a new node that takes its place. */
  renamed(name: string, what: string): JsonObject & { readonly name: string } {
    return { ...this.node(name), name: this.freshName(`${name}/${what}`) };
  }

  /** Makes one input of a node read another node's first output. */
  setInput(name: string, input: number, from: string): void {
    const node = this.node(name);
    const before = this.inputs(name)[input];
    this.replace(name, [{ ...node, input: listOf(node.input).with(input, from) }]);
    if (before !== undefined) this.dropUnread(before);
  }

  /** The first operand of a node that is not a constant. */
  operand(name: string): string {
    const isConstant = (endpoint: string): boolean => {
      const node = this.node(parseEndpoint(endpoint).node);
      return node.op === 'Const' || (node.op === 'Identity' && this.inputs(nameOf(node)).some(isConstant));
    };
    const found = this.inputs(name).find((endpoint) => !isConstant(endpoint));
    if (found === undefined) throw new Error(`node '${name}' has no operand that is computed`);
    return found;
  }

  /** Takes a constant away, computed or not, that nothing reads any more: without a signature it would count as an output of the model. */
  dropUnread(endpoint: string): void {
    const name = parseEndpoint(endpoint).node;
    if (!this.#nodes.some((node) => nameOf(node) === name) || !this.#isConstant(name)) return;
    const before = this.inputs(name);
    this.dropNode(name);
    for (const each of before) this.dropUnread(each);
  }

  /** @param above the nodes on the way to it: what comes back to one of them is a loop's, and no constant */
  #isConstant(name: string, above: readonly string[] = []): boolean {
    const inputs = this.inputs(name);
    if (inputs.length === 0) return this.node(name).op === 'Const';
    if (above.includes(name)) return false;
    return inputs.every((each) => this.#isConstant(parseEndpoint(each.replace('^', '')).node, [...above, name]));
  }

  /** Takes a node away, unless something reads it. */
  dropNode(name: string): void {
    const reads = (input: Json) => typeof input === 'string' && parseEndpoint(input.replace('^', '')).node === name;
    if (this.#nodes.some((node) => listOf(node.input).some(reads))) return;
    this.#nodes.splice(this.#nodes.indexOf(this.node(name)), 1);
  }

  /** A new Const node before the node `reader`, with its weight; returns its name. */
  addConstant(wanted: string, shape: readonly number[], values: Float32Array, reader: string): string {
    const name = this.freshName(wanted);
    this.added.push({ name, shape, values });
    const tensorShape = shape.length === 0 ? {} : { dim: shape.map((extent) => ({ size: String(extent) })) };
    const value = { tensor: { dtype: 'DT_FLOAT', tensorShape } };
    this.replace(reader, [{ name, op: 'Const', attr: { dtype: { type: 'DT_FLOAT' }, value } }, this.node(reader)]);
    return name;
  }

  freshName(wanted: string): string {
    return this.#names.fresh(wanted);
  }

  /** model.json with the edited nodes. */
  finish(): JsonObject {
    return { ...this.json, modelTopology: { ...objectOf(this.json.modelTopology), node: this.#nodes } };
  }
}

/** A node of float32 operands. */
export function floatNode(op: string, name: string, input: readonly string[]): JsonObject {
  return { name, op, input, attr: { T: { type: 'DT_FLOAT' } } };
}

function nameOf(node: JsonObject): string {
  return present(textOf(node.name), 'the name of a node');
}

/** Strings of attributes are base64 in protobuf's JSON form. */
export function encodeStrings(strings: readonly string[]): Json {
  return strings.length === 0
    ? { list: {} }
    : { list: { s: strings.map((each) => Buffer.from(each).toString('base64')) } };
}
