import type { NodeProto } from '../../src/model/graph.js';
import type { Site } from '../../src/model/plan.js';

/** Where a computed constant goes. */
export interface Place {
  /** the name it gets where it is a new value */
  readonly name: string;
  /** the ONNX element type that its reader expects */
  readonly dataType: number;
  /** its reader; what computes it stands before */
  readonly before: NodeProto;
  /** the value whose place in the reader it takes */
  readonly replaces?: string;
}

/**
 * The arithmetic in which new constants follow from weights, shifts and offsets. The rewrite is written once, over any of its
 * two interpretations: ONNX nodes (training, differentiated through) and float64 numbers (the written file).
 * Binary operations broadcast as numpy does; values are row-major.
 */
export interface Arithmetic<Value> {
  /** a site's shift or offset: shape [], or [channels] where it is per channel; null where the site has none */
  parameter(site: Site, which: 'shift' | 'offset'): Value | null;
  /** a constant of the graph */
  constant(name: string): Value;
  literal(dims: readonly number[], values: readonly number[]): Value;
  add(a: Value, b: Value): Value;
  multiply(a: Value, b: Value): Value;
  /** [..., m, k] times [..., k, n], both of the same rank and the same leading dims */
  matMul(a: Value, b: Value): Value;
  /** the sum over axes (not negative), which vanish */
  sum(a: Value, axes: readonly number[]): Value;
  reshape(a: Value, dims: readonly number[]): Value;
  /** elements of a vector by their indices */
  gather(vector: Value, indices: readonly number[]): Value;
  /** whether a value is known to be 0 everywhere, so that adding it changes nothing */
  isZero(value: Value): boolean;
  /** the number that a scalar is, where that is known now */
  known(value: Value): number | null;
  /** puts a value into the graph; returns the name under which a node reads it */
  bind(value: Value, place: Place): string;
}
