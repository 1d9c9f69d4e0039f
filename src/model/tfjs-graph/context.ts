import { present } from '../../contract/present.js';
import type { Attributes, NodeProto } from '../graph.js';
import { DataType, rawTensor } from '../tensor.js';
import { type DType, type OnnxBuilder, onnxTypes, type Shape, type Value } from '../tfjs/builder.js';
import type { WeightValues } from '../tfjs/files.js';
import { broadcastShape, firstPermutation, toChannelsFirst, toPlain } from '../tfjs/layout.js';
import { type LayoutStep, rearrange, type WeightOrigin } from '../tfjs/origin.js';
import { Unsupported } from '../tfjs/unsupported.js';
import type { GraphNode } from './graph-def.js';

/** What is known of the elements of a small integer tensor before anything runs: shapes and what is computed from them. */
export type Elements = readonly (number | null)[];

/** A value that a node computes, or a model input. */
export interface Computed extends Value {
  readonly elements: Elements | null;
  /** where a Pad with zeros made it: what was padded, and by how much (per tf.js axis), so that a convolution can pad itself */
  readonly padded?: {
    readonly node: string;
    readonly source: Value;
    readonly before: readonly number[];
    readonly after: readonly number[];
  };
}

/** A Const node, reshaped or not: it becomes an initializer where it is used, in the layout of its use. */
export interface Constant {
  readonly weight: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** the elements, in an order that no reshape changes */
  readonly values: WeightValues;
  readonly weightShape: readonly number[];
}

export type Operand = Computed | Constant;

/** What nodes give, by name. */
export type Results = Map<string, readonly Operand[]>;

/** One row of the table of operators: the ONNX nodes of a tfjs node, one result per output of it. */
export type Converter = (context: NodeContext) => readonly Operand[];
export type ConverterTable = Readonly<Record<string, Converter>>;

export function isConstant(operand: Operand): operand is Constant {
  return 'weight' in operand;
}

/** An input of a GraphDef node: where another value can be put in the place of the one that it reads. */
export interface Slot {
  readonly node: string;
  readonly input: number;
}

/** Where a weight is read, and the shape that it has there. */
export interface WeightUse extends Slot {
  readonly shape: readonly number[];
}

/**
 * The weights that have become initializers. A weight is one initializer however many nodes read it, so that no two
 * copies of it can be trained apart; a reader that needs another layout than the first one gets it by Transpose and Reshape.
 */
export class Weights {
  readonly origins = new Map<string, WeightOrigin>();
  readonly #made = new Map<string, { readonly name: string; readonly steps: readonly LayoutStep[] }>();
  readonly #layouts = new Map<string, string>();

  constructor(readonly builder: OnnxBuilder) {}

  /** The value that holds a constant after `steps`. */
  value(constant: Constant, furtherSteps: readonly LayoutStep[]): string {
    const isReshaped = constant.shape.join() !== constant.weightShape.join();
    const steps = isReshaped ? [{ kind: 'reshape' as const, shape: constant.shape }, ...furtherSteps] : furtherSteps;
    const made = this.#made.get(constant.weight);
    if (made === undefined) {
      const { shape, values } = rearrange(constant.values, constant.weightShape, steps);
      const name = this.builder.freshName(constant.weight);
      const tensor = rawTensor(name, onnxTypes[constant.dtype], shape, values);
      this.builder.addInitializer(tensor);
      this.#made.set(constant.weight, { name, steps });
      if (constant.dtype === 'float32') this.origins.set(name, { weight: constant.weight, steps });
      return name;
    }
    if (JSON.stringify(made.steps) === JSON.stringify(steps)) return made.name;
    const key = `${constant.weight} ${JSON.stringify(steps)}`;
    const known = this.#layouts.get(key);
    if (known !== undefined) return known;
    const plain = inverse(constant.weightShape, made.steps).reduce(
      (name, step) => rearrangement(this.builder, name, step),
      made.name,
    );
    const name = steps.reduce((value, step) => rearrangement(this.builder, value, step), plain);
    this.#layouts.set(key, name);
    return name;
  }
}

function rearrangement(builder: OnnxBuilder, value: string, step: LayoutStep): string {
  if (step.kind === 'transpose') return builder.op('Transpose', [value], { perm: { ints: step.perm } });
  if (step.kind === 'reshape') return builder.op('Reshape', [value, builder.int64s(step.shape)]);
  throw new Error('no operator of a GraphModel takes its weight in blocks');
}

/** The steps that undo `steps`, which were taken from a tensor of `shape`. */
function inverse(shape: readonly number[], steps: readonly LayoutStep[]): LayoutStep[] {
  const undo: LayoutStep[] = [];
  let dims = shape;
  for (const step of steps) {
    if (step.kind === 'transpose') {
      const from = dims;
      undo.unshift({ kind: 'transpose', perm: step.perm.map((_, axis) => step.perm.indexOf(axis)) });
      dims = step.perm.flatMap((axis) => from.slice(axis, axis + 1));
    } else if (step.kind === 'reshape') {
      undo.unshift({ kind: 'reshape', shape: dims });
      dims = step.shape;
    }
  }
  return undo;
}

/** What a converter sees of the node that it converts. Input positions count as in the GraphDef. */
export class NodeContext {
  /** the weights that this node has read, by the initializer's name */
  readonly weightUses = new Map<string, WeightUse>();
  /** the input of a GraphDef node that its ONNX node reads as input 0, where that is not this node's input 0 */
  dataInput: Slot | null = null;
  /** nodes written for earlier GraphDef nodes that have taken up a weight of this one */
  readonly extended: NodeProto[] = [];

  constructor(
    readonly node: GraphNode,
    readonly operands: readonly Operand[],
    readonly builder: OnnxBuilder,
    readonly weights: Weights,
    /** whether this node is the only reader of what an input names, which is no output of the model either */
    readonly isOnlyReader: (input: number) => boolean,
  ) {}

  get arity(): number {
    return this.operands.length;
  }

  refuse(reason: string, cure: string | null = null): never {
    throw new Unsupported(reason, cure);
  }

  operand(input: number): Operand {
    return this.operands[input] ?? this.refuse(`it lacks input ${input}`);
  }

  constant(input: number): Constant | null {
    const operand = this.operand(input);
    return isConstant(operand) ? operand : null;
  }

  dtype(input: number): DType {
    return this.operand(input).dtype;
  }

  /** Products take operands of one element type: TensorFlow writes no others, and ONNX knows none. */
  refuseMixed(inputs: readonly number[]): void {
    const types = new Set(inputs.map((input) => this.dtype(input)));
    if (types.size > 1) this.refuse(`its operands are of the types ${[...types].join(', ')}`);
  }

  /** The shape as tf.js has it. */
  shape(input: number): Shape | null {
    return this.operand(input).shape;
  }

  /** The operand in whichever layout it has; a constant in its own. */
  value(input: number): Computed {
    const operand = this.operand(input);
    if (!isConstant(operand)) return operand;
    return { ...this.#weight(input, []), elements: null };
  }

  /** The operand in tf.js's axis order. */
  plain(input: number): Value {
    return toPlain(this.builder, this.value(input));
  }

  /** An operand of `rank` axes as [batch, channels, ...spatial]. */
  channelsFirst(input: number, rank: number): Value {
    const value = this.value(input);
    const shape = value.shape ?? new Array<null>(rank).fill(null);
    if (shape.length !== rank) this.refuse(`its input has ${shape.length} axes instead of ${rank}`);
    return toChannelsFirst(this.builder, { ...value, shape });
  }

  /** A value of known rank as [batch, channels, ...spatial]. */
  first(value: Value): Value {
    return toChannelsFirst(this.builder, value);
  }

  /** The initializer of a constant operand after `steps`; null where the operand is computed. */
  weight(input: number, steps: readonly LayoutStep[]): string | null {
    return this.constant(input) === null ? null : this.#weight(input, steps).name;
  }

  #weight(input: number, steps: readonly LayoutStep[]): Value {
    const constant = this.constant(input) ?? this.refuse(`input ${input} is not a constant`);
    const name = this.weights.value(constant, steps);
    this.weightUses.set(name, { node: this.node.name, input, shape: constant.shape });
    return { name, dtype: constant.dtype, shape: constant.shape, channelsFirst: false };
  }

  /** What is known of an operand's elements; null where nothing is, and where there are too many for a parameter. */
  elements(input: number): Elements | null {
    const operand = this.operand(input);
    if (!isConstant(operand)) return operand.elements;
    return operand.values.length > mostParameters ? null : Array.from(operand.values);
  }

  /** The elements of an operand that must be known before anything runs. */
  integers(input: number, what: string): number[] {
    const known = this.elements(input)?.filter((each) => each !== null);
    if (known === undefined || known.length !== this.elements(input)?.length) {
      return this.refuse(`its ${what} is computed at run time`);
    }
    return known;
  }

  integer(input: number, what: string): number {
    return this.integers(input, what)[0] ?? this.refuse(`its ${what} is empty`);
  }

  /** The value of a constant scalar operand of any element type; null where it is computed. */
  number(input: number): number | null {
    return this.elements(input)?.[0] ?? null;
  }

  /** An axis counted from the front. */
  axis(axis: number, shape: Shape | null): number {
    if (axis >= 0) return axis;
    if (shape === null) return this.refuse('an axis is counted from the end of a value whose rank is not known');
    return axis + shape.length;
  }

  /**
   * Operands of an elementwise operator in one layout: channels first where one of them is and every rank is known.
   * Where element types differ they are raised to the widest, as tf.js does (bool, int32, float32).
   */
  align(inputs: readonly number[]): { readonly names: string[]; readonly dtype: DType; readonly like: Like } {
    const operands = inputs.map((input) => this.operand(input));
    const dtype = widest(operands.map((operand) => operand.dtype));
    const shape = broadcastShape(operands.map((operand) => operand.shape));
    const channelsFirst = shape !== null && operands.some((each) => !isConstant(each) && each.channelsFirst);
    const like = { shape, channelsFirst };
    return { names: inputs.map((input) => this.cast(this.#broadcastable(input, like), dtype).name), dtype, like };
  }

  /** The two operands of a binary operator, as `align` gives them. */
  alignPair(): { readonly a: string; readonly b: string; readonly dtype: DType; readonly like: Like } {
    const { names, dtype, like } = this.align([0, 1]);
    const [a, b] = names;
    return { a: present(a, 'operand 0'), b: present(b, 'operand 1'), dtype, like };
  }

  /** An operand so that it broadcasts against `like`. */
  alignTo(like: Like, input: number): string {
    return this.#broadcastable(input, like).name;
  }

  #broadcastable(input: number, like: Like): Value {
    const operand = this.operand(input);
    const shape = operand.shape ?? [];
    if (!like.channelsFirst || like.shape === null || shape.every((dim) => dim === 1)) return this.plain(input);
    const rank = like.shape.length;
    if (isConstant(operand)) return this.#weight(input, channelsFirstSteps(operand.shape, rank));
    const axes = Array.from({ length: rank - shape.length }, (_, axis) => axis);
    if (axes.length === 0) return toChannelsFirst(this.builder, operand);
    const name = this.builder.op('Unsqueeze', [this.plain(input).name, this.builder.int64s(axes)]);
    const wider = [...axes.map(() => 1), ...shape];
    return toChannelsFirst(this.builder, { name, dtype: operand.dtype, shape: wider, channelsFirst: false });
  }

  cast(value: Value, dtype: DType): Value {
    if (value.dtype === dtype) return value;
    const { name } = this.builder.once(`${value.name} as ${dtype}`, () => {
      return { ...value, name: this.op('Cast', [value.name], { to: { int: onnxTypes[dtype] } }), dtype };
    });
    return { ...value, name, dtype };
  }

  /** An integer operand as the INT64 vector (or scalar) that ONNX asks for; a constant one where its elements are known. */
  int64(input: number): string {
    const elements = this.elements(input);
    const shape = this.shape(input);
    if (elements?.every((each) => each !== null) && shape?.every((extent) => extent !== null)) {
      return this.builder.int64s(elements.map(Number), shape.map(Number));
    }
    const value = this.plain(input);
    return this.builder.once(`${value.name} as int64`, () => {
      return { ...value, name: this.op('Cast', [value.name], { to: { int: DataType.INT64 } }) };
    }).name;
  }

  /** An INT64 result of an ONNX operator as tf.js has it, int32. */
  toInt32(value: string): string {
    const name = this.op('Cast', [value], { to: { int: DataType.INT32 } });
    this.builder.remember(`${name} as int64`, { name: value, dtype: 'int32', shape: null, channelsFirst: false });
    return name;
  }

  /** A value that is computed, after a step. */
  rearranged(value: string, step: LayoutStep): string {
    return rearrangement(this.builder, value, step);
  }

  op(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.builder.op(opType, inputs, attributes);
  }

  ops(opType: string, inputs: readonly string[], outputs: number, attributes: Attributes = {}): string[] {
    return this.builder.ops(opType, inputs, outputs, attributes);
  }

  /** A result in the layout of `like`. */
  result(name: string, dtype: DType, like: Like, elements: Elements | null = null): Computed {
    return { name, dtype, shape: like.shape, channelsFirst: like.channelsFirst, elements };
  }

  /** A result in tf.js's axis order. */
  plainResult(name: string, dtype: DType, shape: Shape | null, elements: Elements | null = null): Computed {
    return { name, dtype, shape, channelsFirst: false, elements };
  }
}

/** Shapes, axes, paddings, indices are no longer than this; embedding tables are. */
const mostParameters = 4096;

/** What a result has in common with the value it was computed from. */
export type Like = Pick<Value, 'shape' | 'channelsFirst'>;

/** Where tf.js's last axis lies in the ONNX graph. */
export function lastAxis(value: Value): number {
  return value.channelsFirst ? 1 : -1;
}

const width: Readonly<Record<DType, number>> = { bool: 0, int32: 1, float32: 2 };

function widest(dtypes: readonly DType[]): DType {
  return dtypes.reduce((widest, dtype) => (width[dtype] > width[widest] ? dtype : widest), 'bool');
}

/**
 * The steps from a constant of `shape` to what broadcasts in the same way against a channels-first value of `rank` axes:
 * [C] becomes [C, 1, 1] for rank 4. Where only one axis is longer than 1 no element moves.
 */
function channelsFirstSteps(shape: readonly number[], rank: number): LayoutStep[] {
  const full = [...new Array<number>(rank - shape.length).fill(1), ...shape];
  const perm = firstPermutation(rank);
  const turned = perm.flatMap((axis) => full.slice(axis, axis + 1));
  // the leading axes that the constant does not have stay away, but for the spatial ones behind its channels
  const wanted = shape.length < rank ? turned.slice(1) : turned;
  const moves = shape.filter((dim) => dim > 1).length > 1;
  const steps: LayoutStep[] = [];
  if (moves) {
    if (full.length !== shape.length) steps.push({ kind: 'reshape', shape: full });
    steps.push({ kind: 'transpose', perm });
    if (wanted.length !== turned.length) steps.push({ kind: 'reshape', shape: wanted });
  } else steps.push({ kind: 'reshape', shape: wanted });
  return steps;
}
