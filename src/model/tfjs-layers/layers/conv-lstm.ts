import { present } from '../../../contract/present.js';
import type { OnnxBuilder } from '../../tfjs/builder.js';
import type { LayerContext, LayerTable, LayerValue } from '../context.js';
import { activationFormula } from './activations.js';
import { kernelSteps } from './convolution.js';
import { reversed } from './recurrent.js';
import { scanSteps } from './steps.js';
import { type Spatial, spatialOutput, type Window, windowAttributes, windowOutput } from './window.js';

/**
 * An LSTM whose products are convolutions (tfjs-layers, convolutional_recurrent.ts): that of the input has the layer's window, that of the
 * state keeps its extents. Gates lie side by side along the channels: i, f, c, o.
 */
function convLstm(layer: LayerContext): LayerValue[] {
  if (layer.flag('stateful', false)) layer.refuse('a stateful layer depends on what it was called with before');
  const [input, ...given] = layer.inputs;
  if (input === undefined) return layer.refuse('it has no inputs');
  if (input.mask !== null) layer.refuse('its input has a mask');
  if (given.length !== 0 && given.length !== 2) layer.refuse(`it is given ${given.length} initial states`);
  const { time, image } = imagesOf(layer, input);
  const window: Window = {
    size: layer.sizes('kernel_size', 2, 1),
    strides: layer.sizes('strides', 2, 1),
    dilations: layer.sizes('dilation_rate', 2, 1),
    padding: layer.text('padding', 'valid'),
  };
  const filters = (layer.required('kernel', 0).shape.at(-1) ?? 4) / 4;
  const spatial = windowOutput(window, image.spatial).map((extent) => layer.known(extent, 'extent'));
  const starts = given.map((state) => (layer.isChannelsFirst ? layer.plain(state) : layer.channelsFirst(state)).name);
  const zeros = given.length === 0 ? zerosOf(layer, image.name, [filters, ...spatial]) : '';
  const step = stepOf(layer, window, { input: image.spatial, state: spatial });
  const sequence = scanSteps(layer, image.name, starts.length > 0 ? starts : [zeros, zeros], null, step, 5);

  const result = (name: string) => spatialOutput(layer, { name, batch: image.batch, spatial, channels: filters });
  const states = sequence.states.map(result);
  if (!layer.flag('return_sequences', false)) return ending(layer, present(states[0], 'the last state'), states);
  const shape = [image.batch, time, ...(layer.isChannelsFirst ? [filters, ...spatial] : [...spatial, filters])];
  const steps = layer.isChannelsFirst
    ? sequence.steps
    : layer.op('Transpose', [sequence.steps], { perm: { ints: [0, 1, 3, 4, 2] } });
  return ending(layer, { name: steps, dtype: 'float32', shape, channelsFirst: false, mask: null }, states);
}

function ending(layer: LayerContext, output: LayerValue, states: readonly LayerValue[]): LayerValue[] {
  return layer.flag('return_state', false) ? [output, ...states] : [output];
}

/** The layer's input as [time, batch, channels, rows, columns], in the order in which the steps are taken. */
function imagesOf(layer: LayerContext, input: LayerValue): { readonly time: number | null; readonly image: Spatial } {
  const shape = layer.shapeOf(input);
  if (shape.length !== 5) layer.refuse(`its input has ${shape.length} axes, not 5`);
  const [batch = null, time = null, ...rest] = shape;
  const own = layer.plain(input).name;
  const ordered = layer.flag('go_backwards', false) ? reversed(layer, own, 1) : own;
  const perm = layer.isChannelsFirst ? [1, 0, 2, 3, 4] : [1, 0, 4, 2, 3];
  const name = layer.op('Transpose', [ordered], { perm: { ints: perm } });
  const channels = layer.isChannelsFirst ? rest[0] : rest[2];
  const spatial = layer.isChannelsFirst ? rest.slice(1) : rest.slice(0, 2);
  return { time, image: { name, batch, spatial, channels: channels ?? null } };
}

/** [batch, ...dims] zeros, from x: [time, batch, ...]. */
function zerosOf(layer: LayerContext, x: string, dims: readonly number[]): string {
  const { builder } = layer;
  const batch = layer.op('Shape', [x], { start: { int: 1 }, end: { int: 2 } });
  const shape = layer.op('Concat', [batch, builder.int64s(dims)], { axis: { int: 0 } });
  return layer.op('Expand', [builder.float(0), shape]);
}

function stepOf(
  layer: LayerContext,
  window: Window,
  extents: { readonly input: readonly (number | null)[]; readonly state: readonly (number | null)[] },
): (body: OnnxBuilder, x: string, states: readonly string[]) => readonly string[] {
  const kernel = layer.weight('kernel', 0, kernelSteps(2));
  const recurrent = layer.weight('recurrent_kernel', 1, kernelSteps(2));
  const bias = layer.flag('use_bias', true) ? [layer.weight('bias', 2)] : [];
  const still: Window = { ...window, strides: [1, 1], dilations: [1, 1], padding: 'same' };
  const ofInput = windowAttributes(layer, window, extents.input);
  const ofState = windowAttributes(layer, still, extents.state);
  const formula = (field: string, fallback: string) => {
    const name = layer.functionName(field, fallback);
    return activationFormula(name) ?? layer.refuse(`TensorFlow.js has no activation '${name}'`);
  };
  const activation = formula('activation', 'tanh');
  const gate = formula('recurrent_activation', 'hard_sigmoid');
  return (body, x, states) => {
    const graph = {
      op: (opType: string, inputs: readonly string[], attributes = {}) => body.op(opType, inputs, attributes),
      scalar: (value: number) => body.float(value),
    };
    const [h, c] = [present(states[0], 'h'), present(states[1], 'c')];
    const sum = body.op('Add', [
      body.op('Conv', [x, kernel, ...bias], ofInput),
      body.op('Conv', [h, recurrent], ofState),
    ]);
    const parts = body.ops('Split', [sum], 4, { axis: { int: 1 }, num_outputs: { int: 4 } });
    const part = (at: number) => present(parts[at], `gate ${at}`);
    const gated = (at: number) => gate(graph, part(at), 1);
    const entered = body.op('Mul', [gated(0), activation(graph, part(2), 1)]);
    const carry = body.op('Add', [body.op('Mul', [gated(1), c]), entered]);
    return [body.op('Mul', [gated(3), activation(graph, carry, 1)]), carry];
  };
}

export const convLstmLayers: LayerTable = { ConvLSTM2D: convLstm };
