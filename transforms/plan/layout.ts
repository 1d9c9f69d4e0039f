import { intAttribute } from '../../src/model/attributes.js';
import { axesOf, constantOf, integersAt } from '../../src/model/constants.js';
import { type Graph, inputName, isStandard, type NodeProto, type ValueInfoProto } from '../../src/model/graph.js';

/** What the graph tells about the channels of a value without running it. */
export interface Layout {
  readonly channels: number;
  /** 1 (N, C, ...), or -1 for what a MatMul computes: the last axis, whatever the rank */
  readonly axis: 1 | -1;
  /** the number of axes, where it is known; always for axis 1 */
  readonly rank: number | null;
}

export type Layouts = (value: string) => Layout | null;

type LayoutRule = (graph: Graph, node: NodeProto, layouts: Layouts) => Layout | null;

const ofInput: LayoutRule = (_graph, node, layouts) => layouts(inputName(node, 0));

/** Of operators that have channels at axis 1 and work along the axes behind it: the last axis of a matrix is that too. */
const ofImage: LayoutRule = (graph, node, layouts) => {
  const from = ofInput(graph, node, layouts);
  return from?.axis === 1 || from?.rank === 2 ? from : null;
};

const pooledAway: LayoutRule = (graph, node, layouts) => {
  const from = layouts(inputName(node, 0));
  const axes = axesOf(graph, node);
  if (from === null || from.axis !== 1 || from.rank === null || axes === undefined) return null;
  const rank = from.rank;
  const reduced = axes.map((axis) => (axis < 0 ? axis + rank : axis));
  if (reduced.some((axis) => axis < 2)) return null;
  const keep = node.opType === 'Squeeze' ? 0 : intAttribute(node, 'keepdims', 1);
  return keep ? from : { ...from, rank: rank - reduced.length };
};

/** Operands of one elementwise operator; constants take the shape of what they meet. */
const broadcast: LayoutRule = (graph, node, layouts) => {
  const operands = node.input.filter((value) => constantOf(graph, value) === undefined).map(layouts);
  const [first = null] = operands;
  if (first === null) return null;
  let widest = first;
  for (const operand of operands) {
    if (operand === null || operand.axis !== first.axis || operand.rank !== first.rank) return null;
    if (operand.channels !== widest.channels && operand.channels !== 1 && widest.channels !== 1) return null;
    if (operand.channels > widest.channels) widest = operand;
  }
  return widest;
};

/** How many channels a node's first output has: from the weights that make them, walked back to. */
const rules: Readonly<Record<string, LayoutRule>> = {
  Conv: (graph, node) => {
    const weights = constantOf(graph, inputName(node, 1));
    const [channels] = weights?.dims ?? [];
    return channels === undefined ? null : { channels, axis: 1, rank: weights?.dims.length ?? null };
  },
  ConvTranspose: (graph, node) => {
    const weights = constantOf(graph, inputName(node, 1));
    const [, perGroup] = weights?.dims ?? [];
    if (perGroup === undefined) return null;
    return { channels: perGroup * intAttribute(node, 'group', 1), axis: 1, rank: weights?.dims.length ?? null };
  },
  Gemm: (graph, node) => {
    const channels = constantOf(graph, inputName(node, 1))?.dims[intAttribute(node, 'transB', 0) ? 0 : 1];
    return channels === undefined ? null : { channels, axis: 1, rank: 2 };
  },
  MatMul: (graph, node) => {
    const weights = constantOf(graph, inputName(node, 1));
    const [, channels] = weights?.dims ?? [];
    return channels === undefined || weights?.dims.length !== 2 ? null : { channels, axis: -1, rank: null };
  },
  Flatten: (graph, node, layouts) => {
    const input = inputName(node, 0);
    const from = layouts(input);
    if (from === null || from.axis !== 1 || intAttribute(node, 'axis', 1) !== 1) return null;
    if (from.rank === 2) return from;
    // one pixel a channel
    return /^Global\w+Pool$/.test(graph.producer(input)?.opType ?? 'an input') ? { ...from, rank: 2 } : null;
  },
  Reshape: (graph, node) => {
    const shape = integersAt(graph, node, 1);
    const channels = shape?.[1];
    return shape === undefined || channels === undefined || channels <= 0
      ? null
      : { channels, axis: 1, rank: shape.length };
  },
  Concat: (_graph, node, layouts) => {
    const parts = node.input.map(layouts);
    const [first = null] = parts;
    if (first?.rank == null) return null;
    const axis = intAttribute(node, 'axis', 1);
    const onChannels = (axis < 0 ? axis + first.rank : axis) === 1;
    let channels = 0;
    for (const part of parts) {
      if (part?.rank !== first.rank) return null;
      channels = onChannels ? channels + part.channels : part.channels;
    }
    return { ...first, channels };
  },
  BatchNormalization: ofImage,
  GroupNormalization: ofImage,
  InstanceNormalization: ofImage,
  LayerNormalization: ofInput,
  RMSNormalization: ofInput,
  LRN: ofImage,
  MaxPool: ofImage,
  AveragePool: ofImage,
  GlobalAveragePool: ofImage,
  GlobalMaxPool: ofImage,
  LpPool: ofImage,
  Resize: ofImage,
  Upsample: ofImage,
  ReduceMean: pooledAway,
  ReduceMax: pooledAway,
  Squeeze: pooledAway,
  Add: broadcast,
  Sub: broadcast,
  Mul: broadcast,
  Div: broadcast,
  Sum: broadcast,
  Max: broadcast,
  Min: broadcast,
};

const shapeKeeping: ReadonlySet<string> = new Set([
  ...[
    'Relu',
    'Clip',
    'LeakyRelu',
    'Elu',
    'Selu',
    'Celu',
    'PRelu',
    'Sigmoid',
    'HardSigmoid',
    'HardSwish',
    'Tanh',
    'Softplus',
  ],
  ...['Identity', 'Dropout', 'Cast', 'Neg', 'Softmax'],
]);

/**
 * A function that tells the layout of any value of `graph`, or null where weights, inputs and what the file says of its
 * values do not tell. It remembers what it found, so the graph must not be edited while it is in use.
 */
export function layoutsOf(graph: Graph): Layouts {
  const known = new Map<string, Layout | null>();
  const around = graph.outer === null ? null : layoutsOf(graph.outer);
  const declared = new Map([...graph.proto.input, ...graph.proto.valueInfo].map((info) => [info.name, info]));
  const layouts: Layouts = (value) => {
    const found = known.get(value);
    if (found !== undefined) return found;
    if (around !== null && graph.comesFromOutside(value)) return around(value);
    const node = graph.producer(value);
    const rule =
      node === undefined || !isStandard(node)
        ? undefined
        : shapeKeeping.has(node.opType)
          ? ofInput
          : rules[node.opType];
    const layout =
      (node && node.output[0] === value && rule?.(graph, node, layouts)) || declaredLayout(declared.get(value));
    known.set(value, layout);
    return layout;
  };
  return layouts;
}

function declaredLayout(info: ValueInfoProto | undefined): Layout | null {
  const type = info?.type?.value;
  const dims = type?.case === 'tensorType' ? type.value.shape?.dim : undefined;
  const channels = dims?.[1]?.value;
  if (dims === undefined || channels?.case !== 'dimValue' || channels.value <= 0n) return null;
  return { channels: Number(channels.value), axis: 1, rank: dims.length };
}
