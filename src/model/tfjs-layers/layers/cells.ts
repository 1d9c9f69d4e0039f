import { present } from '../../../contract/present.js';
import type { Attributes } from '../../graph.js';
import type { OnnxBuilder } from '../../tfjs/builder.js';
import type { LayerContext } from '../context.js';
import { activationFormula } from './activations.js';

export type CellKind = 'SimpleRNN' | 'LSTM' | 'GRU';

/**
 * tfjs-layers keeps a cell's gates side by side along the last axis: LSTM i, f, c, o; GRU z, r, h. `order` is ONNX's order
 * in terms of those: LSTM i, o, f, c; GRU z, r, h.
 */
export const cells: Readonly<
  Record<CellKind, { readonly opType: string; readonly order: readonly number[]; readonly states: number }>
> = {
  SimpleRNN: { opType: 'RNN', order: [0], states: 1 },
  LSTM: { opType: 'LSTM', order: [0, 3, 1, 2], states: 2 },
  GRU: { opType: 'GRU', order: [0, 1, 2], states: 1 },
};

/** A cell with its weights in the graph. */
export interface Cell {
  readonly kind: CellKind;
  readonly units: number;
  readonly activation: string;
  readonly recurrentActivation: string;
  readonly useBias: boolean;
}

export function readCell(layer: LayerContext, kind: CellKind): Cell {
  if (layer.flag('stateful', false)) layer.refuse('a stateful layer depends on what it was called with before');
  if (layer.flag('time_major', false)) layer.refuse('TensorFlow.js ignores time_major');
  // tfjs-layers refuses to load such a model; Keras's GRU has it on by default
  if (layer.flag('reset_after', false)) {
    layer.refuse(
      'TensorFlow.js has no GRU with reset_after',
      'Build the GRU with reset_after=False and train it so, or convert the model to a GraphModel (tensorflowjs_converter) or to ONNX (tf2onnx).',
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
export function activationsOf({ kind, activation, recurrentActivation }: Cell): string[] {
  if (kind === 'SimpleRNN') return [activation];
  return kind === 'GRU' ? [recurrentActivation, activation] : [recurrentActivation, activation, activation];
}

/** The weights of a cell in the graph, in TensorFlow.js's order of gates; once for all steps. */
export interface CellWeights {
  readonly kernel: string;
  readonly recurrent: string;
  readonly bias: string | null;
}

/** @throws Unsupported for an activation that TensorFlow.js does not have, and where the manifest lacks a weight */
export function cellWeights(layer: LayerContext, cell: Cell): CellWeights {
  for (const name of activationsOf(cell)) {
    if (activationFormula(name) === undefined) layer.refuse(`TensorFlow.js has no activation '${name}'`);
  }
  return {
    kernel: layer.weight('kernel', 0),
    recurrent: layer.weight('recurrent_kernel', 1),
    bias: cell.useBias ? layer.weight('bias', 2) : null,
  };
}

/** One step of a cell from primitives (tfjs-layers, recurrent.ts): the new states, h first. */
export function stepOf(
  body: OnnxBuilder,
  cell: Cell,
  weights: CellWeights,
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
