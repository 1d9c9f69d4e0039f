import type { Attributes } from '../../graph.js';
import type { Value } from '../../tfjs/builder.js';
import type { LayoutStep } from '../../tfjs/origin.js';
import type { Computed, ConverterTable, NodeContext } from '../context.js';
import { numbersAttribute, stringAttribute, stringsAttribute } from '../graph-def.js';
import { activate } from './activations.js';
import { axisNumbers, padding, type Window } from './window.js';

/** Convolutions over channels-last input [batch, ...spatial, channels], run channels first. */
export const convolution: ConverterTable = {
  Conv2D: (context) => [convolve(context, dense(2))],
  Conv3D: (context) => [convolve(context, dense(3))],
  DepthwiseConv2d: (context) => [convolve(context, depthwise)],
  DepthwiseConv2dNative: (context) => [convolve(context, depthwise)],
  _FusedConv2D: (context) => [fused(context, dense(2))],
  FusedDepthwiseConv2dNative: (context) => [fused(context, depthwise)],
  Conv2DBackpropInput: (context) => [transposed(context)],
};

/** How a kind of convolution keeps its filter. */
interface Kind {
  readonly spatialAxes: number;
  /** from tf.js's filter of this shape to ONNX's [output channels, input channels / groups, ...spatial] */
  steps(shape: readonly number[]): LayoutStep[];
  outputChannels(shape: readonly (number | null)[]): number | null;
  /** the number of groups, from the filter's shape */
  groups(shape: readonly (number | null)[]): number | null;
}

/** Filters [...spatial, input, output]. */
function dense(spatialAxes: number): Kind {
  const spatial = Array.from({ length: spatialAxes }, (_, axis) => axis);
  return {
    spatialAxes,
    steps: () => [{ kind: 'transpose', perm: [spatialAxes + 1, spatialAxes, ...spatial] }],
    outputChannels: (shape) => shape.at(-1) ?? null,
    groups: () => 1,
  };
}

/** Filters [height, width, input, multiplier]: output channel c * multiplier + m reads input channel c alone. */
const depthwise: Kind = {
  spatialAxes: 2,
  steps: ([height = 1, width = 1, input = 1, multiplier = 1]) => [
    { kind: 'transpose', perm: [2, 3, 0, 1] },
    { kind: 'reshape', shape: [input * multiplier, 1, height, width] },
  ],
  outputChannels: ([, , input = null, multiplier = null]) =>
    input === null || multiplier === null ? null : input * multiplier,
  groups: ([, , input = null]) => input,
};

/** The convolution alone; with `bias` (an input of the node) where it has one. */
function convolve(context: NodeContext, kind: Kind, bias: number | null = null): Computed {
  const filter = context.shape(1) ?? context.refuse('the shape of its filter is not known');
  const { spatialAxes } = kind;
  context.refuseMixed([0, 1, ...(bias === null ? [] : [bias])]);
  const format = stringAttribute(context.node, 'data_format') ?? 'NHWC';
  if (format.startsWith('NC') && kind === depthwise) context.refuse(`data_format ${format} is not one that tf.js runs`);
  const isFirst = format.startsWith('NC');
  const rank = spatialAxes + 2;
  const { x, explicit } = isFirst
    ? { x: ranked(context, context.plain(0), rank), explicit: null }
    : unpadded(context, context.channelsFirst(0, rank), rank);
  const shape = x.shape ?? [];
  const spatial = isFirst ? shape.slice(2) : shape.slice(1, -1);
  const ofSpatial = (list: readonly number[]) => (isFirst ? list.slice(2) : list.slice(1, -1));
  const strides = ofSpatial(axisNumbers(context, 'strides', rank, 1));
  const isDilated = numbersAttribute(context.node, 'dilations').length > 0;
  const window: Window = {
    kernel: filter.slice(0, spatialAxes).map((extent) => extent ?? context.refuse('its kernel size is not known')),
    strides,
    dilations: isDilated ? ofSpatial(axisNumbers(context, 'dilations', rank, 1)) : strides.map(() => 1),
  };
  const { attributes, outputs } = padding(
    context,
    window,
    spatial,
    explicit ?? explicitPadding(context, rank, ofSpatial),
  );
  const groups = kind.groups(filter) ?? context.refuse('the number of its input channels is not known');
  const inputs = [x.name, context.weight(1, kind.steps(filter.map(Number))) ?? computedFilter(context, kind)];
  const channels = kind.outputChannels(filter);
  if (bias !== null) inputs.push(biasOf(context, bias, channels));
  const name = context.op('Conv', inputs, {
    kernel_shape: { ints: window.kernel },
    strides: { ints: window.strides },
    dilations: { ints: window.dilations },
    group: { int: groups },
    ...attributes,
  });
  const batch = shape[0] ?? null;
  if (isFirst) return context.plainResult(name, 'float32', [batch, channels, ...outputs]);
  return context.result(name, 'float32', { shape: [batch, ...outputs, channels], channelsFirst: true });
}

/** A bias as ONNX's [channels]: Keras 3 leaves that of one filter as it broadcasts, [1, 1, 1, 1]. */
function biasOf(context: NodeContext, input: number, channels: number | null): string {
  const shape = context.shape(input);
  if (shape?.length === 1) return context.weight(input, []) ?? context.plain(input).name;
  if (
    channels === null ||
    shape === null ||
    shape.at(-1) !== channels ||
    shape.slice(0, -1).some((size) => size !== 1)
  ) {
    return context.refuse('its bias is not known to be one number per filter');
  }
  const step: LayoutStep = { kind: 'reshape', shape: [channels] };
  return context.weight(input, [step]) ?? context.rearranged(context.plain(input).name, step);
}

function ranked(context: NodeContext, value: Value, rank: number): Value {
  const shape = value.shape ?? new Array<null>(rank).fill(null);
  return shape.length === rank ? { ...value, shape } : context.refuse(`its input has ${shape.length} axes`);
}

/** What a Pad with zeros before an unpadded convolution padded, and by how much: the convolution pads then itself. */
function unpadded(context: NodeContext, x: Value, rank: number): { readonly x: Value; readonly explicit: Pads | null } {
  const { padded } = context.value(0);
  const isValid = stringAttribute(context.node, 'padding') === 'VALID';
  if (padded === undefined || !isValid || !context.isOnlyReader(0)) return { x, explicit: null };
  const outside = [padded.before[0], padded.after[0], padded.before[rank - 1], padded.after[rank - 1]];
  if (padded.source.shape?.length !== rank || outside.some((extent) => extent !== 0)) return { x, explicit: null };
  context.dataInput = { node: padded.node, input: 0 };
  return {
    x: context.first(padded.source),
    explicit: { before: padded.before.slice(1, -1), after: padded.after.slice(1, -1) },
  };
}

interface Pads {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

function explicitPadding(
  context: NodeContext,
  rank: number,
  ofSpatial: (list: readonly number[]) => number[],
): Pads | null {
  if (stringAttribute(context.node, 'padding') !== 'EXPLICIT') return null;
  // before and after for each axis in turn
  const list = axisNumbers(context, 'explicit_paddings', 2 * rank, 0);
  return {
    before: ofSpatial(list.filter((_, i) => i % 2 === 0)),
    after: ofSpatial(list.filter((_, i) => i % 2 === 1)),
  };
}

/** A filter that is not a constant, brought to ONNX's order as it runs. */
function computedFilter(context: NodeContext, kind: Kind): string {
  const filter = context.plain(1);
  if (filter.shape?.includes(null) !== false) context.refuse('the shape of its filter is not known');
  return kind.steps(filter.shape.map(Number)).reduce((name, step) => context.rearranged(name, step), filter.name);
}

/** fused_ops is [BiasAdd] or [BiasAdd, activation]; the further inputs are the bias and PReLU's slope. */
function fused(context: NodeContext, kind: Kind): Computed {
  const { activation, bias, slope } = fusedParts(context);
  return activate(context, activation, convolve(context, kind, bias), slope);
}

/**
 * What a fused operator does after its product, and which of its inputs that reads.
 * tf.js looks at two names: `BiasAdd` first, an activation second.
 */
export function fusedParts(context: NodeContext): {
  readonly bias: number | null;
  readonly activation: string;
  readonly slope: number | undefined;
} {
  const names = stringsAttribute(context.node, 'fused_ops');
  const [first = 'noop', activation = 'linear', ...more] = names.map((name) => name.toLowerCase());
  const hasBias = first === 'biasadd';
  if ((!hasBias && first !== 'noop') || more.length > 0) {
    context.refuse(`tf.js does not run its fused operators (${names.join(', ')})`);
  }
  return { bias: hasBias ? 2 : null, activation, slope: hasBias ? 3 : 2 };
}

/**
 * Conv2DBackpropInput(output shape, filter [height, width, output, input], x): a transposed convolution. Output extents that
 * are computed at run time are taken to be what TensorFlow's own layers make of them: the stride times the input for SAME,
 * and the full extent for VALID.
 */
function transposed(context: NodeContext): Computed {
  context.refuseMixed([1, 2]);
  const x = context.channelsFirst(2, 4);
  const filter = context.shape(1) ?? context.refuse('the shape of its filter is not known');
  const kernel = filter.slice(0, 2).map((extent) => extent ?? context.refuse('its kernel size is not known'));
  const strides = axisNumbers(context, 'strides', 4, 1).slice(1, 3);
  const pad = stringAttribute(context.node, 'padding') ?? 'VALID';
  const explicit = explicitPadding(context, 4, (list) => list.slice(1, -1));
  const wanted = context.elements(0);
  const begin: number[] = [];
  const end: number[] = [];
  const extra: number[] = [];
  const outputs: (number | null)[] = [];
  for (const [axis, size] of kernel.entries()) {
    const stride = strides[axis] ?? 1;
    const extent = x.shape?.[axis + 1] ?? null;
    const output = wanted?.at(wanted.length - 3 + axis) ?? null;
    outputs.push(output);
    // with all of its products the output has (extent - 1) * stride + size places; what is too much is cut off around it
    const surplus =
      output !== null && extent !== null ? (extent - 1) * stride + size - output : pad === 'SAME' ? size - stride : 0;
    const cut = explicit === null ? Math.max(surplus, 0) : (explicit.before[axis] ?? 0) + (explicit.after[axis] ?? 0);
    const before = explicit?.before[axis] ?? (pad === 'SAME' ? Math.floor(cut / 2) : 0);
    begin.push(before);
    end.push(pad === 'VALID' ? 0 : cut - before);
    extra.push(pad === 'VALID' ? -surplus : cut - surplus);
  }
  if (extra.some((extent) => extent < 0)) context.refuse('its output shape does not follow from its padding');
  const attributes: Attributes = {
    kernel_shape: { ints: kernel },
    strides: { ints: strides },
    pads: { ints: [...begin, ...end] },
    ...(extra.some((extent) => extent > 0) ? { output_padding: { ints: extra } } : {}),
  };
  context.dataInput = { node: context.node.name, input: 2 };
  const steps: LayoutStep[] = [{ kind: 'transpose', perm: [3, 2, 0, 1] }];
  const weight =
    context.weight(1, steps) ?? steps.reduce((name, step) => context.rearranged(name, step), context.plain(1).name);
  const name = context.op('ConvTranspose', [x.name, weight], attributes);
  const shape = [x.shape?.[0] ?? null, ...outputs, filter[2] ?? null];
  return context.result(name, 'float32', { shape, channelsFirst: true });
}
