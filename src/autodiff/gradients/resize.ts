import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../../model/attributes.js';
import type { Attributes } from '../../model/graph.js';
import { elementCount, readFloats, readIntegers, type TensorProto } from '../../model/tensor.js';
import type { Emitter } from '../emitter.js';
import {
  type GradientContext,
  type GradientRules,
  inputOf,
  optionalInput,
  outputGradient,
  outputOf,
  UnsupportedNode,
} from './rule.js';

/** How one axis is resized: its lengths, and the scale or the size that the node was given (they sample differently). */
interface ResizedAxis {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  readonly given: { readonly scale: number } | { readonly size: number };
}

/** The axes that a Resize changes; an axis that keeps its length and has no scale but 1 is copied. */
function resizedAxes(context: GradientContext): ResizedAxis[] {
  const { node, shape } = context;
  const [from, to] = [shape(inputOf(node, 0)), shape(outputOf(node))];
  const policy = stringAttribute(node, 'keep_aspect_ratio_policy', 'stretch');
  if (policy !== 'stretch') throw new UnsupportedNode(`it keeps the aspect ratio (${policy})`);
  const axes =
    intsAttribute(node, 'axes')?.map((axis) => (axis < 0 ? axis + from.length : axis)) ?? from.map((_, i) => i);
  const scales = constantOf(context, 2);
  if (scales !== undefined && elementCount(scales.dims.map(Number)) > 0) {
    const values = readFloats(scales);
    return axes.flatMap((axis, i) => {
      const scale = values[i] ?? 1;
      return scale === 1 ? [] : [{ axis, from: from[axis] ?? 1, to: to[axis] ?? 1, given: { scale } }];
    });
  }
  const sizes = constantOf(context, 3);
  if (sizes === undefined) throw new UnsupportedNode('its scales or sizes are computed, not constant');
  return axes.flatMap((axis, i) => {
    const size = readIntegers(sizes)[i] ?? 1;
    return size === from[axis] ? [] : [{ axis, from: from[axis] ?? 1, to: size, given: { size } }];
  });
}

/** The constant that an input is; undefined where it is left out, or computed. */
function constantOf({ node, constant }: GradientContext, index: number): TensorProto | undefined {
  const input = optionalInput(node, index);
  return input === undefined ? undefined : constant(input);
}

/** Whether every element becomes a block of `to / from` equal ones, as nearest neighbours do at a whole scale. */
function repeatsBlocks({ node }: GradientContext, { from, to, given }: ResizedAxis): boolean {
  if (stringAttribute(node, 'mode', 'nearest') !== 'nearest' || to % from !== 0) return false;
  if ('scale' in given && given.scale !== to / from) return false;
  const rounding = stringAttribute(node, 'nearest_mode', 'round_prefer_floor');
  switch (stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel')) {
    case 'asymmetric':
      return rounding === 'floor';
    case 'half_pixel':
      // (x + 0.5) / s - 0.5 lies within half an element of floor(x / s), and never at a half
      return rounding.startsWith('round');
    default:
      return false;
  }
}

/**
 * The matrix M [from, to] of one axis' resizing, y = x M. Its values are ONNX Runtime's own: the identity's rows are
 * resized by the node's attributes (constant folding does it once, when the session is opened).
 */
function resizeMatrix(emit: Emitter, attributes: Attributes, { from, to, given }: ResizedAxis): string {
  const identity = emit.op('EyeLike', [emit.op('ConstantOfShape', [emit.ints([from, from])])]);
  // rows as a batch: Resize interpolates in 4-D tensors whose first two axes stay
  const rows = emit.op('Reshape', [identity, emit.ints([from, 1, 1, from])]);
  const inputs =
    'scale' in given
      ? [rows, '', emit.float([1, 1, 1, given.scale], [4])]
      : [rows, '', '', emit.ints([from, 1, 1, given.size])];
  return emit.op('Reshape', [emit.op('Resize', inputs, attributes), emit.ints([from, to])]);
}

/**
 * Resize is linear, and one axis after the other: the gradient of an axis is the product with the transpose of its
 * matrix. Nearest neighbours at whole scales are summed by pooling instead.
 */
export const resize: GradientRules = {
  Resize(context) {
    const { node, emit, shape } = context;
    const mode = stringAttribute(node, 'mode', 'nearest');
    const coordinates = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel');
    if (coordinates === 'tf_crop_and_resize')
      throw new UnsupportedNode('it crops while it resizes (tf_crop_and_resize)');
    const resized = resizedAxes(context);
    const from = shape(inputOf(node, 0));
    let gradient = outputGradient(context);
    const spatial = resized.every(({ axis }) => axis >= 2) && from.length >= 3 && from.length <= 5;
    if (resized.length > 0 && spatial && resized.every((axis) => repeatsBlocks(context, axis))) {
      const kernel = from.map((dim, axis) => (resized.find((one) => one.axis === axis)?.to ?? dim) / dim).slice(2);
      const ints = { ints: kernel };
      const mean = emit.op('AveragePool', [gradient], { kernel_shape: ints, strides: ints });
      return [emit.op('Mul', [mean, emit.float(elementCount(kernel))])];
    }
    const attributes: Attributes = {
      mode: { string: mode },
      coordinate_transformation_mode: { string: coordinates },
      nearest_mode: { string: stringAttribute(node, 'nearest_mode', 'round_prefer_floor') },
      cubic_coeff_a: { float: floatAttribute(node, 'cubic_coeff_a', -0.75) },
      exclude_outside: { int: intAttribute(node, 'exclude_outside', 0) },
      antialias: { int: intAttribute(node, 'antialias', 0) },
    };
    const current = [...shape(outputOf(node))];
    for (const one of resized.toReversed()) {
      const matrix = resizeMatrix(emit, attributes, one);
      const before = elementCount(current.slice(0, one.axis));
      const after = elementCount(current.slice(one.axis + 1));
      current[one.axis] = one.from;
      const flat = after === 1 ? [before, one.to] : [before, one.to, after];
      const viewed = emit.op('Reshape', [gradient, emit.ints(flat)]);
      const product =
        after === 1
          ? emit.op('MatMul', [viewed, emit.op('Transpose', [matrix], { perm: { ints: [1, 0] } })])
          : emit.op('MatMul', [matrix, viewed]);
      gradient = emit.op('Reshape', [product, emit.ints(current)]);
    }
    return [gradient];
  },
};
