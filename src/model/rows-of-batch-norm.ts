import { clone, create } from '@bufbuild/protobuf';
import { AttributeProtoSchema, GraphProtoSchema, type ModelProto, ModelProtoSchema, NodeProtoSchema } from 'onnx-buf';
import { type GraphProto, makeNode, type NodeProto } from './graph.js';
import { int64Tensor } from './tensor.js';

/** Operators whose results have an axis behind the channels. */
const imageOperators: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'MaxPool', 'AveragePool']);

/** From here on Squeeze and Unsqueeze take their axes as an input. */
const axesAsInput = 13n;

/**
 * A model that means the same, with an axis of length 1 behind the channels of what a BatchNormalization reads, unless that comes from
 * an operator of images: of rows [N, C] with an even C, ONNX Runtime 1.30's WebGPU kernel for NCHW normalises by other channels' numbers.
 * Bodies included, local functions not. The model itself where there is none.
 */
export function withAxisBehindChannels(model: ModelProto): ModelProto {
  const { graph, opsetImport } = model;
  if (graph === undefined) return model;
  const opset = opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 1n;
  const changed = changedGraph(graph, opset);
  return changed === graph ? model : Object.assign(create(ModelProtoSchema), model, { graph: changed });
}

function changedGraph(graph: GraphProto, opset: bigint): GraphProto {
  const images = new Set(graph.node.flatMap(({ opType, output }) => (imageOperators.has(opType) ? output : [])));
  const axes = `${graph.name}/behind channels`;
  const node = graph.node.flatMap((one): NodeProto[] => {
    const [x = ''] = one.input;
    if (!isInference(one) || images.has(x)) return [withChangedBodies(one, opset)];
    return throughAxis(one, opset, axes);
  });
  const isSame = node.length === graph.node.length && node.every((one, i) => one === graph.node[i]);
  if (isSame) return graph;
  const initializer = opset < axesAsInput ? graph.initializer : [...graph.initializer, int64Tensor(axes, [1], [2])];
  return Object.assign(create(GraphProtoSchema), graph, { node, initializer });
}

function isInference({ domain, opType, output }: NodeProto): boolean {
  return domain === '' && opType === 'BatchNormalization' && output.length === 1;
}

function withChangedBodies(node: NodeProto, opset: bigint): NodeProto {
  const attribute = node.attribute.map((one) => {
    const [g, graphs] = [one.g && changedGraph(one.g, opset), one.graphs.map((body) => changedGraph(body, opset))];
    const isSame = g === one.g && graphs.every((body, i) => body === one.graphs[i]);
    return isSame ? one : Object.assign(create(AttributeProtoSchema), one, { g, graphs });
  });
  const isSame = attribute.every((one, i) => one === node.attribute[i]);
  return isSame ? node : Object.assign(create(NodeProtoSchema), node, { attribute });
}

/** The node between an Unsqueeze and a Squeeze of axis 2. */
function throughAxis(node: NodeProto, opset: bigint, axes: string): NodeProto[] {
  const [x = '', ...parameters] = node.input;
  const [y = ''] = node.output;
  const [before, after] = [`${y}/before`, `${y}/behind`];
  const along = (opType: string, from: string, to: string): NodeProto =>
    opset < axesAsInput
      ? makeNode(opType, [from], [to], { axes: { ints: [2] } })
      : makeNode(opType, [from, axes], [to]);
  const between = Object.assign(clone(NodeProtoSchema, node), { input: [before, ...parameters], output: [after] });
  return [along('Unsqueeze', x, before), between, along('Squeeze', after, y)];
}
