import { intsAttribute } from '../../model/attributes.js';
import { affineAttributes, blockedDomain, interleave } from '../blocked.js';
import type { Emitter } from '../emitter.js';
import { steep } from '../mask.js';
import { type WindowAxis, windowAxes } from '../window.js';
import { type GradientContext, type GradientRules, inputOf, outputGradient, outputOf } from './rule.js';

/** A blocked value [N, C, H, W], and the one of its two spatial axes that a pooling goes along: 0 for H, 1 for W. */
interface Along {
  readonly emit: Emitter;
  readonly shape: readonly number[];
  readonly axis: 0 | 1;
  readonly block: number;
}

export const blockedPooling: GradientRules = {
  /**
   * Windows along one axis (`blockLayout` writes a pooling of two as one along the rows after one along the columns). The taps of all windows are compared with
   * their maximum y, one after another, so that the first of equal maxima has the gradient, as in PyTorch: what a tap does not take is left
   * to those after it. Tap t of window o reads x[stride * j + r] for j = o + q, and t - pad = stride * q + r: where the inputs of one residue r lie
   * beside each other, it is a shift by q. All of these are depthwise convolutions of one tap that is not zero, in one pass each, with the addition of
   * another value; none of them sees beyond the input, where windows that are padded read nothing.
   */
  [`${blockedDomain}:MaxPool`](context) {
    const { node, emit, shape, blockSize } = context;
    const { axis, window } = pooledAxis(context);
    const along: Along = { emit, shape: shape(inputOf(node, 0)), axis, block: blockSize };
    const { input, output, kernel, stride, padBegin } = window;
    const [x, y] = [inputOf(node, 0), outputOf(node)];
    let rest = outputGradient(context);
    const phases = Array<string | null>(stride).fill(null);
    for (let tap = 0; tap < kernel; tap++) {
      const q = Math.floor((tap - padBegin) / stride);
      const r = tap - padBegin - stride * q;
      const length = Math.ceil((input - r) / stride);
      if (length <= 0) continue;
      const there = { by: -q, from: output, to: length };
      const before = phases[r] ?? null;
      if (tap === kernel - 1) {
        phases[r] = shifted(along, rest, there, 1, before);
        continue;
      }
      // the maximum less the tap: 0 where the tap has it, and then clamp(1 - steep * 0, 0, 1) is 1
      const behind = strided(along, x, r, stride, shifted(along, y, there));
      const takes = emit.op('HardSigmoid', [behind], { alpha: { float: -steep }, beta: { float: 1 } });
      const share = emit.op('Mul', [shifted(along, rest, there), takes]);
      rest = shifted(along, share, { by: q, from: length, to: output }, -1, rest);
      phases[r] = before === null ? share : emit.op('Add', [before, share]);
    }
    return [joinPhases(along, phases, input)];
  },
};

function pooledAxis({ node, shape }: GradientContext): { axis: 0 | 1; window: WindowAxis } {
  const [input, output] = [shape(inputOf(node, 0)), shape(outputOf(node))].map((dims) => dims.slice(2));
  const [rows, columns] = windowAxes(node, input ?? [], output ?? [], intsAttribute(node, 'kernel_shape') ?? []);
  if (rows === undefined || columns === undefined) throw new Error('a blocked pooling has two axes');
  return rows.kernel === 1 && rows.stride === 1 ? { axis: 1, window: columns } : { axis: 0, window: rows };
}

interface Shift {
  /** element j of the result is element j + by, zero beyond the ends */
  readonly by: number;
  /** sizes of the axis before and after */
  readonly from: number;
  readonly to: number;
}

/** factor * the value moved along the axis, and what is added to it. */
function shifted(
  along: Along,
  value: string,
  { by, from, to }: Shift,
  factor = 1,
  added: string | null = null,
): string {
  if (by === 0 && from === to && factor === 1) {
    return added === null ? value : along.emit.op('Add', [value, added]);
  }
  const begin = Math.max(0, -by);
  const end = Math.max(0, to + by - from);
  const size = from + begin + end - to + 1;
  return pick(along, value, { size, at: by + begin, factor, stride: 1, begin, end }, added);
}

/** `added` less every element of x that is r more than a multiple of the stride. */
function strided(along: Along, x: string, r: number, stride: number, added: string): string {
  return pick(along, x, { size: r + 1, at: r, factor: -1, stride, begin: 0, end: 0 }, added);
}

interface Pick {
  /** of the kernel, and where it is not zero */
  readonly size: number;
  readonly at: number;
  readonly factor: number;
  readonly stride: number;
  readonly begin: number;
  readonly end: number;
}

function pick({ emit, shape, axis, block }: Along, x: string, picked: Pick, added: string | null): string {
  const [, channels = 1] = shape;
  const { size, at, factor, stride, begin, end } = picked;
  const two = (value: number, other: number) => (axis === 0 ? [value, other] : [other, value]);
  const kernel = two(size, 1);
  // in a convolution's order: taps, each a block of channels
  const values = Array.from({ length: channels * size }, (_, i) => (Math.floor(i / block) % size === at ? factor : 0));
  const inputs = [x, emit.float(values, [channels, 1, ...kernel]), ...(added === null ? [] : ['', added])];
  const attributes = {
    ...affineAttributes(channels),
    kernel_shape: { ints: kernel },
    strides: { ints: two(stride, 1) },
    pads: { ints: [...two(begin, 0), ...two(end, 0)] },
  };
  return emit.op('Conv', inputs, attributes, blockedDomain);
}

/** Gradients by the residue of their input's index, zero where there are none, as the gradient of all inputs. */
function joinPhases(along: Along, phases: readonly (string | null)[], input: number): string {
  const { emit, shape, axis, block } = along;
  const [batch = 1, channels = 1, height = 1, width = 1] = shape;
  const longest = Math.ceil(input / phases.length);
  const lines = (batch * channels) / block;
  const size = axis === 0 ? [batch, channels, longest, width] : [batch, channels, height, longest];
  const parts = phases.map((phase, r) => {
    if (phase === null) return emit.op('ConstantOfShape', [emit.ints(size)]);
    return shifted(along, phase, { by: 0, from: Math.ceil((input - r) / phases.length), to: longest });
  });
  if (parts.length === 1 && parts[0] !== undefined) return parts[0];
  const between = axis === 0 ? [lines, longest, 1, width * block] : [lines * height, longest, 1, block];
  const whole = longest * phases.length;
  const joined = emit.op('Reshape', [
    interleave(emit, parts, between, 2),
    emit.ints(axis === 0 ? [batch, channels, whole, width] : [batch, channels, height, whole]),
  ]);
  return shifted(along, joined, { by: 0, from: whole, to: input });
}
