import { clone, create } from '@bufbuild/protobuf';
import { GraphProtoSchema, type ModelProto, ModelProtoSchema, NodeProtoSchema } from 'onnx-buf';
import { Failure } from '../contract/failure.js';
import { intsAttribute, makeAttribute, stringAttribute } from './attributes.js';
import { describeNode, type GraphProto, type NodeProto } from './graph.js';
import { dimsOf } from './tensor.js';

/**
 * A model that means the same with its padding in numbers, where it says SAME for convolutions with dilations: ONNX requires that to
 * work, ONNX Runtime refuses it as it runs. At stride 1 the padding is (kernel - 1) * dilation, whatever the size of the input,
 * and its odd one stands at the end for SAME_UPPER, at the beginning for SAME_LOWER. The model itself where there is none.
 * @throws Failure('input') naming the node where strides come on top, so that the padding would depend on the input's size
 */
export function withExplicitPads(model: ModelProto): ModelProto {
  const { graph } = model;
  if (graph === undefined || !needsExplicitPads(model)) return model;
  const node = graph.node.map((one) => (padsByItself(one) ? clone(NodeProtoSchema, one) : one));
  const copy = Object.assign(create(GraphProtoSchema), graph, { node });
  writeExplicitPads(copy);
  return Object.assign(create(ModelProtoSchema), model, { graph: copy });
}

/** Whether ONNX Runtime refuses to run a model as it is, for padding that it should work out. */
export function needsExplicitPads({ graph }: ModelProto): boolean {
  return graph?.node.some(padsByItself) === true;
}

/** `withExplicitPads` in place. */
export function writeExplicitPads(graph: GraphProto): void {
  for (const node of graph.node) {
    if (!padsByItself(node)) continue;
    const pads = padsOf(graph, node);
    node.attribute = node.attribute.filter(({ name }) => name !== 'auto_pad' && name !== 'pads');
    node.attribute.push(makeAttribute('pads', { ints: pads }));
  }
}

function padsByItself(node: NodeProto): boolean {
  return (
    node.domain === '' &&
    node.opType === 'Conv' &&
    stringAttribute(node, 'auto_pad', 'NOTSET').startsWith('SAME') &&
    intsAttribute(node, 'dilations')?.some((dilation) => dilation !== 1) === true
  );
}

function padsOf(graph: GraphProto, node: NodeProto): number[] {
  const weights = graph.initializer.find(({ name }) => name === node.input[1]);
  const kernel = intsAttribute(node, 'kernel_shape') ?? (weights && dimsOf(weights).slice(2));
  const isDense = intsAttribute(node, 'strides')?.every((stride) => stride === 1) ?? true;
  if (kernel === undefined || !isDense) {
    throw new Failure('input', {
      what: `${describeNode(node)} has dilations, and padding (auto_pad) that depends on the size of its input: ONNX Runtime does not run it.`,
      cure: 'Export the model again with its padding in numbers (pads).',
    });
  }
  const dilations = intsAttribute(node, 'dilations') ?? [];
  const totals = kernel.map((size, axis) => (size - 1) * (dilations[axis] ?? 1));
  const smaller = totals.map((total) => Math.floor(total / 2));
  const larger = totals.map((total) => Math.ceil(total / 2));
  return stringAttribute(node, 'auto_pad', 'NOTSET') === 'SAME_UPPER'
    ? [...smaller, ...larger]
    : [...larger, ...smaller];
}
