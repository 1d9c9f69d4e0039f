import { batchStatistics } from '../autodiff/lower/batch-statistics.js';
import { Failure } from '../contract/failure.js';
import { intAttribute } from '../model/attributes.js';
import { nodeId } from '../model/graph.js';
import type { Model } from '../model/model.js';

/**
 * A model that is to be trained must not update its running statistics itself: no gradient passes such a normalization
 * (`autodiff/gradients/normalization.ts`), and what it says of a sample depends on the others of its batch.
 * @throws Failure('input') for batch normalization that was exported in training mode
 */
export function refuseTrainingMode({ path, graph }: Pick<Model, 'path' | 'graph'>): void {
  const updating = graph.nodes.find(
    (node) =>
      node.opType === 'BatchNormalization' &&
      intAttribute(node, 'training_mode', 0) !== 0 &&
      batchStatistics(graph, node) === null,
  );
  if (updating === undefined) return;
  throw new Failure('input', {
    what: `${path}: node '${nodeId(updating)}' (BatchNormalization) was exported in training mode: it updates its running statistics itself, and cannot be trained through.`,
    cure: `Export the model in inference mode with its normalization kept: ${keptNormalization}.`,
    written: 'model-untouched',
  });
}

/** The export of PyTorch that neither folds batch normalization nor has it update its statistics. */
const keptNormalization =
  'torch.onnx.export(model.eval(), ..., training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False, dynamo=False)';
