import { floatValue, type Graph } from '../model/graph.js';
import { dimsOf, elementCount, readFloats } from '../model/tensor.js';
import { reorderWeights, type WeightOrder } from './blocked.js';
import { differentiate } from './differentiate.js';
import { Emitter } from './emitter.js';
import type { Provider } from './gradients/rule.js';
import { type LossKind, lossInput, writeLoss } from './losses.js';
import { mergeReshapes } from './merge-reshapes.js';
import { clipByNorm, coefficientShape, type OptimiserSettings, stateRows, writeStep } from './optimisers.js';

/** A parameter's place in its group's state: elements offset ... offset + length - 1 of row 0. */
export interface ParameterSlot {
  readonly name: string;
  /** how it lies there, where that is not as in the model */
  readonly order: WeightOrder | null;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
}

/**
 * Parameters that share an optimiser's settings and learning rate. Their state is one tensor [rows, P] that a step reads
 * from `input` and writes to `output`; `coefficients` carries the learning rate. Many parameters are several groups of one name.
 */
export interface StateGroup {
  readonly name: string;
  readonly slots: readonly ParameterSlot[];
  readonly rows: number;
  readonly size: number;
  readonly optimiser: OptimiserSettings;
  readonly input: string;
  readonly output: string;
  readonly coefficients: string;
}

/** A value that a step carries on by itself, beside the optimiser: BatchNormalization's running statistics. */
export interface Carried {
  /** the initializer it is in the model */
  readonly name: string;
  readonly shape: readonly number[];
  readonly input: string;
  readonly output: string;
}

/**
 * What of a batch one run computes: all of it, or a part where memory does not suffice for all. Leading parts leave the
 * state as it is and add up their gradients, each weighted by its share of the batch's samples; the last part steps.
 */
export type BatchPart = 'whole' | 'leading' | 'last';

/** How the parts of a batch add up. */
export interface Accumulation {
  /** an input of shape []: the part's share of the batch's samples */
  readonly share: string;
  /** inputs: the leading parts' gradients, zeros at first */
  readonly sums: readonly { readonly input: string; readonly shape: readonly number[] }[];
}

/**
 * ONNX Runtime's binding copies outputs to new memory: up to 32 MiB the C library has it at hand, while more is mapped anew, page
 * by page, which costs more than the copy. WebGPU binds 128 MiB at most.
 */
const largestState = 24 * 2 ** 20;

export interface TrainingStep {
  readonly graph: Graph;
  readonly groups: readonly StateGroup[];
  readonly carried: readonly Carried[];
  /** null for a whole batch */
  readonly accumulation: Accumulation | null;
  /** the outputs that the next run is fed with, and as which input */
  readonly next: readonly { readonly input: string; readonly output: string }[];
  /** the model's own inputs */
  readonly inputs: readonly string[];
  readonly targets: string;
  readonly targetShape: readonly number[];
  readonly loss: string;
  readonly batchSize: number;
  /** of the forward pass; null where that is not known */
  readonly multiplyAdds: number | null;
}

export interface StepOptions {
  readonly path: string;
  readonly provider: Provider;
  /** of the blocked channel layout, where the graph is in it */
  readonly blockSize?: number;
  /** shapes of every value of the forward graph, at the training batch size */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly output: string;
  readonly loss: LossKind;
  readonly groups: readonly { name: string; parameters: readonly string[]; optimiser: OptimiserSettings }[];
  /** parameters that the graph reads in another order than the model's (see `blockLayout`) */
  readonly reordered?: ReadonlyMap<string, WeightOrder>;
  /** initializers whose new value a node of the graph computes: running statistics */
  readonly running: ReadonlyMap<string, string>;
  readonly clipNorm: number | null;
  /** 'whole' if left out */
  readonly part?: BatchPart;
  /** of the forward pass, for whoever plans runs */
  readonly multiplyAdds?: number | null;
  /** the largest tensor that a state is kept in, unless one parameter alone is larger */
  readonly stateBytes?: number;
}

/** The backward pass of one graph: the loss, and its gradient for each parameter. */
export interface Backward {
  readonly loss: string;
  readonly targets: string;
  readonly targetShape: readonly number[];
  readonly gradients: ReadonlyMap<string, string>;
}

/**
 * Appends loss and backward pass to a forward graph in the canonical op set, for the given parameters (values of the
 * graph: initializers, or what replaced them). `targets` becomes an input of the loss value's shape.
 * @throws Failure('input') where an operator on the way has no rule
 */
export function appendBackward(
  graph: Graph,
  parameters: readonly string[],
  options: Pick<StepOptions, 'path' | 'provider' | 'blockSize' | 'shapes' | 'output' | 'loss'>,
): Backward {
  const shapeOf = (value: string): readonly number[] => {
    const shape = options.shapes.get(value);
    if (shape === undefined) throw new Error(`the shape of '${value}' was not observed`);
    return shape;
  };
  const read = lossInput(graph, options.output, options.loss, shapeOf(options.output).length);
  const shape = shapeOf(read.value);
  const targets = graph.freshName('targets');
  graph.proto.input.push(floatValue(targets, shape));
  const emit = new Emitter(graph, 'loss');
  const { loss, gradient } = writeLoss(emit, options.loss, read.value, targets, shape);
  emit.flush();
  const seeds = new Map([[read.value, gradient]]);
  const gradients = differentiate(graph, seeds, new Set(parameters), options);
  return { loss, targets, targetShape: shape, gradients };
}

/**
 * Turns a forward graph (parametric, canonical op set, batch size fixed by `shapes`) into one training step, in place:
 * trained initializers become slices of the state, then loss, backward pass and optimiser follow. One run is one step, or
 * for a part of a batch its contribution to one.
 */
export function buildStep(graph: Graph, options: StepOptions): TrainingStep {
  const shapes = new Map(options.shapes);
  const inputs = graph.feeds().map(({ name }) => name);
  const batchSize = shapes.get(inputs[0] ?? '')?.[0] ?? 1;

  const parameterNodes = new Emitter(graph, 'state');
  const groups = options.groups.flatMap(({ name, parameters, optimiser }): StateGroup[] => {
    const rows = stateRows(optimiser);
    const { stateBytes = largestState } = options;
    const limit = stateBytes / (rows * Float32Array.BYTES_PER_ELEMENT);
    const pieces = layOut(graph, parameters, options.reordered ?? new Map(), limit);
    if (pieces.length === 0) return [];
    const fed = graph.freshName(`coefficients/${name}`);
    graph.proto.input.push(floatValue(fed, coefficientShape(optimiser)));
    return pieces.map((slots) => {
      const size = slots.reduce((sum, { length }) => sum + length, 0);
      const input = graph.freshName(`state/${name}`);
      graph.proto.input.push(floatValue(input, [rows, size]));
      const group = { name, slots, rows, size, optimiser, input, output: '', coefficients: fed };
      for (const slot of slots) replaceInitializer(graph, parameterNodes, group, slot);
      return group;
    });
  });
  const first = graph.nodes[0];
  parameterNodes.flush(first);

  const { loss, targets, targetShape, gradients } = appendBackward(
    graph,
    groups.flatMap(({ slots }) => slots.map(({ name }) => name)),
    { ...options, shapes },
  );

  const emit = new Emitter(graph, 'optimiser');
  const bySlot = groups.map(({ slots }) =>
    slots.map(({ name, length }) =>
      emit.op('Reshape', [
        gradients.get(name) ?? emit.float(Array<number>(length).fill(0), [1, length]),
        emit.ints([1, length]),
      ]),
    ),
  );
  const { part = 'whole' } = options;
  const joined = (): string[] => bySlot.map((parts) => emit.concat(parts, 1));
  const { accumulation, totals } =
    part === 'whole' ? { accumulation: null, totals: null } : addUp(emit, groups, joined());
  const clipped = options.clipNorm === null ? totals : clipByNorm(emit, totals ?? joined(), options.clipNorm);
  const stepped = groups.map((group, i) => {
    const gradient = clipped === null ? (bySlot[i] ?? []) : [clipped[i] ?? ''];
    return { ...group, output: writeStep(emit, group, gradient) };
  });
  emit.flush();

  const carried = [...options.running].map(([name, output]): Carried => {
    const tensor = graph.initializer(name);
    if (tensor === undefined) throw new Error(`'${name}' is no initializer`);
    const shape = dimsOf(tensor);
    graph.removeInitializer(name);
    graph.proto.input.push(floatValue(name, shape));
    return { name, shape, input: name, output };
  });

  // what a leading part does not give, ONNX Runtime does not compute either
  const sums = (accumulation?.sums ?? []).map((sum, i) => ({ ...sum, output: totals?.[i] ?? '' }));
  const states = stepped.map((group) => ({ ...group, shape: [group.rows, group.size] }));
  const next = [...(part === 'leading' ? sums : states), ...carried];
  graph.proto.output = [floatValue(loss, []), ...next.map(({ output, shape }) => floatValue(output, shape))];
  graph.proto.valueInfo = [];
  mergeReshapes(graph);
  const { multiplyAdds = null } = options;
  const described = { inputs, targets, targetShape, loss, batchSize, multiplyAdds };
  return { graph, groups: stepped, carried, accumulation, next, ...described };
}

/** Adds a part's gradients [1, P], weighted by its share, to those of the parts before it. */
function addUp(
  emit: Emitter,
  groups: readonly StateGroup[],
  gradients: readonly string[],
): { accumulation: Accumulation; totals: string[] } {
  const { graph } = emit;
  const share = graph.freshName('share');
  graph.proto.input.push(floatValue(share, []));
  const sums = groups.map(({ name, size }) => {
    const sum = { input: graph.freshName(`sum/${name}`), shape: [1, size] };
    graph.proto.input.push(floatValue(sum.input, sum.shape));
    return sum;
  });
  const totals = sums.map(({ input }, i) => emit.op('Add', [input, emit.op('Mul', [gradients[i] ?? '', share])]));
  return { accumulation: { share, sums }, totals };
}

/** Parameters side by side, in pieces of at most `limit` elements; one that is larger has a piece to itself. */
function layOut(
  graph: Graph,
  parameters: readonly string[],
  orders: ReadonlyMap<string, WeightOrder>,
  limit: number,
): ParameterSlot[][] {
  const pieces: ParameterSlot[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const name of parameters) {
    const tensor = graph.initializer(name);
    if (tensor === undefined) throw new Error(`the parameter '${name}' is no initializer`);
    const shape = dimsOf(tensor);
    const length = elementCount(shape);
    if (size + length > limit) {
      pieces.push([]);
      size = 0;
    }
    pieces.at(-1)?.push({ name, order: orders.get(name) ?? null, shape, offset: size, length });
    size += length;
  }
  return pieces;
}

/** Row 0 of the state, from the slot's offset on, takes the initializer's name and shape. */
function replaceInitializer(graph: Graph, emit: Emitter, group: StateGroup, slot: ParameterSlot): void {
  graph.removeInitializer(slot.name);
  const end = slot.offset + slot.length;
  const piece = emit.op('Slice', [group.input, emit.ints([0, slot.offset]), emit.ints([1, end]), emit.ints([0, 1])]);
  emit.opTo(slot.name, 'Reshape', [piece, emit.ints(slot.shape)]);
}

/** A group's state before the first step, in the model's order: the parameters of the graph in row 0, zeros below. */
export function initialState(graph: Graph, group: StateGroup): Float32Array {
  const state = new Float32Array(group.rows * group.size);
  for (const { name, offset } of group.slots) {
    const tensor = graph.initializer(name);
    if (tensor === undefined) throw new Error(`the parameter '${name}' is no initializer`);
    state.set(readFloats(tensor), offset);
  }
  return state;
}

/**
 * A state brought from the model's order to that in which the step reads it, or back, in place: every row holds a number for
 * each element of a parameter.
 */
export function reorderState({ slots, rows, size }: StateGroup, state: Float32Array, to: 'blocked' | 'plain'): void {
  for (const { order, offset, length } of slots) {
    if (order === null) continue;
    for (let row = 0; row < rows; row++) {
      const part = state.subarray(row * size + offset, row * size + offset + length);
      part.set(reorderWeights(part, order, to));
    }
  }
}

/** The parameters in a state, in the model's order, by the initializer's name. */
export function parametersIn(group: StateGroup, state: Float32Array): Map<string, Float32Array> {
  return new Map(group.slots.map(({ name, offset, length }) => [name, state.slice(offset, offset + length)]));
}
