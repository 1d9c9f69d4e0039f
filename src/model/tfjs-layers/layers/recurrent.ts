import { present } from '../../../contract/present.js';
import { type Attributes, makeNode } from '../../graph.js';
import { floatTensor } from '../../tensor.js';
import { listOf } from '../../tfjs/json.js';
import type { LayoutStep } from '../../tfjs/origin.js';
import { LayerContext, type LayerTable, type LayerValue } from '../context.js';
import { type LayerSpec, layerWithin } from '../topology.js';
import { activationKey } from './activations.js';
import {
  activationsOf,
  type Cell,
  type CellKind,
  type CellWeights,
  cells,
  cellWeights,
  readCell,
  stepOf,
} from './cells.js';
import { type Sequence, scanSteps, timeSwapped, zeroState } from './steps.js';

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

/** Through a Scan: for masks and for activations that ONNX's operators lack. */
function throughScan(
  layer: LayerContext,
  cell: Cell,
  x: string,
  initial: readonly string[],
  mask: string | null,
): Sequence {
  const weights = cellWeights(layer, cell);
  const zeros = initial.length > 0 ? [] : [zeroState(layer, x, cell.units)];
  const starts = initial.length > 0 ? initial : Array.from({ length: cells[cell.kind].states }, () => zeros).flat();
  return scanSteps(layer, x, starts, mask, (body, at, states) => stepOf(body, cell, weights, at, states));
}

/** A value with its axis of time turned round. */
export function reversed(layer: LayerContext, value: string, axis: number): string {
  const { builder } = layer;
  const [start, end] = [builder.int64s([-1]), builder.int64s([-(2 ** 31)])];
  return layer.op('Slice', [value, start, end, builder.int64s([axis]), builder.int64s([-1])]);
}

/** What a layer makes of its steps, given x: [time, batch, features] and the states to start from; none are zeros. */
type TakeSteps = (x: string, initial: readonly string[], mask: string | null) => Sequence;

/**
 * A layer around the steps that it takes: its order of time, its mask, its initial states, and what it gives.
 * @param sizes of the states, the first being that of the output
 */
function recurrence(layer: LayerContext, sizes: readonly number[], takeSteps: TakeSteps): LayerValue[] {
  const [input, ...given] = layer.inputs;
  if (input === undefined) return layer.refuse('it has no inputs');
  const shape = layer.shapeOf(input);
  if (shape.length !== 3) layer.refuse(`its input has ${shape.length} axes, not 3`);
  const [batch = null, time = null] = shape;
  if (given.length > 0 && given.length !== sizes.length) layer.refuse(`it is given ${given.length} initial states`);
  const initial = given.map((state) => layer.plain(state).name);

  const isBackward = layer.flag('go_backwards', false);
  const own = layer.plain(input).name;
  const ordered = isBackward ? reversed(layer, own, 1) : own;
  const mask = input.mask !== null && isBackward ? reversed(layer, input.mask, 1) : input.mask;
  const sequence = takeSteps(timeSwapped(layer, ordered, 3), initial, mask);

  const value = (name: string, dims: readonly (number | null)[]): LayerValue => ({
    name,
    dtype: 'float32',
    shape: dims,
    channelsFirst: false,
    mask: null,
  });
  const states = sequence.states.map((state, i) => value(state, [batch, sizes[i] ?? null]));
  // The last output is the last state: a step that does not count repeats it.
  const [last] = states;
  const output = layer.flag('return_sequences', false)
    ? { ...value(sequence.steps, [batch, time, sizes[0] ?? null]), mask: input.mask }
    : (last ?? layer.refuse('it has no state'));
  return layer.flag('return_state', false) ? [output, ...states] : [output];
}

function recurrent(layer: LayerContext, kind: CellKind): LayerValue[] {
  const cell = readCell(layer, kind);
  const sizes = Array.from({ length: cells[kind].states }, () => cell.units);
  return recurrence(layer, sizes, (x, initial, mask) => {
    const known = mask === null ? throughOperator(layer, cell, x, initial) : null;
    return known ?? throughScan(layer, cell, x, initial, mask);
  });
}

/** One cell of an RNN: its configuration, and its weights below the names that TensorFlow.js gives it. */
interface PlacedCell {
  readonly cell: Cell;
  readonly weights: CellWeights;
}

const kinds: ReadonlyMap<string, CellKind> = new Map([
  ['SimpleRNNCell', 'SimpleRNN'],
  ['LSTMCell', 'LSTM'],
  ['GRUCell', 'GRU'],
]);

/** An RNN over a cell, or over several that stand on each other: their states are listed from the last cell to the first. */
function overCells(layer: LayerContext): LayerValue[] {
  if (layer.flag('stateful', false)) layer.refuse('a stateful layer depends on what it was called with before');
  const placed = cellsOf(layer).map(([inner, kind]): PlacedCell => {
    const cell = readCell(inner, kind);
    return { cell, weights: cellWeights(inner, cell) };
  });
  const statesOf = ({ cell }: PlacedCell) => Array.from({ length: cells[cell.kind].states }, () => cell.units);
  const sizes = placed.toReversed().flatMap(statesOf);
  return recurrence(layer, sizes, (x, initial, mask) => {
    const starts = initial.length > 0 ? initial : sizes.map((size) => zeroState(layer, x, size));
    return scanSteps(layer, x, starts, mask, (body, at, states) => {
      const ends: (readonly string[])[] = [];
      let input = at;
      let left = states.length;
      for (const { cell, weights } of placed) {
        const count = cells[cell.kind].states;
        const made = stepOf(body, cell, weights, input, states.slice(left - count, left));
        left -= count;
        ends.unshift(made);
        input = present(made[0], `the output of a ${cell.kind} cell`);
      }
      return ends.flat();
    });
  });
}

/** The cells of an RNN from the first to the last, each as a layer of its own. */
function cellsOf(layer: LayerContext): [LayerContext, CellKind][] {
  const file = layer.graph.files.path;
  const cell = layerWithin(file, layer.spec, 'cell');
  const isStack = cell.className === 'StackedRNNCells';
  const list = isStack ? listOf(cell.config.cells).map((_, i) => layerWithin(file, cell, 'cells', i)) : [cell];
  return list.map((spec: LayerSpec, i) => {
    const kind = kinds.get(spec.className) ?? layer.refuse(`cells of class '${spec.className}' are not covered`);
    const scope = isStack ? `${layer.scope}/RNNCell_${i}` : layer.scope;
    return [new LayerContext(layer.graph, spec, [], scope, layer.listed, layer.convert), kind];
  });
}

export const recurrentLayers: LayerTable = {
  SimpleRNN: (layer) => recurrent(layer, 'SimpleRNN'),
  LSTM: (layer) => recurrent(layer, 'LSTM'),
  GRU: (layer) => recurrent(layer, 'GRU'),
  RNN: overCells,
};
