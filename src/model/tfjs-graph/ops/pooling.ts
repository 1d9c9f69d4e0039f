import type { Attributes } from '../../graph.js';
import type { Computed, ConverterTable, NodeContext } from '../context.js';
import { axisNumbers, padding } from './window.js';

/** Pooling over the spatial axes of [batch, ...spatial, channels]. */
export const pooling: ConverterTable = {
  MaxPool: (context) => [pool(context, 'MaxPool', 2)],
  MaxPool3D: (context) => [pool(context, 'MaxPool', 3)],
  // tf.js divides by the number of elements under the window, not by its size
  AvgPool: (context) => [pool(context, 'AveragePool', 2, { count_include_pad: { int: 0 } })],
  AvgPool3D: (context) => [pool(context, 'AveragePool', 3, { count_include_pad: { int: 0 } })],
};

function pool(context: NodeContext, opType: string, spatialAxes: number, more: Attributes = {}): Computed {
  const x = context.channelsFirst(0, spatialAxes + 2);
  const shape = x.shape ?? [];
  const kernel = axisNumbers(context, 'ksize', spatialAxes + 2, 1).slice(1, -1);
  const strides = axisNumbers(context, 'strides', spatialAxes + 2, 1).slice(1, -1);
  const window = { kernel, strides, dilations: kernel.map(() => 1) };
  const { attributes, outputs } = padding(context, window, shape.slice(1, -1), null);
  const name = context.op(opType, [x.name], {
    kernel_shape: { ints: kernel },
    strides: { ints: strides },
    ...attributes,
    ...more,
  });
  return context.result(name, x.dtype, {
    shape: [shape[0] ?? null, ...outputs, shape.at(-1) ?? null],
    channelsFirst: true,
  });
}
