import { type Graph, nodeId } from '../../src/model/graph.js';
import { type FormatLimits, unlimited } from '../../src/model/limits.js';
import type { Form, Granularity, MigrationPlan, PlanOptions, ShiftFold, Site } from '../../src/model/plan.js';
import type { Lane } from './lane.js';
import { type Layout, type Layouts, layoutsOf } from './layout.js';
import { type Journey, pushOffset } from './offset.js';
import { isSelected } from './selection.js';
import { foldShift } from './shift.js';
import { type FoundSite, findSites } from './sites.js';
import { isRefusal, type Refusal, refuse } from './targets.js';

/** The first op set whose Max and Min broadcast; a fused offset per channel needs that. */
const broadcastingMax = 8;

/**
 * Decides what becomes of every ReLU of a model: where its shift and offset go, in which form, or why it stays as it is.
 * A form that was asked for and is not exact at a site gives way to the next one that is, with the reason.
 * Reads dims of weights, no weights; the graph is not changed. What the model's format cannot say is not planned (`limits`).
 */
export function planMigration(graph: Graph, options: PlanOptions, limits: FormatLimits = unlimited): MigrationPlan {
  const layouts = layoutsOf(graph);
  const sites = findSites(graph).map((found) => planSite(graph, layouts, found, options, limits));
  const migrate = sites.filter(({ status }) => status === 'migrate').length;
  return { sites, options, summary: { relu: sites.length, migrate, skip: sites.length - migrate } };
}

function planSite(graph: Graph, layouts: Layouts, found: FoundSite, options: PlanOptions, limits: FormatLimits): Site {
  const { id, op, kind, input, output } = found;
  const consumers = [...new Set(graph.uses(output).map(({ node }) => nodeId(node)))];
  const layout = layouts(input);
  const identity = { id, op, kind, consumers, output, input, channels: layout?.channels ?? null };
  const left = isSelected(id, options.include, options.exclude) ? null : 'left out by --include or --exclude';
  const skipped = (reason: string): Site => ({
    ...identity,
    status: 'skip',
    reason,
    shift: null,
    form: null,
    trailingAxes: 0,
    granularity: 'layer',
    offset: [],
    recentre: [],
  });
  const skip = found.skip ?? left;
  if (skip !== null) return skipped(skip);
  const { granularity, shift, reasons } = chooseGranularity(graph, layouts, found, layout, options.granularity, limits);
  const trailingAxes = layout?.axis === 1 ? (layout.rank ?? 2) - 2 : 0;
  const lane = granularity === 'channel' && layout !== null ? wholeLane(layout) : null;
  const journey = pushOffset(graph, layouts, { output, lane }, options.padding);
  const floors = granularity === 'layer' || graph.opset() >= broadcastingMax;
  const form = chooseForm(options.form, shift, journey, floors, limits, output);
  if (form.form === null) return skipped(form.reasons.join('. '));
  return {
    ...identity,
    status: 'migrate',
    reason: [...reasons, ...form.reasons].join('. ') || null,
    shift: isRefusal(shift) ? null : shift,
    form: form.form,
    trailingAxes,
    granularity,
    offset: form.form === 'folded' ? journey.targets : form.form === 'fused' && !isRefusal(shift) ? shift.targets : [],
    recentre: form.form === 'folded' ? [] : journey.recentre,
  };
}

function wholeLane({ channels, axis, rank }: Layout): Lane {
  return { count: channels, start: 0, total: channels, axis, rank, flattened: false };
}

/** One parameter per channel, where that was asked for, the graph tells the channels, and the shift loses nothing by it. */
function chooseGranularity(
  graph: Graph,
  layouts: Layouts,
  { nodes: [node], input }: FoundSite,
  layout: Layout | null,
  wanted: Granularity,
  limits: FormatLimits,
): { granularity: Granularity; shift: ShiftFold | Refusal; reasons: readonly string[] } {
  const trailingAxes = layout?.axis === 1 ? (layout.rank ?? 2) - 2 : 0;
  const shiftOf = (count: number | null): ShiftFold | Refusal => {
    const shift = foldShift(graph, layouts, input, node, { count, trailingAxes });
    const [obstacle] = isRefusal(shift) ? [] : shift.targets.flatMap((target) => limits.constant(target) ?? []);
    return obstacle === undefined ? shift : refuse(obstacle);
  };
  const perLayer = shiftOf(null);
  const noShift = isRefusal(perLayer) ? [`no shift: ${perLayer.refused}`] : [];
  if (wanted === 'layer') return { granularity: 'layer', shift: perLayer, reasons: noShift };
  if (layout === null) {
    const reasons = ['one offset for the layer: the graph does not tell its channels', ...noShift];
    return { granularity: 'layer', shift: perLayer, reasons };
  }
  const perChannel = shiftOf(layout.channels);
  if (isRefusal(perChannel) && !isRefusal(perLayer)) {
    return { granularity: 'layer', shift: perLayer, reasons: [`one offset for the layer: ${perChannel.refused}`] };
  }
  return { granularity: 'channel', shift: perChannel, reasons: noShift };
}

/** The fastest form that is exact: folded costs nothing, fused nothing after a Conv, explicit one elementwise operator. */
function chooseForm(
  wanted: Form | 'auto',
  shift: ShiftFold | Refusal,
  journey: Journey,
  floors: boolean,
  limits: FormatLimits,
  output: string,
): { form: Form | null; reasons: readonly string[] } {
  const refusals = [...journey.refusals, ...journey.targets.flatMap((target) => limits.constant(target) ?? [])];
  // where the offset stays in the tensor, padded readers are recentred
  const [unreachable = null] = journey.recentre.flatMap(
    ({ node, restore }) => limits.around(node) ?? (restore && limits.constant(restore)) ?? [],
  );
  const obstacles: Readonly<Record<Form, string | null>> = {
    folded: refusals.length === 0 ? null : [...new Set(refusals)].join('; '),
    fused: isRefusal(shift)
      ? 'the offset would go where the shift cannot'
      : floors
        ? (limits.fused(output) ?? unreachable)
        : 'Max does not broadcast before op set 8',
    explicit: limits.explicit(output) ?? unreachable,
  };
  const candidates = new Set<Form>(wanted === 'auto' ? ['folded', 'fused', 'explicit'] : [wanted, 'fused', 'explicit']);
  const reasons: string[] = [];
  for (const form of candidates) {
    const obstacle = obstacles[form];
    if (obstacle === null) return { form, reasons };
    reasons.push(`not ${form}: ${obstacle}`);
  }
  return { form: null, reasons };
}
