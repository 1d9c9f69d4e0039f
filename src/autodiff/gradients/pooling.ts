import { intAttribute, intsAttribute } from '../../model/attributes.js';
import { elementCount } from '../../model/tensor.js';
import { indicator } from '../mask.js';
import { extent, overhang, spread, taps, type WindowAxis, windowAttributes, windowAxes } from '../window.js';
import {
  type GradientContext,
  type GradientRules,
  inputOf,
  optionalOutput,
  outputGradient,
  outputOf,
  UnsupportedNode,
} from './rule.js';

export const pooling: GradientRules = {
  /** The gradient goes to the maximum of each window; of several equal ones to the first, as in PyTorch. */
  MaxPool(context) {
    if (context.outputGradients[1]) throw new UnsupportedNode('its second output, Indices, is read as numbers');
    return [context.provider === 'cpu' ? maxByIndices(context) : maxByTaps(context)];
  },

  AveragePool(context) {
    const axes = windowsOf(context);
    const mean = averages(axes, intAttribute(context.node, 'count_include_pad', 0) !== 0);
    const scale = context.emit.float(mean, [1, 1, ...axes.map(({ output }) => output)]);
    return [addToWindows(context, context.emit.op('Mul', [outputGradient(context), scale]), axes)];
  },

  /** y = (sum over the window of |x|^p)^(1/p): dx = x |x|^(p-2) times the sum over its windows of dy y^(1-p) */
  LpPool(context) {
    const p = intAttribute(context.node, 'p', 2);
    const axes = windowsOf(context);
    return [context.emit.op('Mul', [powerOfInput(context, p), addToWindows(context, perNorm(context, p), axes)])];
  },

  GlobalAveragePool(context) {
    const { node, emit, shape } = context;
    const spatial = shape(inputOf(node, 0)).slice(2);
    const size = elementCount(spatial);
    // broadcast and division in one pass
    return [emit.op('Mul', [outputGradient(context), emit.float(Array(size).fill(1 / size), [1, 1, ...spatial])])];
  },

  /** Equal maxima share the gradient. */
  GlobalMaxPool(context) {
    const { node, emit, shape } = context;
    const spatial = shape(inputOf(node, 0)).slice(2);
    const isMaximum = indicator(context, emit.op('Equal', [inputOf(node, 0), outputOf(node)]));
    const maxima = emit.op('ReduceSum', [isMaximum, emit.ints(spatial.map((_, i) => i + 2))], { keepdims: { int: 1 } });
    return [emit.op('Mul', [isMaximum, emit.op('Div', [outputGradient(context), maxima])])];
  },

  GlobalLpPool(context) {
    const p = intAttribute(context.node, 'p', 2);
    return [context.emit.op('Mul', [powerOfInput(context, p), perNorm(context, p)])];
  },
};

function windowsOf({ node, shape }: GradientContext): WindowAxis[] {
  const kernel = intsAttribute(node, 'kernel_shape') ?? [];
  return windowAxes(node, shape(inputOf(node, 0)).slice(2), shape(outputOf(node)).slice(2), kernel);
}

/** Whether the windows cover the input edge to edge, none twice. */
function tiles(axes: readonly WindowAxis[]): boolean {
  return axes.every(
    (axis) => axis.kernel === axis.stride && axis.dilation === 1 && axis.padBegin === 0 && overhang(axis) === 0,
  );
}

/** By the Indices that the forward pool is made to write: positions in the flattened x. */
function maxByIndices(context: GradientContext): string {
  const { node, emit, shape } = context;
  const dy = outputGradient(context);
  const x = shape(inputOf(node, 0));
  const axes = windowsOf(context);
  let indices = optionalOutput(node, 1);
  if (intAttribute(node, 'storage_order', 0) !== 0) throw new UnsupportedNode('it counts Indices by columns');
  if (indices === undefined) {
    indices = emit.graph.freshName(`${outputOf(node)}/indices`);
    emit.graph.setOutput(node, 1, indices);
  }
  // MaxUnpool overwrites where windows overlap
  if (tiles(axes)) {
    const { kernel_shape, strides } = windowAttributes(axes);
    return emit.op('MaxUnpool', [dy, indices, emit.ints(x)], { kernel_shape, strides });
  }
  const zeros = emit.op('ConstantOfShape', [emit.ints([elementCount(x)])]);
  const flat = [indices, dy].map((value) => emit.op('Reshape', [value, emit.ints([-1])]));
  const sum = emit.op('ScatterElements', [zeros, ...flat], { axis: { int: 0 }, reduction: { string: 'add' } });
  return emit.op('Reshape', [sum, emit.ints(x)]);
}

/**
 * Without scatter: tap by tap, the first that equals the maximum takes what is left of the gradient and leaves none; then
 * every tap's share goes back to where the tap read.
 */
function maxByTaps(context: GradientContext): string {
  const { node, emit, shape } = context;
  const [batch = 1, channels = 1] = shape(inputOf(node, 0));
  const axes = windowsOf(context);
  const output = axes.map((axis) => axis.output);
  const zero = emit.float(0);
  let rest = outputGradient(context);
  const shares = taps(emit, inputOf(node, 0), axes, -3.4e38).map((tap) => {
    const isMaximum = emit.op('Equal', [tap, outputOf(node)]);
    const share = emit.op('Where', [isMaximum, rest, zero]);
    rest = emit.op('Where', [isMaximum, zero, rest]);
    return emit.op('Reshape', [share, emit.ints([batch * channels, 1, ...output])]);
  });
  // weights [taps, 1, ...kernel]: tap k writes to position k of the window
  const identity = shares.flatMap((_, row) => shares.map((_, column) => (row === column ? 1 : 0)));
  const weights = emit.float(identity, [shares.length, 1, ...axes.map(({ kernel }) => kernel)]);
  const stacked = emit.op('Concat', shares, { axis: { int: 1 } });
  return emit.op('Reshape', [spread(context, stacked, weights, axes, 1), emit.ints(shape(inputOf(node, 0)))]);
}

/** What each output of an AveragePool divides by, inverted: [...output]. */
function averages(axes: readonly WindowAxis[], countPadding: boolean): number[] {
  return axes.reduce<number[]>(
    (scales, { input, output, kernel, stride, dilation, padBegin, padEnd }) => {
      const first = countPadding ? -padBegin : 0;
      const last = countPadding ? input + padEnd : input;
      const counts = Array.from({ length: output }, (_, o) => {
        const positions = Array.from({ length: kernel }, (_, k) => o * stride + k * dilation - padBegin);
        return positions.filter((position) => position >= first && position < last).length;
      });
      return scales.flatMap((scale) => counts.map((count) => scale / count));
    },
    [1],
  );
}

/** Adds each output's value y [N, C, ...output] to every input that its window reads: [N, C, ...input]. */
function addToWindows(context: GradientContext, y: string, axes: readonly WindowAxis[]): string {
  const { node, emit, shape } = context;
  const { kernel_shape } = windowAttributes(axes);
  const size = elementCount(kernel_shape.ints);
  if (tiles(axes)) {
    return emit.op('Resize', [y, '', emit.float([1, 1, ...kernel_shape.ints], [axes.length + 2])], {
      mode: { string: 'nearest' },
      coordinate_transformation_mode: { string: 'asymmetric' },
      nearest_mode: { string: 'floor' },
    });
  }
  if (axes.every(({ stride, dilation }) => stride === 1 && dilation === 1)) {
    // dense windows: every input's readers are a dense window of outputs, and their sum is their mean times its size
    const begins = axes.map((axis) => extent(axis) - 1 - axis.padBegin);
    const ends = axes.map((axis) => extent(axis) - 1 - overhang(axis));
    return emit.op('AveragePool', [emit.op('Mul', [y, emit.float(size)])], {
      kernel_shape,
      pads: { ints: [...begins, ...ends] },
      count_include_pad: { int: 1 },
    });
  }
  const [, channels = 1] = shape(inputOf(node, 0));
  const ones = emit.float(Array(channels * size).fill(1), [channels, 1, ...kernel_shape.ints]);
  return spread(context, y, ones, axes, channels);
}

/** dy y^(1-p); 0 where y is 0, since x is 0 there. */
function perNorm(context: GradientContext, p: number): string {
  const { node, emit } = context;
  const dy = outputGradient(context);
  if (p === 1) return dy;
  // exact for any norm that is not tiny, and finite at 0
  const norm = emit.op('Max', [outputOf(node), emit.float(1e-18)]);
  return emit.op('Div', [dy, p === 2 ? norm : emit.op('Pow', [norm, emit.float(p - 1)])]);
}

/** x |x|^(p-2), for p = 1 the sign of x */
function powerOfInput({ node, emit }: GradientContext, p: number): string {
  const x = inputOf(node, 0);
  if (p === 2) return x;
  const magnitude = emit.op('Max', [emit.op('Abs', [x]), emit.float(1e-18)]);
  return emit.op('Mul', [x, emit.op('Pow', [magnitude, emit.float(p - 2)])]);
}
