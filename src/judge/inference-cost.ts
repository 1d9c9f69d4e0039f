import type { Graph } from '../model/graph.js';
import { countOperations, type OperationCounts } from '../model/operation-counts.js';
import { peakTensorBytes } from '../model/tensor-memory.js';
import { filledFeeds, fixedBatch, type SampleShapes, type Signature, tensorsFor } from '../runtime/predictor.js';
import { observeShapes } from '../runtime/shapes.js';

/** What one inference call costs, counted at shapes read off an execution: the same on every machine. */
export interface InferenceCost {
  /** of one sample; null where a part of the work is out of sight */
  readonly operations: OperationCounts | null;
  /** bytes of tensors at the exported batch size, one sample where that is free */
  readonly tensorBytes: number;
}

export async function inferenceCost(
  graph: Graph,
  signature: Signature,
  sampleShapes: SampleShapes,
): Promise<InferenceCost> {
  const batch = fixedBatch(signature) ?? 1;
  const feeds = tensorsFor(signature, filledFeeds(sampleShapes, batch), batch);
  const shapes = await observeShapes(graph, feeds);
  const counts = countOperations(graph, shapes);
  return {
    operations: counts && { multiplyAdds: counts.multiplyAdds / batch, elementwise: counts.elementwise / batch },
    tensorBytes: peakTensorBytes(graph, shapes),
  };
}
