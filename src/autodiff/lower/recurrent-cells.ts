import { present } from '../../contract/present.js';
import { findAttribute, floatAttribute, intAttribute, stringAttribute } from '../../model/attributes.js';
import { describeNode, type NodeProto } from '../../model/graph.js';
import type { Emitter, Names } from '../emitter.js';
import { inputOf, optionalInput } from '../operands.js';

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
export interface Layer {
  readonly emit: Emitter;
  readonly node: NodeProto;
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
  readonly directions: number;
}

/** One direction's values. */
export interface Direction {
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

export interface State {
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

export function isRecurrent(node: NodeProto): boolean {
  return node.domain === '' && operatorOf(node) !== null;
}

export function operatorOf({ opType }: NodeProto): Operator | null {
  return opType === 'LSTM' || opType === 'GRU' || opType === 'RNN' ? opType : null;
}

/** The equations of ONNX's LSTM, GRU and RNN for one step. */
export function step(layer: Layer, direction: Direction, x: string, state: State): State {
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

export function directionsOf(layer: Layer): Direction[] {
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

/** A value [D, ...] as D values [...]. */
export function perDirection({ emit, directions }: Layer, value: string): string[] {
  const parts = directions === 1 ? [value] : inEqualParts(emit, value, 0, directions);
  return parts.map((one) => emit.op('Squeeze', [one, emit.ints([0])]));
}

/** a m^T + b */
function timesTransposed(emit: Emitter, a: string, m: string, b: string): string {
  return emit.op('Gemm', [a, m, b], { transB: { int: 1 } });
}

/** from + (to - from) * share */
export function between(emit: Emitter, from: string, to: string, share: string): string {
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
export function split(emit: Emitter, value: string, axis: number, sizes: readonly number[]): string[] {
  if (sizes.length === 1) return [value];
  return emit.ops('Split', [value, emit.ints(sizes)], sizes.length, { axis: { int: axis } });
}
