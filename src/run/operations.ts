import type { Graph } from '../model/graph.js';
import { countOperations, type OperationCounts } from '../model/operations.js';
import { elementCount } from '../model/tensor.js';
import type { Signature } from '../runtime/predictor.js';
import { observeShapes } from '../runtime/shapes.js';
import { tensorOf } from '../runtime/tensors.js';

/** The operations of one sample, at shapes read off an execution; null where a part of the work is out of sight. */
export async function operationsPerSample(
  graph: Graph,
  { input, elementType, inputShape }: Signature,
  sampleShape: readonly number[],
): Promise<OperationCounts | null> {
  const batch = inputShape[0] ?? 1;
  const dims = [batch, ...sampleShape];
  const feeds = { [input]: tensorOf(elementType, new Float32Array(elementCount(dims)), dims) };
  const counts = countOperations(graph, await observeShapes(graph, feeds));
  return counts && { multiplyAdds: counts.multiplyAdds / batch, elementwise: counts.elementwise / batch };
}
