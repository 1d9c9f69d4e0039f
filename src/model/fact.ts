import type { NodeProto } from './graph.js';

/** What is known of a value before anything runs. */
export interface Fact {
  /** each extent at least; 1 where only a run tells */
  readonly dims: readonly number[];
  /** whether the extents are exactly these */
  readonly exact: boolean;
  /** bytes of an element at least */
  readonly width: number;
  /** the elements, where they are numbers, few, and the same in every run */
  readonly values: readonly number[] | null;
}

/** What is known of a node's inputs, by place. */
export type Inputs = readonly (Fact | undefined)[];

/** What follows from them for its first output. */
export type Rule = (inputs: Inputs, node: NodeProto) => Fact | undefined;

export const sized = (dims: readonly number[], width = 1, exact = true): Fact => ({ dims, exact, width, values: null });
