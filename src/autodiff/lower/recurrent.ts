import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { present } from '../../contract/present.js';
import { findAttribute, floatAttribute, intAttribute, stringAttribute } from '../../model/attributes.js';
import { bodyGraph, describeNode, type Graph, makeNode, type NodeProto, nodeId } from '../../model/graph.js';
import { DataType } from '../../model/tensor.js';
import { Emitter, type Names } from '../emitter.js';
import { inputOf, optionalInput, optionalOutput } from '../operands.js';
import { type Carried, makeScan } from '../rounds.js';

type Operator = 'LSTM' | 'GRU' | 'RNN';

/** The activation functions of an operator, as far as a node does not name its own. */
const defaultActivations: Readonly<Record<Operator, readonly string[]>> = {
  LSTM: ['Sigmoid', 'Tanh', 'Tanh'],
  GRU: ['Sigmoid', 'Tanh'],
  RNN: ['Tanh'],
};

/** The alpha and beta of the activation functions that take them, where a node gives none (ONNX, RNN). */
const defaultArguments: Readonly<Record<string, readonly [alpha: number, beta?: number] | undefined>> = {
  affine: [1, 0],
  leakyrelu: [0.01],
  thresholdedrelu: [1],
  scaledtanh: [1, 1],
  hardsigmoid: [0.2, 0.5],
  elu: [1],
};

const plainActivations: Readonly<Record<string, string | undefined>> = {
  relu: 'Relu',
  tanh: 'Tanh',
  sigmoid: 'Sigmoid',
  softsign: 'Softsign',
  softplus: 'Softplus',
};

interface Activation {
  /** in lower case: names are compared without case */
  readonly name: string;
  readonly alpha: number;
  readonly beta: number;
}

/** Sizes: T steps, B sequences, H hidden, D directions. */
interface Layer {
  readonly emit: Emitter;
  readonly node: NodeProto;
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
  readonly directions: number;
}

/** One direction's values. */
interface Direction {
  /** the input of all steps, already through W and its bias: [T B, gates H] */
  readonly projected: string;
  /** R [gates H, H]; GRU's in two: that of its gates, and that of its hidden state */
  readonly recurrent: readonly string[];
  /** Rb of the hidden gate [H], where GRU applies it before its reset gate; else null */
  readonly hiddenBias: string | null;
  /** P for i, o, f: [H] each; none without peepholes */
  readonly peepholes: readonly string[];
  /** the activation function at a position, written by an emitter: that of the graph, or of a body */
  readonly activate: (emit: Emitter, position: number, x: string) => string;
  readonly backward: boolean;
}

interface State {
  readonly h: string;
  /** LSTM's cell; null in the others */
  readonly c: string | null;
}

/** Why a recurrent node cannot be unrolled; null where it can. */
export function recurrentRefusal(node: NodeProto): string | null {
  if (intAttribute(node, 'layout', 0) !== 0)
    return 'its sequences come batch first (layout 1), which ONNX Runtime does not run';
  const unknown = activationsOf(node, 2).find(
    ({ name }) => plainActivations[name] === undefined && defaultArguments[name] === undefined,
  );
  return unknown === undefined ? null : `its activation function '${unknown.name}' is not known`;
}

/** More steps than this are a Scan: its rounds cost more than steps that are written out, which take longer to prepare. */
const mostUnrolled = 16;

/**
 * Writes every LSTM, GRU and RNN as Gemm, Split, Concat and elementwise nodes, all of which have gradients: directions, initial
 * states, sequence lengths, peepholes, clipping, coupled and reset gates included. Few time steps are unrolled; many are the rounds
 * of a Scan for each direction, so that the graph does not grow with them.
 *
 * Requires: the canonical op set; `shapes` of every value. Ensures: the same outputs under the same names; nodes that
 * `recurrentRefusal` names a reason for stay. The values within are new: their shapes have not been observed.
 * @param most as many steps are unrolled (for providers that have no Scan: all)
 * @returns how many nodes were replaced
 */
export function lowerRecurrent(
  graph: Graph,
  shapes: ReadonlyMap<string, readonly number[]>,
  most: number = mostUnrolled,
): number {
  const nodes = graph.nodes.filter((node) => isRecurrent(node) && recurrentRefusal(node) === null);
  for (const node of nodes) {
    const dimOf = (input: number, axis: number): number =>
      present(shapes.get(inputOf(node, input))?.[axis], `axis ${axis} of input ${input} of ${describeNode(node)}`);
    const [steps, batch] = [dimOf(0, 0), dimOf(0, 1)];
    const [directions, hidden] = [dimOf(2, 0), dimOf(2, 2)];
    const emit = new Emitter(graph, nodeId(node));
    write({ emit, node, steps, batch, hidden, directions }, steps > most ? scanned : unrolled);
    const next = graph.nodes[graph.nodes.indexOf(node) + 1];
    graph.remove(node);
    emit.flush(next);
  }
  return nodes.length;
}

function isRecurrent(node: NodeProto): boolean {
  return node.domain === '' && operatorOf(node) !== null;
}

function operatorOf({ opType }: NodeProto): Operator | null {
  return opType === 'LSTM' || opType === 'GRU' || opType === 'RNN' ? opType : null;
}

/** What a direction computes: every step's state [T, 1, B, H], and the last state. */
interface Sequence {
  readonly all: string;
  readonly end: State;
}

/** How the steps of a direction are written; `lengths` where sequences end before the last step. */
type WriteSteps = (layer: Layer, direction: Direction, start: State, lengths: string | null) => Sequence;

function write(layer: Layer, writeSteps: WriteSteps): void {
  const { emit, node, batch, hidden, directions } = layer;
  const lengths = optionalInput(node, 4) ?? null;
  const starts = (input: number) => {
    const value = optionalInput(node, input);
    return value === undefined ? Array.from({ length: directions }, () => zeros(layer)) : perDirection(layer, value);
  };
  const startsH = starts(5);
  const startsC = operatorOf(node) === 'LSTM' ? starts(6) : null;
  const sequences = directionsOf(layer).map((direction, d) => {
    const startOf = (starting: readonly string[]) => present(starting[d], `the state that direction ${d} starts from`);
    const start = { h: startOf(startsH), c: startsC === null ? null : startOf(startsC) };
    return writeSteps(layer, direction, start, lengths);
  });
  const last = (values: readonly string[]) =>
    emit.op('Reshape', [emit.concat(values, 0), emit.ints([directions, batch, hidden])]);
  const ends = sequences.map(({ end }) => end);
  const [y, yh, yc] = [0, 1, 2].map((output) => optionalOutput(node, output));
  const all = sequences.map((sequence) => sequence.all);
  if (y !== undefined) nameAs(emit, emit.concat(all, 1), y);
  if (yh !== undefined) nameAs(emit, last(ends.map(({ h }) => h)), yh);
  if (yc !== undefined) nameAs(emit, last(ends.map(({ c }) => present(c, `the cell of ${describeNode(node)}`))), yc);
}

const unrolled: WriteSteps = (layer, direction, start, lengths) => {
  const { emit, node, steps, batch, hidden } = layer;
  const inputs = split(emit, direction.projected, 0, Array<number>(steps).fill(batch));
  const active = lengths === null ? null : activeSteps(layer, lengths);
  const outputs = Array<string>(steps).fill('');
  let state = start;
  for (const i of Array(steps).keys()) {
    const t = direction.backward ? steps - 1 - i : i;
    const x = present(inputs[t], `step ${t} of ${describeNode(node)}`);
    const next = masked(emit, state, step(layer, direction, x, state), active?.[t] ?? null);
    outputs[t] = next.output;
    state = next.state;
  }
  const all = emit.op('Reshape', [emit.concat(outputs, 0), emit.ints([steps, 1, batch, hidden])]);
  return { all, end: state };
};

const scanned: WriteSteps = (layer, direction, start, lengths) => {
  const { emit, node, steps, batch } = layer;
  const { graph } = emit;
  const name = graph.freshName(`${nodeId(node)}/Scan`);
  const fresh = (what: string): string => graph.freshName(`${name}/${what}`);
  const proto = create(GraphProtoSchema, { name });
  const within = new Emitter(bodyGraph(graph, proto), name);
  const [x, counts] = [fresh('x'), lengths === null ? null : fresh('active')];
  const before: State = { h: fresh('h'), c: start.c === null ? null : fresh('c') };
  const next = masked(within, before, step({ ...layer, emit: within }, direction, x, before), counts);
  const output = within.op('Unsqueeze', [next.output, within.ints([0])]);
  within.flush();
  const after = [next.state.h, ...(next.state.c === null ? [] : [next.state.c])];

  const inputs = emit.op('Reshape', [direction.projected, emit.ints([steps, batch, -1])]);
  const carried = [start.h, ...(start.c === null ? [] : [start.c])].map((from, i): Carried => {
    const inner = present(i === 0 ? before.h : before.c, `state ${i} of ${describeNode(node)}`);
    return { start: from, end: fresh(`end${i}`), before: inner, after: present(after[i], `state ${i} after a step`) };
  });
  const { backward } = direction;
  const along = { axis: 0, backward };
  const taken = [{ outer: inputs, inner: x, ...along }];
  if (lengths !== null && counts !== null) taken.push({ outer: activeStack(layer, lengths), inner: counts, ...along });
  const all = fresh('all');
  const given = [{ outer: all, inner: output, ...along }];
  const values = (names: readonly string[]) => names.map((each) => create(ValueInfoProtoSchema, { name: each }));
  proto.input = values([...carried.map((each) => each.before), ...taken.map(({ inner }) => inner)]);
  proto.output = values([...carried.map((each) => each.after), output]);
  emit.nodes.push(makeScan(name, proto, { carried, taken, given }));
  const [h, c] = carried.map(({ end }) => end);
  return { all, end: { h: present(h, `the last state of ${describeNode(node)}`), c: c ?? null } };
};

/** A step's state and output, where `active` [B, 1] says of which sequences: the others keep their state and give 0. */
function masked(emit: Emitter, before: State, next: State, active: string | null): { state: State; output: string } {
  if (active === null) return { state: next, output: next.h };
  const c = before.c === null || next.c === null ? null : between(emit, before.c, next.c, active);
  return { state: { h: between(emit, before.h, next.h, active), c }, output: emit.op('Mul', [next.h, active]) };
}

/** The equations of ONNX's LSTM, GRU and RNN for one step. */
function step(layer: Layer, direction: Direction, x: string, state: State): State {
  switch (operatorOf(layer.node)) {
    case 'LSTM':
      return lstmStep(layer, direction, x, state.h, present(state.c, `the cell of ${describeNode(layer.node)}`));
    case 'GRU':
      return { h: gruStep(layer, direction, x, state.h), c: null };
    default:
      return {
        h: direction.activate(layer.emit, 0, timesTransposed(layer.emit, state.h, whole(layer, direction), x)),
        c: null,
      };
  }
}

function lstmStep(layer: Layer, direction: Direction, x: string, h: string, cell: string): State {
  const { emit, node, hidden } = layer;
  const { peepholes } = direction;
  const activate = (position: number, value: string): string => direction.activate(emit, position, value);
  const sum = timesTransposed(emit, h, whole(layer, direction), x);
  const coupled = intAttribute(node, 'input_forget', 0) !== 0;
  const next = (input: string, forget: string, candidate: string): string => {
    const kept = emit.op('Mul', [coupled ? emit.op('Sub', [emit.float(1), input]) : forget, cell]);
    return emit.op('Add', [kept, emit.op('Mul', [input, activate(1, candidate)])]);
  };
  if (peepholes.length === 0) {
    // the three gates lie side by side, and have one activation: this saves a sixth of a training step's nodes
    const [gates, candidate] = inTwo(emit, sum, 1, [3 * hidden, hidden]);
    const [input, output, forget] = inEqualParts(emit, activate(0, gates), 1, 3);
    const c = next(input, forget, candidate);
    return { h: emit.op('Mul', [output, activate(2, c)]), c };
  }
  const [i, o, f, candidate] = inEqualParts(emit, sum, 1, 4);
  const peek = (gate: string, gateOf: number, seen: string): string => {
    const peephole = present(peepholes[gateOf], `peephole ${gateOf} of ${describeNode(node)}`);
    return activate(0, emit.op('Add', [gate, emit.op('Mul', [peephole, seen])]));
  };
  const c = next(peek(i, 0, cell), coupled ? f : peek(f, 2, cell), candidate);
  return { h: emit.op('Mul', [peek(o, 1, c), activate(2, c)]), c };
}

function gruStep({ emit, node, hidden }: Layer, direction: Direction, x: string, h: string): string {
  const { hiddenBias } = direction;
  const activate = (position: number, value: string): string => direction.activate(emit, position, value);
  const [xGates, xHidden] = inTwo(emit, x, 1, [2 * hidden, hidden]);
  const part = (at: number): string =>
    present(direction.recurrent[at], `the recurrent weights of ${describeNode(node)}`);
  const [rGates, rHidden] = [part(0), part(1)];
  const gates = activate(0, timesTransposed(emit, h, rGates, xGates));
  const [update, reset] = inEqualParts(emit, gates, 1, 2);
  const candidate = activate(
    1,
    hiddenBias === null
      ? timesTransposed(emit, emit.op('Mul', [reset, h]), rHidden, xHidden)
      : emit.op('Add', [xHidden, emit.op('Mul', [reset, timesTransposed(emit, h, rHidden, hiddenBias)])]),
  );
  return between(emit, candidate, h, update);
}

/** The recurrent weights of LSTM and RNN. */
function whole({ node }: Layer, { recurrent }: Direction): string {
  return present(recurrent[0], `the recurrent weights of ${describeNode(node)}`);
}

function directionsOf(layer: Layer): Direction[] {
  const { emit, node, hidden, directions } = layer;
  const [x, w, r] = [inputOf(node, 0), inputOf(node, 1), inputOf(node, 2)];
  const [b, peepholes] = [optionalInput(node, 3), optionalInput(node, 7)];
  const perNode = activationsOf(node, directions);
  const perOperator = perNode.length / directions;
  const clip = floatAttribute(node, 'clip', 0);
  const weights = perDirection(layer, w);
  const biases = b === undefined ? [] : perDirection(layer, b);
  const peeps = peepholes === undefined ? [] : perDirection(layer, peepholes);
  const recurrents = perDirection(layer, r);
  const flat = emit.op('Flatten', [x], { axis: { int: 2 } });

  return recurrents.map((recurrent, d) => {
    const weight = present(weights[d], `the weights of direction ${d} of ${describeNode(node)}`);
    const { bias, hiddenBias } = biasesOf(layer, biases[d]);
    const product = emit.op('Gemm', [flat, weight, ...bias], { transB: { int: 1 } });
    return {
      projected: product,
      recurrent: operatorOf(node) === 'GRU' ? inTwo(emit, recurrent, 0, [2 * hidden, hidden]) : [recurrent],
      hiddenBias,
      peepholes: peeps[d] === undefined ? [] : split(emit, peeps[d], 0, Array<number>(3).fill(hidden)),
      activate: (by, position, value) => {
        // what LSTM's output takes of its cell (position 2) is not clipped by ONNX Runtime
        const bound = clip > 0 && position < 2 ? by.op('Clip', [value, by.float(-clip), by.float(clip)]) : value;
        const activation = perNode[d * perOperator + position];
        return activation === undefined ? bound : activate(by, activation, bound);
      },
      backward: d === 1 || stringAttribute(node, 'direction', 'forward') === 'reverse',
    };
  });
}

/** Wb + Rb [gates H], all of it added once to the projected input, but for what GRU's linear_before_reset keeps apart. */
function biasesOf(
  { emit, node, hidden }: Layer,
  bias: string | undefined,
): { bias: string[]; hiddenBias: string | null } {
  const apart = node.opType === 'GRU' && intAttribute(node, 'linear_before_reset', 0) !== 0;
  if (bias === undefined) return { bias: [], hiddenBias: apart ? emit.float(0) : null };
  const [wb, rb] = inEqualParts(emit, bias, 0, 2);
  if (!apart) return { bias: [emit.op('Add', [wb, rb])], hiddenBias: null };
  const [wGates, wHidden] = inTwo(emit, wb, 0, [2 * hidden, hidden]);
  const [rGates, rHidden] = inTwo(emit, rb, 0, [2 * hidden, hidden]);
  return { bias: [emit.concat([emit.op('Add', [wGates, rGates]), wHidden], 0)], hiddenBias: rHidden };
}

/** The node's activation functions, direction after direction; alphas and betas are dealt out to those that take them. */
function activationsOf(node: NodeProto, directions: number): Activation[] {
  const operator = operatorOf(node);
  if (operator === null) return [];
  const decoder = new TextDecoder();
  const named = findAttribute(node, 'activations')?.strings.map((name) => decoder.decode(name)) ?? [];
  const names =
    named.length > 0 ? named : Array.from({ length: directions }, () => defaultActivations[operator]).flat();
  const alphas = [...(findAttribute(node, 'activation_alpha')?.floats ?? [])];
  const betas = [...(findAttribute(node, 'activation_beta')?.floats ?? [])];
  return names.map((given) => {
    const name = given.toLowerCase();
    const [alpha, beta] = defaultArguments[name] ?? [];
    return {
      name,
      alpha: alpha === undefined ? 0 : (alphas.shift() ?? alpha),
      beta: beta === undefined ? 0 : (betas.shift() ?? beta),
    };
  });
}

function activate(emit: Emitter, { name, alpha, beta }: Activation, x: string): string {
  const plain = plainActivations[name];
  if (plain !== undefined) return emit.op(plain, [x]);
  const times = (factor: number, value: string) => emit.op('Mul', [value, emit.float(factor)]);
  switch (name) {
    case 'affine':
      return emit.op('Add', [times(alpha, x), emit.float(beta)]);
    case 'scaledtanh':
      return times(alpha, emit.op('Tanh', [times(beta, x)]));
    case 'hardsigmoid':
      return emit.op('HardSigmoid', [x], { alpha: { float: alpha }, beta: { float: beta } });
    case 'leakyrelu':
      return emit.op('LeakyRelu', [x], { alpha: { float: alpha } });
    case 'thresholdedrelu':
      return emit.op('ThresholdedRelu', [x], { alpha: { float: alpha } });
    case 'elu':
      return emit.op('Elu', [x], { alpha: { float: alpha } });
    default:
      throw new Error(`no activation function '${name}'`);
  }
}

/** Per step, [B, 1]: 1 where the sequence is still running, 0 where it is over. */
function activeSteps({ emit, steps }: Layer, lengths: string): string[] {
  const column = emit.op('Unsqueeze', [emit.op('Cast', [lengths], { to: { int: DataType.FLOAT } }), emit.ints([1])]);
  return Array.from({ length: steps }, (_, t) =>
    emit.op('Cast', [emit.op('Greater', [column, emit.float(t)])], { to: { int: DataType.FLOAT } }),
  );
}

/** Of all steps, [T, B, 1]. */
function activeStack({ emit, steps }: Layer, lengths: string): string {
  const row = emit.op('Cast', [emit.op('Unsqueeze', [lengths, emit.ints([0, 2])])], { to: { int: DataType.FLOAT } });
  const times = emit.float(
    Array.from({ length: steps }, (_, t) => t),
    [steps, 1, 1],
  );
  return emit.op('Cast', [emit.op('Greater', [row, times])], { to: { int: DataType.FLOAT } });
}

/** A value [D, ...] as D values [...]. */
function perDirection({ emit, directions }: Layer, value: string): string[] {
  const parts = directions === 1 ? [value] : inEqualParts(emit, value, 0, directions);
  return parts.map((one) => emit.op('Squeeze', [one, emit.ints([0])]));
}

function zeros({ emit, batch, hidden }: Layer): string {
  return emit.op('ConstantOfShape', [emit.ints([batch, hidden])]);
}

/** a m^T + b */
function timesTransposed(emit: Emitter, a: string, m: string, b: string): string {
  return emit.op('Gemm', [a, m, b], { transB: { int: 1 } });
}

/** from + (to - from) * share */
function between(emit: Emitter, from: string, to: string, share: string): string {
  return emit.op('Add', [from, emit.op('Mul', [emit.op('Sub', [to, from]), share])]);
}

/** A value in equal parts along an axis. */
function inEqualParts<Count extends number>(emit: Emitter, value: string, axis: number, count: Count): Names<Count> {
  return emit.ops('Split', [value], count, { axis: { int: axis }, num_outputs: { int: count } });
}

/** A value in two parts of the sizes given. */
function inTwo(emit: Emitter, value: string, axis: number, sizes: readonly [number, number]): Names<2> {
  return emit.ops('Split', [value, emit.ints(sizes)], 2, { axis: { int: axis } });
}

/** A value in parts of the sizes given; one alone is the value. */
function split(emit: Emitter, value: string, axis: number, sizes: readonly number[]): string[] {
  if (sizes.length === 1) return [value];
  return emit.ops('Split', [value, emit.ints(sizes)], sizes.length, { axis: { int: axis } });
}

/** Makes a value known under the name of the node's output that it takes the place of. */
function nameAs(emit: Emitter, value: string, name: string): void {
  emit.nodes.push(makeNode('Identity', [value], [name], {}, emit.graph.freshName(`${name}/Identity`)));
}
