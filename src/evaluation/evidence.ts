import type { BeforeAfter, ClassDelta, Delta, LatencyComparison, SliceDelta } from '../contract/result.js';

/** What a rule is judged by, all of it of the test split. */
export interface Evidence {
  readonly delta: { readonly vsBefore: Delta; readonly vsControl: Delta | null };
  /** frelu - before of other metrics: those that are guarded, and those that the rule names */
  readonly metrics: readonly Delta[];
  /** frelu - before of the judged metric on the test samples that training has not seen; null where it has seen none */
  readonly unseen: Delta | null;
  /** empty for a task without classes */
  readonly perClass: readonly ClassDelta[];
  /** empty where samples are not told apart */
  readonly slices: readonly SliceDelta[];
  readonly latency: LatencyComparison | null;
  /** bytes of the files, and of the tensors of an inference call */
  readonly size: BeforeAfter | null;
  readonly memory: BeforeAfter | null;
}
