import { LayerContext, type LayerTable, type LayerValue, like } from '../context.js';
import { type LayerSpec, wrappedLayer } from '../topology.js';
import { reversed } from './recurrent.js';

/** Layers that do the same to every element or along the last axis alone: time can stay where it is. */
const pointwise: ReadonlySet<string> = new Set([
  'Dense',
  'Activation',
  'ReLU',
  'LeakyReLU',
  'ELU',
  'FReLU',
  'ThresholdedReLU',
  'Dropout',
  'AlphaDropout',
  'GaussianDropout',
  'GaussianNoise',
  'Rescaling',
]);

function inner(
  layer: LayerContext,
  spec: LayerSpec,
  inputs: readonly LayerValue[],
  scope: string,
): readonly LayerValue[] {
  // The layers of a wrapped model stand in a list of their own, so each of them is the one that is listed.
  const context = new LayerContext(layer.graph, spec, inputs, scope, layer.listed, layer.convert);
  return layer.convert(context);
}

/** The wrapped layer sees [batch * time, ...]: what it does to one step does not depend on the others. */
function timeDistributed(layer: LayerContext): LayerValue {
  const { builder } = layer;
  const spec = wrappedLayer(layer.graph.files.path, layer.spec);
  const x = layer.plain(layer.input);
  const [batch = null, time = null, ...rest] = layer.shapeOf(x);
  if (pointwise.has(spec.className)) return oneOf(layer, inner(layer, spec, [{ ...x, mask: null }], layer.scope));
  const dims = rest.map((dim) => layer.known(dim, 'extent'));
  const step: LayerValue = {
    ...x,
    name: layer.op('Reshape', [x.name, builder.int64s([-1, ...dims])]),
    shape: [null, ...dims],
    mask: null,
  };
  const y = layer.plain(oneOf(layer, inner(layer, spec, [step], layer.scope)));
  const outer = layer.shapeOf(y).slice(1);
  const extents = outer.map((dim) => layer.known(dim, 'extent of the output'));
  const leading = layer.op('Shape', [x.name], { start: { int: 0 }, end: { int: 2 } });
  const shape =
    time === null
      ? layer.op('Concat', [leading, builder.int64s(extents)], { axis: { int: 0 } })
      : builder.int64s([-1, time, ...extents]);
  return { ...like(y, layer.op('Reshape', [y.name, shape])), shape: [batch, time, ...outer], mask: x.mask };
}

function oneOf(layer: LayerContext, values: readonly LayerValue[]): LayerValue {
  const [value] = values;
  return value !== undefined && values.length === 1 ? value : layer.refuse(`its layer has ${values.length} outputs`);
}

/** A layer and its twin that goes backwards, whose sequence is turned round again. */
function bidirectional(layer: LayerContext): LayerValue[] {
  const spec = wrappedLayer(layer.graph.files.path, layer.spec);
  const isBackward = spec.config.go_backwards === true;
  const twin = { ...spec, config: { ...spec.config, go_backwards: !isBackward } };
  const [input, ...states] = layer.inputs;
  if (input === undefined) return layer.refuse('it has no inputs');
  const half = states.length / 2;
  const forward = inner(layer, spec, [input, ...states.slice(0, half)], `${layer.scope}/forward_${spec.name}`);
  const backward = inner(layer, twin, [input, ...states.slice(half)], `${layer.scope}/backward_${spec.name}`);
  const [y, ...forwardStates] = forward;
  const [z, ...backwardStates] = backward;
  if (y === undefined || z === undefined) return layer.refuse('its layer has no output');
  const turned = spec.config.return_sequences === true ? like(z, reversed(layer, z.name, 1)) : z;
  return [...joined(layer, y, turned), ...forwardStates, ...backwardStates];
}

function joined(layer: LayerContext, y: LayerValue, z: LayerValue): LayerValue[] {
  const mode = layer.spec.config.merge_mode;
  switch (mode) {
    case null:
      return [y, z];
    case undefined:
    case 'concat': {
      const shape = layer.shapeOf(y);
      const width = layer.known(shape.at(-1), 'number of units');
      const name = layer.op('Concat', [y.name, z.name], { axis: { int: -1 } });
      return [{ ...like(y, name), shape: [...shape.slice(0, -1), 2 * width] }];
    }
    case 'sum':
      return [like(y, layer.op('Add', [y.name, z.name]))];
    case 'mul':
      return [like(y, layer.op('Mul', [y.name, z.name]))];
    case 'ave': {
      const sum = layer.op('Add', [y.name, z.name]);
      return [like(y, layer.op('Mul', [sum, layer.builder.float(0.5)]))];
    }
    default:
      return layer.refuse(`its merge_mode is ${JSON.stringify(mode)}`);
  }
}

export const wrapperLayers: LayerTable = {
  TimeDistributed: timeDistributed,
  Bidirectional: bidirectional,
};
