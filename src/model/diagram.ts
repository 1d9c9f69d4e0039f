import type { DiagramBox, DiagramPart } from '../contract/result.js';
import { intAttribute, intsAttribute } from './attributes.js';
import { constantOf } from './constants.js';
import { type Graph, type NodeProto, nodeId, optionalInput, outputName } from './graph.js';
import type { MigrationPlan } from './plan.js';

/** A drawing of more boxes than this shows nothing. */
const mostBoxes = 3000;

/** What reads one value, and says little by itself: it stands in the box of what it reads. */
const attached: ReadonlySet<string> = new Set([
  ...['BatchNormalization', 'InstanceNormalization', 'LayerNormalization', 'GroupNormalization', 'RMSNormalization'],
  ...['Identity', 'Dropout', 'Cast', 'Reshape', 'Flatten', 'Transpose', 'Squeeze', 'Unsqueeze', 'Pad', 'Slice'],
  ...['Relu', 'Clip', 'LeakyRelu', 'PRelu', 'Elu', 'Selu', 'Gelu', 'Sigmoid', 'HardSigmoid', 'HardSwish', 'Tanh'],
  ...['Softmax', 'LogSoftmax', 'Softplus', 'Mish', 'Max', 'Min', 'Add', 'Sub', 'Mul', 'Div', 'Neg', 'Abs', 'Sqrt'],
]);

/** Of those, the ones that move values about, or take part in arithmetic: the box does not name them. */
const unnamed: ReadonlySet<string> = new Set([
  ...['Identity', 'Dropout', 'Cast', 'Reshape', 'Flatten', 'Transpose', 'Squeeze', 'Unsqueeze', 'Pad', 'Slice'],
  ...['Max', 'Min', 'Add', 'Sub', 'Mul', 'Div', 'Neg', 'Abs', 'Sqrt'],
]);

/** Operators whose inputs behind the first say how, not what: shapes, axes, limits, sizes. */
const oneOperand: ReadonlySet<string> = new Set([
  ...['Reshape', 'Expand', 'Resize', 'Upsample', 'Slice', 'Pad', 'Tile', 'Unsqueeze', 'Squeeze', 'Split', 'Clip'],
  ...['Dropout', 'TopK', 'OneHot', 'ReduceMean', 'ReduceSum', 'ReduceMax', 'ReduceMin', 'BatchNormalization'],
]);

/**
 * A network as boxes with lines between them, in the order in which they are computed: a layer with its normalization and its activation is one
 * box, what computes shapes is left out. Empty where it would be too large to be looked at.
 */
export function diagramOf(graph: Graph, plan: MigrationPlan): readonly DiagramBox[] {
  const live = liveNodes(graph);
  const sites = sitesByNode(graph, plan);
  const boxes: { readonly id: string; readonly parts: DiagramPart[]; readonly inputs: Set<string> }[] = [];
  const boxOf = new Map<string, (typeof boxes)[number]>();
  for (const node of graph.nodes.filter((each) => live.has(each))) {
    const values = operands(graph, node).filter((value) => boxOf.has(value));
    const before = new Set(values.map((value) => boxOf.get(value)));
    const [only] = before;
    const joins =
      attached.has(node.opType) && before.size === 1 && values.every((value) => readByOne(graph, live, value, node));
    const box = joins && only !== undefined ? only : { id: nodeId(node), parts: [], inputs: new Set<string>() };
    if (box !== only) {
      for (const each of before) if (each !== undefined) box.inputs.add(each.id);
      boxes.push(box);
    }
    const own = sites.get(node) ?? [];
    const text = own.length > 0 || (unnamed.has(node.opType) && box.parts.length > 0) ? null : describe(graph, node);
    if (text !== null) box.parts.push({ text, site: null });
    for (const { id, op } of own) box.parts.push({ text: op, site: id });
    for (const value of node.output) if (value !== '') boxOf.set(value, box);
  }
  if (boxes.length > mostBoxes) return [];
  return boxes.map(({ id, parts, inputs }) => ({ id, parts: short(parts), inputs: [...inputs] }));
}

/** Arithmetic that was written out makes a long box: what repeats itself is said once. */
function short(parts: readonly DiagramPart[]): readonly DiagramPart[] {
  return parts.filter(({ text, site }, i) => site !== null || parts[i - 1]?.text !== text);
}

/** The values that a node works on; those of its bodies too. */
function operands(graph: Graph, node: NodeProto): readonly string[] {
  const inputs = oneOperand.has(node.opType) ? node.input.slice(0, 1) : node.input;
  return inputs.filter((value) => value !== '' && constantOf(graph, value) === undefined);
}

/** What depends on the inputs, and leads to an output. */
function liveNodes(graph: Graph): ReadonlySet<NodeProto> {
  const fed = new Set(graph.feeds().map(({ name }) => name));
  const forward = new Set<NodeProto>();
  for (const node of graph.nodes) {
    if (!operands(graph, node).some((value) => fed.has(value))) continue;
    forward.add(node);
    for (const value of node.output) fed.add(value);
  }
  const live = new Set<NodeProto>();
  const wanted = new Set(graph.proto.output.map(({ name }) => name));
  for (const node of graph.nodes.toReversed()) {
    if (!forward.has(node) || !node.output.some((value) => wanted.has(value))) continue;
    live.add(node);
    for (const value of operands(graph, node)) wanted.add(value);
  }
  return live;
}

function readByOne(graph: Graph, live: ReadonlySet<NodeProto>, value: string, reader: NodeProto): boolean {
  return !graph.isOutput(value) && graph.uses(value).every(({ node }) => node === reader || !live.has(node));
}

/** The sites that a node is the output of, or that stand in its bodies. */
function sitesByNode(graph: Graph, { sites }: MigrationPlan) {
  const found = new Map<NodeProto, { id: string; op: string }[]>();
  for (const { id, op, output, scope } of sites) {
    const node =
      scope === undefined ? graph.producer(output) : graph.nodes.find((each) => id.startsWith(`${nodeId(each)}/`));
    if (node !== undefined) found.set(node, [...(found.get(node) ?? []), { id, op }]);
  }
  return found;
}

/** 'Conv 3x3, 64', 'Gemm 10', 'MaxPool 2x2' ... */
function describe(graph: Graph, node: NodeProto): string {
  const { opType } = node;
  const second = optionalInput(node, 1);
  const weights = second === null ? undefined : constantOf(graph, second)?.dims;
  switch (opType) {
    case 'Conv':
    case 'ConvTranspose': {
      if (weights === undefined) return opType;
      const [outer = 0, inner = 0, ...kernel] = weights;
      const group = intAttribute(node, 'group', 1);
      const channels = opType === 'Conv' ? outer : inner * group;
      const strides = intsAttribute(node, 'strides') ?? [];
      const name = group > 1 && group === channels ? 'Depthwise' : opType;
      const stride = strides.find((each) => each > 1);
      return `${name} ${kernel.join('x')}, ${channels}${stride === undefined ? '' : ` / ${stride}`}`;
    }
    case 'Gemm':
      return weights === undefined ? opType : `Gemm ${weights[intAttribute(node, 'transB', 0) === 1 ? 0 : 1] ?? ''}`;
    case 'MatMul':
      return weights?.length === 2 ? `MatMul ${weights[1] ?? ''}` : opType;
    case 'MaxPool':
    case 'AveragePool':
      return `${opType} ${(intsAttribute(node, 'kernel_shape') ?? []).join('x')}`;
    case 'BatchNormalization':
    case 'InstanceNormalization':
    case 'LayerNormalization':
    case 'GroupNormalization':
    case 'RMSNormalization':
      return opType.replace('Normalization', 'Norm');
    default:
      return opType === '' ? outputName(node) : opType;
  }
}
