import { create } from '@bufbuild/protobuf';
import { GraphProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { present } from '../../contract/present.js';
import { bodyGraph, describeNode, type Graph, makeNode, nodeId } from '../../model/graph.js';
import { DataType } from '../../model/tensor.js';
import { Emitter } from '../emitter.js';
import { inputOf, optionalInput, optionalOutput } from '../operands.js';
import { type Carried, makeScan } from '../rounds.js';
import {
  between,
  type Direction,
  directionsOf,
  isRecurrent,
  type Layer,
  operatorOf,
  perDirection,
  recurrentRefusal,
  type State,
  split,
  step,
} from './recurrent-cells.js';

/**
 * More steps than this are a Scan. Measured on two LSTM layers on two cores, unrolled against Scan. Hidden size 32, batch 8: a training
 * step takes 0.6 against 1.0 ms at 4 steps, 1.1 against 1.3 at 8, 13 against 12 at 32, 50 against 32 at 200, where the first one
 * is there after 8.0 s (12 842 nodes) against 0.1 s (58). Hidden size 128, batch 64: the same at 32 steps, 560 against 440 ms at 64.
 */
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

function zeros({ emit, batch, hidden }: Layer): string {
  return emit.op('ConstantOfShape', [emit.ints([batch, hidden])]);
}

/** Makes a value known under the name of the node's output that it takes the place of. */
function nameAs(emit: Emitter, value: string, name: string): void {
  emit.nodes.push(makeNode('Identity', [value], [name], {}, emit.graph.freshName(`${name}/Identity`)));
}
