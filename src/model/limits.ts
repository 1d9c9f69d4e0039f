import type { FoldTarget } from './plan.js';

/**
 * What the files of a format cannot say. The planner asks, so that it plans what can be written; each answer is a reason
 * for people, or null where there is no obstacle.
 */
export interface FormatLimits {
  /** anything within a body (of If, Loop, Scan): no format but ONNX has them */
  readonly bodies: string | null;
  /** a shift and an offset, in whatever form, for the activation that computes `value` */
  activation(value: string): string | null;
  /** the fused form: max(x, b) in the place of a ReLU */
  fused(value: string): string | null;
  /** the explicit form: an addition behind the activation that computes `value` */
  explicit(value: string): string | null;
  /** another value for a constant that a node reads */
  constant(target: FoldTarget): string | null;
  /** an addition before a node, which its first output names, and one behind it */
  around(node: string): string | null;
}

/** A format whose files can say all that a graph can. */
export const unlimited: FormatLimits = {
  bodies: null,
  activation: () => null,
  fused: () => null,
  explicit: () => null,
  constant: () => null,
  around: () => null,
};
