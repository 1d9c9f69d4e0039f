import { drawsNumbers, floatValue, type Graph, type NodeProto } from '../model/graph.js';
import { countOperations } from '../model/operation-counts.js';
import { nodesLeadingTo, sliceGraph, valuesRead } from '../model/slice.js';
import { elementCount } from '../model/tensor.js';
import { filledFeeds, type SampleShapes, signatureOf, tensorsFor } from '../runtime/predictor.js';
import { runOnce } from '../runtime/session.js';
import { observeShapes } from '../runtime/shapes.js';
import { feedShapes, type StepSettings, type Trainable } from './prepare.js';

/** What stands before everything that is trained, and computes the same for a sample whenever it is asked. */
export interface FrozenPrefix {
  /** computes what is kept, float32 [samples, ...shape] each, from the model's own inputs */
  readonly graph: Graph;
  /** by the value's name, which is the graph's output and an input of `rest`: the shape of one sample */
  readonly kept: SampleShapes;
  /** the network behind it */
  readonly rest: Trainable;
  /** of the forward pass's multiplications, the share that is before the cut */
  readonly share: number;
}

type Conditions = Pick<StepSettings, 'batchNorm' | 'sampleShapes' | 'lossShapes'>;

/** Below this share of a forward pass, what is saved is hardly more than reading what is kept costs. */
const leastShare = 0.1;
/** Of what the best cut saves, what a smaller one must. */
const nearlyAll = 0.9;
/** Samples, to see which axis is theirs. */
const probe = 7;

interface Cut {
  readonly values: readonly string[];
  /** of one sample */
  readonly elements: number;
  readonly share: number;
}

/**
 * Cuts a network where what is trained begins: behind the cut it computes the same, to rounding, from what is kept of each sample. Of the cuts that save
 * nearly as much as any, the one that keeps least. Null where none within `mostElements` saves a tenth of the forward pass, or where
 * the work cannot be counted (`countOperations`). Normalization by the batch is behind every cut, and so are random numbers and masks.
 * @param mostElements of one sample
 */
export async function findFrozenPrefix(
  trainable: Trainable,
  settings: Conditions,
  mostElements: number,
): Promise<FrozenPrefix | null> {
  const { graph } = trainable;
  const feeds = tensorsFor(signatureOf(graph), filledFeeds(feedShapes(trainable, settings), probe), probe);
  const shapes = await observeShapes(graph, feeds);
  const cut = chooseCut(cutsOf(trainable, settings, shapes), mostElements);
  if (cut === null) return null;
  const sampleShape = (value: string): readonly number[] => shapes.get(value)?.slice(1) ?? [];
  const prefix = sliceGraph(graph, [], cut.values);
  const wanted = new Set(prefix.feeds().map(({ name }) => name));
  const own = Object.entries(feeds).filter(([name]) => wanted.has(name));
  const given = await runOnce(prefix.model, Object.fromEntries(own));
  if (cut.values.some((value) => given[value]?.type !== 'float32')) return null;
  const from = cut.values.map((value) => floatValue(value, ['batch', ...sampleShape(value)]));
  const to = graph.proto.output.map(({ name }) => name);
  return {
    graph: prefix,
    kept: Object.fromEntries(cut.values.map((value) => [value, sampleShape(value)] as const)),
    rest: { ...trainable, graph: sliceGraph(graph, from, to) },
    share: cut.share,
  };
}

function chooseCut(cuts: readonly Cut[], mostElements: number): Cut | null {
  const fitting = cuts.filter(({ elements, share }) => elements <= mostElements && share >= leastShare);
  const best = Math.max(0, ...fitting.map(({ share }) => share));
  const good = fitting.filter(({ share }) => share >= nearlyAll * best);
  // of equal ones the last: more that is element by element stands before it
  return good.reduce<Cut | null>(
    (least, cut) => (least === null || cut.elements <= least.elements ? cut : least),
    null,
  );
}

/** That of all values where the prefix ends, and before it those of one value that everything behind it is computed from, in the graph's order. */
function cutsOf(
  trainable: Trainable,
  settings: Conditions,
  shapes: ReadonlyMap<string, readonly number[]>,
): readonly Cut[] {
  const { graph } = trainable;
  const own = new Set(Object.keys(settings.sampleShapes));
  const outputs = graph.proto.output.map(({ name }) => name);
  const multiplyAdds = (nodes: readonly NodeProto[]): number =>
    countOperations(graph, shapes, nodes)?.multiplyAdds ?? 0;
  const whole = multiplyAdds(graph.nodes);
  if (whole === 0) return [];
  const before = constantPerSample(trainable, settings.batchNorm, own);
  const nodes = nodesLeadingTo(graph, outputs);
  const isOfSamples = (value: string): boolean => shapes.get(value)?.[0] === probe;
  const cutOf = (values: readonly string[], share: number): Cut => {
    const elements = values.reduce((sum, value) => sum + elementCount(shapes.get(value) ?? []) / probe, 0);
    return { values, elements, share };
  };
  const last = nodes
    .flatMap((node) => (before.has(node) ? node.output : []))
    .filter((value) => {
      return value !== '' && graph.uses(value).some(({ node }) => !before.has(node));
    });
  const behind = nodesLeadingTo(graph, outputs, new Set(last));
  const ends =
    last.every(isOfSamples) &&
    !behind.some((node) => before.has(node) || valuesRead(node).some((value) => own.has(value)));
  const singles = waists(nodes, before, own).filter(({ value }) => isOfSamples(value));
  return [
    ...(ends && last.length > 0 ? [cutOf(last, 1 - multiplyAdds(behind) / whole)] : []),
    ...singles.map(({ value, until }) => cutOf([value], multiplyAdds(until) / whole)),
  ];
}

/** Where one value alone of what was computed from a sample is read by what follows, and the nodes until there. */
function waists(
  nodes: readonly NodeProto[],
  before: ReadonlySet<NodeProto>,
  own: ReadonlySet<string>,
): readonly { readonly value: string; readonly until: readonly NodeProto[] }[] {
  const lastRead = new Map(nodes.flatMap((node, i) => valuesRead(node).map((value) => [value, i] as const)));
  const open = new Set([...own].filter((value) => lastRead.has(value)));
  // what is read behind every cut is there until the end
  const readBehind = new Set(nodes.flatMap((node) => (before.has(node) ? [] : valuesRead(node))));
  return nodes.flatMap((node, i) => {
    if (!before.has(node)) return [];
    for (const value of valuesRead(node)) if (lastRead.get(value) === i && !readBehind.has(value)) open.delete(value);
    for (const value of node.output) if (lastRead.has(value)) open.add(value);
    const [value, ...others] = open;
    const until = (): NodeProto[] => nodes.slice(0, i + 1).filter((each) => before.has(each));
    return value === undefined || others.length > 0 ? [] : [{ value, until: until() }];
  });
}

/** The nodes that compute from a sample what they compute from it in every epoch. */
function constantPerSample(
  { graph, parameters, siteParameters, masks = [], ownLoss }: Trainable,
  batchNorm: StepSettings['batchNorm'],
  own: ReadonlySet<string>,
): Set<NodeProto> {
  const changing = new Set([
    ...parameters,
    ...siteParameters,
    ...masks.map(({ input }) => input),
    ...(ownLoss?.targets.values() ?? []),
  ]);
  const ofSamples = new Set(own);
  const before = new Set<NodeProto>();
  for (const node of graph.nodes) {
    const read = valuesRead(node);
    const acrossBatch = batchNorm === 'batch' && node.opType === 'BatchNormalization';
    if (acrossBatch || drawsNumbers(node) || read.some((value) => changing.has(value))) {
      for (const value of node.output) changing.add(value);
    } else if (read.some((value) => ofSamples.has(value))) {
      before.add(node);
      for (const value of node.output) ofSamples.add(value);
    }
  }
  return before;
}
