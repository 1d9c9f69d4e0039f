import { clone, create } from '@bufbuild/protobuf';
import { AttributeProtoSchema, GraphProtoSchema, type ModelProto, ModelProtoSchema, NodeProtoSchema } from 'onnx-buf';
import { type Attributes, type GraphProto, makeNode, type NodeProto } from './graph.js';
import { int64Tensor } from './tensor.js';

/** Operators whose results have an axis behind the channels. */
const imageOperators: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'MaxPool', 'AveragePool']);

/** Operators whose results have one if an operand has. */
const keepingAxes: ReadonlySet<string> = new Set([
  'Add',
  'BatchNormalization',
  'Clip',
  'Concat',
  'Div',
  'Dropout',
  'Elu',
  'HardSigmoid',
  'HardSwish',
  'Identity',
  'LeakyRelu',
  'Max',
  'Min',
  'Mul',
  'PRelu',
  'Pad',
  'Relu',
  'Sigmoid',
  'Sub',
  'Sum',
  'Tanh',
]);

/** From here on Squeeze and Unsqueeze take their axes as an input. */
const axesAsInput = 13n;

/**
 * A model that means the same, with an axis of length 1 behind the channels of what a BatchNormalization reads, unless that is seen to have
 * one: of rows [N, C] with an even C, ONNX Runtime 1.30's WebGPU kernel for NCHW normalises by other channels' numbers.
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
  const images = imagesIn(graph);
  const initializer = [...graph.initializer];
  const node = graph.node.flatMap((one): NodeProto[] => {
    const [x = ''] = one.input;
    if (!isInference(one) || images.has(x)) return [withChangedBodies(one, opset)];
    if (opset < axesAsInput) return throughAxis(one, (from, to) => [[from], [to], { axes: { ints: [2] } }]);
    const axes = `${one.output[0]}/axes`;
    initializer.push(int64Tensor(axes, [1], [2]));
    return throughAxis(one, (from, to) => [[from, axes], [to]]);
  });
  const isSame = node.length === graph.node.length && node.every((one, i) => one === graph.node[i]);
  return isSame ? graph : Object.assign(create(GraphProtoSchema), graph, { node, initializer });
}

/** The values that have an axis behind the channels, as far as can be seen without running the graph. */
function imagesIn({ input, node }: GraphProto): ReadonlySet<string> {
  const hasAxes = ({ type }: GraphProto['input'][number]): boolean =>
    type?.value.case === 'tensorType' && (type.value.value.shape?.dim.length ?? 0) > 2;
  const images = new Set(input.filter(hasAxes).map(({ name }) => name));
  for (const { opType, input: read, output } of node) {
    const isImage = imageOperators.has(opType) || (keepingAxes.has(opType) && read.some((value) => images.has(value)));
    for (const value of isImage ? output : []) images.add(value);
  }
  return images;
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

/** The node between an Unsqueeze and a Squeeze of axis 2; `along` says how these are told so. */
function throughAxis(
  node: NodeProto,
  along: (from: string, to: string) => [input: string[], output: string[], attributes?: Attributes],
): NodeProto[] {
  const [x = '', ...parameters] = node.input;
  const [y = ''] = node.output;
  const [before, after] = [`${y}/before`, `${y}/behind`];
  const between = Object.assign(clone(NodeProtoSchema, node), { input: [before, ...parameters], output: [after] });
  return [makeNode('Unsqueeze', ...along(x, before)), between, makeNode('Squeeze', ...along(after, y))];
}
