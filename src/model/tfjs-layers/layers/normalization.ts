import { isList } from '../../tfjs/json.js';
import { type LayerContext, type LayerTable, type LayerValue, like } from '../context.js';

/** gamma or beta: the weight, or what stands for it where the layer does without; and whether the layer has it. */
function parameter(
  layer: LayerContext,
  name: 'gamma' | 'beta',
  index: number,
  shape: readonly number[],
): { readonly initializer: string; readonly bindTo: (node: string, input: number) => void } {
  const flag = name === 'gamma' ? 'scale' : 'center';
  const neutral = name === 'gamma' ? 1 : 0;
  const isPresent = layer.flag(flag, true);
  const initializer = isPresent
    ? layer.weight(name, index)
    : layer.graph.neutral(`${layer.scope}/${name}`, shape, neutral);
  const bindTo = (node: string, input: number) =>
    layer.bind(node, input, name, shape, { flag, neutral, index, isPresent });
  return { initializer, bindTo };
}

/** gamma, beta, moving_mean, moving_variance: [channels], along `axis` (the last by default). */
function batchNormalization(layer: LayerContext): LayerValue {
  const { input } = layer;
  const shape = layer.shapeOf(input);
  const written = layer.spec.config.axis;
  const axis = isList(written) ? Number(written[0]) : layer.number('axis', -1);
  const at = axis < 0 ? axis + shape.length : axis;
  const isLast = at === shape.length - 1;
  if (!isLast && at !== 1) layer.refuse(`an axis of ${axis}, neither the first nor the last, is not covered`);
  const x = isLast ? layer.channelsFirst(input) : layer.plain(input);
  const channels = layer.known(shape[at], 'number of channels');
  const count = Number(layer.flag('scale', true)) + Number(layer.flag('center', true));
  const gamma = parameter(layer, 'gamma', 0, [channels]);
  const beta = parameter(layer, 'beta', count - 1, [channels]);
  const mean = layer.weight('moving_mean', count);
  const variance = layer.weight('moving_variance', count + 1);
  const name = layer.op('BatchNormalization', [x.name, gamma.initializer, beta.initializer, mean, variance], {
    epsilon: { float: layer.number('epsilon', 1e-3) },
    momentum: { float: layer.number('momentum', 0.99) },
  });
  gamma.bindTo(name, 1);
  beta.bindTo(name, 2);
  layer.bind(name, 3, 'moving_mean', [channels], { index: count, isPresent: true });
  layer.bind(name, 4, 'moving_variance', [channels], { index: count + 1, isPresent: true });
  return like(x, name);
}

/** gamma, beta: the extents of the normalised axes. */
function layerNormalization(layer: LayerContext): LayerValue {
  const x = layer.plain(layer.input);
  const shape = layer.shapeOf(x);
  const written = layer.spec.config.axis;
  const axes = (isList(written) ? written.map(Number) : [layer.number('axis', -1)]).map((axis) =>
    axis < 0 ? axis + shape.length : axis,
  );
  const first = shape.length - axes.length;
  if (!axes.every((axis, i) => axis === first + i)) layer.refuse('axes other than the last ones are not covered');
  const extents = shape.slice(first).map((dim) => layer.known(dim, 'extent'));
  const gamma = parameter(layer, 'gamma', 0, extents);
  const beta = parameter(layer, 'beta', layer.flag('scale', true) ? 1 : 0, extents);
  const name = layer.op('LayerNormalization', [x.name, gamma.initializer, beta.initializer], {
    axis: { int: first },
    epsilon: { float: layer.number('epsilon', 1e-3) },
  });
  gamma.bindTo(name, 1);
  beta.bindTo(name, 2);
  return like(x, name);
}

export const normalizationLayers: LayerTable = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
};
