import { present } from '../../contract/present.js';
import { type Endpoint, functionAttribute, type GraphDef, type GraphNode, stringAttribute } from './graph-def.js';
import { isCircle, nodesFor } from './order.js';

/** A variable of a loop: what it starts from, under which name each part of the loop reads it, and what a round makes of it. */
export interface LoopVariable {
  readonly start: Endpoint;
  /** null where that part of the loop does not read it */
  readonly inBody: Endpoint | null;
  readonly inCondition: Endpoint | null;
  /** in the body; null where the loop never changes it */
  readonly next: Endpoint | null;
  /** where the rest of the graph reads it once the loop is over */
  readonly end: Endpoint | null;
}

/** A loop of a GraphModel, in whichever of TensorFlow's two ways it is written. */
export interface Loop {
  readonly name: string;
  readonly variables: readonly LoopVariable[];
  readonly body: ReadonlyMap<string, GraphNode>;
  readonly condition: { readonly nodes: ReadonlyMap<string, GraphNode>; readonly result: Endpoint };
}

const whiles: ReadonlySet<string> = new Set(['While', 'StatelessWhile']);

/** Every loop of the main graph that is built as TensorFlow builds one; one within another's body is no loop of the main graph. */
function loopsOf(definition: GraphDef): Loop[] {
  return [...callsOf(definition), ...framesOf(definition)];
}

export function keyOf({ node, output }: Endpoint): string {
  return `${node}:${output}`;
}

/** Control flow of TensorFlow 2: a node that names the functions of its condition and its body. */
function callsOf({ nodes, functions }: GraphDef): Loop[] {
  return [...nodes.values()].flatMap((node): Loop[] => {
    if (!whiles.has(node.op)) return [];
    const [condition, body] = ['cond', 'body'].map((name) => functions.get(functionAttribute(node, name) ?? ''));
    const [result] = condition?.outputs ?? [];
    if (condition === undefined || body === undefined || result === undefined) return [];
    const argument = (name: string | undefined): Endpoint | null =>
      name === undefined ? null : { node: name, output: 0 };
    const variables = node.inputs.map((start, i): LoopVariable => {
      const next = body.outputs[i] ?? null;
      const end = { node: node.name, output: i };
      return { start, inBody: argument(body.inputs[i]), inCondition: argument(condition.inputs[i]), next, end };
    });
    return [{ name: node.name, variables, body: body.nodes, condition: { nodes: condition.nodes, result } }];
  });
}

/**
 * Control flow of TensorFlow 1: the nodes of the body stand in the main graph. Per variable, Enter -> Merge -> Switch, whose output 1 the
 * body reads and whose output 0 goes on to Exit; NextIteration leads back from the body to Merge. What never changes has an Enter alone.
 */
function framesOf({ nodes }: GraphDef): Loop[] {
  const readers = new Map<string, GraphNode[]>();
  const frames = new Map<string, GraphNode[]>();
  for (const node of nodes.values()) {
    for (const input of node.inputs) {
      const key = keyOf(input);
      readers.set(key, [...(readers.get(key) ?? []), node]);
    }
    if (node.op !== 'Enter') continue;
    const frame = stringAttribute(node, 'frame_name') ?? '';
    frames.set(frame, [...(frames.get(frame) ?? []), node]);
  }
  const readerOf = (node: string, output: number, op: string) =>
    readers.get(`${node}:${output}`)?.find((reader) => reader.op === op);
  return [...frames].flatMap(([name, enters]): Loop[] => {
    let loopCondition: GraphNode | undefined;
    const variables = enters.flatMap((enter): LoopVariable[] => {
      const [start] = enter.inputs;
      if (start === undefined) return [];
      const merge = readerOf(enter.name, 0, 'Merge');
      const entered = { node: enter.name, output: 0 };
      if (merge === undefined) return [{ start, inBody: entered, inCondition: entered, next: null, end: null }];
      const iteration = merge.inputs.map(({ node }) => nodes.get(node)).find((node) => node?.op === 'NextIteration');
      const turn = readerOf(merge.name, 0, 'Switch');
      loopCondition ??= nodes.get(turn?.inputs[1]?.node ?? '');
      const end = turn && readerOf(turn.name, 0, 'Exit');
      return [
        {
          start,
          inBody: turn === undefined ? null : { node: turn.name, output: 1 },
          inCondition: { node: merge.name, output: 0 },
          next: iteration?.inputs[0] ?? null,
          end: end === undefined ? null : { node: end.name, output: 0 },
        },
      ];
    });
    const [result] = loopCondition?.inputs ?? [];
    if (loopCondition?.op !== 'LoopCond' || result === undefined) return [];
    return [{ name, variables, body: nodes, condition: { nodes, result } }];
  });
}

/**
 * A loop that takes the elements of tensors in turn, along their first axis, and may give a tensor of what its rounds make: what Keras
 * writes for a recurrent layer. Its body's nodes read a variable as `variableName` says.
 */
export interface Scan {
  readonly name: string;
  /** there are as many rounds as the least of these numbers */
  readonly limits: readonly Limit[];
  readonly states: readonly { readonly variable: number; readonly start: Endpoint; readonly next: Endpoint }[];
  /** element i of `source` is what the nodes called `items` give in round i */
  readonly taken: readonly { readonly source: Endpoint; readonly items: readonly string[] }[];
  /** what each round adds to a list: all of it is read afterwards, or the last alone */
  readonly given: readonly { readonly variable: number; readonly item: Endpoint; readonly isLast: boolean }[];
  readonly constants: readonly { readonly variable: number; readonly value: Endpoint }[];
  /** whether the body reads the number of the round, and as which variables */
  readonly rounds: readonly number[];
  /** the body's nodes, each after what it reads */
  readonly nodes: readonly GraphNode[];
}

export interface Limit {
  /** the number, or where the graph computes it */
  readonly value: number | Endpoint;
  /** whether it is computed as the length of what the rounds take elements of */
  readonly isLength: boolean;
}

export function variableName(scan: Pick<Loop, 'name'>, variable: number): string {
  return `${scan.name}/variable${variable}`;
}

/** The operator that stands in a definition for a loop that was recognised; its outputs are the loop's variables. */
export const scanOp = 'Scan';

/** The operator that stands for any other loop, of which only what goes in and comes out is told. */
export const loopOp = 'Loop';

/**
 * The definition with a node of `scanOp` in the place of each loop that is a Scan, and of `loopOp` in that of others which
 * would be circles of nodes: what read the loop's variables reads its outputs.
 * @param integer the value of a constant of one integer, by name; null for other nodes
 */
export function withScans(
  definition: GraphDef,
  integer: (name: string) => number | null,
): { readonly definition: GraphDef; readonly scans: ReadonlyMap<string, Scan> } {
  const nodes = new Map(definition.nodes);
  const scans = new Map<string, Scan>();
  for (const loop of loopsOf(definition)) {
    const recognised = new ScanReader(definition, loop, integer).read();
    const isCall = whiles.has(nodes.get(loop.name)?.op ?? '');
    if (recognised === null && isCall) continue;
    const name = nodes.has(loop.name) && !isCall ? `${loop.name}/loop` : loop.name;
    if (recognised === null) {
      const inputs = loop.variables.map(({ start }) => start);
      nodes.set(name, { name, op: loopOp, inputs, attributes: {} });
      for (const [variable, { end }] of loop.variables.entries()) {
        if (end !== null) pass(nodes, end.node, { node: name, output: variable });
      }
      continue;
    }
    const scan = { ...recognised, name };
    scans.set(name, scan);
    nodes.set(name, { name, op: scanOp, inputs: outerInputs(scan), attributes: {} });
    for (const [variable, { end }] of loop.variables.entries()) {
      if (end !== null) replaceEnd(nodes, definition, end, { node: name, output: variable });
    }
  }
  return { definition: { ...definition, nodes }, scans };
}

/** All that a loop reads of the graph around it, in the order in which `Scan` lists it. */
function outerInputs({ states, taken, constants, limits }: Scan): Endpoint[] {
  return [
    ...states.map(({ start }) => start),
    ...taken.map(({ source }) => source),
    ...constants.map(({ value }) => value),
    ...limits.flatMap(({ value }) => (typeof value === 'number' ? [] : [value])),
  ];
}

/** What stood behind a loop as a list, or behind an Exit, is the loop's output itself. */
function replaceEnd(nodes: Map<string, GraphNode>, definition: GraphDef, end: Endpoint, output: Endpoint): void {
  if (definition.nodes.get(end.node)?.op === 'Exit') pass(nodes, end.node, output);
  for (const stack of readersOf(definition, end)) if (stack.op === 'TensorListStack') pass(nodes, stack.name, output);
}

/** Makes a node one that passes `output` on. */
function pass(nodes: Map<string, GraphNode>, name: string, output: Endpoint): void {
  nodes.set(name, { name, op: 'Identity', inputs: [output], attributes: {} });
}

function readersOf({ nodes }: GraphDef, { node, output }: Endpoint): GraphNode[] {
  return [...nodes.values()].filter(({ inputs }) =>
    inputs.some((input) => input.node === node && input.output === output),
  );
}

/** Recognises one loop. */
class ScanReader {
  readonly #variables = new Map<string, number>();
  /** variables that count the rounds from 0 */
  readonly #counters = new Set<number>();

  constructor(
    readonly definition: GraphDef,
    readonly loop: Loop,
    readonly integer: (name: string) => number | null,
  ) {
    for (const [i, { inBody }] of loop.variables.entries()) if (inBody !== null) this.#variables.set(keyOf(inBody), i);
  }

  /** Null where the loop does anything that a Scan does not. */
  read(): Omit<Scan, 'name'> | null {
    const { variables } = this.loop;
    for (const [i, variable] of variables.entries()) if (this.#isCounter(i, variable)) this.#counters.add(i);
    const limits = this.#limits(this.loop.condition.result);
    if (limits === null || limits.length === 0) return null;

    const states: Scan['states'][number][] = [];
    const taken: Scan['taken'][number][] = [];
    const given: Scan['given'][number][] = [];
    const constant: { readonly variable: number; readonly value: Endpoint }[] = [];
    for (const [variable, { start, next, end, inBody }] of variables.entries()) {
      if (this.#counters.has(variable)) {
        if (end !== null && this.#isRead(end)) return null;
        continue;
      }
      const origin = this.#outer(start);
      const isUnchanged = next === null || this.#variableOf(next) === variable;
      if (origin?.op === 'TensorListFromTensor') {
        const items = isUnchanged && inBody !== null ? this.#items(inBody) : [];
        const [source] = origin.inputs;
        if (items === null || source === undefined || (end !== null && this.#isRead(end))) return null;
        if (items.length > 0) taken.push({ source, items });
      } else if (origin?.op === 'TensorListReserve') {
        const written = next === null ? null : this.#written(variable, next);
        if (written === null || !this.#isStacked(end)) return null;
        given.push({ variable, ...written });
      } else if (isUnchanged || next === null) {
        constant.push({ variable, value: start });
      } else {
        states.push({ variable, start, next });
      }
    }
    const items = new Set(taken.flatMap((each) => each.items));
    const nodes = this.#order([...states.map(({ next }) => next), ...given.map(({ item }) => item)], items);
    if (nodes === null) return null;
    const read = new Set(nodes.flatMap(({ inputs }) => inputs.map(({ node }) => node)));
    for (const { next } of states) read.add(this.#named(next).node);
    for (const { item } of given) read.add(this.#named(item).node);
    const isRead = (variable: number) => read.has(variableName(this.loop, variable));
    const isKept = ({ variable }: { readonly variable: number }) => {
      const end = variables[variable]?.end ?? null;
      return isRead(variable) || (end !== null && this.#isRead(end));
    };
    const isLength = (limit: Endpoint | number) =>
      typeof limit !== 'number' && taken.some(({ source }) => this.#isLengthOf(limit, source));
    return {
      limits: limits.map((value) => ({ value, isLength: isLength(value) })),
      states: states.map((state) => ({ ...state, next: this.#named(state.next) })),
      taken,
      given: given.map((each) => ({ ...each, item: this.#named(each.item) })),
      constants: constant.filter(isKept),
      rounds: [...this.#counters].filter(isRead),
      nodes,
    };
  }

  /** What a name stands for behind the nodes that only pass a value on. */
  #resolve(nodes: ReadonlyMap<string, GraphNode>, endpoint: Endpoint): Endpoint {
    const node = nodes.get(endpoint.node);
    const [input] = node?.inputs ?? [];
    return node?.op === 'Identity' && input !== undefined ? this.#resolve(nodes, input) : endpoint;
  }

  #outer(endpoint: Endpoint): GraphNode | undefined {
    return this.definition.nodes.get(this.#resolve(this.definition.nodes, endpoint).node);
  }

  #inBody(endpoint: Endpoint): Endpoint {
    return this.#resolve(this.loop.body, endpoint);
  }

  #variableOf(endpoint: Endpoint): number | undefined {
    return this.#variables.get(keyOf(this.#inBody(endpoint)));
  }

  /** It starts from 0 and is raised by 1 in each round. */
  #isCounter(variable: number, { start, next }: LoopVariable): boolean {
    if (next === null || this.integer(this.#resolve(this.definition.nodes, start).node) !== 0) return false;
    const sum = this.loop.body.get(this.#inBody(next).node);
    if (sum?.op !== 'AddV2' && sum?.op !== 'Add') return false;
    const isOne = (input: Endpoint) => this.integer(this.#inBody(input).node) === 1;
    const isOwn = (input: Endpoint) => this.#variableOf(input) === variable;
    const [a, b] = sum.inputs;
    return a !== undefined && b !== undefined && ((isOwn(a) && isOne(b)) || (isOwn(b) && isOne(a)));
  }

  /** What counters are compared with before a round; null where the condition asks for anything else. */
  #limits(condition: Endpoint): (Endpoint | number)[] | null {
    const { variables, condition: scope } = this.loop;
    const at = this.#resolve(scope.nodes, condition);
    const node = scope.nodes.get(at.node);
    if (node?.op === 'LogicalAnd') {
      const both = node.inputs.map((input) => this.#limits(input));
      return both.every((each) => each !== null) ? both.flat() : null;
    }
    const [counter, limit] = node?.op === 'Less' ? node.inputs.map((input) => this.#resolve(scope.nodes, input)) : [];
    if (counter === undefined || limit === undefined) return null;
    const variableAt = (endpoint: Endpoint) =>
      variables.findIndex(({ inCondition }) => inCondition !== null && keyOf(inCondition) === keyOf(endpoint));
    if (!this.#counters.has(variableAt(counter))) return null;
    const fixed = this.integer(limit.node);
    if (fixed !== null) return [fixed];
    const bound = variables[variableAt(limit)];
    const isFixed = bound?.next === null || (bound !== undefined && this.#variableOf(bound.next) === variableAt(limit));
    return isFixed ? [this.integer(this.#resolve(this.definition.nodes, bound.start).node) ?? bound.start] : null;
  }

  /** The nodes that take the element of this round from a list; null where anything else reads the list. */
  #items(list: Endpoint): string[] | null {
    const items: string[] = [];
    for (const reader of this.#bodyReaders(list)) {
      const index = reader.inputs[1];
      const isItem = reader.op === 'TensorListGetItem' && index !== undefined;
      if (!isItem || !this.#counters.has(this.#variableOf(index) ?? -1)) return null;
      items.push(reader.name);
    }
    return items;
  }

  /** Those that do something with a value of the body; in TensorFlow 1 the nodes that lead it out of the round read it too. */
  #bodyReaders(value: Endpoint): GraphNode[] {
    return [...this.loop.body.values()].filter(
      ({ op, inputs }) =>
        op !== 'NextIteration' &&
        op !== 'Identity' &&
        op !== 'NoOp' &&
        inputs.some((input) => keyOf(this.#inBody(input)) === keyOf(value)),
    );
  }

  /** What a round writes to a list of its own: at the round's place, or always at the first one. */
  #written(variable: number, next: Endpoint): { readonly item: Endpoint; readonly isLast: boolean } | null {
    const write = this.loop.body.get(this.#inBody(next).node);
    const [list, index, item] = write?.inputs ?? [];
    if (write?.op !== 'TensorListSetItem' || list === undefined || index === undefined || item === undefined)
      return null;
    const own = this.loop.variables[variable]?.inBody ?? null;
    if (this.#variableOf(list) !== variable || own === null || this.#bodyReaders(own).length !== 1) return null;
    const isLast = this.integer(this.#inBody(index).node) === 0;
    return isLast || this.#counters.has(this.#variableOf(index) ?? -1) ? { item, isLast } : null;
  }

  #isRead(end: Endpoint): boolean {
    const { outputs } = this.definition;
    if (outputs.some(({ endpoint }) => keyOf(endpoint) === keyOf(end))) return true;
    return readersOf(this.definition, end).length > 0;
  }

  /** Whether a list is read as one tensor alone. */
  #isStacked(end: Endpoint | null): boolean {
    return end === null || readersOf(this.definition, end).every(({ op }) => op === 'TensorListStack');
  }

  /** The body's name of a value, a variable's own name where it is one. */
  #named(endpoint: Endpoint): Endpoint {
    const variable = this.#variableOf(endpoint);
    return variable === undefined ? endpoint : { node: variableName(this.loop, variable), output: 0 };
  }

  /** The nodes that make `results`, each after what it reads; null where they hold control flow of their own. */
  #order(results: readonly Endpoint[], items: ReadonlySet<string>): readonly GraphNode[] | null {
    const nodes = new Map<string, GraphNode>();
    for (const node of this.loop.body.values()) {
      if (items.has(node.name) || ofControlFlow.has(node.op)) continue;
      nodes.set(node.name, { ...node, inputs: node.inputs.map((input) => this.#named(input)) });
    }
    const order = nodesFor(
      nodes,
      results.map((result) => this.#named(result).node),
    );
    if (isCircle(order)) return null;
    const known = new Set([...nodes.keys(), ...items, ...this.#names()]);
    return order.every(({ inputs }) => inputs.every(({ node }) => known.has(node))) ? order : null;
  }

  #names(): string[] {
    return this.loop.variables.map((_, variable) => variableName(this.loop, variable));
  }

  /** Whether a number is the first extent of a tensor: Shape(tensor)[0]. */
  #isLengthOf(limit: Endpoint, source: Endpoint): boolean {
    const picked = this.#outer(limit);
    const shape = picked?.inputs[0] === undefined ? undefined : this.#outer(picked.inputs[0]);
    const [begin, of] = [picked?.inputs[1], shape?.inputs[0]];
    if (picked?.op !== 'StridedSlice' || shape?.op !== 'Shape' || begin === undefined || of === undefined) return false;
    const { nodes } = this.definition;
    const isSame = keyOf(this.#resolve(nodes, of)) === keyOf(this.#resolve(nodes, source));
    return isSame && this.integer(present(this.#outer(begin), 'the place of an extent').name) === 0;
  }
}

const ofControlFlow: ReadonlySet<string> = new Set(['Enter', 'Exit', 'Merge', 'Switch', 'NextIteration', 'LoopCond']);
