import type { SiteGain } from '../../src/contract/model.js';
import { constantOf } from '../../src/model/constants.js';
import { type Graph, inputName, type NodeProto, outputName } from '../../src/model/graph.js';
import type { FoldTarget, ShiftFold } from '../../src/model/plan.js';
import type { Layouts } from './layout.js';
import { type Journey, pushOffset } from './offset.js';
import { foldShift } from './shift.js';
import { isRefusal } from './targets.js';

/** They take the mean away, and with it a number that is the same everywhere. */
const withoutMean: ReadonlySet<string> = new Set(['LayerNormalization', 'InstanceNormalization', 'GroupNormalization']);

/**
 * What a shift and an offset can say at a site that the biases of the network, all of them trained, cannot. Where that is nothing, FReLU
 * computes no function there that the network with its ReLU could not.
 * @param output of the site
 * @param zero the journey of its offset, zeros around a reader staying zeros
 */
export function gainsAt(
  graph: Graph,
  layouts: Layouts,
  output: string,
  shift: ShiftFold | null,
  zero: Journey,
): readonly SiteGain[] {
  const gains = new Set<SiteGain>();
  const floor = zero.refusals.length === 0 ? zero : pushOffset(graph, layouts, { output, lane: null }, 'floor');
  if (floor.refusals.length < zero.refusals.length) gains.add('borders');
  const targets = [...(shift?.targets ?? []), ...floor.targets];
  if (targets.some((target) => isNewBias(graph, target))) gains.add('bias');
  for (const { node, value } of floor.stops) {
    // what leaves the graph has no bias behind it
    const gain = node === null ? 'bias' : gainAt(graph, layouts, node, value);
    if (gain !== null) gains.add(gain);
  }
  return (['borders', 'bias', 'level'] as const).filter((gain) => gains.has(gain));
}

/** A bias where there is none, and nothing behind it that could be one. */
function isNewBias(graph: Graph, { initializer, node }: FoldTarget): boolean {
  return initializer === null && !isBiased(graph, node);
}

/** Whether all that reads a value adds a constant to each channel of it: a normalization, or a bias that is written out. */
function isBiased(graph: Graph, value: string): boolean {
  const uses = graph.uses(value);
  if (uses.length === 0 || graph.isOutput(value)) return false;
  return uses.every(
    ({ node }) =>
      node.opType === 'BatchNormalization' ||
      (node.opType === 'Add' && node.input.some((each) => constantOf(graph, each) !== undefined)),
  );
}

/** What an offset says at a node that neither takes it nor lets it pass; null: nothing. */
function gainAt(graph: Graph, layouts: Layouts, node: NodeProto, value: string): SiteGain | null {
  const { opType } = node;
  if (withoutMean.has(opType) && node.input[0] === value) return null;
  if (opType === 'MatMul' && constantOf(graph, inputName(node, 1)) !== undefined) {
    return isBiased(graph, outputName(node)) ? null : 'bias';
  }
  // another bias before it says the same
  const before = foldShift(graph, layouts, value, [node], { count: null, trailingAxes: 0 });
  const isSaid = !isRefusal(before) && before.targets.every((target) => !isNewBias(graph, target));
  return isSaid ? null : 'level';
}
