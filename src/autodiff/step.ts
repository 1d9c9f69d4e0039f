import { Failure } from '../contract/failure.js';
import { present } from '../contract/present.js';
import type { LossKind, OptimizerSettings, Provider } from '../contract/settings.js';
import { floatAttribute, intAttribute } from '../model/attributes.js';
import { floatValue, type Graph } from '../model/graph.js';
import { dimsOf, elementCount, readFloatRange, readIntegers } from '../model/tensor.js';
import type { ForeignNodes } from './backward-body.js';
import { reorderWeights, type WeightOrder } from './blocked.js';
import { differentiate } from './differentiate.js';
import { Emitter } from './emitter.js';
import { computeInOrder } from './execution-order.js';
import { factorOf, type ParameterScale } from './head-scale.js';
import {
  type Distillation,
  lossInput,
  type MaskLoss,
  maskTargetShape,
  writeLoss,
  writeMaskLoss,
  writeTaughtLoss,
} from './losses.js';
import { mergeReshapes } from './merge-reshapes.js';
import { inputOf } from './operands.js';
import { type AverageDecay, clipByNorm, coefficientShape, stateRows, writeStep } from './optimizers.js';

/**
 * A parameter's place in its group's state: elements offset ... offset + length - 1 of row 0. A very large parameter has several,
 * each for its elements from `from` on.
 */
export interface ParameterSlot {
  readonly name: string;
  /** of the whole parameter */
  readonly shape: readonly number[];
  readonly from: number;
  /** how it lies there, where that is not as in the model */
  readonly order: WeightOrder | null;
  /** what it is multiplied by to be the model's, where that is not 1 */
  readonly scale: ParameterScale | null;
  readonly offset: number;
  readonly length: number;
}

/** The learning rates of a step: the weights', and the shifts' and offsets'. */
export interface LearningRates {
  readonly weights: number;
  readonly sites: number;
}

/** What parameters are stepped by: their learning rate is the larger one of `rateScales` times the step's rates. */
export interface GroupSettings {
  readonly optimizer: OptimizerSettings;
  readonly rateScales: LearningRates;
}

/**
 * Parameters that share an optimizer's settings and learning rate. Their state is one tensor [rows, P], which is called `input`.
 * Many parameters are several groups of one set.
 */
export interface StateGroup extends GroupSettings {
  /** for people: those of other settings may have the same */
  readonly name: string;
  /** groups of one set, which follow each other, have the same settings */
  readonly set: number;
  readonly slots: readonly ParameterSlot[];
  readonly rows: number;
  readonly size: number;
  /** how much of the average, the last row of the state, a step keeps once it is under way; null: there is none */
  readonly averageDecay: AverageDecay;
  readonly input: string;
}

/** A group whose state the graph reads from `input` and writes to `output`; `coefficients` carries the learning rate. */
export interface SteppedGroup extends StateGroup {
  readonly output: string;
  readonly coefficients: string;
}

/** A trained parameter as the graph is fed with it. */
export interface FedParameter {
  readonly name: string;
  /** the graph's input: the parameter as it lies in the state */
  readonly input: string;
  readonly shape: readonly number[];
  /** the graph's output: the loss's gradient with respect to what is fed, of the same elements; null where the parameter reaches no loss */
  readonly gradient: string | GradientFactors | null;
}

/** A gradient [m, n] that is not there as a whole: it is left^T right, of two outputs of the graph, [count, m] and [count, n]. */
export interface GradientFactors {
  readonly left: string;
  readonly right: string;
  readonly count: number;
}

/** The optimizer's step is nodes of the graph: the state stays where the graph is run. */
export interface UpdateInGraph {
  readonly kind: 'in-graph';
  readonly groups: readonly SteppedGroup[];
  /** null for a whole batch */
  readonly accumulation: Accumulation | null;
}

/**
 * The graph is fed with parameters and gives gradients, and whoever runs it takes the optimizer's step (`takeStep`): of parts of a batch all give gradients
 * alike, to be added up by their shares.
 */
export interface UpdateByGradients {
  readonly kind: 'by-gradients';
  readonly parameters: readonly FedParameter[];
  readonly clipNorm: number | null;
  /** parameters that a step leaves no larger than this */
  readonly upperBounds: ReadonlyMap<string, number>;
}

/** A value that a step carries on by itself, beside the optimizer: BatchNormalization's running statistics. */
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

/** WebGPU binds 128 MiB at most, and what a binding copies to new memory beyond 32 MiB is mapped anew, page by page. */
const largestState = 24 * 2 ** 20;

/**
 * Of parameters that share a tensor. Its update waits for all their gradients, and what these are computed from is held until then: of small
 * ones, the last layers' are done before the first layers' gradients are begun.
 */
const largestShared = 6 * 2 ** 20;

/** An input of a step that takes the targets of one output. */
export interface TargetInput {
  readonly targets: string;
  readonly targetShape: readonly number[];
}

/** An output of the forward graph with its share of the loss. */
export interface LossHead {
  readonly output: string;
  /** `given`: the output is a loss already, one number of shape [], whose targets are inputs of the graph */
  readonly loss: LossKind | 'given';
  /** of mse: what the output and the targets are divided by, one number, or one per column of a sample */
  readonly targetScale?: readonly number[];
  /** what the loss counts beside those of other outputs (1) */
  readonly weight?: number;
  /** of masks, and then the output is what enters the last activation already; left out: targets are of the output's shape */
  readonly mask?: MaskLoss;
}

export interface TrainingStep {
  readonly graph: Graph;
  readonly groups: readonly StateGroup[];
  readonly carried: readonly Carried[];
  /** on the processor, whose binding copies whatever comes out of a run, only gradients do */
  readonly update: UpdateInGraph | UpdateByGradients;
  /** the outputs that the next run is fed with, and as which input */
  readonly next: readonly { readonly input: string; readonly output: string }[];
  /** the model's own inputs */
  readonly inputs: readonly string[];
  /** null where the loss is given: its targets are among the inputs */
  readonly targets: string | null;
  /** as `Backward` says */
  readonly targetShape: readonly number[];
  /** the targets of the outputs that are trained beside the first */
  readonly others: readonly TargetInput[];
  readonly loss: string;
  readonly batchSize: number;
  /** of the forward pass; null where that is not known */
  readonly multiplyAdds: number | null;
}

export interface StepOptions extends LossHead {
  readonly path: string;
  /** of a loss that is given: where it came from, and what the names of its nodes begin with */
  readonly lossFile?: ForeignNodes;
  readonly provider: Provider;
  /** of the blocked channel layout, where the graph is in it */
  readonly blockSize?: number;
  /** shapes of every value of the forward graph, at the training batch size */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** outputs that are trained beside `output`: the loss is the sum over all of them */
  readonly others?: readonly LossHead[];
  readonly groups: readonly (GroupSettings & { readonly name: string; readonly parameters: readonly string[] })[];
  /** of the running average of all parameters; null or left out: none is kept */
  readonly averageDecay?: AverageDecay;
  /** parameters that a step leaves no larger than this */
  readonly upperBounds?: ReadonlyMap<string, number>;
  /** parameters that the graph reads in another order than the model's (see `blockLayout`) */
  readonly reordered?: ReadonlyMap<string, WeightOrder>;
  /** initializers whose new value a node of the graph computes: running statistics */
  readonly running: ReadonlyMap<string, string>;
  readonly clipNorm: number | null;
  /** 'whole' if left out */
  readonly part?: BatchPart;
  /** of the forward pass, for whoever plans runs */
  readonly multiplyAdds?: number | null;
  /** the largest tensor that a state is kept in, where that is less than our own limits */
  readonly stateBytes?: number;
  /** parameters that are trained divided by a scale (see `headScales`) */
  readonly scales?: ReadonlyMap<string, ParameterScale>;
  /** what is learned from a teacher, by the first output; null or left out: nothing */
  readonly distillation?: Distillation | null;
}

/** The backward pass of one graph: the loss, and its gradient for each parameter. */
export interface Backward {
  readonly targets: string | null;
  readonly targetShape: readonly number[];
  readonly loss: string;
  readonly others: readonly TargetInput[];
  readonly gradients: ReadonlyMap<string, string>;
}

/**
 * Appends loss and backward pass to a forward graph in the canonical op set, for the given parameters (values of the
 * graph: initializers, or what replaced them). `targets` becomes an input of the loss value's shape, for each output.
 * @throws Failure('input') where an operator on the way has no rule
 */
export function appendBackward(
  graph: Graph,
  parameters: readonly string[],
  options: Pick<
    StepOptions,
    | 'path'
    | 'lossFile'
    | 'provider'
    | 'blockSize'
    | 'shapes'
    | 'output'
    | 'loss'
    | 'targetScale'
    | 'mask'
    | 'others'
    | 'distillation'
  >,
): Backward {
  const shapeOf = (value: string): readonly number[] => {
    const shape = options.shapes.get(value);
    if (shape === undefined) throw new Error(`the shape of '${value}' was not observed`);
    return shape;
  };
  const emit = new Emitter(graph, 'loss');
  const seeds = new Map<string, string>();
  const losses: string[] = [];
  const [fed] = graph.feeds();
  const samples = present(fed && shapeOf(fed.name)[0], 'the batch size');
  /** outputs may end in one value, whose gradients add up */
  const addLoss = (value: string, loss: string, gradient: string): void => {
    const known = seeds.get(value);
    seeds.set(value, known === undefined ? gradient : emit.op('Add', [known, gradient]));
    losses.push(loss);
  };
  const readGiven = (output: string): Pick<Backward, 'targets' | 'targetShape'> => {
    addLoss(output, output, emit.float(1));
    return { targets: null, targetShape: [] };
  };
  const writeHead = (
    { output, loss: kind, targetScale, weight = 1, mask }: LossHead & { readonly loss: LossKind },
    distillation: Distillation | null = null,
  ): TargetInput => {
    if (mask !== undefined) return writeMaskHead(output, kind, mask);
    const read = lossInput(graph, output, kind, shapeOf(output).length);
    const shape = shapeOf(read.value);
    const targets = graph.freshName('targets');
    const isSplit = distillation !== null && distillation.weight < 1;
    const targetShape = isSplit ? [samples, 2, elementCount(shape) / samples] : shape;
    graph.proto.input.push(floatValue(targets, targetShape));
    const inUnits = unitsOf(emit, shape, kind === 'mse' ? targetScale : undefined);
    /** the labels (0) or the teacher's answers (1) of all samples, as the loss takes them */
    const side = (which: 0 | 1): string => {
      const rows = emit.op('Slice', [targets, emit.ints([which]), emit.ints([which + 1]), emit.ints([1])]);
      return inUnits(emit.op('Reshape', [rows, emit.ints(shape)]));
    };
    const value = inUnits(read.value);
    const { loss, gradient } =
      distillation === null
        ? writeLoss(emit, kind, value, inUnits(targets), shape)
        : writeTaughtLoss(
            emit,
            kind,
            value,
            isSplit ? { hard: side(0), soft: side(1) } : { hard: null, soft: inUnits(targets) },
            shape,
            distillation,
          );
    const weighted = (value: string): string => (weight === 1 ? value : emit.op('Mul', [value, emit.float(weight)]));
    addLoss(read.value, weighted(loss), weighted(inUnits(gradient)));
    return { targets, targetShape };
  };
  const writeMaskHead = (output: string, kind: LossKind, mask: MaskLoss): TargetInput => {
    const shape = shapeOf(output);
    const targets = graph.freshName('targets');
    const targetShape = maskTargetShape(kind, shape, mask);
    graph.proto.input.push(floatValue(targets, targetShape));
    const { loss, gradient } = writeMaskLoss(emit, kind, output, targets, shape, mask);
    addLoss(output, loss, gradient);
    return { targets, targetShape };
  };
  const { loss: kind } = options;
  const first =
    kind === 'given' ? readGiven(options.output) : writeHead({ ...options, loss: kind }, options.distillation);
  const others = (options.others ?? []).map((other) => {
    if (other.loss === 'given') throw new Error(`the loss '${other.output}' is given, and stands behind another`);
    return writeHead({ ...other, loss: other.loss });
  });
  const loss = losses.reduce((sum, each) => emit.op('Add', [sum, each]));
  emit.flush();
  const gradients = differentiate(graph, seeds, new Set(parameters), {
    ...options,
    ...(options.lossFile !== undefined && { foreign: options.lossFile }),
  });
  if (options.lossFile !== undefined && parameters.length > 0 && gradients.size === 0) {
    throw new Failure('input', {
      what: `${options.lossFile.path}: this loss does not change with anything that is trained: no gradient arrives.`,
      cure: 'Write it so that its output follows from an output of the model by operators that have a gradient, or train more of the model.',
      settings: ['loss', 'train'],
      written: 'model-untouched',
    });
  }
  return { ...first, others, loss, gradients };
}

/** Divides values of the loss's shape [N, ...] by the spread of the targets; without one they are what they are. */
function unitsOf(
  emit: Emitter,
  shape: readonly number[],
  scale: readonly number[] | undefined,
): (value: string) => string {
  if (scale === undefined) return (value) => value;
  const sample = shape.slice(1);
  if (scale.length !== 1 && scale.length !== elementCount(sample)) {
    throw new Error(`${scale.length} scales do not fit targets of shape [${sample}]`);
  }
  if (!scale.every((one) => Number.isFinite(one) && one > 0))
    throw new Error(`a scale of targets is positive: ${scale}`);
  const factors = scale.map((one) => 1 / one);
  const factor = scale.length === 1 ? emit.float(factors) : emit.float(factors, [1, ...sample]);
  return (value) => emit.op('Mul', [value, factor]);
}

/**
 * Turns a forward graph (parametric, canonical op set, batch size fixed by `shapes`) into one training step, in place: trained
 * initializers are fed, then loss, backward pass and, where that is not the processor's memory, optimizer follow. One run is one step,
 * or for a part of a batch its contribution to one.
 */
export function buildStep(graph: Graph, options: StepOptions): TrainingStep {
  const shapes = new Map(options.shapes);
  const inputs = graph.feeds().map(({ name }) => name);
  const [fed] = inputs;
  const batchSize = present(shapes.get(present(fed, 'an input of the forward graph'))?.[0], 'the batch size');
  const groups = stateGroups(graph, options);
  const reads = graph.nodes.flatMap((node) => node.input);
  const own = { graph, groups, reads, shapes, options };
  const { loss, targets, targetShape, others, update, next } =
    options.provider === 'cpu' ? giveGradients(own) : stepInGraph(own);
  const carried = [...options.running].map(([name, output]): Carried => {
    const tensor = graph.initializer(name);
    if (tensor === undefined) throw new Error(`'${name}' is no initializer`);
    const shape = dimsOf(tensor);
    graph.removeInitializer(name);
    graph.proto.input.push(floatValue(name, shape));
    return { name, shape, input: name, output };
  });
  graph.proto.output.push(...carried.map(({ output, shape }) => floatValue(output, shape)));
  graph.proto.valueInfo = [];
  mergeReshapes(graph);
  const { multiplyAdds = null } = options;
  const described = { inputs, targets, targetShape, others, loss, batchSize, multiplyAdds };
  return { graph, groups, carried, update, next: [...next, ...carried], ...described };
}

/** Where trained parameters lie in the state. */
function stateGroups(graph: Graph, options: StepOptions): readonly StateGroup[] {
  const { stateBytes = largestState, averageDecay = null } = options;
  return options.groups.flatMap(({ name, parameters, optimizer, rateScales }, set): StateGroup[] => {
    const rows = stateRows(optimizer, averageDecay !== null);
    const elementsOf = (bytes: number): number =>
      Math.max(1, Math.floor(Math.min(bytes, stateBytes) / (rows * Float32Array.BYTES_PER_ELEMENT)));
    const pieces = layOut(graph, parameters, options, {
      most: elementsOf(largestState),
      shared: elementsOf(largestShared),
    });
    return pieces.map((slots) => {
      const size = sumOf(slots.map(({ length }) => length));
      const input = graph.freshName(`state/${name}`);
      return { name, set, slots, rows, size, optimizer, rateScales, averageDecay, input };
    });
  });
}

/** The forward graph on its way to a step. */
interface Unfinished {
  readonly graph: Graph;
  readonly groups: readonly StateGroup[];
  /** what the forward pass's nodes read, in their order */
  readonly reads: readonly string[];
  readonly shapes: Map<string, readonly number[]>;
  readonly options: StepOptions;
}

/** The backward pass that was appended, with what becomes of its gradients. */
type Finished = Omit<Backward, 'gradients'> & Pick<TrainingStep, 'update' | 'next'>;

/** The step of the optimizer as nodes of the graph; its outputs are the loss and the next states, or what a leading part adds up. */
function stepInGraph({ graph, groups, reads, shapes, options }: Unfinished): Finished {
  const { averageDecay = null, part = 'whole' } = options;
  const averaged = averageDecay !== null;
  const fed = new Map<number, string>();
  for (const { name, set, optimizer } of groups) {
    if (fed.has(set)) continue;
    const coefficients = graph.freshName(`coefficients/${name}`);
    graph.proto.input.push(floatValue(coefficients, coefficientShape(optimizer, averaged)));
    fed.set(set, coefficients);
  }
  for (const { input, rows, size } of groups) graph.proto.input.push(floatValue(input, [rows, size]));
  replaceInitializers(graph, groups, options.provider);
  const { gradients, ...backward } = appendBackward(graph, trainedIn(groups), { ...options, shapes });

  const emit = new Emitter(graph, 'optimizer');
  const bySlot = groups.map(({ slots }) => slots.map((slot) => slotGradient(emit, slot, gradients.get(slot.name))));
  const joined = (): string[] => bySlot.map((parts) => emit.concat(parts, 0));
  const { accumulation, totals } =
    part === 'whole' ? { accumulation: null, totals: null } : addUp(emit, groups, joined());
  const clipped = options.clipNorm === null ? totals : clipByNorm(emit, totals ?? joined(), options.clipNorm);
  const stepOf = (group: StateGroup, i: number): SteppedGroup => {
    const own = `the gradient of the group '${group.name}'`;
    const gradient = clipped === null ? present(bySlot[i], own) : [present(clipped[i], own)];
    const coefficients = present(fed.get(group.set), `the coefficients of '${group.name}'`);
    const output = writeStep(emit, { ...group, averaged, coefficients }, gradient);
    return { ...group, coefficients, output: bounded(emit, group, output, options.upperBounds) };
  };
  // ONNX Runtime goes for what is written last first: the last layers, whose gradients are there first, step before it goes on to those before
  const written = new Map(
    byFirstUse(groups, reads).map((group) => [group, stepOf(group, groups.indexOf(group))] as const),
  );
  const stepped = groups.map((group) => present(written.get(group), group.input));
  emit.flush();

  // what a leading part does not give, ONNX Runtime does not compute either
  const sums = (accumulation?.sums ?? []).map((sum, i) => ({
    ...sum,
    output: present(totals?.[i], `the sum of '${sum.input}'`),
  }));
  const states = stepped.map((group) => ({ ...group, shape: [group.rows, group.size] }));
  const next = part === 'leading' ? sums : states;
  graph.proto.output = [floatValue(backward.loss, []), ...next.map(({ output, shape }) => floatValue(output, shape))];
  return { ...backward, update: { kind: 'in-graph', groups: stepped, accumulation }, next };
}

/** The gradients as outputs of the graph, behind the loss. */
function giveGradients(unfinished: Unfinished): Finished {
  const { graph, groups, reads, shapes, options } = unfinished;
  const slots = new Map(groups.flatMap(({ slots }) => slots.map((slot) => [slot.name, slot] as const)));
  const inputs = feedParameters(graph, slots);
  const { gradients, ...backward } = appendBackward(graph, [...slots.keys()], { ...options, shapes });

  const emit = new Emitter(graph, 'gradients');
  const given = new Set([...options.running.values(), backward.loss]);
  /** an output is a value of a node, and no other output */
  const give = (value: string): string => {
    const isWritten = graph.producer(value) !== undefined || emit.nodes.some(({ output }) => output.includes(value));
    const isFree = isWritten && !given.has(value);
    const output = isFree ? value : emit.op('Identity', [value]);
    given.add(output);
    return output;
  };
  const parameters = [...slots.values()].map((slot): FedParameter => {
    const { name, shape } = slot;
    const input = present(inputs.get(name), `the input of '${name}'`);
    const whole = gradients.get(name);
    if (whole === undefined) return { name, input, shape, gradient: null };
    const factors = factorsOf(emit, unfinished, slot, whole);
    if (factors !== null) {
      const { left, right, count } = factors;
      return { name, input, shape, gradient: { left: give(left), right: give(right), count } };
    }
    return { name, input, shape, gradient: give(inStateUnits(emit, slot, whole)) };
  });
  emit.flush();
  // the last layers' gradients before those of the first layers, so that what they are computed from need not be held until then
  const placeOf = firstRead(reads);
  const lastFirst = parameters.toSorted((a, b) => placeOf(b) - placeOf(a)).flatMap(outputsOf);
  computeInOrder(graph, [backward.loss, ...options.running.values(), ...lastFirst.map(({ name }) => name)]);
  const outputs = parameters.flatMap(outputsOf).map(({ name, shape }) => floatValue(name, shape));
  graph.proto.output = [floatValue(backward.loss, []), ...outputs];
  const { clipNorm, upperBounds = new Map() } = options;
  return { ...backward, update: { kind: 'by-gradients', parameters, clipNorm, upperBounds }, next: [] };
}

/** The outputs that a parameter's gradient is, with their shapes. */
function outputsOf({ gradient, shape }: FedParameter): { readonly name: string; readonly shape: readonly number[] }[] {
  if (gradient === null) return [];
  if (typeof gradient === 'string') return [{ name: gradient, shape }];
  const { left, right, count } = gradient;
  const [rows = 0, columns = 0] = shape;
  return [
    { name: left, shape: [count, rows] },
    { name: right, shape: [count, columns] },
  ];
}

/** A gradient of fewer numbers is there as a whole. */
const leastFactored = 2 ** 20;

/** A piece of a product is computed row by row, of which each costs a call. */
const leastColumns = 64;

/** Of more rows, a product costs more while its weights are stepped than it saves of passes through memory. */
const mostFactored = 16;

/**
 * What a dense layer's gradient is a product of, where that is far less than the gradient; null where it is not, or the gradient is needed as a whole.
 * A number that is added to each row, as an offset folded into the layer's bias has it, is a further row of the factors.
 * (The optimizer's kernels take four numbers at a time.)
 */
function factorsOf(
  emit: Emitter,
  { graph, groups, shapes, options }: Unfinished,
  { name, shape, order, scale }: ParameterSlot,
  gradient: string,
): GradientFactors | null {
  const product = graph.producer(gradient);
  if (product?.opType !== 'Gemm') return null;
  const factors = ['alpha', 'beta'].map((factor) => floatAttribute(product, factor, 1));
  const isTurned = intAttribute(product, 'transA', 0) === 1 && intAttribute(product, 'transB', 0) === 0;
  if (!isTurned || factors.some((factor) => factor !== 1)) return null;
  const [rows = 0, columns = 0] = shape;
  const [left, right, added] = [inputOf(product, 0), inputOf(product, 1), product.input[2]];
  const count = shapes.get(right)?.[0] ?? shapes.get(left)?.[0];
  if (count === undefined || count > mostFactored) return null;
  if (rows * columns < leastFactored || columns < leastColumns || columns % 4 !== 0) return null;
  if (order !== null || scale !== null || options.upperBounds?.has(name) === true) return null;
  const own = groups.filter(({ slots }) => slots.some((slot) => slot.name === name));
  if (own.some(({ slots }) => slots.length > 1)) return null;
  if (added === undefined) return { left, right, count };
  if (!isColumn(graph, added, rows)) return null;
  const row = emit.op('Reshape', [added, emit.ints([1, rows])]);
  const ones = emit.float(Array<number>(columns).fill(1), [1, columns]);
  return { left: emit.concat([left, row], 0), right: emit.concat([right, ones], 0), count: count + 1 };
}

/** Whether a value was reshaped to [rows, 1]. */
function isColumn(graph: Graph, value: string, rows: number): boolean {
  const producer = graph.producer(value);
  const target = producer?.opType === 'Reshape' ? graph.constant(inputOf(producer, 1)) : undefined;
  if (target === undefined) return false;
  const [first, second, ...more] = readIntegers(target);
  return first === rows && second === 1 && more.length === 0;
}

/** Makes trained initializers inputs of the graph, by the names they had, or where they are trained divided by a scale by others. */
function feedParameters(graph: Graph, slots: ReadonlyMap<string, ParameterSlot>): ReadonlyMap<string, string> {
  const emit = new Emitter(graph, 'scaled');
  const inputs = new Map<string, string>();
  for (const [name, { shape, order, scale }] of slots) {
    graph.removeInitializer(name);
    const input = scale === null ? name : graph.freshName(`trained/${name}`);
    graph.proto.input.push(floatValue(input, shape));
    if (scale !== null) emit.opTo(name, 'Mul', [input, scaleOf(emit, scale, shape, order)]);
    inputs.set(name, input);
  }
  emit.flush(graph.nodes[0]);
  return inputs;
}

const trainedIn = (groups: readonly StateGroup[]): string[] =>
  groups.flatMap(({ slots }) => slots.map(({ name }) => name));

/** Groups by the first read of any of their parameters, the earliest first. */
function byFirstUse(groups: readonly StateGroup[], reads: readonly string[]): StateGroup[] {
  const readAt = firstRead(reads);
  const placeOf = ({ slots }: StateGroup): number => Math.min(...slots.map(readAt));
  return groups.toSorted((a, b) => placeOf(a) - placeOf(b));
}

/** Where a parameter is read first; behind all others where it is not. */
function firstRead(reads: readonly string[]): (parameter: { readonly name: string }) => number {
  const first = new Map(reads.map((value, i) => [value, i] as const).reverse());
  return ({ name }) => first.get(name) ?? reads.length;
}

/** A bound for what has none; infinities are not for every device. */
const largestFloat = (2 - 2 ** -23) * 2 ** 127;

/** A new state whose parameters, and the average of them, are at most what bounds them; where none is bound, the state as it is. */
function bounded(
  emit: Emitter,
  { slots, rows, size, averageDecay }: StateGroup,
  state: string,
  bounds: ReadonlyMap<string, number> = new Map(),
): string {
  if (!slots.some(({ name }) => bounds.has(name))) return state;
  const limits = new Float32Array(rows * size).fill(largestFloat);
  for (const { name, scale, offset, length } of slots) {
    const bound = bounds.get(name);
    if (bound === undefined) continue;
    if (scale !== null) throw new Error(`'${name}' is bound, and trained in another unit`);
    limits.fill(bound, offset, offset + length);
    if (averageDecay !== null) limits.copyWithin((rows - 1) * size + offset, offset, offset + length);
  }
  return emit.op('Min', [state, emit.float([...limits], [rows, size])]);
}

/** Adds a part's gradients [P], weighted by its share, to those of the parts before it. */
function addUp(
  emit: Emitter,
  groups: readonly StateGroup[],
  gradients: readonly string[],
): { accumulation: Accumulation; totals: string[] } {
  const { graph } = emit;
  const share = graph.freshName('share');
  graph.proto.input.push(floatValue(share, []));
  const sums = groups.map(({ name, size }) => {
    const sum = { input: graph.freshName(`sum/${name}`), shape: [size] };
    graph.proto.input.push(floatValue(sum.input, sum.shape));
    return sum;
  });
  const totals = sums.map(({ input }, i) => {
    const gradient = present(gradients[i], `the gradient that '${input}' adds up`);
    return emit.op('Add', [input, emit.op('Mul', [gradient, share])]);
  });
  return { accumulation: { share, sums }, totals };
}

/**
 * Parameters side by side, short ones first, in groups of at most `shared` elements, or of one that is larger; of more than `most` elements it is
 * cut, unless it lies in an order of its own.
 */
function layOut(
  graph: Graph,
  parameters: readonly string[],
  { reordered, scales }: Pick<StepOptions, 'reordered' | 'scales'>,
  { most, shared }: { readonly most: number; readonly shared: number },
): ParameterSlot[][] {
  const groups: ParameterSlot[][] = [];
  let size = Number.POSITIVE_INFINITY;
  const shapes = parameters.map((name) => {
    const tensor = graph.initializer(name);
    if (tensor === undefined) throw new Error(`the parameter '${name}' is no initializer`);
    return [name, dimsOf(tensor)] as const;
  });
  const isShort = (shape: readonly number[]): boolean => elementCount(shape) <= shortParameter;
  const ordered = [...shapes.filter(([, shape]) => isShort(shape)), ...shapes.filter(([, shape]) => !isShort(shape))];
  for (const [name, shape] of ordered) {
    const order = reordered?.get(name) ?? null;
    const scale = scales?.get(name) ?? null;
    const total = elementCount(shape);
    for (let from = 0; from < total; ) {
      const length = order === null ? Math.min(most, total - from) : total;
      if (size + length > shared) {
        groups.push([]);
        size = 0;
      }
      present(groups.at(-1), 'a group').push({ name, shape, from, order, scale, offset: size, length });
      size += length;
      from += length;
    }
  }
  return groups;
}

/** What a WebGPU shader may bind beside its input: eight buffers are the least that any adapter has. */
const mostPiecesApart = 7;

/** Where a parameter was an initializer, row 0 of the state takes its name and shape. */
function replaceInitializers(graph: Graph, groups: readonly StateGroup[], provider: Provider): void {
  const emit = new Emitter(graph, 'state');
  const pieces = new Map<string, string[]>();
  for (const group of groups) {
    const values = cutRow(emit, group, provider);
    for (const [i, { name }] of group.slots.entries()) {
      pieces.set(name, [...(pieces.get(name) ?? []), present(values[i], `the piece of '${name}'`)]);
    }
  }
  const slots = new Map(groups.flatMap((group) => group.slots.map((slot) => [slot.name, slot] as const)));
  for (const [name, { shape, order, scale }] of slots) {
    graph.removeInitializer(name);
    const inputs = [emit.concat(present(pieces.get(name), `the pieces of '${name}'`), -1), emit.ints(shape)];
    if (scale === null) emit.opTo(name, 'Reshape', inputs);
    else emit.opTo(name, 'Mul', [emit.op('Reshape', inputs), scaleOf(emit, scale, shape, order)]);
  }
  emit.flush(graph.nodes[0]);
}

/** Elements of a parameter that is cut out of the state together with others: a node of its own costs more than its copy. */
const shortParameter = 2 ** 12;

/** What each slot of a group has in row 0 of the state: [length], on WebGPU [1, length]. */
function cutRow(emit: Emitter, { slots, rows, size, input }: StateGroup, provider: Provider): readonly string[] {
  const isGpu = provider === 'webgpu';
  // a view where it is an input in the processor's memory, a copy of the whole state elsewhere
  const flat = isGpu ? input : emit.op('Reshape', [input, emit.ints([rows * size])]);
  const slice = (from: number, to: number): string =>
    isGpu
      ? emit.op('Slice', [flat, emit.ints([0, from]), emit.ints([1, to]), emit.ints([0, 1])])
      : emit.op('Slice', [flat, emit.ints([from]), emit.ints([to]), emit.ints([0])]);
  return cutTogether(slots, isGpu).flatMap((some) => {
    const lengths = some.map(({ length }) => length);
    const from = present(some[0], 'a slot').offset;
    const row = slice(from, from + sumOf(lengths));
    return some.length === 1 ? [row] : emit.ops('Split', [row, emit.ints(lengths)], some.length, { axis: { int: -1 } });
  });
}

/** Slots that one node cuts apart. On a GPU every node is a dispatch; on the CPU a Split copies a piece again, which is worth it for short ones alone. */
function cutTogether(slots: readonly ParameterSlot[], isGpu: boolean): readonly (readonly ParameterSlot[])[] {
  if (isGpu) {
    const groups = Math.ceil(slots.length / mostPiecesApart);
    return Array.from({ length: groups }, (_, i) => slots.slice(i * mostPiecesApart, (i + 1) * mostPiecesApart));
  }
  const long = slots.findIndex(({ length }) => length > shortParameter);
  const short = slots.slice(0, long < 0 ? slots.length : long);
  return [...(short.length > 0 ? [short] : []), ...slots.slice(short.length).map((slot) => [slot])];
}

const sumOf = (lengths: readonly number[]): number => lengths.reduce((sum, length) => sum + length, 0);

/** A scale as a value that multiplies the parameter as it lies. */
function scaleOf(emit: Emitter, scale: ParameterScale, shape: readonly number[], order: WeightOrder | null): string {
  const { factors, axis } = scale;
  const [only] = factors;
  if (factors.length === 1 && only !== undefined) return emit.float(only);
  if (order === null) {
    return emit.float(
      factors,
      shape.map((_, i) => (i === axis ? factors.length : 1)),
    );
  }
  const all = Float32Array.from({ length: elementCount(shape) }, (_, i) => factorOf(scale, shape, i));
  return emit.float([...reorderWeights(all, order, 'blocked')], shape);
}

/** The gradient with respect to what is trained: scale times that of the parameter. */
function inStateUnits(emit: Emitter, { shape, order, scale }: ParameterSlot, gradient: string): string {
  return scale === null ? gradient : emit.op('Mul', [gradient, scaleOf(emit, scale, shape, order)]);
}

/**
 * A slot's part of the gradient, [length], with respect to what is trained: scale times that of the parameter. Zeros where the
 * parameter reaches no loss.
 */
function slotGradient(emit: Emitter, slot: ParameterSlot, gradient: string | undefined): string {
  const { shape, from, length } = slot;
  if (gradient === undefined) return emit.op('ConstantOfShape', [emit.ints([length])]);
  const own = inStateUnits(emit, slot, gradient);
  const total = elementCount(shape);
  const whole = shape.length === 1 ? own : emit.op('Reshape', [own, emit.ints([total])]);
  if (length === total) return whole;
  return emit.op('Slice', [whole, emit.ints([from]), emit.ints([from + length]), emit.ints([0])]);
}

/**
 * A group's state before the first step, in the model's order: the graph's parameters by their scales in row 0, and in the last one where
 * an average is kept; zeros else.
 */
export function initialState(graph: Graph, group: StateGroup): Float32Array<ArrayBuffer> {
  const state = new Float32Array(group.rows * group.size);
  for (const { name, shape, from, scale, offset, length } of group.slots) {
    const tensor = graph.initializer(name);
    if (tensor === undefined) throw new Error(`the parameter '${name}' is no initializer`);
    const values = readFloatRange(tensor, from, length);
    state.set(scale === null ? values : values.map((value, i) => value / factorOf(scale, shape, from + i)), offset);
  }
  if (group.averageDecay !== null) state.copyWithin(averageRow(group), 0, group.size);
  return state;
}

/** Where in a group's state its average begins. */
const averageRow = ({ rows, size }: StateGroup): number => (rows - 1) * size;

/**
 * A state brought from the model's order to that in which the step reads it, or back, in place: every row holds a number for
 * each element of a parameter.
 */
export function reorderState({ slots, rows, size }: StateGroup, state: Float32Array, to: 'blocked' | 'plain'): void {
  for (const { order, offset, length } of slots) {
    if (order === null) continue;
    for (let row = 0; row < rows; row++) {
      const part = state.subarray(row * size + offset, row * size + offset + length);
      // zeros, as every momentum at first, are in any order already
      if (part.some((value) => value !== 0)) part.set(reorderWeights(part, order, to));
    }
  }
}

/** The parameters in the states of groups, or where one is kept their average, in the model's order and units, by the initializer's name. */
export function parametersIn(
  groups: readonly StateGroup[],
  states: ReadonlyMap<string, Float32Array>,
): Map<string, Float32Array> {
  const parameters = new Map<string, Float32Array>();
  for (const group of groups) {
    const { slots, input } = group;
    const whole = states.get(input);
    if (whole === undefined) throw new Error(`there is no state '${input}'`);
    const state = group.averageDecay === null ? whole : whole.subarray(averageRow(group));
    for (const { name, shape, from, scale, offset, length } of slots) {
      const values = parameters.get(name) ?? new Float32Array(elementCount(shape));
      const part = state.subarray(offset, offset + length);
      values.set(scale === null ? part : part.map((value, i) => value * factorOf(scale, shape, from + i)), from);
      parameters.set(name, values);
    }
  }
  return parameters;
}
