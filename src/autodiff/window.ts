import { intsAttribute, stringAttribute } from '../model/attributes.js';
import type { NodeProto } from '../model/graph.js';
import { elementCount } from '../model/tensor.js';
import type { Emitter } from './emitter.js';
import { type GradientContext, UnsupportedNode } from './gradients/rule.js';

/** How a kernel slides along one spatial axis: output o reads the inputs o * stride + k * dilation - padBegin, 0 <= k < kernel. */
export interface WindowAxis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padBegin: number;
  /** as declared: with ceil_mode windows may reach further, and without they may end before (see `overhang`) */
  readonly padEnd: number;
}

/** The number of inputs from a window's first to its last, holes included. */
export function extent({ kernel, dilation }: WindowAxis): number {
  return (kernel - 1) * dilation + 1;
}

/** How far the last window reaches beyond the input; negative where inputs at the end are read by no window. */
export function overhang(axis: WindowAxis): number {
  return (axis.output - 1) * axis.stride + extent(axis) - axis.padBegin - axis.input;
}

/** Whether output o reads the input o alone. */
export function isPointwise({ input, output, kernel, stride, padBegin }: WindowAxis): boolean {
  return kernel === 1 && stride === 1 && padBegin === 0 && input === output;
}

/**
 * The sliding windows of a Conv or pooling node, one entry per spatial axis, auto_pad resolved. `input` and `output` are
 * spatial sizes on the wide and on the narrow side (of a ConvTranspose: its output's and its input's).
 */
export function windowAxes(
  node: NodeProto,
  input: readonly number[],
  output: readonly number[],
  kernel: readonly number[],
): WindowAxis[] {
  const strides = intsAttribute(node, 'strides');
  const dilations = intsAttribute(node, 'dilations');
  const pads = intsAttribute(node, 'pads');
  const autoPad = stringAttribute(node, 'auto_pad', 'NOTSET');
  const outputPadding = intsAttribute(node, 'output_padding');
  // an output_shape of ConvTranspose stands for pads too, the odd one at the beginning (ONNX, ConvTranspose)
  const same = autoPad.startsWith('SAME') || intsAttribute(node, 'output_shape') !== undefined;
  return kernel.map((size, i) => {
    const axis = {
      input: input[i] ?? 1,
      output: output[i] ?? 1,
      kernel: size,
      stride: strides?.[i] ?? 1,
      dilation: dilations?.[i] ?? 1,
    };
    if (autoPad === 'VALID') return { ...axis, padBegin: 0, padEnd: 0 };
    if (same) {
      const total = Math.max(0, overhang({ ...axis, padBegin: 0, padEnd: 0 }) + (outputPadding?.[i] ?? 0));
      const padBegin = autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
      return { ...axis, padBegin, padEnd: total - padBegin };
    }
    return { ...axis, padBegin: pads?.[i] ?? 0, padEnd: pads?.[i + kernel.length] ?? 0 };
  });
}

/** The attributes of a node whose windows are `axes`; the end is padded to where the windows reach. */
export function windowAttributes(axes: readonly WindowAxis[]) {
  return {
    kernel_shape: { ints: axes.map(({ kernel }) => kernel) },
    strides: { ints: axes.map(({ stride }) => stride) },
    dilations: { ints: axes.map(({ dilation }) => dilation) },
    pads: { ints: [...axes.map(({ padBegin }) => padBegin), ...axes.map((axis) => Math.max(0, overhang(axis)))] },
  };
}

/**
 * What each tap of the kernel reads: one tensor [a, b, ...output] per kernel position, in row-major order, of
 * x [a, b, ...input] padded with `fill`.
 */
export function taps(emit: Emitter, x: string, axes: readonly WindowAxis[], fill = 0): string[] {
  const padded = padWindows(emit, x, axes, fill);
  const spatial = emit.ints(axes.map((_, i) => i + 2));
  const steps = emit.ints(axes.map(({ stride }) => stride));
  return positions(axes).map((position) => {
    const starts = axes.map(({ dilation }, i) => (position[i] ?? 0) * dilation);
    const ends = axes.map(({ output, stride }, i) => (starts[i] ?? 0) + (output - 1) * stride + 1);
    if (axes.every(({ input, stride }, i) => stride === 1 && starts[i] === 0 && ends[i] === input && padded === x)) {
      return x;
    }
    return emit.op('Slice', [padded, emit.ints(starts), emit.ints(ends), spatial, steps]);
  });
}

/** All that the taps read in one node: [a, b, K L] of x [a, b, ...input], for each of K kernel positions L outputs, both row-major, zeros for padding. */
export function gatherTaps(
  emit: Emitter,
  x: string,
  [a, b]: readonly [a: number, b: number],
  axes: readonly WindowAxis[],
): string {
  if (axes.every(isPointwise)) return x;
  const sizes = axes.map((axis) => axis.padBegin + axis.input + Math.max(0, overhang(axis)));
  const flat = emit.op('Reshape', [padWindows(emit, x, axes, 0), emit.ints([a, b, elementCount(sizes)])]);
  const key = `taps${JSON.stringify(axes)}`;
  return emit.gather(flat, key, () => placesOfTaps(axes, sizes), 2);
}

/** Where in an image of `sizes`, row-major, each tap reads for each output: [...kernel, ...output]. */
function placesOfTaps(axes: readonly WindowAxis[], sizes: readonly number[]): Int32Array {
  const along = (counts: readonly number[], steps: readonly number[]): number[] =>
    counts.reduce<number[]>(
      (heads, count, i) =>
        heads.flatMap((head) => Array.from({ length: count }, (_, k) => head * (sizes[i] ?? 1) + k * (steps[i] ?? 1))),
      [0],
    );
  const ofTaps = along(
    axes.map(({ kernel }) => kernel),
    axes.map(({ dilation }) => dilation),
  );
  const ofOutputs = along(
    axes.map(({ output }) => output),
    axes.map(({ stride }) => stride),
  );
  return Int32Array.from(ofTaps.flatMap((tap) => ofOutputs.map((output) => tap + output)));
}

/** x [a, b, ...input] with all that the windows read beyond it. */
function padWindows(emit: Emitter, x: string, axes: readonly WindowAxis[], fill: number): string {
  const begin = axes.map(({ padBegin }) => padBegin);
  const end = axes.map((axis) => Math.max(0, overhang(axis)));
  if ([...begin, ...end].every((pad) => pad === 0)) return x;
  return emit.op('Pad', [x, emit.ints([0, 0, ...begin, 0, 0, ...end]), emit.float(fill)]);
}

/** Every position in the kernel, row-major. */
function positions(axes: readonly WindowAxis[]): number[][] {
  return axes.reduce<number[][]>(
    (heads, { kernel }) => heads.flatMap((head) => Array.from({ length: kernel }, (_, k) => [...head, k])),
    [[]],
  );
}

/**
 * The transpose of a convolution that reads through `axes`: y [N, Ci, ...output] with weights w [Ci, Co / groups, ...kernel]
 * spread over [N, Co, ...input].
 * @throws UnsupportedNode in three dimensions on WebGPU, whose kernel refuses at run time instead of leaving it to the CPU
 */
export function spread(
  { emit, provider }: Pick<GradientContext, 'emit' | 'provider'>,
  y: string,
  w: string,
  axes: readonly WindowAxis[],
  groups: number,
): string {
  if (provider === 'webgpu' && axes.length > 2) {
    throw new UnsupportedNode('WebGPU has no ConvTranspose in three dimensions', true);
  }
  // an input beyond the last window is what ConvTranspose calls output padding
  const outputPadding = axes.map((axis) => Math.max(0, -overhang(axis)));
  return emit.op('ConvTranspose', [y, w], {
    ...windowAttributes(axes),
    output_padding: { ints: outputPadding },
    group: { int: groups },
  });
}
