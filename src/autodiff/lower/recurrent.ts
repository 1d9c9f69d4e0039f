import { findAttribute, floatAttribute, intAttribute, stringAttribute } from '../../model/attributes.js';
import { type Graph, makeNode, type NodeProto } from '../../model/graph.js';
import { DataType } from '../../model/tensor.js';
import { Emitter } from '../emitter.js';

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
  /** the input of every step, already through W and its bias: [B, gates H] each */
  readonly projected: readonly string[];
  /** R [gates H, H] */
  readonly recurrent: string;
  /** Rb of the hidden gate [H], where GRU applies it before its reset gate; else null */
  readonly hiddenBias: string | null;
  /** P for i, o, f: [H] each; none without peepholes */
  readonly peepholes: readonly string[];
  readonly activate: (position: number, x: string) => string;
}

interface State {
  readonly h: string;
  /** LSTM's cell; '' in the others */
  readonly c: string;
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

/**
 * Unrolls every LSTM, GRU and RNN over its time steps into Gemm, Split, Concat and elementwise nodes, all of which have
 * gradients: directions, initial states, sequence lengths, peepholes, clipping, coupled and reset gates included.
 *
 * Requires: the canonical op set; `shapes` of every value. Ensures: the same outputs under the same names; nodes that
 * `recurrentRefusal` names a reason for stay. The values within are new: their shapes have not been observed.
 * Returns how many nodes were unrolled.
 */
export function unrollRecurrent(graph: Graph, shapes: ReadonlyMap<string, readonly number[]>): number {
  const nodes = graph.nodes.filter((node) => isRecurrent(node) && recurrentRefusal(node) === null);
  for (const node of nodes) {
    const [steps = 1, batch = 1] = shapes.get(node.input[0] ?? '') ?? [];
    const [directions = 1, , hidden = 1] = shapes.get(node.input[2] ?? '') ?? [];
    const emit = new Emitter(graph, node.name || (node.output[0] ?? node.opType));
    unroll({ emit, node, steps, batch, hidden, directions });
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

function unroll(layer: Layer): void {
  const { emit, node, steps, batch, hidden, directions } = layer;
  const [lengths = '', initialH = '', initialC = ''] = node.input.slice(4);
  const starts = (value: string) =>
    value === '' ? Array.from({ length: directions }, () => zeros(layer)) : perDirection(layer, value);
  const [startsH, startsC] = [starts(initialH), starts(initialC)];
  const active = lengths === '' ? null : activeSteps(layer, lengths);

  const ends: State[] = [];
  const sequences = directionsOf(layer).map((direction, d) => {
    const backward = d === 1 || stringAttribute(node, 'direction', 'forward') === 'reverse';
    const order = Array.from({ length: steps }, (_, t) => (backward ? steps - 1 - t : t));
    const outputs = Array<string>(steps).fill('');
    let state: State = { h: startsH[d] ?? '', c: startsC[d] ?? '' };
    for (const t of order) {
      const next = step(layer, direction, direction.projected[t] ?? '', state);
      const now = active?.[t];
      if (now === undefined) {
        outputs[t] = next.h;
        state = next;
      } else {
        // a sequence that has ended (or, backward, not begun) keeps its state and gives 0
        outputs[t] = emit.op('Mul', [next.h, now]);
        state = { h: between(emit, state.h, next.h, now), c: next.c && between(emit, state.c, next.c, now) };
      }
    }
    ends.push(state);
    return emit.op('Reshape', [emit.concat(outputs, 0), emit.ints([steps, 1, batch, hidden])]);
  });

  const last = (values: readonly string[]) =>
    emit.op('Reshape', [emit.concat(values, 0), emit.ints([directions, batch, hidden])]);
  const [y = '', yh = '', yc = ''] = node.output;
  if (y !== '') nameAs(emit, emit.concat(sequences, 1), y);
  if (yh !== '') nameAs(emit, last(ends.map(({ h }) => h)), yh);
  if (yc !== '') nameAs(emit, last(ends.map(({ c }) => c)), yc);
}

/** The equations of ONNX's LSTM, GRU and RNN for one step. */
function step(layer: Layer, direction: Direction, x: string, state: State): State {
  switch (operatorOf(layer.node)) {
    case 'LSTM':
      return lstmStep(layer, direction, x, state);
    case 'GRU':
      return { h: gruStep(layer, direction, x, state.h), c: '' };
    default:
      return { h: direction.activate(0, timesTransposed(layer.emit, state.h, direction.recurrent, x)), c: '' };
  }
}

function lstmStep({ emit, node }: Layer, direction: Direction, x: string, state: State): State {
  const { activate, peepholes } = direction;
  const [i = '', o = '', f = '', g = ''] = split(emit, timesTransposed(emit, state.h, direction.recurrent, x), 1, 4);
  const peek = (gate: string, peephole: string | undefined, cell: string) =>
    peephole === undefined ? gate : emit.op('Add', [gate, emit.op('Mul', [peephole, cell])]);
  const input = activate(0, peek(i, peepholes[0], state.c));
  const forget =
    intAttribute(node, 'input_forget', 0) === 0
      ? activate(0, peek(f, peepholes[2], state.c))
      : emit.op('Sub', [emit.float(1), input]);
  const kept = emit.op('Mul', [forget, state.c]);
  const c = emit.op('Add', [kept, emit.op('Mul', [input, activate(1, g)])]);
  const output = activate(0, peek(o, peepholes[1], c));
  return { h: emit.op('Mul', [output, activate(2, c)]), c };
}

function gruStep({ emit, hidden }: Layer, direction: Direction, x: string, h: string): string {
  const { activate, hiddenBias } = direction;
  const [xGates = '', xHidden = ''] = split(emit, x, 1, [2 * hidden, hidden]);
  const [rGates = '', rHidden = ''] = split(emit, direction.recurrent, 0, [2 * hidden, hidden]);
  const gates = activate(0, timesTransposed(emit, h, rGates, xGates));
  const [update = '', reset = ''] = split(emit, gates, 1, 2);
  const candidate = activate(
    1,
    hiddenBias === null
      ? timesTransposed(emit, emit.op('Mul', [reset, h]), rHidden, xHidden)
      : emit.op('Add', [xHidden, emit.op('Mul', [reset, timesTransposed(emit, h, rHidden, hiddenBias)])]),
  );
  return between(emit, candidate, h, update);
}

function directionsOf(layer: Layer): Direction[] {
  const { emit, node, steps, batch, hidden, directions } = layer;
  const [x = '', w = '', r = '', b = ''] = node.input;
  const peepholes = node.input[7] ?? '';
  const perNode = activationsOf(node, directions);
  const perOperator = perNode.length / directions;
  const clip = floatAttribute(node, 'clip', 0);
  const weights = perDirection(layer, w);
  const biases = b === '' ? [] : perDirection(layer, b);
  const peeps = peepholes === '' ? [] : perDirection(layer, peepholes);
  const recurrents = perDirection(layer, r);
  const flat = emit.op('Flatten', [x], { axis: { int: 2 } });

  return recurrents.map((recurrent, d) => {
    const { bias, hiddenBias } = biasesOf(layer, biases[d]);
    const product = emit.op('Gemm', [flat, weights[d] ?? '', ...bias], { transB: { int: 1 } });
    return {
      projected: split(emit, product, 0, Array<number>(steps).fill(batch)),
      recurrent,
      hiddenBias,
      peepholes: peeps[d] === undefined ? [] : split(emit, peeps[d], 0, Array<number>(3).fill(hidden)),
      activate: (position, value) => {
        // what LSTM's output takes of its cell (position 2) is not clipped by ONNX Runtime
        const bound = clip > 0 && position < 2 ? emit.op('Clip', [value, emit.float(-clip), emit.float(clip)]) : value;
        const activation = perNode[d * perOperator + position];
        return activation === undefined ? bound : activate(emit, activation, bound);
      },
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
  const [wb = '', rb = ''] = split(emit, bias, 0, 2);
  if (!apart) return { bias: [emit.op('Add', [wb, rb])], hiddenBias: null };
  const [wGates = '', wHidden = ''] = split(emit, wb, 0, [2 * hidden, hidden]);
  const [rGates = '', rHidden = ''] = split(emit, rb, 0, [2 * hidden, hidden]);
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

/** A value [D, ...] as D values [...]. */
function perDirection({ emit, directions }: Layer, value: string): string[] {
  return split(emit, value, 0, directions).map((one) => emit.op('Squeeze', [one, emit.ints([0])]));
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

/** In equal parts, or in parts of the sizes given. */
function split(emit: Emitter, value: string, axis: number, parts: number | readonly number[]): string[] {
  const count = typeof parts === 'number' ? parts : parts.length;
  if (count === 1) return [value];
  return typeof parts === 'number'
    ? emit.ops('Split', [value], count, { axis: { int: axis }, num_outputs: { int: count } })
    : emit.ops('Split', [value, emit.ints(parts)], count, { axis: { int: axis } });
}

/** Makes a value known under the name of the node's output that it takes the place of. */
function nameAs(emit: Emitter, value: string, name: string): void {
  emit.nodes.push(makeNode('Identity', [value], [name], {}, emit.graph.freshName(`${name}/Identity`)));
}
