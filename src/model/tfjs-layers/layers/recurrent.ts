import { present } from '../../../contract/present.js';
import { type Attributes, makeNode } from '../../graph.js';
import { floatTensor } from '../../tensor.js';
import { addBody } from '../../tfjs/body.js';
import { OnnxBuilder, valueInfo } from '../../tfjs/builder.js';
import type { LayoutStep } from '../../tfjs/origin.js';
import type { LayerContext, LayerTable, LayerValue } from '../context.js';
import { activationFormula, activationKey } from './activations.js';

type CellKind = 'SimpleRNN' | 'LSTM' | 'GRU';

/**
 * tfjs-layers keeps a cell's gates side by side along the last axis: LSTM i, f, c, o; GRU z, r, h. `order` is ONNX's order
 * in terms of those: LSTM i, o, f, c; GRU z, r, h.
 */
const cells: Readonly<
  Record<CellKind, { readonly opType: string; readonly order: readonly number[]; readonly states: number }>
> = {
  SimpleRNN: { opType: 'RNN', order: [0], states: 1 },
  LSTM: { opType: 'LSTM', order: [0, 3, 1, 2], states: 2 },
  GRU: { opType: 'GRU', order: [0, 1, 2], states: 1 },
};

/** The activations that ONNX's recurrent operators know, with their alpha and beta. */
const operatorActivations: Readonly<
  Record<string, { readonly name: string; readonly alpha?: number; readonly beta?: number }>
> = {
  linear: { name: 'Affine', alpha: 1, beta: 0 },
  relu: { name: 'Relu' },
  tanh: { name: 'Tanh' },
  sigmoid: { name: 'Sigmoid' },
  hardsigmoid: { name: 'HardSigmoid', alpha: 0.2, beta: 0.5 },
  softsign: { name: 'Softsign' },
  softplus: { name: 'Softplus' },
};

/** A cell with its weights in the graph. */
interface Cell {
  readonly kind: CellKind;
  readonly units: number;
  readonly activation: string;
  readonly recurrentActivation: string;
  readonly useBias: boolean;
}

/** What a recurrent layer computes, in TensorFlow.js's own axes. */
interface Sequence {
  /** [batch, time, units], in the order in which the steps were taken */
  readonly steps: string;
  /** [batch, units] each: h, and c of an LSTM */
  readonly states: readonly string[];
}

function readCell(layer: LayerContext, kind: CellKind): Cell {
  if (layer.flag('stateful', false)) layer.refuse('a stateful layer depends on what it was called with before');
  if (layer.flag('time_major', false)) layer.refuse('TensorFlow.js ignores time_major');
  // tfjs-layers refuses to load such a model; Keras's GRU has it on by default
  if (layer.flag('reset_after', false)) {
    layer.refuse(
      'TensorFlow.js has no GRU with reset_after',
      'Build the GRU with reset_after=False and train it so, or export the whole model to ONNX (tf2onnx).',
    );
  }
  return {
    kind,
    units: layer.known(layer.required('recurrent_kernel', 1).shape[0], 'number of units'),
    activation: layer.functionName('activation', 'tanh'),
    recurrentActivation: layer.functionName('recurrent_activation', 'hard_sigmoid'),
    useBias: layer.flag('use_bias', true),
  };
}

/** The functions of a cell in ONNX's order: LSTM f, g, h; GRU f, g; RNN f. */
function activationsOf({ kind, activation, recurrentActivation }: Cell): string[] {
  if (kind === 'SimpleRNN') return [activation];
  return kind === 'GRU' ? [recurrentActivation, activation] : [recurrentActivation, activation, activation];
}

/** Through ONNX's own operator, which knows neither masks nor every activation. */
function throughOperator(layer: LayerContext, cell: Cell, x: string, initial: readonly string[]): Sequence | null {
  const { builder } = layer;
  const wanted = activationsOf(cell);
  const functions = wanted.flatMap((name) => operatorActivations[activationKey(name)] ?? []);
  if (functions.length < wanted.length) return null;
  const { opType, order } = cells[cell.kind];
  const gates = order.length;
  const steps = (rows: number): LayoutStep[] => [
    { kind: 'blocks', axis: 1, order },
    { kind: 'transpose', perm: [1, 0] },
    { kind: 'reshape', shape: [1, gates * cell.units, rows] },
  ];
  const inputSize = layer.known(layer.required('kernel', 0).shape[0], 'number of features');
  const w = layer.weight('kernel', 0, steps(inputSize));
  const r = layer.weight('recurrent_kernel', 1, steps(cell.units));
  const states = initial.map((state) => layer.op('Unsqueeze', [state, builder.int64s([0])]));
  const alphas = functions.flatMap(({ alpha }) => alpha ?? []);
  const betas = functions.flatMap(({ beta }) => beta ?? []);
  const attributes: Attributes = {
    hidden_size: { int: cell.units },
    activations: { strings: functions.map(({ name }) => name) },
    ...(alphas.length > 0 ? { activation_alpha: { floats: alphas } } : {}),
    ...(betas.length > 0 ? { activation_beta: { floats: betas } } : {}),
  };
  const [y, ...last] = builder.ops(
    opType,
    [
      x,
      w,
      r,
      cell.useBias ? operatorBias(layer, gates, cell.units, order) : '',
      ...(states.length > 0 ? [''] : []),
      ...states,
    ],
    1 + cells[cell.kind].states,
    attributes,
  );
  return {
    // [time, direction, batch, units]
    steps: layer.op(
      'Transpose',
      [layer.op('Squeeze', [present(y, 'the output of a recurrence'), builder.int64s([1])])],
      { perm: { ints: [1, 0, 2] } },
    ),
    states: last.map((state) => layer.op('Squeeze', [state, builder.int64s([0])])),
  };
}

/** ONNX adds a bias of the input and one of the recurrence; TensorFlow.js has the first alone. */
function operatorBias(layer: LayerContext, gates: number, units: number, order: readonly number[]): string {
  const { builder } = layer;
  const width = gates * units;
  const bias = layer.weight('bias', 2, [
    { kind: 'blocks', axis: 0, order },
    { kind: 'reshape', shape: [1, width] },
  ]);
  const zeros = builder.freshName(`${builder.scope}/zeros`);
  const tensor = floatTensor(zeros, [1, width], new Float32Array(width));
  builder.nodes.push(makeNode('Constant', [], [zeros], { value: { tensor } }, zeros));
  return layer.op('Concat', [bias, zeros], { axis: { int: 1 } });
}

/** One step of a cell from primitives (tfjs-layers, recurrent.ts): the new states, h first. */
function stepOf(
  body: OnnxBuilder,
  cell: Cell,
  weights: { readonly kernel: string; readonly recurrent: string; readonly bias: string | null },
  x: string,
  states: readonly string[],
): string[] {
  const op = (opType: string, inputs: readonly string[], attributes: Attributes = {}) =>
    body.op(opType, inputs, attributes);
  const graph = { op, scalar: (value: number) => body.float(value) };
  const apply = (name: string, value: string) => activationFormula(name)?.(graph, value, -1) ?? value;
  const split = (value: string, count: number) => {
    const parts = body.ops('Split', [value], count, { axis: { int: -1 }, num_outputs: { int: count } });
    return (at: number) => present(parts[at], `part ${at} of ${count}`);
  };
  const state = (at: number) => present(states[at], `state ${at} of ${cell.kind}`);
  const h = state(0);
  const product = op('MatMul', [x, weights.kernel]);
  const fromInput = weights.bias === null ? product : op('Add', [product, weights.bias]);
  if (cell.kind === 'SimpleRNN') {
    return [apply(cell.activation, op('Add', [fromInput, op('MatMul', [h, weights.recurrent])]))];
  }
  if (cell.kind === 'LSTM') {
    const gate = split(op('Add', [fromInput, op('MatMul', [h, weights.recurrent])]), 4);
    const kept = op('Mul', [apply(cell.recurrentActivation, gate(1)), state(1)]);
    const entered = op('Mul', [apply(cell.recurrentActivation, gate(0)), apply(cell.activation, gate(2))]);
    const carry = op('Add', [kept, entered]);
    return [op('Mul', [apply(cell.recurrentActivation, gate(3)), apply(cell.activation, carry)]), carry];
  }
  const ofInput = split(fromInput, 3);
  const recurrent = split(weights.recurrent, 3);
  const z = apply(cell.recurrentActivation, op('Add', [ofInput(0), op('MatMul', [h, recurrent(0)])]));
  const r = apply(cell.recurrentActivation, op('Add', [ofInput(1), op('MatMul', [h, recurrent(1)])]));
  const candidate = apply(cell.activation, op('Add', [ofInput(2), op('MatMul', [op('Mul', [r, h]), recurrent(2)])]));
  const fresh = op('Mul', [op('Sub', [body.float(1), z]), candidate]);
  return [op('Add', [op('Mul', [z, h]), fresh])];
}

/** Through a Scan over the steps: for masks and for activations that ONNX's operators lack. */
function throughScan(
  layer: LayerContext,
  cell: Cell,
  x: string,
  initial: readonly string[],
  mask: string | null,
): Sequence {
  const { builder } = layer;
  for (const name of activationsOf(cell)) {
    if (activationFormula(name) === undefined) layer.refuse(`TensorFlow.js has no activation '${name}'`);
  }
  const weights = {
    kernel: layer.weight('kernel', 0),
    recurrent: layer.weight('recurrent_kernel', 1),
    bias: cell.useBias ? layer.weight('bias', 2) : null,
  };
  const count = cells[cell.kind].states;
  const starts = initial.length > 0 ? initial : zeroStates(layer, x, cell.units, count);

  const body = new OnnxBuilder(builder);
  body.scope = `${builder.scope}/step`;
  const at = (name: string) => builder.freshName(`${builder.scope}/${name}`);
  const before = starts.map((_, i) => at(`state${i}`));
  const input = at('x');
  const counts = at('mask');
  const computed = stepOf(body, cell, weights, input, before);
  // A step that does not count leaves the states, and gives the state again: recurrent.ts, rnn.
  const after = computed.map((state, i) =>
    mask === null
      ? body.op('Identity', [state])
      : body.op('Where', [counts, state, present(before[i], `state ${i} of ${cell.kind}`)]),
  );
  const given = body.op('Identity', [present(after[0], `the state of ${cell.kind}`)]);
  const info = (name: string) => valueInfo(name, 'float32', null);
  const step = body.finish(
    [...before.map(info), info(input), ...(mask === null ? [] : [valueInfo(counts, 'bool', null)])],
    [...after, given].map(info),
  );
  const scanned = mask === null ? [x] : [x, timeFirstMask(layer, mask)];
  const outputs = builder.ops('Scan', [...starts, ...scanned], count + 1, { num_scan_inputs: { int: scanned.length } });
  addBody(builder, present(outputs[0], 'the state of a Scan'), step.proto);
  return {
    steps: layer.op('Transpose', [present(outputs[count], 'the steps of a Scan')], { perm: { ints: [1, 0, 2] } }),
    states: outputs.slice(0, count),
  };
}

/** [batch, units] zeros for each state, from x: [time, batch, features]. */
function zeroStates(layer: LayerContext, x: string, units: number, count: number): string[] {
  const { builder } = layer;
  const batch = layer.op('Shape', [x], { start: { int: 1 }, end: { int: 2 } });
  const shape = layer.op('Concat', [batch, builder.int64s([units])], { axis: { int: 0 } });
  const zeros = layer.op('Expand', [builder.float(0), shape]);
  return Array.from({ length: count }, () => zeros);
}

/** [batch, time] to [time, batch, 1]. */
function timeFirstMask(layer: LayerContext, mask: string): string {
  const rows = layer.op('Transpose', [mask], { perm: { ints: [1, 0] } });
  return layer.op('Unsqueeze', [rows, layer.builder.int64s([-1])]);
}

/** A value with its axis of time turned round. */
export function reversed(layer: LayerContext, value: string, axis: number): string {
  const { builder } = layer;
  const [start, end] = [builder.int64s([-1]), builder.int64s([-(2 ** 31)])];
  return layer.op('Slice', [value, start, end, builder.int64s([axis]), builder.int64s([-1])]);
}

function recurrent(layer: LayerContext, kind: CellKind): LayerValue[] {
  const cell = readCell(layer, kind);
  const [input, ...given] = layer.inputs;
  if (input === undefined) return layer.refuse('it has no inputs');
  const shape = layer.shapeOf(input);
  if (shape.length !== 3) layer.refuse(`its input has ${shape.length} axes, not 3`);
  const [batch = null, time = null] = shape;
  if (given.length > 0 && given.length !== cells[kind].states)
    layer.refuse(`it is given ${given.length} initial states`);
  const initial = given.map((state) => layer.plain(state).name);

  const isBackward = layer.flag('go_backwards', false);
  const own = layer.plain(input).name;
  const ordered = isBackward ? reversed(layer, own, 1) : own;
  const mask = input.mask !== null && isBackward ? reversed(layer, input.mask, 1) : input.mask;
  const x = layer.op('Transpose', [ordered], { perm: { ints: [1, 0, 2] } });
  const sequence =
    (mask === null ? throughOperator(layer, cell, x, initial) : null) ?? throughScan(layer, cell, x, initial, mask);

  const value = (name: string, dims: readonly (number | null)[]): LayerValue => ({
    name,
    dtype: 'float32',
    shape: dims,
    channelsFirst: false,
    mask: null,
  });
  const states = sequence.states.map((state) => value(state, [batch, cell.units]));
  // The last output is the last state: a step that does not count repeats it.
  const [last] = states;
  const output = layer.flag('return_sequences', false)
    ? { ...value(sequence.steps, [batch, time, cell.units]), mask: input.mask }
    : (last ?? layer.refuse('it has no state'));
  return layer.flag('return_state', false) ? [output, ...states] : [output];
}

export const recurrentLayers: LayerTable = {
  SimpleRNN: (layer) => recurrent(layer, 'SimpleRNN'),
  LSTM: (layer) => recurrent(layer, 'LSTM'),
  GRU: (layer) => recurrent(layer, 'GRU'),
};
