import { present } from '../../src/contract/present.js';
import type { Padding } from '../../src/contract/settings.js';
import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from '../../src/model/attributes.js';
import { axesOf, constantOf, integersAt, numberOf } from '../../src/model/constants.js';
import {
  describeNode,
  type Graph,
  inputName,
  isStandard,
  type NodeProto,
  optionalInput,
  outputName,
} from '../../src/model/graph.js';
import { almostZero } from '../../src/model/pad-before-max.js';
import type { ChannelMap, FoldTarget, Recentre } from '../../src/model/plan.js';
import { type Lane, laneAt, type Piece, scalePieces, sumPieces, trailingAxes } from './lane.js';
import type { Layouts } from './layout.js';
import { foldShift } from './shift.js';
import {
  averagesZeros,
  biasTarget,
  constantOperand,
  isRefusal,
  type Refusal,
  readsZeros,
  refuse,
  targetAt,
} from './targets.js';

/** A node that reads values which are short of the offset, since the site no longer adds it. */
interface Arrival {
  readonly graph: Graph;
  readonly layouts: Layouts;
  readonly padding: Padding;
  readonly node: NodeProto;
  /** what its input is short of, by position; empty for the others */
  readonly at: (input: number) => readonly Piece[];
}

/** What becomes of the offset at a node: constants take it, or the node's output is short of it in turn. */
interface Passage {
  readonly targets?: readonly FoldTarget[];
  readonly onward?: readonly Piece[];
  readonly recentre?: readonly Recentre[];
  /** what the plan says of it, for people */
  readonly note?: string;
}

type OffsetRule = (arrival: Arrival) => Passage | Refusal;

/** Where the offset of a site ends up when it is pushed through the graph. */
export interface Journey {
  readonly targets: readonly FoldTarget[];
  readonly recentre: readonly Recentre[];
  /** what is to be known of it, whatever the form */
  readonly notes: readonly string[];
  /** why it cannot all be pushed away from the site; empty where the folded form is exact */
  readonly refusals: readonly string[];
  /** where it stays: the nodes that neither take it nor let it pass, with the value that they read; a null node: it leaves the graph */
  readonly stops: readonly { readonly node: NodeProto | null; readonly value: string }[];
}

/**
 * Pushes the offset of a site into the constants of its readers, and through nodes that let it pass on to theirs. The nodes
 * are visited in topological order, each once, with everything that its inputs are short of: paths that meet again add up.
 * `lane` holds the site's channels where each has an offset of its own.
 */
export function pushOffset(
  graph: Graph,
  layouts: Layouts,
  site: { readonly output: string; readonly lane: Lane | null },
  padding: Padding,
): Journey {
  const short = new Map<string, readonly Piece[]>();
  const waiting = new Set<NodeProto>();
  const targets: FoldTarget[] = [];
  const recentre: Recentre[] = [];
  const notes: string[] = [];
  const refusals: string[] = [];
  const stops: { node: NodeProto | null; value: string }[] = [];
  const carry = (value: string, pieces: readonly Piece[]) => {
    if (value === '' || pieces.length === 0) return;
    short.set(value, pieces);
    if (graph.isOutput(value)) {
      refusals.push(`'${value}' is an output of the ${graph.kind}`);
      stops.push({ node: null, value });
    }
    for (const { node, input } of graph.uses(value)) {
      if (input < 0) {
        refusals.push(`the body of ${describeNode(node)} reads '${value}'`);
        stops.push({ node, value });
      } else waiting.add(node);
    }
  };
  carry(site.output, [{ factor: 1, lane: site.lane }]);
  for (const node of graph.nodes) {
    if (waiting.size === 0) break;
    if (!waiting.delete(node)) continue;
    const at = (input: number) => {
      const value = optionalInput(node, input);
      return value === null ? [] : (short.get(value) ?? []);
    };
    const passage = passageAt({ graph, layouts, padding, node, at });
    if (isRefusal(passage)) {
      refusals.push(passage.refused);
      stops.push({ node, value: node.input.find((_, i) => at(i).length > 0) ?? '' });
      continue;
    }
    targets.push(...(passage.targets ?? []));
    recentre.push(...(passage.recentre ?? []));
    if (passage.note !== undefined) notes.push(passage.note);
    for (const output of node.opType === 'Split' ? node.output : node.output.slice(0, 1)) {
      carry(output, passage.onward ?? []);
    }
  }
  return { targets, recentre, notes, refusals, stops };
}

function passageAt(arrival: Arrival): Passage | Refusal {
  const { node, at } = arrival;
  const rule = isStandard(node) ? rules[node.opType] : undefined;
  if (rule === undefined) return refuse(`${describeNode(node)} does not let an offset pass`);
  const stray = severalOperands.has(node.opType) ? -1 : node.input.findIndex((_, i) => i > 0 && at(i).length > 0);
  if (stray > 0) return refuse(`${describeNode(node)} reads it as input ${stray}, not as the values it works on`);
  return rule(arrival);
}

const severalOperands: ReadonlySet<string> = new Set(['Add', 'Sub', 'Sum', 'Concat']);

/** A constant of a reader with weights takes the offset, summed over the weights that it meets. */
function meetWeights(
  { node, at }: Arrival,
  channels: number,
  takes: (lane: Lane) => boolean,
  target: (more: Partial<FoldTarget>) => FoldTarget | Refusal,
  padded: number | null = null,
): Passage | Refusal {
  const targets: FoldTarget[] = [];
  const recentre: Recentre[] = [];
  for (const { factor, lane } of at(0)) {
    const map =
      lane !== null && !takes(lane) ? refuse('its channels are not known to lie there') : laneAt(lane, channels);
    if (map !== null && isRefusal(map)) return refuse(`${describeNode(node)}: ${map.refused}`);
    const output = outputName(node);
    const taken = target({ factor, channels: map, weights: output });
    if (isRefusal(taken)) return taken;
    targets.push(taken);
    if (padded !== null) recentre.push({ node: output, factor, channels: map, trailingAxes: padded, restore: taken });
  }
  return { targets, recentre };
}

const conv: OffsetRule = (arrival) => {
  const { graph, node, padding } = arrival;
  const [, perGroup, ...kernel] = constantOf(graph, inputName(node, 1))?.dims ?? [];
  if (perGroup === undefined) return refuse(`the weights of ${describeNode(node)} are not constant`);
  const padded = readsZeros(node, kernel);
  if (padded && padding === 'zero') {
    return refuse(`${describeNode(node)} pads with zeros, not with the offset (padding 'floor' would)`);
  }
  const channels = perGroup * intAttribute(node, 'group', 1);
  return meetWeights(
    arrival,
    channels,
    onAxis1,
    (more) => biasTarget(graph, node, more),
    padded ? kernel.length : null,
  );
};

/** An output of a transposed convolution meets every weight, border included, only with stride 1 and its border cut off. */
const convTranspose: OffsetRule = (arrival) => {
  const { graph, node } = arrival;
  const [channels, , ...kernel] = constantOf(graph, inputName(node, 1))?.dims ?? [];
  if (channels === undefined) return refuse(`the weights of ${describeNode(node)} are not constant`);
  const dilations = intsAttribute(node, 'dilations') ?? kernel.map(() => 1);
  const reach = kernel.map((size, axis) => (dilations[axis] ?? 1) * (size - 1));
  const pads = intsAttribute(node, 'pads') ?? [];
  const whole =
    (intsAttribute(node, 'strides') ?? []).every((stride) => stride === 1) &&
    [...reach, ...reach].every((least, i) => (pads[i] ?? 0) >= least) &&
    (intsAttribute(node, 'output_padding') ?? []).every((extra) => extra === 0) &&
    intsAttribute(node, 'output_shape') === undefined &&
    ['NOTSET', 'VALID', ''].includes(stringAttribute(node, 'auto_pad', 'NOTSET'));
  if (!whole) return refuse(`the outputs of ${describeNode(node)} meet different parts of its kernel`);
  return meetWeights(arrival, channels, onAxis1, (more) => biasTarget(graph, node, more));
};

const gemm: OffsetRule = (arrival) => {
  const { graph, node } = arrival;
  const weights = constantOf(graph, inputName(node, 1));
  if (weights === undefined) return refuse(`the weights of ${describeNode(node)} are not constant`);
  if (intAttribute(node, 'transA', 0)) return refuse(`${describeNode(node)} transposes what it reads`);
  const channels = present(weights.dims[intAttribute(node, 'transB', 0) ? 1 : 0], `an axis of ${describeNode(node)}`);
  const alpha = floatAttribute(node, 'alpha', 1);
  const target = (more: Partial<FoldTarget>) =>
    biasTarget(graph, node, { ...more, factor: (more.factor ?? 1) * alpha });
  return meetWeights(arrival, channels, () => true, target);
};

const matMul: OffsetRule = (arrival) => {
  const { graph, node } = arrival;
  const weights = constantOf(graph, inputName(node, 1));
  const [channels] = weights?.dims ?? [];
  if (channels === undefined || weights?.dims.length !== 2) {
    return refuse(`the right operand of ${describeNode(node)} is not a constant matrix`);
  }
  const product = outputName(node);
  const [use, ...others] = graph.uses(product);
  const constant = use?.node.opType === 'Add' ? constantOperand(graph, use.node) : undefined;
  if (use === undefined || constant === undefined || others.length > 0 || graph.isOutput(product)) {
    return refuse(`${describeNode(node)} has no bias: no constant is added to it alone`);
  }
  const lastAxis = (lane: Lane) => lane.axis === -1 || lane.rank === 2;
  return meetWeights(arrival, channels, lastAxis, (more) => targetAt(graph, 'constant', use.node, constant, more));
};

const batchNormalization: OffsetRule = ({ graph, node, at }) => {
  if (intAttribute(node, 'training_mode', 0) || intAttribute(node, 'spatial', 1) === 0) {
    return refuse(`${describeNode(node)} does not normalise with one running mean per channel`);
  }
  const channels = constantOf(graph, inputName(node, 3))?.dims[0];
  if (channels === undefined) return refuse(`the running mean of ${describeNode(node)} is not constant`);
  const targets: FoldTarget[] = [];
  for (const { factor, lane } of at(0)) {
    const map = laneAt(lane, channels);
    if (map !== null && isRefusal(map)) return refuse(`${describeNode(node)}: ${map.refused}`);
    if (lane !== null && !onAxis1(lane) && lane.rank !== 2) return refuse(`${describeNode(node)} reads another axis`);
    const target = targetAt(graph, 'mean', node, 3, { factor: -factor, channels: map });
    if (isRefusal(target)) return target;
    targets.push(target);
  }
  return { targets };
};

/** A constant operand or another branch takes the offset; where none can, the sum is short of it. */
const sum: OffsetRule = (arrival) => {
  const { node, at, layouts } = arrival;
  const sign = (input: number) => (node.opType === 'Sub' && input === 1 ? -1 : 1);
  const pieces = sumPieces(node.input.flatMap((_, input) => scalePieces(at(input), sign(input))));
  for (const input of node.input.keys()) {
    if (at(input).length > 0) continue;
    const targets = operandTargets(arrival, input, scalePieces(pieces, sign(input)));
    if (targets !== undefined) return { targets };
  }
  const layout = layouts(outputName(node));
  const stretched = pieces.find(({ lane }) => lane !== null && lane.total !== layout?.channels);
  if (stretched !== undefined) return refuse(`the number of channels of ${describeNode(node)} is not known`);
  return { onward: pieces };
};

function operandTargets(
  { graph, layouts, node }: Arrival,
  input: number,
  pieces: readonly Piece[],
): FoldTarget[] | undefined {
  const value = inputName(node, input);
  const constant = constantOf(graph, value) !== undefined;
  const targets: FoldTarget[] = [];
  for (const { factor, lane } of pieces) {
    const trailing = trailingAxes(lane);
    const map = lane === null ? null : laneAt(lane, lane.total);
    if (trailing === null || (map !== null && isRefusal(map))) return undefined;
    if (constant) {
      const target = targetAt(graph, 'constant', node, input, { factor, channels: map, trailingAxes: trailing });
      if (isRefusal(target)) return undefined;
      targets.push(target);
      continue;
    }
    // part of the channels: no row of the shift's table takes that
    if (map !== null) return undefined;
    const branch = foldShift(graph, layouts, value, [node], { count: lane?.total ?? null, trailingAxes: trailing });
    if (isRefusal(branch)) return undefined;
    targets.push(...branch.targets.map((target) => ({ ...target, factor: target.factor * factor })));
  }
  return targets;
}

const concat: OffsetRule = ({ node, at, layouts }) => {
  const parts = node.input.map((value, input) => ({ pieces: at(input), layout: layouts(value) }));
  const [first] = parts;
  const everywhere = JSON.stringify(first?.pieces);
  if (
    first?.pieces.every(({ lane }) => lane === null) &&
    parts.every((part) => JSON.stringify(part.pieces) === everywhere)
  ) {
    return { onward: first.pieces };
  }
  const rank = parts.find(({ layout }) => layout?.rank)?.layout?.rank ?? 0;
  const axis = intAttribute(node, 'axis', 1);
  if ((axis < 0 ? axis + rank : axis) !== 1)
    return refuse(`${describeNode(node)} joins it with others, not by channels`);
  const counts = parts.map(({ layout }) => (layout?.axis === 1 || layout?.rank === 2 ? layout.channels : undefined));
  const unknown = counts.indexOf(undefined);
  if (unknown >= 0) return refuse(`the number of channels of '${node.input[unknown]}' is not known`);
  const total = counts.reduce<number>((all, count) => all + (count ?? 0), 0);
  const onward: Piece[] = [];
  let start = 0;
  for (const [i, { pieces }] of parts.entries()) {
    const count = counts[i] ?? 0;
    for (const { factor, lane } of pieces) {
      if (lane !== null && (lane.flattened || lane.total !== count)) {
        return refuse(`${describeNode(node)} joins channels that are not known apart`);
      }
      const own = lane ?? { count, start: 0 };
      onward.push({
        factor,
        lane: { count: own.count, start: start + own.start, total, axis: 1, rank, flattened: false },
      });
    }
    start += count;
  }
  return { onward };
};

const pass: OffsetRule = ({ at }) => ({ onward: at(0) });

const unseen: OffsetRule = () => ({});

/** Passes one number on every element; channels go where `move` says, or nowhere. */
function passing(move: (lane: Lane, arrival: Arrival) => Lane | null = () => null): OffsetRule {
  return (arrival) => {
    const onward: Piece[] = [];
    for (const piece of arrival.at(0)) {
      const lane = piece.lane && move(piece.lane, arrival);
      if (piece.lane !== null && lane === null) {
        return refuse(`${describeNode(arrival.node)} moves the channels: only one number for all of them passes`);
      }
      onward.push({ ...piece, lane });
    }
    return { onward };
  };
}

/** Windows slide along the axes behind axis 1: channels on the last axis would be mixed. */
const pool = passing((lane) => (onAxis1(lane) ? lane : null));

const reduction = passing((lane, { graph, node }) => {
  const { rank } = lane;
  const axes = axesOf(graph, node);
  if (lane.axis !== 1 || rank === null || axes === undefined || lane.flattened) return null;
  if (axes.some((axis) => (axis < 0 ? axis + rank : axis) < 2)) return null;
  const keep = node.opType === 'Squeeze' ? 0 : intAttribute(node, 'keepdims', 1);
  return keep ? lane : { ...lane, rank: rank - axes.length };
});

const flatten = passing((lane, { node }) => (intAttribute(node, 'axis', 1) === 1 ? flattenLane(lane) : null));

/** To [batch, anything]; with a first dim of -1, only a run would tell whether it is the batch. */
const reshape = passing((lane, { graph, node }) => {
  const shape = integersAt(graph, node, 1);
  if (shape?.length !== 2) return null;
  return shape[0] === 0 || shape[0] === fixedBatch(graph) ? flattenLane(lane) : null;
});

function flattenLane(lane: Lane): Lane | null {
  if (lane.axis !== 1) return null;
  return lane.rank === 2 ? lane : { ...lane, rank: 2, flattened: true };
}

function fixedBatch(graph: Graph): number | undefined {
  const type = graph.feeds()[0]?.type?.value;
  const batch = type?.case === 'tensorType' ? type.value.shape?.dim[0]?.value : undefined;
  return batch?.case === 'dimValue' && batch.value > 0n ? Number(batch.value) : undefined;
}

/** Passes, but for zeros among what it reads: those stand for the offset with padding 'floor' only. */
function zerosAround(arrival: Arrival, trailing: number): Passage | Refusal {
  const { node, padding } = arrival;
  return padding === 'zero'
    ? refuse(`${describeNode(node)} reads zeros around its input, not the offset (padding 'floor' would)`)
    : offsetsAround(arrival, trailing);
}

/** Passes, and the zeros among what it reads stand for the offset. */
function offsetsAround({ node, at }: Arrival, trailing: number): Passage | Refusal {
  const recentre: Recentre[] = [];
  for (const { factor, lane } of at(0)) {
    if (lane !== null && !onAxis1(lane)) return refuse(`${describeNode(node)} pads the channels`);
    const channels: ChannelMap | Refusal = lane === null ? null : laneAt(lane, lane.total);
    if (channels !== null && isRefusal(channels)) return channels;
    const output = outputName(node);
    recentre.push({ node: output, factor, channels, trailingAxes: trailing, restore: null });
  }
  return { onward: at(0), recentre };
}

const averagePool: OffsetRule = (arrival) =>
  averagesZeros(arrival.node)
    ? zerosAround(arrival, (intsAttribute(arrival.node, 'kernel_shape') ?? []).length)
    : pool(arrival);

const pad: OffsetRule = (arrival) => {
  const { graph, node } = arrival;
  if (stringAttribute(node, 'mode', 'constant') !== 'constant') return pool(arrival);
  const pads = intsAttribute(node, 'pads') ?? integersAt(graph, node, 1);
  const value = node.input[2] ? numberOf(graph.constant(node.input[2])) : floatAttribute(node, 'value', 0);
  if (pads === undefined || value === undefined || Math.abs(value) > almostZero || node.input[3])
    return refuse(`${describeNode(node)} pads with other than zeros`);
  if (pads.every((size) => size <= 0)) return pool(arrival);
  const rank = pads.length / 2;
  if ([0, 1, rank, rank + 1].some((axis) => pads[axis] !== 0)) return refuse(`${describeNode(node)} pads the channels`);
  return zerosAround(arrival, rank - 2);
};

const dropout: OffsetRule = (arrival) => {
  const { graph, node } = arrival;
  const training = node.input[2] ? numberOf(graph.constant(node.input[2])) : 0;
  return training === 0 ? pass(arrival) : refuse(`${describeNode(node)} drops values at inference`);
};

function onAxis1(lane: Lane): boolean {
  return lane.axis === 1 && !lane.flattened;
}

/** How each operator takes the offset of what it reads, or lets it pass. What is not here does neither. */
const rules: Readonly<Record<string, OffsetRule>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  Gemm: gemm,
  MatMul: matMul,
  BatchNormalization: batchNormalization,
  Add: sum,
  Sub: sum,
  Sum: sum,
  Concat: concat,
  MaxPool: pool,
  AveragePool: averagePool,
  GlobalAveragePool: pool,
  GlobalMaxPool: pool,
  ReduceMean: reduction,
  ReduceMax: reduction,
  ReduceMin: reduction,
  Squeeze: reduction,
  Pad: pad,
  Identity: pass,
  Dropout: dropout,
  Flatten: flatten,
  Reshape: reshape,
  Unsqueeze: passing(),
  Transpose: passing(),
  Slice: passing(),
  Split: passing(),
  Gather: passing(),
  Expand: passing(),
  Tile: passing(),
  DepthToSpace: passing(),
  SpaceToDepth: passing(),
  Shape: unseen,
  Size: unseen,
};
