import { clone, create } from '@bufbuild/protobuf';
import { type NodeProto, NodeProtoSchema, type TensorProto, ValueInfoProtoSchema } from 'onnx-buf';
import { findAttribute } from '../model/attributes.js';
import { type Graph, makeNode } from '../model/graph.js';
import { readBy } from './backward-body.js';
import type { Rounds, Sliced } from './rounds.js';

/** What a backward body gets of the forward pass. */
export interface Brought {
  /** one slice a round, under the names of the forward body */
  readonly taken: readonly Sliced[];
  /** what is the same in every round, computed again */
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
}

/** The values of a forward body, of which its node gives away what the backward pass needs. */
export class ForwardBody {
  readonly #graph: Graph;
  readonly #rounds: Rounds;
  readonly #producers = new Map<string, NodeProto>();
  readonly #initializers: ReadonlyMap<string, TensorProto>;
  /** values that differ from round to round */
  readonly #varying: Set<string>;
  /** by value, the stack [rounds, ...] of it, the first round first */
  readonly #stacks = new Map<string, string>();

  constructor(graph: Graph, rounds: Rounds) {
    this.#graph = graph;
    this.#rounds = rounds;
    const { body } = rounds;
    this.#initializers = new Map(body.initializer.map((tensor) => [tensor.name, tensor]));
    this.#varying = new Set(body.input.map(({ name }) => name));
    for (const node of body.node) {
      const varies = node.opType.startsWith('Random') || readBy(node).some((value) => this.#varying.has(value));
      for (const value of node.output) {
        if (varies && value !== '') this.#varying.add(value);
        this.#producers.set(value, node);
      }
    }
  }

  isVarying(value: string): boolean {
    return this.#varying.has(value);
  }

  isInvariant(value: string): boolean {
    return !this.#varying.has(value) && (this.#producers.has(value) || this.#initializers.has(value));
  }

  /** A varying value of all rounds, [rounds, ...], the first round first. */
  stack(value: string): string {
    const { taken, given } = this.#rounds;
    const plain = [...taken, ...given].find(
      ({ inner, outer, axis, backward }) => inner === value && outer !== undefined && axis === 0 && !backward,
    );
    const known = plain?.outer ?? this.#stacks.get(value);
    if (known !== undefined) return known;
    const stack = this.#giveAway(value);
    this.#stacks.set(value, stack);
    return stack;
  }

  /** What nodes and outputs of a backward body need. */
  bring(nodes: readonly NodeProto[], outputs: readonly string[]): Brought {
    const taken: Sliced[] = [];
    const again: NodeProto[] = [];
    const initializers: TensorProto[] = [];
    const seen = new Set<string>();
    const want = (value: string): void => {
      if (seen.has(value)) return;
      seen.add(value);
      const [node, tensor] = [this.#producers.get(value), this.#initializers.get(value)];
      if (this.isVarying(value)) taken.push(this.#slice(value));
      else if (tensor !== undefined) initializers.push(tensor);
      else if (node !== undefined) {
        for (const read of readBy(node)) want(read);
        for (const output of node.output) seen.add(output);
        again.push(clone(NodeProtoSchema, node));
      }
    };
    for (const value of [...nodes.flatMap(readBy), ...outputs]) want(value);
    return { taken, nodes: again, initializers };
  }

  /** A value as the rounds of the backward pass take it: from the last to the first. */
  #slice(value: string): Sliced {
    const known = [...this.#rounds.taken, ...this.#rounds.given].find(
      ({ inner, outer }) => inner === value && outer !== undefined,
    );
    if (known !== undefined) return { ...known, backward: !known.backward };
    return { outer: this.stack(value), inner: value, axis: 0, backward: true };
  }

  #giveAway(value: string): string {
    const { node, body } = this.#rounds;
    const isFree = this.#producers.has(value) && !body.output.some(({ name }) => name === value);
    const inner = isFree ? value : this.#graph.freshName(`${value}/kept`);
    if (!isFree) body.node.push(makeNode('Identity', [value], [inner], {}, inner));
    // a Loop's body gives its condition first, which its node does not; outputs that nobody asks for keep their places
    const at = body.output.length - (node.opType === 'Loop' ? 1 : 0);
    while (node.output.length < at) node.output.push('');
    body.output.push(create(ValueInfoProtoSchema, { name: inner }));
    for (const name of ['scan_output_axes', 'scan_output_directions']) findAttribute(node, name)?.ints.push(0n);
    const stack = this.#graph.freshName(`${value}/stack`);
    this.#graph.setOutput(node, at, stack);
    return stack;
  }
}
