import { intAttribute, intsAttribute } from '../model/attributes.js';
import type { Graph, NodeProto } from '../model/graph.js';
import { elementCount } from '../model/tensor.js';
import { inputOf, optionalInput } from './operands.js';

/**
 * The factor between a parameter and what is trained in its place, parameter = factor * trained: one for all elements, or one
 * for each index along an axis.
 */
export interface ParameterScale {
  readonly factors: readonly number[];
  /** of the parameter's shape; of no account where there is one factor */
  readonly axis: number;
}

/** The factor of element `index` (row-major) of a parameter of a shape. */
export function factorOf({ factors, axis }: ParameterScale, shape: readonly number[], index: number): number {
  const [only = 1] = factors;
  if (factors.length === 1) return only;
  const inner = elementCount(shape.slice(axis + 1));
  return factors[Math.floor(index / inner) % factors.length] ?? only;
}

export interface HeadScaleOptions {
  /** of every value of the graph, by name */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly trained: ReadonlySet<string>;
  /** the value that the loss reads, [N, ...] */
  readonly output: string;
  /** the spread of the targets: one number, or one for each of the output's columns */
  readonly scale: readonly number[];
}

/**
 * The trained parameters of the last layer, with the spread s of the targets as their scale, so that a regression is trained in
 * units of that spread.
 *
 * Let the model give y = W h + b, with targets t. Dividing the loss by s^2 makes it independent of the unit that targets have, but not
 * the training: with y and t in another unit, c y and c t, the last layer is c W, and its gradient that of W divided by c, where c
 * times as large a step is needed: the rate would have to be c^2 times as large, for this layer alone. So the layer is trained
 * as V = W / s, d = b / s: the graph computes W = s V and b = s d, and the loss is that of
 *   y / s = V h + d   against   t / s.
 * In another unit s is c s, and V, d, y / s, t / s stay what they were, and with them loss, gradients, weight decay, the
 * clipping of gradients, and every step: the training is the same up to rounding. The factor is only a choice of coordinates:
 * the function, and the model that is written, do not depend on whether this finds the whole layer.
 *
 * Found are, from the output back through nodes that keep values or are proportional to them, what is added (biases, those
 * derived from shifts and offsets too) and what multiplies: Gemm, MatMul, Conv, ConvTranspose, normalizations, Mul. Where
 * something else computes a part of the output, the last layer is not known and nothing is scaled: the loss is in units of the
 * spread all the same. Spreads that differ are followed along the columns of [N, K] alone.
 */
export function headScales(graph: Graph, options: HeadScaleOptions): Map<string, ParameterScale> {
  const head = new Head(graph, options);
  return head.follow(options.output) ? head.scales : new Map();
}

/** What only gives a value another name or type. */
const renaming: ReadonlySet<string> = new Set(['Identity', 'Cast']);

/** f(c x) = c f(x), element by element and for c > 0. */
const proportional: ReadonlySet<string> = new Set(['Identity', 'Cast', 'Neg', 'Relu', 'LeakyRelu']);

/** The same of operators that move elements or add them up. */
const linear: ReadonlySet<string> = new Set([
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Transpose',
  'Expand',
  'Slice',
  'ReduceSum',
  'ReduceMean',
  'GlobalAveragePool',
  'AveragePool',
]);

class Head {
  readonly scales = new Map<string, ParameterScale>();
  readonly #isUniform: boolean;

  constructor(
    private readonly graph: Graph,
    private readonly options: HeadScaleOptions,
  ) {
    this.#isUniform = new Set(options.scale).size === 1;
  }

  /** Scales what gives a value; false where that is not known. */
  follow(value: string): boolean {
    const node = this.graph.producer(value);
    if (node === undefined) return this.#scale(value, -1);
    if (node.domain !== '') return false;
    switch (node.opType) {
      case 'Add':
      case 'Sub':
      case 'Sum':
        return node.input.every((input) => this.#isConstant(input) || this.follow(input));
      case 'Concat':
        return this.#isUniform && node.input.every((input) => this.#isConstant(input) || this.follow(input));
      case 'Gemm':
        return this.#layer(node, intAttribute(node, 'transB', 0) === 1 ? 0 : 1);
      case 'Conv':
        return this.#layer(node, 0);
      case 'ConvTranspose':
        return intAttribute(node, 'group', 1) === 1 && this.#layer(node, 1);
      case 'BatchNormalization':
      case 'LayerNormalization':
      case 'InstanceNormalization':
      case 'GroupNormalization':
        return this.#layer(node, -1);
      case 'MatMul':
      case 'Mul':
        return this.#product(node);
      default:
        return this.#keepsColumns(node) && this.follow(inputOf(node, 0));
    }
  }

  /** A layer whose weights are input 1 and whose bias, if it has one, is input 2. */
  #layer(node: NodeProto, axis: number): boolean {
    const bias = optionalInput(node, 2);
    return this.#scale(inputOf(node, 1), axis) && (bias === undefined || this.#isConstant(bias) || this.follow(bias));
  }

  /** One of two factors takes the scale: the one that is a parameter. */
  #product(node: NodeProto): boolean {
    const [left, right] = [inputOf(node, 0), inputOf(node, 1)];
    const factor = [right, left].find((input) => this.#root(input) !== null);
    if (factor === undefined) return false;
    return (node.opType === 'Mul' || factor === right || this.#isUniform) && this.#scale(factor, -1);
  }

  /** Scales the parameter that a value is; `axis`, from the front or (negative) the back, is that of its columns. */
  #scale(value: string, axis: number): boolean {
    const root = this.#root(value);
    if (root === null) return this.#isConstant(value);
    const { scale } = this.options;
    if (this.#isUniform) {
      this.scales.set(root.name, { factors: scale.slice(0, 1), axis: 0 });
      return true;
    }
    const shape = this.options.shapes.get(root.name);
    const known = this.scales.get(root.name);
    // weights that a bias is derived from have been met
    if (shape === undefined || root.turned === null) return known !== undefined;
    const from = axis < 0 ? axis + shape.length : axis;
    const own = root.turned ? shape.length - 1 - from : from;
    if (shape[own] !== scale.length || (known !== undefined && known.axis !== own)) return false;
    this.scales.set(root.name, { factors: scale, axis: own });
    return true;
  }

  /** The trained initializer that a value is, rearranged or summed; `turned`: its two axes are exchanged, null: they are otherwise. */
  #root(value: string): { readonly name: string; readonly turned: boolean | null } | null {
    if (this.options.trained.has(value)) return { name: value, turned: false };
    const node = this.graph.producer(value);
    if (node === undefined || node.domain !== '' || !(linear.has(node.opType) || renaming.has(node.opType)))
      return null;
    const root = this.#root(inputOf(node, 0));
    if (root === null || root.turned === null || node.opType === 'Identity' || node.opType === 'Cast') return root;
    const perm = node.opType === 'Transpose' ? (intsAttribute(node, 'perm') ?? [1, 0]) : null;
    return { name: root.name, turned: perm?.join() === '1,0' ? !root.turned : null };
  }

  /** Whether a value does not change in training: what it adds or multiplies is part of the function. */
  #isConstant(value: string): boolean {
    return this.graph.constant(value) !== undefined && !this.options.trained.has(value);
  }

  /** Whether a node's output is proportional to its input, column by column where their scales differ. */
  #keepsColumns(node: NodeProto): boolean {
    if (proportional.has(node.opType)) return true;
    if (!linear.has(node.opType)) return false;
    if (this.#isUniform) return true;
    const shape = this.options.shapes.get(inputOf(node, 0));
    // [N, K, 1, 1], as a convolution leaves it
    const reshapes = node.opType === 'Reshape' || node.opType === 'Flatten' || node.opType === 'Squeeze';
    return reshapes && shape?.[1] === this.options.scale.length && shape.slice(2).every((dim) => dim === 1);
  }
}
