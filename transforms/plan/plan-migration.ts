import { type Graph, nodeId } from '../../src/model/graph.js';
import type { Form, Granularity, MigrationPlan, PlanOptions, ShiftFold, Site } from '../../src/model/plan.js';
import type { Lane } from './lane.js';
import { type Layout, type Layouts, layoutsOf } from './layout.js';
import { type Journey, pushOffset } from './offset.js';
import { isSelected } from './selection.js';
import { foldShift } from './shift.js';
import { type FoundSite, findSites } from './sites.js';
import { isRefusal, type Refusal } from './targets.js';

/** The first op set whose Max and Min broadcast; a fused offset per channel needs that. */
const broadcastingMax = 8;

/**
 * Decides what becomes of every ReLU of a model: where its shift and offset go, in which form, or why it stays as it is.
 * A form that was asked for and is not exact at a site gives way to the next one that is, with the reason.
 * Reads dims of weights, no weights; the graph is not changed.
 */
export function planMigration(graph: Graph, options: PlanOptions): MigrationPlan {
  const layouts = layoutsOf(graph);
  const sites = findSites(graph).map((found) => planSite(graph, layouts, found, options));
  const migrate = sites.filter(({ status }) => status === 'migrate').length;
  return { sites, options, summary: { relu: sites.length, migrate, skip: sites.length - migrate } };
}

function planSite(graph: Graph, layouts: Layouts, found: FoundSite, options: PlanOptions): Site {
  const { id, op, kind, input, output } = found;
  const consumers = [...new Set(graph.uses(output).map(({ node }) => nodeId(node)))];
  const layout = layouts(input);
  const identity = { id, op, kind, consumers, output, input, channels: layout?.channels ?? null };
  const left = isSelected(id, options.include, options.exclude) ? null : 'left out by --include or --exclude';
  const skip = found.skip ?? left;
  if (skip !== null) {
    return {
      ...identity,
      status: 'skip',
      reason: skip,
      shift: null,
      form: null,
      trailingAxes: 0,
      granularity: 'layer',
      offset: [],
      recentre: [],
    };
  }
  const { granularity, shift, reasons } = chooseGranularity(graph, layouts, found, layout, options.granularity);
  const trailingAxes = layout?.axis === 1 ? (layout.rank ?? 2) - 2 : 0;
  const lane = granularity === 'channel' && layout !== null ? wholeLane(layout) : null;
  const journey = pushOffset(graph, layouts, { output, lane }, options.padding);
  const form = chooseForm(options.form, shift, journey, granularity === 'layer' || graph.opset() >= broadcastingMax);
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
): { granularity: Granularity; shift: ShiftFold | Refusal; reasons: readonly string[] } {
  const trailingAxes = layout?.axis === 1 ? (layout.rank ?? 2) - 2 : 0;
  const shiftOf = (count: number | null) => foldShift(graph, layouts, input, node, { count, trailingAxes });
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
  { refusals }: Journey,
  floors: boolean,
): { form: Form; reasons: readonly string[] } {
  const obstacles: Readonly<Record<Form, string | null>> = {
    folded: refusals.length === 0 ? null : [...new Set(refusals)].join('; '),
    fused: isRefusal(shift)
      ? 'the offset would go where the shift cannot'
      : floors
        ? null
        : 'Max does not broadcast before op set 8',
    explicit: null,
  };
  const candidates: readonly Form[] =
    wanted === 'auto' ? ['folded', 'fused', 'explicit'] : [wanted, 'fused', 'explicit'];
  const form = candidates.find((each) => obstacles[each] === null) ?? 'explicit';
  const passed = candidates.slice(0, candidates.indexOf(form));
  return { form, reasons: passed.map((each) => `not ${each}: ${obstacles[each]}`) };
}
