import type { Graph } from '../model/graph.js';
import { countOperations, type OperationCounts } from '../model/operation-counts.js';
import { elementCount } from '../model/tensor.js';
import { peakTensorBytes } from '../model/tensor-memory.js';
import type { Signature } from '../runtime/predictor.js';
import { observeShapes } from '../runtime/shapes.js';
import { tensorOf } from '../runtime/tensors.js';

/** What one inference call costs, counted at shapes read off an execution: the same on every machine. */
export interface InferenceCost {
  /** of one sample; null where a part of the work is out of sight */
  readonly operations: OperationCounts | null;
  /** bytes of tensors at the exported batch size, one sample where that is free */
  readonly tensorBytes: number;
}

export async function inferenceCost(
  graph: Graph,
  { input, elementType, inputShape }: Signature,
  sampleShape: readonly number[],
): Promise<InferenceCost> {
  const batch = inputShape[0] ?? 1;
  const dims = [batch, ...sampleShape];
  const feeds = { [input]: tensorOf(elementType, new Float32Array(elementCount(dims)), dims) };
  const shapes = await observeShapes(graph, feeds);
  const counts = countOperations(graph, shapes);
  return {
    operations: counts && { multiplyAdds: counts.multiplyAdds / batch, elementwise: counts.elementwise / batch },
    tensorBytes: peakTensorBytes(graph, shapes),
  };
}
