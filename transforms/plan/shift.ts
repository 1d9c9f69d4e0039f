import { intAttribute } from '../../src/model/attributes.js';
import { constantOf } from '../../src/model/constants.js';
import {
  describeNode,
  type Graph,
  inputName,
  isStandard,
  type NodeProto,
  nodeId,
  optionalInput,
  outputName,
} from '../../src/model/graph.js';
import type { ChannelMap, FoldTarget, ShiftFold } from '../../src/model/plan.js';
import type { Layouts } from './layout.js';
import { averagesZeros, biasTarget, constantOperand, isRefusal, type Refusal, refuse, targetAt } from './targets.js';

/** What must be added to a value, and who reads it. */
interface Demand {
  readonly graph: Graph;
  readonly layouts: Layouts;
  /** the number of channels that each get a number of their own; null for one number for all of the value */
  readonly count: number | null;
  readonly factor: number;
  /** the part of the site's channels that this value holds */
  readonly channels: ChannelMap;
  /** axes after the channel axis of the value */
  readonly trailingAxes: number;
}

type ShiftRule = (demand: Demand, node: NodeProto) => ShiftFold | Refusal;

const intoBias: ShiftRule = (demand, node) => {
  const target = biasTarget(demand.graph, node, { factor: demand.factor, channels: demand.channels });
  if (isRefusal(target)) return target;
  return target.initializer === null
    ? { into: nodeId(node), rule: `new bias of ${node.opType}`, targets: [target] }
    : fold(`${node.opType} bias`, target);
};

const intoSum: ShiftRule = (demand, node) => {
  const { graph, channels, trailingAxes } = demand;
  const sign = node.opType === 'Sub' ? -1 : 1;
  const constant = constantOperand(graph, node);
  if (constant !== undefined) {
    const factor = constant === 1 ? sign * demand.factor : demand.factor;
    const target = targetAt(graph, 'constant', node, constant, { factor, channels, trailingAxes });
    if (isRefusal(target)) return target;
    const matMul = graph.producer(inputName(node, 1 - constant))?.opType === 'MatMul';
    return fold(matMul ? 'constant added to MatMul' : `${node.opType} constant`, target);
  }
  const reasons: string[] = [];
  for (const [input, value] of node.input.entries()) {
    if (input > 1 || constantOf(graph, value) !== undefined) continue;
    const factor = input === 1 ? sign * demand.factor : demand.factor;
    const branch = foldInto({ ...demand, factor }, value, [node]);
    if (!isRefusal(branch)) return { ...branch, rule: `residual branch: ${branch.rule}` };
    reasons.push(branch.refused);
  }
  return refuse(`no branch of ${describeNode(node)} takes it: ${reasons.join('; ')}`);
};

const lookThrough: ShiftRule = (demand, node) => foldInto(demand, inputName(node, 0), [node]);

const lookThroughWhole: ShiftRule = (demand, node) =>
  demand.count !== null
    ? refuse(`${describeNode(node)} moves the channels: only one number for all of them passes`)
    : foldInto(demand, inputName(node, 0), [node]);

/** The beta of a normalization, one number a channel at axis 1. */
const intoBeta: ShiftRule = ({ graph, factor, channels, count }, node) => {
  const target = targetAt(graph, 'beta', node, 2, { factor, channels });
  if (isRefusal(target)) return target;
  const [size] = constantOf(graph, inputName(node, 2))?.dims ?? [];
  const total = channels?.total ?? count;
  // before op set 21 GroupNormalization has one for each group
  if (total !== null && size !== total) return refuse(`${describeNode(node)} has ${size} betas for ${total} channels`);
  return fold(`${node.opType} beta`, target);
};

/** The beta of a LayerNormalization has an element for each that is normalized; its last axes are those of the value. */
const intoElements: ShiftRule = ({ graph, factor, channels, count, trailingAxes }, node) => {
  const value = optionalInput(node, 2);
  if (value === null) return refuse(`${describeNode(node)} has no beta`);
  const target = targetAt(graph, 'beta', node, 2, { factor, channels, trailingAxes });
  if (isRefusal(target)) return target;
  const total = channels?.total ?? count;
  const size = constantOf(graph, value)?.dims.at(-1 - trailingAxes);
  if (total !== null && size !== total) {
    return refuse(`the beta of ${describeNode(node)} does not tell the ${total} channels apart`);
  }
  return fold(`${node.opType} beta`, target);
};

/** max(x) + a = max(x + a), over whichever axes; so with the mean and the minimum. */
const lookThroughReduction: ShiftRule = (demand, node) => {
  const input = inputName(node, 0);
  if (demand.count === null) return foldInto(demand, input, [node]);
  const [from, to] = [demand.layouts(input), demand.layouts(outputName(node))];
  return from === null || from.axis !== 1 || from.rank === null || to?.channels !== from.channels
    ? refuse(`${describeNode(node)} reduces the channels: only one number for all of them passes`)
    : foldInto({ ...demand, trailingAxes: from.rank - 2 }, input, [node]);
};

/** The fold table: what feeds the ReLU, and where the shift goes. */
const rules: Readonly<Record<string, ShiftRule>> = {
  Conv: intoBias,
  ConvTranspose: intoBias,
  Gemm: intoBias,
  BatchNormalization: intoBeta,
  GroupNormalization: intoBeta,
  InstanceNormalization: intoBeta,
  LayerNormalization: intoElements,
  Add: intoSum,
  Sub: intoSum,
  Concat: (demand, node) => {
    if (demand.count !== null && intAttribute(node, 'axis', 1) !== 1) {
      return refuse(`${describeNode(node)} does not join channels: only one number for all of them passes`);
    }
    const parts: ShiftFold[] = [];
    let from = demand.channels === null ? 0 : demand.channels.from;
    for (const value of node.input) {
      const count = demand.count === null ? null : demand.layouts(value)?.channels;
      if (count === undefined) return refuse(`the number of channels of '${value}' is not known`);
      const channels = count === null ? null : { from, count, start: 0, repeat: 1, total: count };
      const part = foldInto({ ...demand, count, channels }, value, [node]);
      if (isRefusal(part)) return refuse(`not every branch of ${describeNode(node)} takes it: ${part.refused}`);
      parts.push(part);
      from += count ?? 0;
    }
    const [first] = parts;
    if (first === undefined) return refuse(`${describeNode(node)} joins nothing`);
    return { into: first.into, rule: 'every branch of Concat', targets: parts.flatMap(({ targets }) => targets) };
  },
  MaxPool: lookThrough,
  AveragePool: (demand, node) =>
    averagesZeros(node) ? refuse(`${describeNode(node)} averages the zeros of its padding`) : lookThrough(demand, node),
  GlobalAveragePool: lookThrough,
  GlobalMaxPool: lookThrough,
  ReduceMax: lookThroughReduction,
  ReduceMean: lookThroughReduction,
  ReduceMin: lookThroughReduction,
  Identity: lookThrough,
  Dropout: lookThrough,
  Reshape: lookThroughWhole,
  Transpose: lookThroughWhole,
  Flatten: lookThroughWhole,
  Squeeze: lookThroughWhole,
  Unsqueeze: lookThroughWhole,
};

/**
 * Where the shift of a ReLU goes: into constants that what feeds it reads, so that `value` grows by it and nothing else
 * changes. `readers` are the nodes of the ReLU, which must be the only ones that see the value. `site.count` is the number of channels that
 * have a shift each, or null where one number serves them all.
 */
export function foldShift(
  graph: Graph,
  layouts: Layouts,
  value: string,
  readers: readonly [NodeProto, ...NodeProto[]],
  site: { readonly count: number | null; readonly trailingAxes: number },
): ShiftFold | Refusal {
  return foldInto({ graph, layouts, factor: 1, channels: null, ...site }, value, readers);
}

function foldInto(demand: Demand, value: string, readers: readonly [NodeProto, ...NodeProto[]]): ShiftFold | Refusal {
  const { graph } = demand;
  if (graph.isOutput(value)) return refuse(`'${value}' is an output of the ${graph.kind} too`);
  const uses = graph.uses(value);
  const other = uses.find(({ node }) => !readers.includes(node));
  if (other !== undefined) return refuse(`${describeNode(other.node)} reads '${value}' too`);
  if (uses.length > readers.length) return refuse(`${describeNode(readers[0])} reads '${value}' twice`);
  const node = graph.producer(value);
  if (node === undefined) {
    const from = graph.comesFromOutside(value) ? 'comes from outside' : 'is an input';
    return refuse(`'${value}' ${from} of the ${graph.kind}`);
  }
  const channels = demand.layouts(value)?.channels ?? demand.count;
  if (demand.count !== null && channels !== demand.count) {
    return refuse(`${describeNode(node)} has ${channels} channels, not ${demand.count}`);
  }
  const rule = isStandard(node) ? rules[node.opType] : undefined;
  return rule?.(demand, node) ?? refuse(`${describeNode(node)} has no constant that takes it`);
}

function fold(rule: string, target: FoldTarget): ShiftFold {
  return { into: target.initializer ?? target.node, rule, targets: [target] };
}
