import type { Attributes } from '../../graph.js';
import type { NodeContext } from '../context.js';
import { numbersAttribute, stringAttribute } from '../graph-def.js';

/** A window that slides over the spatial axes: a convolution's or a pooling's. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

/** What a kernel reads such a number as: a 32-bit integer. */
const most = 2 ** 31 - 1;

/**
 * An attribute with a number for each axis of [batch, ...spatial, channels], or of [batch, channels, ...spatial].
 * @param least the smallest number that means something
 */
export function axisNumbers(context: NodeContext, name: string, axes: number, least: number): number[] {
  const list = numbersAttribute(context.node, name);
  const isSound = list.length === axes && list.every((each) => Number.isInteger(each) && each >= least && each <= most);
  return isSound ? list : context.refuse(`its ${name} are not ${axes} whole numbers of at least ${least}`);
}

/**
 * Padding of a sliding window as ONNX attributes, and the spatial extents of the result. SAME is written out as pads where
 * they do not depend on an extent that is known only at run time, so that it is plain to see whether anything is padded.
 * Source of the formulas: tensorflow.org, tf.nn, "Padding".
 */
export function padding(
  context: NodeContext,
  { kernel, strides, dilations }: Window,
  spatial: readonly (number | null)[],
  explicit: { readonly before: readonly number[]; readonly after: readonly number[] } | null,
): { readonly attributes: Attributes; readonly outputs: (number | null)[] } {
  const kind = explicit === null ? (stringAttribute(context.node, 'padding') ?? 'VALID') : 'EXPLICIT';
  const begin: number[] = [];
  const end: number[] = [];
  const outputs: (number | null)[] = [];
  let known = true;
  for (const [axis, size] of kernel.entries()) {
    const stride = strides[axis] ?? 1;
    const reach = (size - 1) * (dilations[axis] ?? 1) + 1;
    const extent = spatial[axis] ?? null;
    let [before, after] = [explicit?.before[axis] ?? 0, explicit?.after[axis] ?? 0];
    if (kind === 'SAME') {
      // at stride 1 the padding is the same for every extent
      const last = extent === null ? null : (Math.ceil(extent / stride) - 1) * stride + reach;
      const total = stride === 1 ? reach - 1 : last === null || extent === null ? null : Math.max(last - extent, 0);
      known &&= total !== null;
      before = Math.floor((total ?? 0) / 2);
      after = (total ?? 0) - before;
      outputs.push(extent === null ? null : Math.ceil(extent / stride));
    } else if (kind === 'VALID' || kind === 'EXPLICIT') {
      outputs.push(extent === null ? null : Math.floor((extent + before + after - reach) / stride) + 1);
    } else context.refuse(`its padding '${kind}' is not one that tf.js knows`);
    begin.push(before);
    end.push(after);
  }
  const attributes: Attributes = known
    ? { pads: { ints: [...begin, ...end] } }
    : { auto_pad: { string: 'SAME_UPPER' } };
  return { attributes, outputs };
}
