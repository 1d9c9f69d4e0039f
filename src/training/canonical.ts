import { inlineConstantIf } from '../autodiff/lower/constant-if.js';
import { toFloat32 } from '../autodiff/lower/float16.js';
import { freeBatch } from '../autodiff/lower/free-batch.js';
import { lowerSequences } from '../autodiff/lower/sequences.js';
import { raiseOpset } from '../autodiff/opset.js';
import { describeTrainability, type Trainability } from '../autodiff/trainable.js';
import { writeExplicitPads } from '../model/explicit-pads.js';
import type { Graph } from '../model/graph.js';

/**
 * What the scope 'all' trains of a model and what it leaves, with the reason, by the names that the model's own file has.
 * @param outputs values of the graph that the loss reads; the first output where they are left out
 * @throws Failure('input') naming a node that has no equivalent in the canonical op set
 */
export function trainabilityOf(path: string, graph: Graph, outputs?: readonly string[]): Trainability {
  const { trained, left } = describeTrainability(canonicalCopy(path, graph), outputs);
  const isOwn = ({ name }: { readonly name: string }): boolean => graph.constant(name) !== undefined;
  return { trained: trained.filter(isOwn), left: left.filter(isOwn) };
}

/** A copy in the canonical op set, float32, its batch size free; every output is kept. */
export function canonicalCopy(path: string, graph: Graph): Graph {
  const canonical = graph.copy();
  toFloat32(canonical);
  raiseOpset(canonical, path);
  // here, while weights are initializers: in a step they are part of the state
  writeExplicitPads(canonical.proto);
  inlineConstantIf(canonical);
  lowerSequences(canonical);
  freeBatch(canonical);
  return canonical;
}
