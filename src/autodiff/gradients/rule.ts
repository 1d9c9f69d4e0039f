import type { Provider } from '../../contract/settings.js';
import type { NodeProto } from '../../model/graph.js';
import type { TensorProto } from '../../model/tensor.js';
import type { Emitter } from '../emitter.js';

export { inputOf, optionalInput, optionalOutput, outputOf } from '../operands.js';

/** What a rule sees of the node it differentiates. All shapes are static: they were read off an execution. */
export interface GradientContext {
  readonly node: NodeProto;
  readonly emit: Emitter;
  readonly provider: Provider;
  /** the block of the blocked channel layout, where the graph has such values */
  readonly blockSize: number;
  /** dL/d(output i); null where the output does not reach the loss */
  readonly outputGradients: readonly (string | null)[];
  /** whether dL/d(input i) is asked for */
  wants(input: number): boolean;
  /** the shape of a value of the forward graph */
  shape(value: string): readonly number[];
  /** the constant behind a value, where it is one: axes, pads, shapes */
  constant(value: string): TensorProto | undefined;
}

/**
 * Writes the nodes that compute dL/d(input i) for every wanted input, in the canonical op set, and returns their names in
 * the order of the inputs; null (or a shorter list) for inputs that are not wanted or have gradient zero. An input that the
 * node leaves out, or has not at all, has null too: a gradient there is a defect of the rule, at which `differentiate` throws.
 * The value at each position has exactly the input's shape: a broadcast is summed out (`sumTo`).
 * @throws UnsupportedNode when the node's attributes are beyond the rule, saying which
 */
export type GradientRule = (context: GradientContext) => readonly (string | null)[];

/** A family's rules by operator. */
export type GradientRules = Readonly<Record<string, GradientRule>>;

/** A node that a rule exists for, but not with these attributes or shapes. The message completes "cannot be differentiated: ...". */
export class UnsupportedNode extends Error {
  override readonly name = 'UnsupportedNode';

  constructor(
    why: string,
    /** whether the same node has a gradient on the CPU */
    readonly onCpu = false,
  ) {
    super(why);
  }
}

/** The gradient of the node's first output, for operators that have one. */
export function outputGradient({ outputGradients, node }: GradientContext): string {
  const gradient = outputGradients[0];
  if (gradient === null || gradient === undefined) throw new Error(`${node.opType}: its output has no gradient`);
  return gradient;
}

/**
 * Sums a gradient of shape `from` over the axes along which a value of shape `to` was broadcast (numpy's rule, aligned
 * at the last axis), giving exactly the shape `to`.
 */
export function sumTo(emit: Emitter, gradient: string, from: readonly number[], to: readonly number[]): string {
  const lead = from.length - to.length;
  const axes = from.flatMap((dim, axis) => (axis < lead || (to[axis - lead] === 1 && dim !== 1) ? [axis] : []));
  if (axes.length === 0) return gradient;
  const isLed = axes.length === lead;
  const summed = emit.op('ReduceSum', [gradient, emit.ints(axes)], { keepdims: { int: isLed ? 0 : 1 } });
  return lead === 0 || isLed ? summed : emit.op('Reshape', [summed, emit.ints(to)]);
}
