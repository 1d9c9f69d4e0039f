import type { NodeProto } from '../graph.js';
import type { FormatLimits } from '../limits.js';
import type { TfjsFiles } from '../tfjs/files.js';
import type { Activation, Slot } from './context.js';
import type { LayerCall, LayerSpec } from './topology.js';

/** Whether the file names weights by numbers (Keras 3's saved form), which a new weight before others would move. */
export function namesByNumber(files: TfjsFiles): boolean {
  const [first] = files.weights.keys();
  return first !== undefined && /(?:^|\/)\d+$/.test(first);
}

/** What the stock layers of TensorFlow.js cannot say of a rewritten network. */
export function limitsOf(model: {
  readonly tfjs: TfjsFiles;
  readonly slots: readonly Slot[];
  readonly activations: ReadonlyMap<string, Activation>;
  readonly frelus: ReadonlyMap<NodeProto, LayerSpec>;
  readonly calls: ReadonlyMap<string, LayerCall>;
}): FormatLimits {
  const { tfjs, activations, calls } = model;
  const frelus = new Set([...model.frelus.keys()].map((node) => node.output[0]));
  const freluLayers = new Set(model.frelus.values());
  const slots = new Map(model.slots.map((slot) => [`${slot.input} ${slot.node.output[0]}`, slot]));
  const sharing = (call: LayerCall | undefined): string | null => {
    if (call === undefined) return 'no layer of the model computes it';
    const { layer, model, modelCalls } = call;
    return modelCalls > 1
      ? `layer '${layer.name}' stands in '${model.name}', which is called ${modelCalls} times`
      : null;
  };
  return {
    bodies: 'a part of the recurrence, not the last step of its layer',
    activation: (value) =>
      frelus.has(value) ? 'already FReLU: its layer is of that class, with parameters of its own' : null,
    fused: () => 'TensorFlow.js has no layer that takes the maximum with a constant',
    explicit: (value) => {
      const call = calls.get(value);
      if (!activations.has(value)) return 'the activation is not the last that its layer does';
      return sharing(call);
    },
    constant: (target) => {
      const slot = slots.get(`${target.input} ${target.node}`);
      const call = calls.get(target.node);
      if (call !== undefined && freluLayers.has(call.layer)) {
        return `layer '${call.layer.name}' is FReLU itself, and keeps its parameters`;
      }
      if (slot === undefined || call === undefined) {
        return `layer '${call?.layer.name ?? target.node}' has no weight in that place`;
      }
      if (call.layerCalls > 1) {
        return `layer '${call.layer.name}' is called ${call.layerCalls} times with the same weights`;
      }
      const { holds } = slot;
      if (holds.kind === 'weight' && !holds.isPresent && holds.flag !== 'use_bias' && namesByNumber(tfjs)) {
        return `layer '${call.layer.name}' has no ${holds.weight.split('/').at(-1)}, and the file numbers its weights`;
      }
      return null;
    },
    around: (node) => sharing(calls.get(node)),
  };
}
