import type { Computed, ConverterTable, NodeContext } from '../context.js';
import { numberAttribute } from '../graph-def.js';

/** Normalisation with stored statistics, per channel. */
export const normalization: ConverterTable = {
  FusedBatchNorm: (context) => [batchNormalization(context)],
  FusedBatchNormV2: (context) => [batchNormalization(context)],
  FusedBatchNormV3: (context) => [batchNormalization(context)],
};

/** Inputs: x, scale, offset, mean, variance; ONNX's order is the same. tf.js gives the first output only. */
function batchNormalization(context: NodeContext): Computed {
  // tf.js takes what is given; with is_training, TensorFlow gives nothing and takes the statistics of the batch itself
  if (context.shape(3)?.includes(0)) {
    context.refuse(
      'with is_training it has no statistics of its own, which TensorFlow.js asks for',
      'Where it stands for a LayerNormalization, convert the model to a LayersModel, or build that layer with another epsilon than 0.001 (1e-6), for which Keras writes other operators.',
    );
  }
  const x = context.channelsFirst(0, context.shape(0)?.length ?? 4);
  const parameters = [1, 2, 3, 4].map((input) => context.plain(input).name);
  const epsilon = numberAttribute(context.node, 'epsilon', 0.001);
  const name = context.op('BatchNormalization', [x.name, ...parameters], { epsilon: { float: epsilon } });
  return context.result(name, 'float32', x);
}
