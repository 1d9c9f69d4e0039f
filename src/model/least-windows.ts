import { intAttribute, intsAttribute, stringAttribute } from './attributes.js';
import { type Fact, type Rule, sized } from './fact.js';
import type { NodeProto } from './graph.js';

/*
 * What windows that slide over [batch, channels, ...spatial] give at least (onnx.ai, Operators: Conv, MaxPool, ConvTranspose). It is by
 * their padding and their steps that they ask for more than they are given.
 */

interface Slide {
  readonly reach: number;
  readonly stride: number;
  /** of both sides together */
  readonly pads: number;
}

/** Along each spatial axis. */
function slides(node: NodeProto, axes: number, kernel: readonly number[]): Slide[] {
  const [strides, dilations] = [intsAttribute(node, 'strides'), intsAttribute(node, 'dilations')];
  const pads = stringAttribute(node, 'auto_pad', 'NOTSET') === 'NOTSET' ? intsAttribute(node, 'pads') : undefined;
  return Array.from({ length: axes }, (_, axis) => ({
    reach: ((kernel[axis] ?? 1) - 1) * (dilations?.[axis] ?? 1) + 1,
    stride: Math.max(1, strides?.[axis] ?? 1),
    pads: (pads?.[axis] ?? 0) + (pads?.[axis + axes] ?? 0),
  }));
}

function slid(node: NodeProto, x: Fact, channels: number, kernel: readonly number[]): Fact {
  const spatial = x.dims.slice(2);
  const lengths = slides(node, spatial.length, kernel).map(({ reach, stride, pads }, axis) =>
    Math.max(1, Math.floor(((spatial[axis] ?? 1) + pads - reach) / stride) + 1),
  );
  return sized([x.dims[0] ?? 1, channels, ...lengths], x.width, false);
}

const kernelOf = (node: NodeProto, weights: Fact | undefined): readonly number[] =>
  intsAttribute(node, 'kernel_shape') ?? weights?.dims.slice(2) ?? [];

const convolution: Rule = ([x, weights], node) => x && slid(node, x, weights?.dims[0] ?? 1, kernelOf(node, weights));

const pooling: Rule = ([x], node) => x && slid(node, x, x.dims[1] ?? 1, kernelOf(node, undefined));

const transposed: Rule = ([x, weights], node) => {
  if (x === undefined) return undefined;
  const spatial = x.dims.slice(2);
  const [extra, said] = [intsAttribute(node, 'output_padding'), intsAttribute(node, 'output_shape')];
  const lengths = slides(node, spatial.length, kernelOf(node, weights)).map(({ reach, stride, pads }, axis) =>
    Math.max(
      1,
      said?.at(axis - spatial.length) ?? stride * ((spatial[axis] ?? 1) - 1) + (extra?.[axis] ?? 0) + reach - pads,
    ),
  );
  return sized([x.dims[0] ?? 1, (weights?.dims[1] ?? 1) * intAttribute(node, 'group', 1), ...lengths], x.width, false);
};

export const windowRules: Readonly<Record<string, Rule>> = {
  ...{ Conv: convolution, ConvInteger: convolution, ConvTranspose: transposed },
  ...{ MaxPool: pooling, AveragePool: pooling, LpPool: pooling },
};
