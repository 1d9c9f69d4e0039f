import type { AttributeProto } from 'onnx-buf';
import { present } from '../../contract/present.js';
import { floatAttribute, intAttribute, intsAttribute, makeAttribute } from '../../model/attributes.js';
import type { Graph, NodeProto } from '../../model/graph.js';
import { dimsOf, elementCount, floatTensor, readFloats, readIntegers } from '../../model/tensor.js';
import {
  affineAttributes,
  batchScale,
  blockedDomain,
  convAttributes,
  functionDomain,
  importBlocked,
  reorderWeights,
  summedRows,
  toBlocked,
  unitKernel,
  type WeightOrder,
} from '../blocked.js';
import { inverseDeviation, negated } from '../deviation.js';
import { Emitter } from '../emitter.js';
import { constantInput, inputOf, optionalInput, outputOf } from '../operands.js';
import { isPointwise, type WindowAxis, windowAttributes, windowAxes } from '../window.js';
import { batchStatistics } from './batch-statistics.js';

/** Operators that treat every element alike: they do not see the layout, as long as all operands have the same. */
const elementwise: ReadonlySet<string> = new Set([
  'Relu',
  'Clip',
  'LeakyRelu',
  'Elu',
  'Selu',
  'HardSigmoid',
  'HardSwish',
  'Sigmoid',
  'Tanh',
  'Softplus',
  'Identity',
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Max',
  'Min',
]);

export interface BlockLayoutOptions {
  readonly blockSize: number;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** the running mean of each normalization by batch statistics, by its output: what its input lies around */
  readonly centres?: ReadonlyMap<string, string>;
  /** initializers that are trained, and so no numbers that a node could have as attributes */
  readonly trained?: ReadonlySet<string>;
  /** whether weights that a convolution alone reads are kept in its order; else nodes reorder them on each run (false) */
  readonly keepWeights?: boolean;
  /** initializers that a state takes the place of, which has the order: their values, which nobody reads, are left as they are */
  readonly inState?: ReadonlySet<string>;
}

export interface BlockedGraph {
  readonly convolutions: number;
  /** initializers that hold their values in another order now, by name; their dims are as before */
  readonly reordered: ReadonlyMap<string, WeightOrder>;
}

/**
 * Brings two-dimensional convolutions, and what stands between them, into blocked channel layout (see `blocked.ts`), on the
 * CPU: their inputs are reordered where they are not blocked yet, their outputs where somebody reads them plain. A Relu that
 * alone reads a convolution becomes its activation; an Add that does becomes its fourth input.
 *
 * Requires: the canonical op set, static `shapes`. Ensures: the same function; plain values keep their names.
 */
export function blockLayout(graph: Graph, options: BlockLayoutOptions): BlockedGraph {
  return new Blocking(graph, options).run();
}

/** Windows of more taps along an axis stay as they are. */
const mostTaps = 8;

interface Pooling {
  /** what is pooled: its plain name */
  readonly source: string;
  readonly axes: readonly WindowAxis[];
  readonly nodes: readonly NodeProto[];
}

class Blocking {
  /** the blocked twin of a value, by its plain name */
  readonly #twins = new Map<string, string>();
  /** values that exist in plain layout as well */
  readonly #plain = new Set<string>();
  readonly #reordered = new Map<string, WeightOrder>();
  /** each blocked pooling, by the plain name of what it gives */
  readonly #pooled = new Map<string, Pooling>();

  constructor(
    private readonly graph: Graph,
    private readonly options: BlockLayoutOptions,
  ) {}

  run(): BlockedGraph {
    let convolutions = 0;
    for (const node of [...this.graph.nodes]) {
      if (this.#isConvolution(node)) {
        this.#blockConvolution(node);
        convolutions++;
      } else if (this.#isElementwise(node)) this.#blockElementwise(node);
      else if (this.#isPooling(node)) this.#blockPooling(node);
      else if (this.#isNormalization(node)) this.#blockNormalization(node);
      else if (this.#isConcat(node)) this.#blockConcat(node);
      else for (const input of node.input) this.#needPlain(input, node);
    }
    for (const { name } of this.graph.proto.output) this.#needPlain(name);
    if (convolutions > 0) importBlocked(this.graph.model, this.graph.opset());
    return { convolutions, reordered: this.#reordered };
  }

  #shape(value: string): readonly number[] {
    return this.options.shapes.get(value) ?? [];
  }

  #isConvolution(node: NodeProto): boolean {
    if (node.domain !== '' || node.opType !== 'Conv') return false;
    const [x, w] = [inputOf(node, 0), inputOf(node, 1)];
    const [, channels = 0] = this.#shape(x);
    const [filters = 0] = this.#shape(w);
    const { blockSize } = this.options;
    if (this.#shape(x).length !== 4 || filters % blockSize !== 0 || filters === 0) return false;
    const groups = intAttribute(node, 'group', 1);
    if (groups > 1 && (groups !== channels || groups !== filters)) return false;
    if (groups === 1 && channels % blockSize !== 0 && channels >= blockSize) return false;
    return (intsAttribute(node, 'dilations') ?? []).every((dilation) => dilation === 1);
  }

  #blockConvolution(node: NodeProto): void {
    const [x, w, bias, y] = [inputOf(node, 0), inputOf(node, 1), optionalInput(node, 2), outputOf(node)];
    const [, channels = 1, ...input] = this.#shape(x);
    const [, , ...output] = this.#shape(y);
    const axes = windowAxes(node, input, output, this.#shape(w).slice(2));
    const emit = new Emitter(this.graph, 'blocked');
    const source = channels < this.options.blockSize ? this.#needPlain(x, node) : this.#twin(emit, x);
    const weights = this.#blockWeights(emit, w);
    const twin = this.graph.freshName(`${y}/blocked`);
    const inputs = bias === undefined ? [source, weights] : [source, weights, bias];
    const group = { int: intAttribute(node, 'group', 1) };
    emit.opTo(twin, 'Conv', inputs, { ...convAttributes(axes), group }, blockedDomain);
    this.#replace(node, emit, y, twin);
  }

  /** [M, C, ...kernel] to [M / B, C / L, ...kernel, L, B], L = B, or 1 where there are fewer channels. */
  #blockWeights(emit: Emitter, w: string): string {
    const { blockSize, keepWeights = false } = this.options;
    const [filters = 1, channels = 1, ...kernel] = this.#shape(w);
    const lanes = channels < blockSize ? 1 : blockSize;
    const order = { filters, channels, taps: elementCount(kernel), block: blockSize, lanes };
    const kept = keepWeights ? (this.#keep(w, order) ?? this.#keepScaled(emit, w, order)) : null;
    if (kept !== null) return kept;
    const { taps } = order;
    // the filters of a block become lanes by ONNX Runtime's own kernel, several times as fast as a Transpose of single elements;
    // its gradient is the way back. What is left moves whole vectors.
    const rows = emit.op('Reshape', [w, emit.ints([filters / blockSize, blockSize, channels, taps])]);
    const split = [filters / blockSize, channels / lanes, lanes, taps, blockSize];
    const turned = emit.op('Transpose', [emit.op('Reshape', [toBlocked(emit, rows), emit.ints(split)])], {
      perm: { ints: [0, 1, 3, 2, 4] },
    });
    return emit.op('Reshape', [turned, emit.ints([filters, channels, ...kernel])]);
  }

  /**
   * Weights that are an initializer with this one reader, in its order from now on; null for others. Sums over all but the filters,
   * by which FReLU folds an offset into what reads it, may read them too.
   */
  #keep(w: string, order: WeightOrder): string | null {
    const tensor = this.graph.initializer(w);
    if (tensor === undefined || this.graph.isOutput(w)) return null;
    const sums = this.graph.uses(w).flatMap(({ node }) => (this.#sumsPerFilter(node) ? [node] : []));
    if (this.graph.uses(w).length !== sums.length + 1) return null;
    for (const node of sums) this.#sumInOrder(node, w, order);
    this.#reordered.set(w, order);
    if (this.options.inState?.has(w) === true) return w;
    const values = reorderWeights(readFloats(tensor), order, 'blocked');
    this.graph.removeInitializer(w);
    this.graph.addInitializer(floatTensor(w, dimsOf(tensor), values));
    return w;
  }

  #sumsPerFilter(node: NodeProto): boolean {
    if (node.domain !== '' || node.opType !== 'ReduceSum' || intAttribute(node, 'keepdims', 1) !== 0) return false;
    const axes = constantInput(this.graph, node, 1);
    return axes !== undefined && sameShape(readIntegers(axes), [1, 2, 3]);
  }

  /** The sum [M] over all but the filters, of weights as they lie. */
  #sumInOrder(node: NodeProto, w: string, { filters, channels, taps, block }: WeightOrder): void {
    const emit = new Emitter(this.graph, 'blocked');
    const rows = emit.op('Reshape', [w, emit.ints([filters / block, channels * taps, block])]);
    const sums = emit.op('ReduceSum', [rows, emit.ints([1])], { keepdims: { int: 0 } });
    emit.opTo(outputOf(node), 'Reshape', [sums, emit.ints([filters])]);
    const next = this.graph.nodes[this.graph.nodes.indexOf(node) + 1];
    this.graph.remove(node);
    emit.flush(next);
  }

  /** The same of weights times a factor per filter, which is how a normalization with frozen statistics is folded. */
  #keepScaled(emit: Emitter, w: string, order: WeightOrder): string | null {
    const product = this.graph.producer(w);
    if (product?.opType !== 'Mul' || product.domain !== '' || this.graph.uses(w).length !== 1) return null;
    const [weights, factor] = [inputOf(product, 0), inputOf(product, 1)];
    const { filters, channels, taps, block } = order;
    const perFilter = [
      filters,
      ...this.#shape(w)
        .slice(1)
        .map(() => 1),
    ];
    if (!sameShape(this.#shape(weights), this.#shape(w)) || !sameShape(this.#shape(factor), perFilter)) return null;
    const kept = this.#keep(weights, order);
    if (kept === null) return null;
    this.graph.remove(product);
    const rows = emit.op('Reshape', [kept, emit.ints([filters / block, channels * taps, block])]);
    const factors = emit.op('Reshape', [factor, emit.ints([filters / block, 1, block])]);
    return emit.op('Reshape', [emit.op('Mul', [rows, factors]), emit.ints(this.#shape(w))]);
  }

  /** Whether all operands are as large as the result or single numbers, and one of them is blocked already. */
  #isElementwise(node: NodeProto): boolean {
    if (node.domain !== '' || !elementwise.has(node.opType)) return false;
    const shape = this.#shape(outputOf(node));
    const inputs = node.input.filter((input) => input !== '');
    return (
      shape.length === 4 &&
      inputs.some((input) => this.#twins.has(input)) &&
      inputs.every((input) => this.#isScalar(input) || sameShape(this.#shape(input), shape))
    );
  }

  #isNormalization(node: NodeProto): boolean {
    return node.domain === '' && node.opType === 'BatchNormalization' && this.#twins.has(inputOf(node, 0));
  }

  /** A normalization is an affine map per channel; by batch statistics, one whose factors are computed first. */
  #blockNormalization(node: NodeProto): void {
    const [x, gamma, beta] = [inputOf(node, 0), inputOf(node, 1), inputOf(node, 2)];
    const [mean, variance, y] = [inputOf(node, 3), inputOf(node, 4), outputOf(node)];
    const [, channels = 1] = this.#shape(x);
    const emit = new Emitter(this.graph, 'blocked');
    const epsilon = floatAttribute(node, 'epsilon', 1e-5);
    const own = batchStatistics(this.graph, node);
    let input = this.#twin(emit, x);
    let [scale, shift] = ['', ''];
    if (own === null) {
      scale = emit.op('Mul', [gamma, inverseDeviation(emit, variance, epsilon)]);
      shift = emit.op('Add', [beta, emit.op('Mul', [negated(emit, mean, this.options.trained ?? new Set()), scale])]);
    } else {
      const centre = this.options.centres?.get(y);
      const conv = centre === undefined ? undefined : this.#fusible(x, 'BatchNormalization');
      if (centre !== undefined && conv !== undefined) input = this.#takeOff(emit, conv, centre);
      const rows = summedRows(this.#shape(x), this.options.blockSize);
      const shapes = [rows.image, rows.kernel, rows.parts].map((shape) => emit.ints(shape));
      const inputs = [input, gamma, beta, emit.float(epsilon), ...shapes, emit.float(1 / rows.positions)];
      const group = { int: rows.groups };
      const [found, moved, around, spread] = emit.ops(batchScale, inputs, 5, { group }, functionDomain);
      [scale, shift] = [found, moved];
      if (centre !== undefined && conv !== undefined) emit.opTo(own.mean, 'Add', [around, centre]);
      else emit.opTo(own.mean, 'Identity', [around]);
      emit.opTo(own.variance, 'Identity', [spread]);
    }
    const twin = this.graph.freshName(`${y}/blocked`);
    const kernel = emit.op('Reshape', [scale, emit.ints([channels, 1, 1, 1])]);
    emit.opTo(twin, 'Conv', [input, kernel, shift], affineAttributes(channels), blockedDomain);
    this.#replace(node, emit, y, twin);
    if (own === null) return;
    for (const old of [mean, variance]) if (this.graph.uses(old).length === 0) this.graph.removeInitializer(old);
  }

  /** Replaces a convolution that only a normalization reads by one that gives its result less `centre` [C]. */
  #takeOff(emit: Emitter, conv: NodeProto, centre: string): string {
    const [input, weights, bias] = [inputOf(conv, 0), inputOf(conv, 1), optionalInput(conv, 2)];
    const added = conv.input.slice(3);
    const lowered = bias === undefined ? emit.op('Neg', [centre]) : emit.op('Sub', [bias, centre]);
    const result = emit.op('Conv', [input, weights, lowered, ...added], {}, blockedDomain);
    emit.nodes.at(-1)?.attribute.push(...conv.attribute);
    this.graph.remove(conv);
    return result;
  }

  /** Whether it joins channels, whole blocks of them, and something of it is blocked already. */
  #isConcat(node: NodeProto): boolean {
    if (node.domain !== '' || node.opType !== 'Concat') return false;
    const axis = intAttribute(node, 'axis', 0);
    return (
      this.#shape(outputOf(node)).length === 4 &&
      (axis === 1 || axis === -3) &&
      node.input.some((input) => this.#twins.has(input)) &&
      node.input.every((input) => (this.#shape(input)[1] ?? 0) % this.options.blockSize === 0)
    );
  }

  /** Blocks lie one after the other, as channels do. */
  #blockConcat(node: NodeProto): void {
    const y = outputOf(node);
    const emit = new Emitter(this.graph, 'blocked');
    const twin = this.graph.freshName(`${y}/blocked`);
    emit.opTo(
      twin,
      'Concat',
      node.input.map((input) => this.#twin(emit, input)),
      { axis: { int: 1 } },
    );
    this.#replace(node, emit, y, twin);
  }

  /** Whether it is a MaxPool of a blocked value of windows that `gradients/blocked-pooling.ts` has few enough steps for. */
  #isPooling(node: NodeProto): boolean {
    if (node.domain !== '' || node.opType !== 'MaxPool' || node.output.length > 1) return false;
    if (!this.#twins.has(inputOf(node, 0))) return false;
    return this.#windowsOf(node).every(({ kernel, dilation }) => kernel <= mostTaps && dilation === 1);
  }

  #windowsOf(node: NodeProto): WindowAxis[] {
    const [input, output] = [inputOf(node, 0), outputOf(node)].map((value) => this.#shape(value).slice(2));
    return windowAxes(node, input ?? [], output ?? [], intsAttribute(node, 'kernel_shape') ?? []);
  }

  #blockPooling(node: NodeProto): void {
    const [x, y] = [inputOf(node, 0), outputOf(node)];
    const emit = new Emitter(this.graph, 'blocked');
    const axes = this.#windowsOf(node);
    const twin = this.#pool(emit, this.#twin(emit, x), axes);
    this.#pooled.set(y, { source: x, axes, nodes: emit.nodes.filter(({ opType }) => opType === 'MaxPool') });
    this.#replace(node, emit, y, twin);
  }

  /** A pooling along one axis after the other: the columns of a window first, whose first maximum in the first row is the window's. */
  #pool(emit: Emitter, x: string, axes: readonly WindowAxis[]): string {
    const moves = axes.map((axis) => !isPointwise(axis));
    return [...axes.keys()].reverse().reduce((value, along) => {
      if (moves[along] === false) return value;
      const only = axes.map((axis, i) => (i === along ? axis : alone(axis, i > along ? axis.output : axis.input)));
      return emit.op('MaxPool', [value], { ...windowAttributes(only), auto_pad: { string: 'NOTSET' } }, blockedDomain);
    }, x);
  }

  #isScalar(value: string): boolean {
    return this.options.shapes.has(value) && this.#shape(value).every((dim) => dim === 1);
  }

  #blockElementwise(node: NodeProto): void {
    const y = outputOf(node);
    const emit = new Emitter(this.graph, 'blocked');
    if (this.#fuse(node, emit) || this.#fuseFloor(node, emit)) return;
    const twin = this.graph.freshName(`${y}/blocked`);
    const inputs = node.input.map((input) => (input === '' || this.#isScalar(input) ? input : this.#twin(emit, input)));
    emit.opTo(twin, node.opType, inputs);
    const copy = emit.nodes.at(-1);
    copy?.attribute.push(...node.attribute);
    this.#replace(node, emit, y, twin);
  }

  /** Makes a Relu, a Clip between two numbers, or an Add of two blocked values part of the convolution that it alone reads. */
  #fuse(node: NodeProto, emit: Emitter): boolean {
    const activation = this.#activationOf(node);
    if (activation === null && node.opType !== 'Add') return false;
    const y = outputOf(node);
    const operands = activation === null ? node.input : node.input.slice(0, 1);
    const candidates = operands.flatMap((input, i) => {
      const conv = this.#fusible(input, node.opType);
      return conv === undefined ? [] : [{ conv, other: node.opType === 'Add' ? inputOf(node, 1 - i) : null }];
    });
    // of two convolutions that are added, the later one: the other's result is there when it runs
    const order = (conv: NodeProto): number => this.graph.nodes.indexOf(conv);
    const [chosen] = candidates.sort((a, b) => order(b.conv) - order(a.conv));
    if (chosen === undefined || (chosen.other !== null && this.#isScalar(chosen.other))) return false;
    const { conv, other } = chosen;
    const twin = this.graph.freshName(`${y}/blocked`);
    const inputs = [...conv.input];
    if (other !== null) {
      while (inputs.length < 3) inputs.push('');
      inputs.push(this.#twin(emit, other));
    }
    emit.opTo(twin, 'Conv', inputs, {}, blockedDomain);
    const fused = emit.nodes.at(-1);
    fused?.attribute.push(...conv.attribute, ...(activation ?? []));
    this.graph.remove(conv);
    this.#replace(node, emit, y, twin);
    return true;
  }

  /** A node as the activation of a convolution; null where it is none that a convolution can have. */
  #activationOf(node: NodeProto): AttributeProto[] | null {
    if (node.opType === 'Relu') return activation(null);
    if (node.opType !== 'Clip') return null;
    const [low, high] = [this.#numberAt(node, 1), this.#numberAt(node, 2)];
    return low === 0 && high !== undefined ? activation(high) : null;
  }

  /** The number that an input is; undefined where it is several, trained or computed. */
  #numberAt(node: NodeProto, input: number): number | undefined {
    const tensor = constantInput(this.graph, node, input);
    if (tensor === undefined || this.options.trained?.has(inputOf(node, input)) === true) return undefined;
    return elementCount(dimsOf(tensor)) === 1 ? readFloats(tensor)[0] : undefined;
  }

  /**
   * A floor b (FReLU in its fused form, whose b is learned), after a convolution that it alone reads, or that a pooling between the
   * two does: max(conv, b) = relu(conv - b) + b. The convolution takes b off with its bias, the Relu is its activation or follows
   * the pooling, and its gradient needs no comparison with b. With a ceiling b + c, as FReLU makes of ReLU6, the Relu is a Clip between 0 and c.
   */
  #fuseFloor(node: NodeProto, emit: Emitter): boolean {
    const [x, floor, ceiling] = [inputOf(node, 0), optionalInput(node, 1), optionalInput(node, 2)];
    if (node.opType !== 'Clip' || floor === undefined) return false;
    const cap = ceiling === undefined ? null : this.#heightAbove(floor, ceiling);
    if (cap === undefined) return false;
    const source = this.#pooled.get(x)?.source;
    if (source !== undefined && !this.#isReadOnce(x)) return false;
    const conv = this.#fusible(source ?? x, node.opType);
    if (conv === undefined) return false;
    const [, filters = 1] = this.#shape(x);
    const level = emit.op('Expand', [emit.op('Reshape', [floor, emit.ints([1])]), emit.ints([filters])]);
    const lowered = this.#takeOff(emit, conv, level);
    if (source === undefined) emit.nodes.at(-1)?.attribute.push(...activation(cap));
    const pooled = source === undefined ? lowered : this.#poolAgain(emit, x, lowered);
    const bounds = cap === null ? [] : [emit.float(0), emit.float(cap)];
    const rectified = source === undefined ? pooled : emit.op(cap === null ? 'Relu' : 'Clip', [pooled, ...bounds]);
    const y = outputOf(node);
    const twin = this.graph.freshName(`${y}/blocked`);
    // as a convolution it takes in what is added to it, and the gradient of its bias is summed as such are
    const inputs = [rectified, unitKernel(emit, filters), level];
    emit.opTo(twin, 'Conv', inputs, affineAttributes(filters), blockedDomain);
    this.#replace(node, emit, y, twin);
    return true;
  }

  /** The number that a ceiling is above a floor; undefined where it is not the floor with a number added. */
  #heightAbove(floor: string, ceiling: string): number | undefined {
    const sum = this.graph.producer(ceiling);
    if (sum?.opType !== 'Add' || sum.domain !== '') return undefined;
    const other = sum.input.indexOf(floor) === 0 ? 1 : 0;
    const height = sum.input.includes(floor) ? this.#numberAt(sum, other) : undefined;
    return height !== undefined && height > 0 ? height : undefined;
  }

  /** Replaces the blocked pooling that gives `value` by one of `source`. */
  #poolAgain(emit: Emitter, value: string, source: string): string {
    const { axes, nodes } = present(this.#pooled.get(value), `the pooling that gives '${value}'`);
    for (const node of nodes) this.graph.remove(node);
    return this.#pool(emit, source, axes);
  }

  /** The blocked convolution that computes a value, where nothing else reads it and it has room for the operator. */
  #fusible(value: string, opType: string): NodeProto | undefined {
    const twin = this.#twins.get(value);
    if (twin === undefined) return undefined;
    const conv = this.graph.producer(twin);
    if (conv === undefined || conv.opType !== 'Conv' || conv.domain !== blockedDomain) return undefined;
    if (conv.attribute.some(({ name }) => name === 'activation')) return undefined;
    if (opType === 'Add' && conv.input.length > 3) return undefined;
    return this.#isReadOnce(value) ? conv : undefined;
  }

  /** Whether a blocked value has one reader and is wanted in no other layout. */
  #isReadOnce(value: string): boolean {
    const readers = this.graph.uses(this.#twins.get(value) ?? '').length + this.graph.uses(value).length;
    return readers === 1 && !this.graph.isOutput(value) && !this.#plain.has(value);
  }

  /** The blocked twin of a value, reordered where it is plain so far. */
  #twin(emit: Emitter, value: string): string {
    const known = this.#twins.get(value);
    if (known !== undefined) return known;
    const twin = emit.op('ReorderInput', [value], {}, blockedDomain);
    this.#twins.set(value, twin);
    this.#plain.add(value);
    return twin;
  }

  /** Makes a value exist in plain layout, under its own name, before `reader`. */
  #needPlain(value: string, reader?: NodeProto): string {
    const twin = this.#twins.get(value);
    if (twin === undefined || this.#plain.has(value)) return value;
    const emit = new Emitter(this.graph, 'blocked');
    const [, channels = 1] = this.#shape(value);
    emit.opTo(value, 'ReorderOutput', [twin], { channels: { int: channels } }, blockedDomain);
    emit.flush(reader);
    this.#plain.add(value);
    return value;
  }

  #replace(node: NodeProto, emit: Emitter, value: string, twin: string): void {
    const next = this.graph.nodes[this.graph.nodes.indexOf(node) + 1];
    this.graph.remove(node);
    emit.flush(next);
    this.#twins.set(value, twin);
  }
}

/** The attributes of a convolution that ends in a Relu, or in a Clip between 0 and a number. */
function activation(cap: number | null): AttributeProto[] {
  if (cap === null) return [makeAttribute('activation', { string: 'Relu' })];
  return [makeAttribute('activation', { string: 'Clip' }), makeAttribute('activation_params', { floats: [0, cap] })];
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** An axis of a size that windows of one element leave as it is. */
function alone(axis: WindowAxis, size: number): WindowAxis {
  return { ...axis, input: size, output: size, kernel: 1, stride: 1, padBegin: 0, padEnd: 0 };
}
