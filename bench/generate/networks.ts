import * as fc from 'fast-check';
import { createRandom } from '../../src/math/random.js';
import type { Network, Operation, Step } from './network.js';
import { extent, sizeOf, type Tensor, type Window, type Windows } from './operators.js';

const kinds = [
  ...[
    'conv',
    'conv',
    'conv',
    'relu',
    'relu',
    'relu',
    'relu6',
    'batchNormalization',
    'batchNormalization',
    'instanceNormalization',
    'layerNormalization',
    'sum',
    'sum',
  ],
  ...[
    'constantSum',
    'concat',
    'gate',
    'squeezeGate',
    'maxPool',
    'averagePool',
    'globalPool',
    'pad',
    'flatten',
    'reshape',
  ],
  ...['transpose', 'gemm', 'gemm', 'matMul', 'convTranspose', 'sigmoid', 'again'],
] as const;

type Kind = (typeof kinds)[number];

/** One layer to be: what it is, which of the values so far it reads, and numbers that decide the rest. A list of them shrinks well. */
interface Choice {
  readonly kind: Kind;
  readonly reads: number;
  readonly alsoReads: number;
  readonly variant: number;
}

const choices: fc.Arbitrary<Choice> = fc.record({
  kind: fc.constantFrom(...kinds),
  // mostly what came last
  reads: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(6) }),
  alsoReads: fc.nat(6),
  variant: fc.nat(2 ** 16),
});

const opsets = [7, 9, 10, 11, 13, 17, 21] as const;

/** Networks of the operators that ReLUs meet; every choice gives a valid one, and ends in a reader with weights or as it is. */
export const networks: fc.Arbitrary<Network> = fc
  .record({
    opset: fc.constantFrom(...opsets),
    layers: fc.array(choices, { minLength: 2, maxLength: 11 }),
    seed: fc.nat(2 ** 16),
    tail: fc.nat(3),
    shown: fc.nat(2 ** 16),
  })
  .map(({ opset, layers, seed, tail, shown }) => {
    const made = new Construction(opset, seed);
    for (const layer of layers) made.add(layer);
    if (tail > 0) made.add({ kind: tail === 1 ? 'gemm' : 'conv', reads: 0, alsoReads: 0, variant: seed });
    return made.finish(shown);
  })
  // layers of which none fits
  .filter(({ outputs }) => outputs.length > 0);

/** A network that grows by layers. A choice that fits nothing adds nothing. */
class Construction {
  readonly #dims = new Map<string, readonly number[]>();
  readonly #constants = new Map<string, Tensor>();
  readonly #steps: Step[] = [];
  readonly #values: string[] = [];
  readonly #random: () => number;

  constructor(
    readonly opset: number,
    seed: number,
  ) {
    const random = createRandom(seed);
    this.#random = () => random.uniform();
    this.#declare('x', [2, 2 + (seed % 2), 5, 4]);
  }

  add(choice: Choice): void {
    const x = this.#pick(choice.reads, () => true);
    if (x !== undefined) this.#layer(choice, x);
  }

  /** The network; its outputs are all that nobody reads, and one value more in some. */
  finish(shown: number): Network {
    const read = new Set(this.#steps.flatMap(({ inputs }) => inputs));
    const unread = this.#values.filter((value) => !read.has(value) && value !== 'x');
    const extra = shown % 4 === 0 ? this.#values.slice(1).filter((_, at, list) => at === shown % list.length) : [];
    return {
      opset: this.opset,
      inputs: { x: this.#dimsOf('x') },
      constants: this.#constants,
      steps: this.#steps,
      outputs: [...new Set([...unread, ...extra])],
    };
  }

  #layer(choice: Choice, x: string): void {
    const dims = this.#dimsOf(x);
    const isImage = dims.length === 4;
    const [n = 1, channels = 1, ...space] = dims;
    switch (choice.kind) {
      case 'conv':
        if (isImage) this.#conv(choice, x);
        else this.#gemm(choice, x);
        return;
      case 'convTranspose':
        if (isImage) this.#convTranspose(choice, x);
        return;
      case 'gemm':
        this.#gemm(choice, dims.length === 2 ? x : this.#step({ op: 'Flatten' }, [x], [n, sizeOf(dims.slice(1))]));
        return;
      case 'matMul':
        this.#matMul(choice, x);
        return;
      case 'relu':
      case 'relu6': {
        // one behind another of which it is the only reader would be one site of both
        if (this.#isRelu(x)) return;
        const op = choice.kind === 'relu' ? 'Relu' : 'Relu6';
        this.#step({ op, spelling: choice.variant % 8 }, [x], dims);
        return;
      }
      case 'batchNormalization':
        this.#batchNormalization(x, channels);
        return;
      case 'instanceNormalization': {
        if (!isImage) return;
        const parameters = ['scale', 'beta'].map((name) => this.#constant(name, [channels]));
        this.#step({ op: 'InstanceNormalization' }, [x, ...parameters], dims);
        return;
      }
      case 'layerNormalization':
        if (this.opset >= 17) this.#layerNormalization(choice, x);
        return;
      case 'sum':
      case 'concat':
      case 'gate':
        this.#meet(choice, x);
        return;
      case 'constantSum':
        this.#constantSum(choice, x);
        return;
      case 'squeezeGate': {
        if (!isImage) return;
        const pooled = this.#step({ op: 'GlobalAveragePool' }, [x], [n, channels, 1, 1]);
        const gate = this.#step({ op: 'Sigmoid' }, [this.#pointwise(pooled, channels)], [n, channels, 1, 1]);
        this.#step({ op: 'Mul' }, [x, gate], dims);
        return;
      }
      case 'globalPool':
        if (isImage) this.#step({ op: 'GlobalAveragePool' }, [x], [n, channels, 1, 1]);
        return;
      case 'maxPool':
      case 'averagePool':
      case 'pad':
        if (isImage) this.#window(choice, x);
        return;
      case 'flatten':
        this.#step({ op: 'Flatten' }, [x], [n, sizeOf(dims.slice(1))]);
        return;
      case 'reshape': {
        const rest = sizeOf(dims.slice(1));
        const to = choice.variant % 2 === 0 && rest % 2 === 0 ? [n, 2, 1, rest / 2] : [n, rest];
        this.#step({ op: 'Reshape', to }, [x], to);
        return;
      }
      case 'transpose': {
        const order = isImage ? ([0, 2, 3, 1] as const) : [0, ...dims.slice(1).map((_, at) => at + 1)];
        if (isImage) this.#step({ op: 'Transpose', order }, [x], [n, ...space, channels]);
        return;
      }
      case 'sigmoid':
        this.#step({ op: 'Sigmoid' }, [x], dims);
        return;
      case 'again':
        this.#again(x);
        return;
    }
  }

  #conv(choice: Choice, x: string): void {
    const dims = this.#dimsOf(x);
    const [n = 1, channels = 1, h = 1, w = 1] = dims;
    const { variant } = choice;
    const same = variant % 7 === 0;
    const size = [1, 2, 3, 3][variant % 4] ?? 1;
    const padding = (bit: number) => (same || (variant >> bit) % 3 === 0 ? 0 : (variant >> bit) % 2);
    const stride = (variant >> 4) % 4 === 0 ? 2 : 1;
    const dilation = !same && (variant >> 5) % 6 === 0 ? 2 : 1;
    const explicit = (bits: readonly [number, number]): Window => ({
      ...{ size, stride, dilation },
      ...{ before: padding(bits[0]), behind: padding(bits[1]) },
    });
    const windows: Windows = same
      ? [sameWindow(h, size, stride), sameWindow(w, size, stride)]
      : [explicit([6, 7]), explicit([8, 9])];
    const [height, width] = [extent(h, windows[0]), extent(w, windows[1])];
    if (height < 1 || width < 1) return;
    const groups = (variant >> 10) % 3 === 0 ? channels : 1;
    const filters = groups * (groups > 1 ? 1 + ((variant >> 11) % 2) : 1 + ((variant >> 11) % 4));
    const weights = this.#constant('w', [filters, channels / groups, size, size]);
    const bias = (variant >> 13) % 2 === 0 ? [] : [this.#constant('b', [filters])];
    this.#step({ op: 'Conv', groups, windows, same }, [x, weights, ...bias], [n, filters, height, width]);
  }

  /** A convolution of one pixel that keeps the channels, with a bias. */
  #pointwise(x: string, channels: number): string {
    const window: Window = { size: 1, stride: 1, dilation: 1, before: 0, behind: 0 };
    const inputs = [x, this.#constant('w', [channels, channels, 1, 1]), this.#constant('b', [channels])];
    return this.#step({ op: 'Conv', groups: 1, windows: [window, window], same: false }, inputs, this.#dimsOf(x));
  }

  #convTranspose({ variant }: Choice, x: string): void {
    const [n = 1, channels = 1, h = 1, w = 1] = this.#dimsOf(x);
    const size = 1 + (variant % 3);
    const crop = (variant >> 2) % 2 === 0 ? 0 : size - 1;
    const [height, width] = [h + size - 1 - 2 * crop, w + size - 1 - 2 * crop];
    if (height < 1 || width < 1) return;
    const filters = 1 + ((variant >> 3) % 3);
    const bias = (variant >> 5) % 2 === 0 ? [] : [this.#constant('b', [filters])];
    const inputs = [x, this.#constant('w', [channels, filters, size, size]), ...bias];
    this.#step({ op: 'ConvTranspose', crop }, inputs, [n, filters, height, width]);
  }

  #gemm({ variant }: Choice, x: string): void {
    const dims = this.#dimsOf(x);
    const [n = 1, features = 1] = dims;
    if (dims.length !== 2) return;
    const units = 1 + (variant % 4);
    const transposed = (variant >> 2) % 2 === 0;
    const weights = this.#constant('w', transposed ? [units, features] : [features, units]);
    // op sets below 11 require the bias
    const bias = this.opset < 11 || (variant >> 3) % 3 > 0 ? [this.#constant('b', [units])] : [];
    const [alpha, beta] = (variant >> 5) % 4 === 0 ? [0.5, 2] : [1, 1];
    this.#step({ op: 'Gemm', transposed, alpha, beta }, [x, weights, ...bias], [n, units]);
  }

  #matMul({ variant }: Choice, x: string): void {
    const dims = this.#dimsOf(x);
    const units = 1 + (variant % 4);
    const to = dims.with(-1, units);
    const product = this.#step({ op: 'MatMul' }, [x, this.#constant('w', [dims.at(-1) ?? 1, units])], to);
    if ((variant >> 2) % 4 === 0) return;
    const bias = this.#constant('b', [units]);
    this.#step({ op: 'Add' }, (variant >> 4) % 2 === 0 ? [product, bias] : [bias, product], to);
  }

  #batchNormalization(x: string, channels: number): void {
    const parameters = ['scale', 'beta', 'mean', 'var'].map((name) => this.#constant(name, [channels]));
    this.#step({ op: 'BatchNormalization' }, [x, ...parameters], this.#dimsOf(x));
  }

  /** Over the last axis, or over all but the first; with a beta or without. */
  #layerNormalization({ variant }: Choice, x: string): void {
    const dims = this.#dimsOf(x);
    const axis = variant % 2 === 0 ? dims.length - 1 : 1;
    const names = (variant >> 1) % 4 === 0 ? ['scale'] : ['scale', 'beta'];
    const parameters = names.map((name) => this.#constant(name, dims.slice(axis)));
    this.#step({ op: 'LayerNormalization', axis }, [x, ...parameters], dims);
  }

  /** Two values of the same shape (or, for Concat, all but one axis of it) come together. */
  #meet({ kind, alsoReads, variant }: Choice, x: string): void {
    const dims = this.#dimsOf(x);
    const along = variant % 4 === 0 ? dims.length - 1 : 1;
    const fits = (other: string) =>
      this.#dimsOf(other).length === dims.length &&
      this.#dimsOf(other).every((size, at) => size === dims[at] || (kind === 'concat' && at === along));
    const other = this.#pick(alsoReads, (value) => fits(value) && (value !== x || kind === 'concat'));
    if (other === undefined) return;
    const inputs = (variant >> 3) % 2 === 0 ? [x, other] : [other, x];
    if (kind === 'concat') {
      const total = inputs.reduce((sum, value) => sum + (this.#dimsOf(value)[along] ?? 0), 0);
      this.#step({ op: 'Concat', along }, inputs, dims.with(along, total));
    } else if (kind === 'gate') {
      this.#step({ op: 'Mul' }, [x, this.#step({ op: 'Sigmoid' }, [other], dims)], dims);
    } else {
      this.#step({ op: variant % 5 === 0 ? 'Sub' : 'Add' }, inputs, dims);
    }
  }

  #constantSum({ variant }: Choice, x: string): void {
    const dims = this.#dimsOf(x);
    const perChannel = [dims[1] ?? 1, ...dims.slice(2).map(() => 1)];
    const shape = [[], perChannel, [1, ...perChannel], dims.slice(1)][variant % 4] ?? [];
    const constant = this.#constant('k', shape);
    const inputs = (variant >> 2) % 2 === 0 ? [x, constant] : [constant, x];
    this.#step({ op: (variant >> 3) % 3 === 0 ? 'Sub' : 'Add' }, inputs, dims);
  }

  #window({ kind, variant }: Choice, x: string): void {
    const [n = 1, channels = 1, h = 1, w = 1] = this.#dimsOf(x);
    const isPad = kind === 'pad';
    const size = isPad ? 1 : 2 + (variant % 2);
    const stride = isPad ? 1 : 1 + ((variant >> 1) % 2);
    const padding = (bit: number) => ((variant >> bit) % 2) * (isPad ? 1 : Math.min(1, size - 1));
    const window = (bit: number): Window => {
      return { size, stride, dilation: 1, before: padding(bit), behind: padding(bit + 1) };
    };
    const windows: Windows = [window(2), window(4)];
    const to = [n, channels, extent(h, windows[0]), extent(w, windows[1])];
    if (to.some((extentOfAxis) => extentOfAxis < 1)) return;
    const operation: Operation = isPad
      ? { op: 'Pad', windows, repeatsEdge: (variant >> 6) % 4 === 0 }
      : kind === 'maxPool'
        ? { op: 'MaxPool', windows }
        : { op: 'AveragePool', windows, countsPadding: (variant >> 6) % 2 === 0 };
    this.#step(operation, [x], to);
  }

  /** The last step with weights once more, on another value: the second call of a shared layer, its ReLU included. */
  #again(x: string): void {
    const dims = this.#dimsOf(x);
    const shared = this.#steps.findLast(({ op, inputs }) => {
      const [read = ''] = inputs;
      return (op === 'Conv' || op === 'Gemm') && read !== x && String(this.#dimsOf(read)) === String(dims);
    });
    if (shared === undefined) return;
    const { output, inputs, ...operation } = shared;
    const called = this.#step(operation, [x, ...inputs.slice(1)], this.#dimsOf(output));
    const relu = this.#steps.find((step) => step.inputs[0] === output && (step.op === 'Relu' || step.op === 'Relu6'));
    if (relu !== undefined && (relu.op === 'Relu' || relu.op === 'Relu6')) {
      this.#step({ op: relu.op, spelling: relu.spelling }, [called], this.#dimsOf(output));
    }
  }

  #isRelu(value: string): boolean {
    return this.#steps.some(({ op, output }) => output === value && (op === 'Relu' || op === 'Relu6'));
  }

  /** A value that fits, counted from the last. */
  #pick(back: number, fits: (value: string) => boolean): string | undefined {
    const fitting = this.#values.filter(fits);
    return fitting.at(-1 - (back % Math.max(1, fitting.length)));
  }

  #step(operation: Operation, inputs: readonly string[], dims: readonly number[]): string {
    const output = `v${this.#steps.length}`;
    this.#steps.push({ ...operation, inputs, output });
    return this.#declare(output, dims);
  }

  #declare(value: string, dims: readonly number[]): string {
    this.#dims.set(value, dims);
    this.#values.push(value);
    return value;
  }

  #dimsOf(value: string): readonly number[] {
    return this.#dims.get(value) ?? [];
  }

  /** A constant of random float32 numbers: variances above 0.3, weights such that a layer does not make values larger. */
  #constant(role: string, dims: readonly number[]): string {
    const name = `${role}${this.#constants.size}`;
    const reach = role === 'w' ? 2 / Math.sqrt(Math.max(1, sizeOf(dims) / Math.max(...dims, 1))) : 1;
    const draw = () => (role === 'var' ? 0.3 + this.#random() : reach * (2 * this.#random() - 1));
    const values = Float64Array.from({ length: sizeOf(dims) }, () => Math.fround(draw()));
    this.#constants.set(name, { dims, values });
    return name;
  }
}

/** ONNX's SAME_UPPER: as many outputs as the stride leaves, the odd place of padding behind. */
function sameWindow(input: number, size: number, stride: number): Window {
  const total = Math.max((Math.ceil(input / stride) - 1) * stride + size - input, 0);
  const before = Math.floor(total / 2);
  return { size, stride, dilation: 1, before, behind: total - before };
}
