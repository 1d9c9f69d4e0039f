import type { Network, Step } from './network.js';
import type { PerChannel, Tensor } from './operators.js';
import * as operators from './operators.js';

/** The parameters of one FReLU: one number, or one per channel of the axis that stands `trailing` axes before the last. */
export interface Frelu {
  readonly shift: PerChannel;
  readonly offset: PerChannel;
  readonly trailing: number;
}

/** What the definition leaves open: the parameters of each site, by its output, and what padded readers pad with, where that is not 0. */
export interface Meaning {
  readonly frelus: ReadonlyMap<string, Frelu>;
  /** by the reader's output: a number per channel of its input */
  readonly paddings: ReadonlyMap<string, PerChannel>;
}

/**
 * Every value of a network in float64, each operator as ONNX defines it, and each site as relu(x + a) + b (relu6: min(6, relu(x + a)) + b).
 * Nothing of the rewrite is used here.
 */
export function evaluate(network: Network, feeds: ReadonlyMap<string, Tensor>, meaning: Meaning): Map<string, Tensor> {
  const values = new Map([...feeds, ...network.constants]);
  for (const step of network.steps) {
    const inputs = step.inputs.map((name) => {
      const value = values.get(name);
      if (value === undefined) throw new Error(`'${name}' is read before it is computed`);
      return value;
    });
    values.set(step.output, compute(step, inputs, meaning));
  }
  return values;
}

function compute(step: Step, inputs: readonly Tensor[], { frelus, paddings }: Meaning): Tensor {
  const [x, second, third] = inputs;
  if (x === undefined) throw new Error(`${step.op} has no input`);
  const around = paddings.get(step.output) ?? [0];
  const other = (): Tensor => {
    if (second === undefined) throw new Error(`${step.op} has one input`);
    return second;
  };
  switch (step.op) {
    case 'Relu':
    case 'Relu6':
      return frelu(x, step.op === 'Relu6' ? 6 : Number.POSITIVE_INFINITY, frelus.get(step.output));
    case 'Sigmoid':
      return operators.map(x, (value) => 1 / (1 + Math.exp(-value)));
    case 'Add':
      return operators.combine(x, other(), (a, b) => a + b);
    case 'Sub':
      return operators.combine(x, other(), (a, b) => a - b);
    case 'Mul':
      return operators.combine(x, other(), (a, b) => a * b);
    case 'MatMul':
      return operators.matMul(x, other());
    case 'Gemm': {
      const product = operators.matMul(x, step.transposed ? operators.transpose(other(), [1, 0]) : other());
      const scaled = operators.map(product, (value) => step.alpha * value);
      return third === undefined ? scaled : operators.combine(scaled, third, (a, b) => a + step.beta * b);
    }
    case 'BatchNormalization':
      return operators.normalized(x, inputs.slice(1));
    case 'InstanceNormalization': {
      const perChannel = (one: Tensor): Tensor => ({ ...one, dims: [one.values.length, 1, 1] });
      return affine(operators.standardized(x, 2), inputs.slice(1).map(perChannel));
    }
    case 'LayerNormalization':
      return affine(operators.standardized(x, step.axis), inputs.slice(1));
    case 'Conv':
      return operators.conv(x, other(), third, step.groups, step.windows, around);
    case 'ConvTranspose':
      return operators.convTranspose(x, other(), third, step.crop);
    case 'MaxPool':
      return operators.pooled(x, step.windows, [Number.NEGATIVE_INFINITY], (list) => Math.max(...list));
    case 'AveragePool':
      return step.countsPadding
        ? operators.pooled(x, step.windows, around, mean)
        : operators.pooled(x, step.windows, [Number.NaN], (list) => mean(list.filter((value) => !Number.isNaN(value))));
    case 'GlobalAveragePool':
      return operators.spatialMean(x);
    case 'Pad':
      return operators.padded(x, step.windows, step.repeatsEdge ? null : around);
    case 'Concat':
      return operators.concat(inputs, step.along);
    case 'Reshape':
      return { dims: step.to, values: x.values };
    case 'Flatten':
      return { dims: [x.dims[0] ?? 1, operators.sizeOf(x.dims.slice(1))], values: x.values };
    case 'Transpose':
      return operators.transpose(x, step.order);
  }
}

/** x scale + beta; without a beta, x scale */
function affine(x: Tensor, [scale, beta]: readonly Tensor[]): Tensor {
  if (scale === undefined) throw new Error('a normalization has no scale');
  const product = operators.combine(x, scale, (a, b) => a * b);
  return beta === undefined ? product : operators.combine(product, beta, (a, b) => a + b);
}

function frelu(x: Tensor, cap: number, parameters: Frelu | undefined): Tensor {
  const { shift, offset, trailing } = parameters ?? { shift: [0], offset: [0], trailing: 0 };
  return operators.map(x, (value, position) => {
    const channel = position[position.length - 1 - trailing] ?? 0;
    const rectified = Math.min(Math.max(value + operators.channelOf(shift, channel), 0), cap);
    return rectified + operators.channelOf(offset, channel);
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
