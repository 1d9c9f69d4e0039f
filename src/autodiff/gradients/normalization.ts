import { floatAttribute, intAttribute, intsAttribute } from '../../model/attributes.js';
import { elementCount, floatTensor } from '../../model/tensor.js';
import { inverseDeviation } from '../deviation.js';
import type { Emitter } from '../emitter.js';
import { type BatchStatistics, batchStatistics } from '../lower/batch-statistics.js';
import {
  type GradientContext,
  type GradientRules,
  inputOf,
  outputGradient,
  outputOf,
  sumTo,
  UnsupportedNode,
} from './rule.js';

export const normalization: GradientRules = {
  /**
   * y = (x - mean) / sqrt(var + epsilon) scale + B per channel. With frozen statistics it is an affine map. With the batch's
   * own, they depend on x, and (Ioffe, Szegedy: arXiv 1502.03167, section 3) over the n elements of a channel
   *   dx = a (dy - sum(dy) / n - xhat sum(dy xhat) / n), a = scale / sqrt(var + epsilon),
   * which is affine in dy and x: a dy - b x + c.
   */
  BatchNormalization(context) {
    const { node, emit, shape, wants } = context;
    const dy = outputGradient(context);
    const [x, scale] = [inputOf(node, 0), inputOf(node, 1)];
    const [batch, channels = 1, ...spatial] = shape(x);
    const own = batchStatistics(emit.graph, node);
    if (own === null && intAttribute(node, 'training_mode', 0) !== 0) {
      throw new UnsupportedNode('it updates its running statistics itself (training_mode 1 with a momentum)');
    }
    if (own !== null && own.centred !== null) return centredGradients(context, { ...own, centred: own.centred });
    const [mean, variance] = own === null ? [inputOf(node, 3), inputOf(node, 4)] : [own.mean, own.variance];
    const overChannel = (value: string) =>
      emit.op('ReduceSum', [value, emit.ints([0, ...spatial.map((_, i) => i + 2)])], { keepdims: { int: 0 } });
    const perChannel = (vector: string) =>
      spatial.length === 0 ? vector : emit.op('Reshape', [vector, emit.ints([channels, ...spatial.map(() => 1)])]);

    const inverse = inverseDeviation(emit, variance, floatAttribute(node, 'epsilon', 1e-5));
    const a = emit.op('Mul', [scale, inverse]);
    const sum = own !== null || [1, 2, 3, 4].some(wants) ? overChannel(dy) : '';
    // sum(dy (x - mean)), without a centred copy of x
    const covariance =
      own !== null || wants(1) || wants(4)
        ? emit.op('Sub', [overChannel(emit.op('Mul', [dy, x])), emit.op('Mul', [mean, sum])])
        : '';
    const dScale = wants(1) || wants(4) ? emit.op('Mul', [covariance, inverse]) : null;
    const scaled = wants(0) ? emit.op('Mul', [dy, perChannel(a)]) : null;
    if (own !== null) {
      if (scaled === null) return [null, dScale, sum];
      const size = emit.float(1 / elementCount([batch ?? 1, ...spatial]));
      const slope = emit.op('Mul', [emit.op('Mul', [inverse, inverse]), emit.op('Mul', [covariance, size])]);
      const b = emit.op('Mul', [a, slope]);
      const c = emit.op('Sub', [emit.op('Mul', [b, mean]), emit.op('Mul', [a, emit.op('Mul', [sum, size])])]);
      const towards = emit.op('Sub', [scaled, emit.op('Mul', [x, perChannel(b)])]);
      return [emit.op('Add', [towards, perChannel(c)]), dScale, sum];
    }
    const dMean = wants(3) ? emit.op('Neg', [emit.op('Mul', [a, sum])]) : null;
    const dVariance =
      wants(4) && dScale !== null
        ? emit.op('Mul', [emit.op('Mul', [dScale, a]), emit.op('Mul', [inverse, emit.float(-0.5)])])
        : null;
    return [scaled, dScale, wants(2) ? sum : null, dMean, dVariance];
  },

  LayerNormalization(context) {
    const { node, emit, shape, wants } = context;
    if (context.outputGradients[1] || context.outputGradients[2]) {
      throw new UnsupportedNode('its second or third output, Mean or InvStdDev, is read');
    }
    const dy = outputGradient(context);
    const [x, scale] = [inputOf(node, 0), inputOf(node, 1)];
    const axis = intAttribute(node, 'axis', -1);
    const first = axis < 0 ? axis + shape(x).length : axis;
    const axes = shape(x).flatMap((_, i) => (i < first ? [] : [i]));
    const { normalized, inverse } = standardize(emit, x, shape(x), first, floatAttribute(node, 'epsilon', 1e-5));
    const g = wants(0) ? emit.op('Mul', [dy, scale]) : '';
    return [
      wants(0) ? standardizeGradient(emit, g, normalized, inverse, axes).dx : null,
      wants(1) ? sumTo(emit, emit.op('Mul', [dy, normalized]), shape(x), shape(scale)) : null,
      wants(2) ? sumTo(emit, dy, shape(x), shape(inputOf(node, 2))) : null,
    ];
  },

  /** y = x / sqrt(mean(x^2) + epsilon) scale: layer normalization without a centre (Zhang, Sennrich: arXiv 1910.07467). */
  RMSNormalization(context) {
    const { node, emit, shape, wants } = context;
    const dy = outputGradient(context);
    const [x, scale] = [inputOf(node, 0), inputOf(node, 1)];
    const axis = intAttribute(node, 'axis', -1);
    const first = axis < 0 ? axis + shape(x).length : axis;
    const axes = emit.ints(shape(x).flatMap((_, i) => (i < first ? [] : [i])));
    const mean = (value: string) => emit.op('ReduceMean', [value, axes], { keepdims: { int: 1 } });
    const squares = mean(emit.op('Mul', [x, x]));
    const inverse = inverseDeviation(emit, squares, floatAttribute(node, 'epsilon', 1e-5));
    const normalized = emit.op('Mul', [x, inverse]);
    const toInput = (): string => {
      const g = emit.op('Mul', [dy, scale]);
      const along = emit.op('Mul', [normalized, mean(emit.op('Mul', [g, normalized]))]);
      return emit.op('Mul', [emit.op('Sub', [g, along]), inverse]);
    };
    return [
      wants(0) ? toInput() : null,
      wants(1) ? sumTo(emit, emit.op('Mul', [dy, normalized]), shape(x), shape(scale)) : null,
    ];
  },

  /** Each image's channel is a row that is standardized, and its scale one number: the means give every gradient. */
  InstanceNormalization(context) {
    const { node, emit, shape, wants } = context;
    const [batch = 1, channels = 1, ...spatial] = shape(inputOf(node, 0));
    const size = elementCount(spatial);
    const [x, dy] = [inputOf(node, 0), outputGradient(context)].map((value) =>
      emit.op('Reshape', [value, emit.ints([batch, channels, size])]),
    );
    if (x === undefined || dy === undefined) return [];
    const epsilon = floatAttribute(node, 'epsilon', 1e-5);
    const { normalized, inverse } = standardize(emit, x, [batch, channels, size], 2, epsilon);
    const scale = emit.op('Reshape', [inputOf(node, 1), emit.ints([channels, 1])]);
    const factor = emit.op('Mul', [inverse, scale]);
    const { dx, mean, meanProduct } = standardizeGradient(emit, dy, normalized, factor, [2]);
    const total = (means: string) =>
      emit.op('Mul', [emit.op('ReduceSum', [means, emit.ints([0, 2])], { keepdims: { int: 0 } }), emit.float(size)]);
    return [
      wants(0) ? emit.op('Reshape', [dx, emit.ints([batch, channels, ...spatial])]) : null,
      wants(1) ? total(meanProduct) : null,
      wants(2) ? total(mean) : null,
    ];
  },

  /** Scale and bias per channel, as since op set 21. */
  GroupNormalization(context) {
    const { node, emit, shape, wants } = context;
    const dy = outputGradient(context);
    const dims = shape(inputOf(node, 0));
    const [batch = 1, channels = 1, ...spatial] = dims;
    const groups = intAttribute(node, 'num_groups', 1);
    const rows = [batch, groups, elementCount(dims) / (batch * groups)];
    const inRows = (value: string) => emit.op('Reshape', [value, emit.ints(rows)]);
    const inChannels = (value: string) => emit.op('Reshape', [value, emit.ints(dims)]);
    const overChannel = (value: string) =>
      emit.op('ReduceSum', [value, emit.ints([0, ...spatial.map((_, i) => i + 2)])], { keepdims: { int: 0 } });
    const epsilon = floatAttribute(node, 'epsilon', 1e-5);
    const { normalized, inverse } = standardize(emit, inRows(inputOf(node, 0)), rows, 2, epsilon);
    const scale = emit.op('Reshape', [inputOf(node, 1), emit.ints([channels, ...spatial.map(() => 1)])]);
    const g = wants(0) ? inRows(emit.op('Mul', [dy, scale])) : '';
    return [
      wants(0) ? inChannels(standardizeGradient(emit, g, normalized, inverse, [2]).dx) : null,
      wants(1) ? overChannel(emit.op('Mul', [dy, inChannels(normalized)])) : null,
      wants(2) ? overChannel(dy) : null,
    ];
  },

  MeanVarianceNormalization(context) {
    const { node, emit } = context;
    const x = inputOf(node, 0);
    const axes = intsAttribute(node, 'axes') ?? [0, 2, 3];
    const mean = (value: string) => emit.op('ReduceMean', [value, emit.ints(axes)], { keepdims: { int: 1 } });
    const centred = emit.op('Sub', [x, mean(x)]);
    const inverse = inverseDeviation(emit, mean(emit.op('Mul', [centred, centred])), 1e-18);
    return [standardizeGradient(emit, outputGradient(context), outputOf(node), inverse, axes).dx];
  },

  /**
   * y = x / |x| along an axis, the norm of order p: dx = (dy - d|x|/dx sum(dy y)) / |x|, where d|x|/dx is y for p = 2 and
   * sign(x) for p = 1.
   */
  LpNormalization(context) {
    const { node, emit } = context;
    const dy = outputGradient(context);
    const [x, y] = [inputOf(node, 0), outputOf(node)];
    const axis = emit.ints([intAttribute(node, 'axis', -1)]);
    const keep = { keepdims: { int: 1 } };
    const order = intAttribute(node, 'p', 2);
    // both are divided by: ONNX Runtime gives y = 0 where the norm is 0
    const nonzero = (value: string) => emit.op('Max', [value, emit.float(1e-18)]);
    const norm = nonzero(emit.op(order === 1 ? 'ReduceL1' : 'ReduceL2', [x, axis], keep));
    const direction = order === 1 ? emit.op('Div', [x, nonzero(emit.op('Abs', [x]))]) : y;
    const along = emit.op('ReduceSum', [emit.op('Mul', [dy, y]), axis], keep);
    return [emit.op('Div', [emit.op('Sub', [dy, emit.op('Mul', [direction, along])]), norm])];
  },

  /**
   * y = x s^(-beta), s_c = bias + alpha / size * sum of x^2 over the channels around c:
   * dx = dy s^(-beta) - 2 alpha beta / size * x * (sum over the channels around which c lies of dy y / s).
   */
  LRN(context) {
    const { node, emit, shape } = context;
    const dy = outputGradient(context);
    const [x, y] = [inputOf(node, 0), outputOf(node)];
    const [batch = 1, channels = 1, ...spatial] = shape(x);
    const size = intAttribute(node, 'size', 1);
    const [alpha, beta] = [floatAttribute(node, 'alpha', 1e-4), floatAttribute(node, 'beta', 0.75)];
    if (size % 2 === 0) throw new UnsupportedNode('its size is even, which ONNX Runtime does not compute');
    const reach = (size - 1) / 2;
    // the mean over neighbouring channels, absent ones counted as 0
    const neighbours = (value: string): string => {
      const plane = emit.op('Reshape', [value, emit.ints([batch, 1, channels, elementCount(spatial)])]);
      const mean = emit.op('AveragePool', [plane], {
        kernel_shape: { ints: [size, 1] },
        pads: { ints: [reach, 0, reach, 0] },
        count_include_pad: { int: 1 },
      });
      return emit.op('Reshape', [mean, emit.ints(shape(x))]);
    };
    const squares = neighbours(emit.op('Mul', [x, x]));
    const s = emit.op('Add', [
      emit.op('Mul', [squares, emit.float(alpha)]),
      emit.float(floatAttribute(node, 'bias', 1)),
    ]);
    const received = neighbours(emit.op('Mul', [dy, emit.op('Div', [y, s])]));
    const direct = emit.op('Mul', [dy, emit.op('Pow', [s, emit.float(-beta)])]);
    return [emit.op('Sub', [direct, emit.op('Mul', [emit.op('Mul', [x, emit.float(2 * alpha * beta)]), received])])];
  },
};

/** x [...] less its mean, divided by its deviation, over the axes from `axis` on; and 1 / deviation, those axes kept as 1. */
function standardize(
  emit: Emitter,
  x: string,
  shape: readonly number[],
  axis: number,
  epsilon: number,
): { normalized: string; inverse: string } {
  const one = { value: { tensor: floatTensor('', [1], [1]) } };
  const ones = emit.op('ConstantOfShape', [emit.ints(shape.slice(axis))], one);
  const attributes = { axis: { int: axis }, epsilon: { float: epsilon } };
  const [normalized, , inverse] = emit.ops('LayerNormalization', [x, ones], 3, attributes);
  return { normalized, inverse };
}

/**
 * dx for xhat = (x - mean) * inverse over `axes`, given g = dL/dxhat: inverse (g - mean(g) - xhat mean(g xhat))
 * (Ba, Kiros, Hinton: arXiv 1607.06450; the same as batch normalization's along other axes).
 */
function standardizeGradient(
  emit: Emitter,
  g: string,
  normalized: string,
  inverse: string,
  axes: readonly number[],
): { dx: string; mean: string; meanProduct: string } {
  const over = (value: string) => emit.op('ReduceMean', [value, emit.ints(axes)], { keepdims: { int: 1 } });
  const mean = over(g);
  const meanProduct = over(emit.op('Mul', [g, normalized]));
  const rest = emit.op('Sub', [emit.op('Sub', [g, mean]), emit.op('Mul', [normalized, meanProduct])]);
  return { dx: emit.op('Mul', [rest, inverse]), mean, meanProduct };
}

/**
 * The gradients of a BatchNormalization by the batch where x - mean is a value of the graph, as on a GPU, on which every node is a dispatch: with
 * r = 1 / sqrt(var + epsilon) and q = r mean(dy (x - mean)),
 *   dx = scale r (dy - mean(dy)) - scale r q r (x - mean), dScale = n q,
 * of which a BatchNormalization computes r, and one more each of the two terms of dx.
 */
function centredGradients(
  context: GradientContext,
  { centred, variance }: BatchStatistics & { readonly centred: string },
): (string | null)[] {
  const { node, emit, shape, wants } = context;
  const dy = outputGradient(context);
  const scale = inputOf(node, 1);
  const [batch = 1, channels = 1, ...spatial] = shape(inputOf(node, 0));
  const axes = emit.ints([0, ...spatial.map((_, i) => i + 2)]);
  const size = emit.float(elementCount([batch, ...spatial]));
  const zeros = emit.float(Array<number>(channels).fill(0), [channels]);
  const ones = (dims: readonly number[]) => emit.float(Array<number>(channels).fill(1), dims);
  const epsilon = { epsilon: { float: floatAttribute(node, 'epsilon', 1e-5) } };
  const mean = (value: string) => emit.op('ReduceMean', [value, axes], { keepdims: { int: 0 } });
  const normalize = (value: string, factor: string, centre: string) =>
    emit.op('BatchNormalization', [value, factor, zeros, centre, variance], epsilon);

  const meanGradient = wants(0) || wants(2) ? mean(dy) : '';
  const dBias = wants(2) ? emit.op('Mul', [meanGradient, size]) : null;
  if (!wants(0) && !wants(1)) return [null, null, dBias];
  const row = normalize(ones([1, channels, 1]), ones([channels]), zeros);
  const inverse = emit.op('Reshape', [row, emit.ints([channels])]);
  const q = emit.op('Mul', [inverse, mean(emit.op('Mul', [dy, centred]))]);
  const dScale = wants(1) ? emit.op('Mul', [q, size]) : null;
  if (!wants(0)) return [null, dScale, dBias];
  const slope = emit.op('Mul', [emit.op('Mul', [scale, inverse]), q]);
  const dx = emit.op('Sub', [normalize(dy, scale, meanGradient), normalize(centred, slope, zeros)]);
  return [dx, dScale, dBias];
}
