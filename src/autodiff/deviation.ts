import { dimsOf, readFloats } from '../model/tensor.js';
import type { Emitter } from './emitter.js';

/** 1 / sqrt(variance + epsilon). Where the variance is known, as of frozen statistics, so is this: no step computes it again. */
export function inverseDeviation(emit: Emitter, variance: string, epsilon: number): string {
  const known = emit.graph.initializer(variance);
  if (known === undefined) {
    return emit.op('Reciprocal', [emit.op('Sqrt', [emit.op('Add', [variance, emit.float(epsilon)])])]);
  }
  const inverses = Array.from(readFloats(known), (value) => 1 / Math.sqrt(value + epsilon));
  return emit.float(inverses, dimsOf(known));
}

/** The value with the opposite sign: a constant where the value is an initializer that is none of the trained ones, as a frozen mean. */
export function negated(emit: Emitter, value: string, trained: ReadonlySet<string>): string {
  const known = emit.graph.initializer(value);
  if (known === undefined || trained.has(value)) return emit.op('Neg', [value]);
  return emit.float(
    Array.from(readFloats(known), (each) => -each),
    dimsOf(known),
  );
}
