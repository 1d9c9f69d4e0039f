import { onnxOrder } from '../../tfjs/layout.js';
import { type LayerContext, type LayerTable, type LayerValue, like } from '../context.js';

const ownFields: readonly string[] = ['max_value', 'axis', 'shift', 'initial_offset'];
const fieldsOfEveryLayer: readonly string[] = ['name', 'trainable', 'dtype', 'batch_input_shape'];

/**
 * Flexible ReLU (arXiv 1706.08098) as a layer of its own, in source that `frelu-migrate codemod` rewrote: min(relu(x + shift),
 * max_value) + offset. Without `shift` the layer has no such weight, and with a max_value of null no bound.
 */
function frelu(layer: LayerContext): LayerValue {
  refuseOtherClass(layer);
  const { builder, input } = layer;
  const { max_value: max, shift } = layer.spec.config;
  const x = input.dtype === 'float32' ? input.name : layer.op('Cast', [input.name], { to: { int: 1 } });
  const shifted = shift === true ? layer.op('Add', [x, parameter(layer, 'shift', 0)]) : x;
  const bounded =
    typeof max === 'number'
      ? layer.op('Clip', [shifted, builder.float(0), builder.float(max)])
      : layer.op('Relu', [shifted]);
  layer.graph.frelus.set(layer.nodeOf(bounded), layer.listed);
  return like(input, layer.op('Add', [bounded, parameter(layer, 'offset', shift === true ? 1 : 0)]));
}

/**
 * Funnel activation (ECCV 2020) is called FReLU too, and the module of the class is its owner's to change: a layer with
 * another configuration may compute something else.
 */
function refuseOtherClass(layer: LayerContext): void {
  const fields = Object.keys(layer.spec.config);
  const missing = ownFields.find((field) => !fields.includes(field));
  const foreign = fields.find((field) => !ownFields.includes(field) && !fieldsOfEveryLayer.includes(field));
  if (missing === undefined && foreign === undefined) return;
  const difference = missing === undefined ? `has the field '${foreign}'` : `lacks the field '${missing}'`;
  layer.refuse(`it is not the Flexible ReLU that 'frelu-migrate codemod' writes: its configuration ${difference}`);
}

/**
 * shift or offset: [], or [size, 1, ..., 1] with `axis` first, which meets the last axes of x. As a constant of the graph it
 * has one axis at least, since an operand without any is not taken for something learned.
 */
function parameter(layer: LayerContext, name: 'shift' | 'offset', index: number): string {
  const { input } = layer;
  const { shape } = layer.required(name, index);
  const rank = layer.shapeOf(input).length;
  // within TimeDistributed the layer's own input is one step of what is seen here
  const ownRank = layer.spec === layer.listed ? rank : rank - 1;
  if (shape.length >= ownRank || shape.slice(1).some((size) => size !== 1)) {
    layer.refuse(`its ${name} of shape [${shape}] is neither one number nor one per index of an axis behind the batch`);
  }
  const dims = onnxOrder(input, [...new Array<number>(rank - shape.length).fill(1), ...shape]);
  const first = dims.findIndex((size) => size !== 1);
  return layer.weight(name, index, [{ kind: 'reshape', shape: first < 0 ? [1] : dims.slice(first) }]);
}

export const freluLayers: LayerTable = { FReLU: frelu };
