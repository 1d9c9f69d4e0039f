import { present } from '../../src/contract/present.js';
import { intAttribute } from '../../src/model/attributes.js';
import { type Constant, constantOf } from '../../src/model/constants.js';
import { type Graph, inputName, type NodeProto, optionalInput } from '../../src/model/graph.js';
import type { ChannelMap, FoldTarget, Site } from '../../src/model/plan.js';
import { elementCount } from '../../src/model/tensor.js';
import type { Arithmetic, Place } from './arithmetic.js';

/** What a transform works on: the graph that it edits, the sites to migrate, and the arithmetic that its constants are made with. */
export interface Rewrite<Value> {
  readonly graph: Graph;
  readonly sites: readonly Site[];
  readonly arithmetic: Arithmetic<Value>;
  /** a node of the plan by its first output value, as it was named before the rewrite began */
  node(output: string): NodeProto;
}

export function beginRewrite<Value>(
  graph: Graph,
  sites: readonly Site[],
  arithmetic: Arithmetic<Value>,
): Rewrite<Value> {
  const nodes = new Map(graph.nodes.flatMap((node) => node.output.slice(0, 1).map((output) => [output, node])));
  const node = (output: string) => {
    const found = nodes.get(output);
    if (found === undefined) throw new Error(`the plan is not of this graph: nothing in it computes '${output}'`);
    return found;
  };
  return { graph, sites, arithmetic, node };
}

/** What a parameter adds up to, spread over channels, on its way to a constant or a value. */
export type Share = Pick<FoldTarget, 'factor' | 'channels' | 'trailingAxes'>;

/** Adds `factor` times a site's parameter to a constant that a node reads. */
export function foldInto<Value>(
  rewrite: Rewrite<Value>,
  site: Site,
  which: 'shift' | 'offset',
  target: FoldTarget,
): void {
  const { graph, arithmetic } = rewrite;
  const parameter = arithmetic.parameter(site, which);
  // nothing to add: the weights, which may be most of a large file, need not be read
  if (parameter === null || arithmetic.isZero(parameter)) return;
  const reader = target.weights === null ? null : rewrite.node(target.weights);
  const term = reader
    ? weightSum(rewrite, site, parameter, target, reader)
    : share(arithmetic, site, parameter, target);
  if (arithmetic.isZero(term)) return;
  const node = rewrite.node(target.node);
  const standing = optionalInput(node, target.input);
  const base = standing === null ? zeroBias(rewrite, node) : arithmetic.constant(standing);
  const place: Place = {
    name: `${target.initializer ?? `${target.node}/bias`}/frelu`,
    dataType: known(graph, target.initializer ?? inputName(node, 1)).dataType,
    before: node,
    ...(standing !== null && { replaces: standing }),
  };
  graph.setInput(node, target.input, arithmetic.bind(arithmetic.add(base, term), place));
}

/** `factor` times a parameter, one number or one per channel, in the shape in which it broadcasts against the value it meets. */
export function share<Value>(arithmetic: Arithmetic<Value>, site: Site, parameter: Value, share: Share): Value {
  const scaled = scale(arithmetic, spread(arithmetic, site, parameter, share.channels), share.factor);
  const channels = channelCount(site, share.channels);
  if (channels === null || share.trailingAxes === 0) return scaled;
  return arithmetic.reshape(scaled, [channels, ...ones(share.trailingAxes)]);
}

/** The sum over the weights of `reader` of what meets them: how much its output grows, per channel, when its input does. */
function weightSum<Value>(
  { graph, arithmetic }: Rewrite<Value>,
  site: Site,
  parameter: Value,
  { channels, factor }: FoldTarget,
  reader: NodeProto,
): Value {
  const name = inputName(reader, 1);
  const { dims } = known(graph, name);
  const [rows, columns] = matrixOf(dims, name);
  const weights = arithmetic.constant(name);
  const input = scale(arithmetic, spread(arithmetic, site, parameter, channels), factor);
  const perChannel = channelCount(site, channels) !== null;
  if (reader.opType === 'Gemm' || reader.opType === 'MatMul') {
    const transposed = reader.opType === 'Gemm' && intAttribute(reader, 'transB', 0) !== 0;
    if (!perChannel) return arithmetic.multiply(arithmetic.sum(weights, [transposed ? 1 : 0]), input);
    return transposed
      ? arithmetic.reshape(arithmetic.matMul(weights, arithmetic.reshape(input, [columns, 1])), [rows])
      : arithmetic.reshape(arithmetic.matMul(arithmetic.reshape(input, [1, rows]), weights), [columns]);
  }
  // Conv has weights [outputs, inputs / groups, ...kernel], ConvTranspose [inputs, outputs / groups, ...kernel]
  const groups = intAttribute(reader, 'group', 1);
  const transposed = reader.opType === 'ConvTranspose';
  if (!perChannel && !transposed) {
    const others = dims.slice(1).map((_, axis) => axis + 1);
    return arithmetic.multiply(arithmetic.sum(weights, others), input);
  }
  const kernelAxes = dims.slice(2).map((_, axis) => axis + 2);
  const taps = arithmetic.reshape(kernelAxes.length ? arithmetic.sum(weights, kernelAxes) : weights, [
    groups,
    rows / groups,
    columns,
  ]);
  const outputs = transposed ? columns * groups : rows;
  if (!perChannel) return arithmetic.multiply(arithmetic.reshape(arithmetic.sum(taps, [1]), [outputs]), input);
  const products = transposed
    ? arithmetic.matMul(arithmetic.reshape(input, [groups, 1, rows / groups]), taps)
    : arithmetic.matMul(taps, arithmetic.reshape(input, [groups, columns, 1]));
  return arithmetic.reshape(products, [outputs]);
}

/** A parameter on the channels that `map` names, 0 on the others; unchanged where there is no map. */
function spread<Value>(arithmetic: Arithmetic<Value>, site: Site, parameter: Value, map: ChannelMap): Value {
  if (map === null) return parameter;
  const { from, count, start, repeat, total } = map;
  const end = start + count * repeat;
  const channels = Array.from({ length: total }, (_, channel) => channel);
  const mask = arithmetic.literal(
    [total],
    channels.map((channel) => (channel >= start && channel < end ? 1 : 0)),
  );
  if (site.granularity === 'layer') return arithmetic.multiply(parameter, mask);
  const indices = channels.map((channel) =>
    channel >= start && channel < end ? from + Math.floor((channel - start) / repeat) : 0,
  );
  const gathered = arithmetic.gather(parameter, indices);
  return start === 0 && end === total ? gathered : arithmetic.multiply(gathered, mask);
}

function scale<Value>(arithmetic: Arithmetic<Value>, value: Value, factor: number): Value {
  return factor === 1 ? value : arithmetic.multiply(value, arithmetic.literal([], [factor]));
}

/** The number of channels that a parameter is spread over; null where one number serves all elements. */
function channelCount(site: Site, map: ChannelMap): number | null {
  return map?.total ?? (site.granularity === 'channel' ? site.channels : null);
}

/** The bias that a node without one has: zeros, as many as it has outputs. */
function zeroBias<Value>({ graph, arithmetic }: Rewrite<Value>, node: NodeProto): Value {
  const weights = inputName(node, 1);
  const [rows, columns] = matrixOf(known(graph, weights).dims, weights);
  const outputs = {
    Gemm: () => (intAttribute(node, 'transB', 0) ? rows : columns),
    ConvTranspose: () => columns * intAttribute(node, 'group', 1),
  }[node.opType];
  const count = outputs?.() ?? rows;
  return arithmetic.literal([count], Array<number>(elementCount([count])).fill(0));
}

/** A constant that the plan found to be one. */
function known(graph: Graph, name: string): Constant {
  return present(constantOf(graph, name), `the constant '${name}'`);
}

/** The first two extents of weights. */
function matrixOf(dims: readonly number[], name: string): readonly [number, number] {
  const [rows, columns] = dims;
  return [present(rows, `axis 0 of '${name}'`), present(columns, `axis 1 of '${name}'`)];
}

function ones(count: number): number[] {
  return Array<number>(count).fill(1);
}
