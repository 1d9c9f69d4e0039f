import type { SiteGain } from '../../src/contract/model.js';
import { present } from '../../src/contract/present.js';
import type { Form, Granularity, PlanOptions } from '../../src/contract/settings.js';
import { type Graph, nodeId } from '../../src/model/graph.js';
import { type FormatLimits, unlimited } from '../../src/model/limits.js';
import type { FoldTarget, MigrationPlan, ShiftFold, Site } from '../../src/model/plan.js';
import { type Scope, scopesOf } from '../../src/model/scopes.js';
import { readMark } from '../rewrite/mark.js';
import { gainsAt } from './gains.js';
import type { Lane } from './lane.js';
import { type Layout, type Layouts, layoutsOf } from './layout.js';
import { type Journey, pushOffset } from './offset.js';
import { computesInFloat32, isOpen, whyNotInScope } from './scope-limits.js';
import { isSelected } from './selection.js';
import { foldShift } from './shift.js';
import { type FoundSite, findSites } from './sites.js';
import { isRefusal, type Refusal, refuse } from './targets.js';
import { tiesOf } from './ties.js';

/** The first op set whose Max and Min broadcast; a fused offset per channel needs that. */
const broadcastingMax = 8;

/**
 * Decides what becomes of every ReLU of a model, those in bodies and local functions too (each of these is planned as a graph of its own): where its shift and offset go, in which form, or why it stays as it is.
 * A form that was asked for and is not exact at a site gives way to the next one that is, with the reason.
 * Reads dims of weights, no weights; the graph is not changed. What the model's format cannot say is not planned (`limits`).
 */
export function planMigration(graph: Graph, options: PlanOptions, limits: FormatLimits = unlimited): MigrationPlan {
  const marked = readMark(graph.model);
  const scopes = scopesOf(graph);
  const inFloat32 = computesInFloat32(scopes);
  const sites = scopes.flatMap((scope) => {
    const found = findSites(scope, marked);
    if (found.length === 0) return [];
    const layouts = layoutsOf(scope.graph);
    const unfit = whyNotInScope(scope, limits, inFloat32);
    const context: Context = { graph: scope.graph, scope, layouts, options, limits, unfit, isOpen: isOpen(scope) };
    return planTied(context, found);
  });
  const migrate = sites.filter(({ status }) => status === 'migrate').length;
  return { sites, options, summary: { relu: sites.length, migrate, skip: sites.length - migrate } };
}

interface Context {
  /** of the scope */
  readonly graph: Graph;
  readonly scope: Scope;
  /** why nothing of the scope migrates */
  readonly unfit: string | null;
  /** whether what its nodes do may differ from call to call */
  readonly isOpen: boolean;
  readonly layouts: Layouts;
  readonly options: PlanOptions;
  readonly limits: FormatLimits;
}

/** What all calls of a layer can have, where its sites are tied. */
interface Common {
  /** one number, since the channels are not known everywhere */
  readonly perLayer: string | null;
  /** no shift, since one of them cannot have it */
  readonly noShift: string | null;
}

const itsOwn: Common = { perLayer: null, noShift: null };

/** Plans the sites of a scope; those behind the same weights get one shift and one offset, which all of them can have. */
function planTied(context: Context, found: readonly FoundSite[]): Site[] {
  const plans = new Map(found.map((each) => [each, planSite(context, each, itsOwn)]));
  const migrating = found.filter((each) => plans.get(each)?.status === 'migrate');
  const ties = tiesOf(context.graph, migrating);
  for (const first of new Set(ties.values())) {
    const calls = [first, ...[...ties].flatMap(([each, other]) => (other === first ? [each] : []))];
    // what one of them cannot have, none has; a shift may be lost when one number must serve all channels, but not the reverse
    for (let common = itsOwn, next = commonOf(calls, plans, common); next !== common; ) {
      common = next;
      for (const each of calls) plans.set(each, planSite(context, each, common));
      next = commonOf(calls, plans, common);
    }
    // one that nothing is left for stays a ReLU
    const [leading, ...others] = calls.filter((each) => plans.get(each)?.status === 'migrate');
    for (const each of others) {
      const [site, lead] = [plans.get(each), leading && plans.get(leading)];
      if (site !== undefined && lead !== undefined) plans.set(each, tied(site, lead.id));
    }
  }
  return found.map((each) => present(plans.get(each), `the plan of '${each.id}'`));
}

function tied(site: Site, to: string): Site {
  const reason = [`has the shift and offset of '${to}': both stand behind the same weights`, site.reason];
  return { ...site, tied: to, reason: reason.filter((each) => each !== null).join('. ') };
}

/** `common` itself where the plans agree. */
function commonOf(calls: readonly FoundSite[], plans: ReadonlyMap<FoundSite, Site>, common: Common): Common {
  const sites = calls.flatMap((each) => plans.get(each) ?? []).filter(({ status }) => status === 'migrate');
  const lone = sites.find(({ granularity }) => granularity === 'layer');
  const differ =
    new Set(sites.map(({ granularity, channels }) => (granularity === 'layer' ? null : channels))).size > 1;
  if (differ && lone !== undefined) {
    return { ...common, perLayer: `'${lone.id}', behind the same weights, cannot have more` };
  }
  if (differ) return { ...common, perLayer: 'what stands behind the same weights differs in its channels' };
  const without = sites.find(({ shift }) => shift === null);
  if (without === undefined || sites.every(({ shift }) => shift === null)) return common;
  return { ...common, noShift: `'${without.id}', behind the same weights, cannot have one` };
}

function planSite(context: Context, found: FoundSite, common: Common): Site {
  const { graph, scope, layouts, options, limits } = context;
  const { id, op, kind, input, output } = found;
  const consumers = [...new Set(graph.uses(output).map(({ node }) => nodeId(node)))];
  const layout = layouts(input);
  const place = scope.kind === 'main' ? {} : { scope: scope.path };
  const identity = { id, op, kind, consumers, output, input, ...place, channels: layout?.channels ?? null };
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
    adds: [],
  });
  const unfit = (scope.kind === 'main' ? limits.activation(output) : context.unfit) ?? found.skip;
  if (unfit !== null) return skipped(unfit);
  if (!isSelected(id, options.include, options.exclude)) return skipped('left out by the choice of sites');

  const { granularity, shift, reasons } = chooseGranularity(context, found, layout, common);
  const trailingAxes = layout?.axis === 1 ? (layout.rank ?? 2) - 2 : 0;
  const lane = granularity === 'channel' && layout !== null ? wholeLane(layout) : null;
  const journey = context.isOpen
    ? closed(output, 'its nodes have attributes that the call gives')
    : pushOffset(graph, layouts, { output, lane }, options.padding);
  const floors = granularity === 'layer' || graph.opset() >= broadcastingMax;
  const chosen = chooseForm(options.form, obstaclesTo(output, shift, journey, floors, limits));
  if (chosen.form === null) return skipped(chosen.reasons.join('. '));
  const { form } = chosen;
  return {
    ...identity,
    status: 'migrate',
    reason: [...reasons, ...chosen.reasons, ...journey.notes].join('. ') || null,
    shift: isRefusal(shift) ? null : shift,
    form,
    trailingAxes,
    granularity,
    offset: form === 'folded' ? journey.targets : form === 'fused' && !isRefusal(shift) ? shift.targets : [],
    recentre: form === 'folded' ? [] : journey.recentre,
    adds: gainsOf(context, output, isRefusal(shift) ? null : shift, lane === null ? journey : null),
  };
}

/** @param journey of the one offset of a layer; null where there is one for each channel. Of a scope whose attributes the call gives, nothing is known. */
function gainsOf(
  { graph, layouts, options, isOpen }: Context,
  output: string,
  shift: ShiftFold | null,
  journey: Journey | null,
): readonly SiteGain[] {
  if (isOpen) return [];
  const zero =
    options.padding === 'zero' && journey !== null
      ? journey
      : pushOffset(graph, layouts, { output, lane: null }, 'zero');
  return gainsAt(graph, layouts, output, shift, zero);
}

/** An offset that stays where it is. */
function closed(output: string, why: string): Journey {
  return { targets: [], recentre: [], notes: [], refusals: [`what reads '${output}' is not told: ${why}`], stops: [] };
}

function wholeLane({ channels, axis, rank }: Layout): Lane {
  return { count: channels, start: 0, total: channels, axis, rank, flattened: false };
}

/** One parameter per channel, where that was asked for, the graph tells the channels, and the shift loses nothing by it. */
function chooseGranularity(
  { graph, layouts, options, limits, isOpen }: Context,
  { nodes, input }: FoundSite,
  layout: Layout | null,
  { perLayer: lone, noShift: unshifted }: Common,
): { granularity: Granularity; shift: ShiftFold | Refusal; reasons: readonly string[] } {
  const trailingAxes = layout?.axis === 1 ? (layout.rank ?? 2) - 2 : 0;
  const shiftOf = (count: number | null): ShiftFold | Refusal => {
    if (unshifted !== null) return refuse(unshifted);
    if (isOpen) return refuse('the nodes around it have attributes that the call gives');
    const shift = foldShift(graph, layouts, input, nodes, { count, trailingAxes });
    const [limit] = isRefusal(shift) ? [] : limitsOn(shift.targets, limits);
    return limit === undefined ? shift : refuse(limit);
  };
  const perLayer = shiftOf(null);
  const noShift = isRefusal(perLayer) ? [`no shift: ${perLayer.refused}`] : [];
  if (options.granularity === 'layer') return { granularity: 'layer', shift: perLayer, reasons: noShift };
  if (layout === null || lone !== null) {
    const reasons = [`one offset for the layer: ${lone ?? 'the graph does not tell its channels'}`, ...noShift];
    return { granularity: 'layer', shift: perLayer, reasons };
  }
  const perChannel = shiftOf(layout.channels);
  if (isRefusal(perChannel) && !isRefusal(perLayer)) {
    return { granularity: 'layer', shift: perLayer, reasons: [`one offset for the layer: ${perChannel.refused}`] };
  }
  return { granularity: 'channel', shift: perChannel, reasons: noShift };
}

type Obstacles = Readonly<Record<Form, readonly string[]>>;

/** What keeps a site from each form: that it would not be exact, or that the files cannot say it. */
function obstaclesTo(
  output: string,
  shift: ShiftFold | Refusal,
  { targets, recentre, refusals }: Journey,
  floors: boolean,
  limits: FormatLimits,
): Obstacles {
  // where the offset stays in the tensor, its zero-padded readers are recentred
  const recentred = recentre.flatMap(({ node, restore }) => [
    limits.around(node),
    restore === null ? null : limits.constant(restore),
  ]);
  const fused = [
    isRefusal(shift) ? 'the offset would go where the shift cannot' : null,
    floors ? null : 'Max does not broadcast before op set 8',
    limits.fused(output),
    ...recentred,
  ];
  return {
    folded: [...refusals, ...limitsOn(targets, limits)],
    fused: fused.filter((reason) => reason !== null),
    explicit: [limits.explicit(output), ...recentred].filter((reason) => reason !== null),
  };
}

function limitsOn(targets: readonly FoldTarget[], limits: FormatLimits): string[] {
  return targets.map((target) => limits.constant(target)).filter((reason) => reason !== null);
}

/**
 * The fastest form that has no obstacle: folded costs nothing, fused nothing after a Conv, explicit one elementwise operator.
 * After a residual Add, where ONNX Runtime fuses neither, fused and explicit cost the same.
 */
function chooseForm(
  wanted: Form | 'auto',
  obstacles: Obstacles,
): { readonly form: Form | null; readonly reasons: readonly string[] } {
  const fastestFirst: readonly Form[] = ['folded', 'fused', 'explicit'];
  // what was asked for comes first; folded, which is exact less often, comes last where it was not
  const order = wanted === 'auto' ? fastestFirst : [wanted, 'fused' as const, 'explicit' as const, 'folded' as const];
  const reasons: string[] = [];
  for (const form of new Set(order)) {
    const obstacle = [...new Set(obstacles[form])].join('; ');
    if (obstacle === '') return { form, reasons };
    reasons.push(`not ${form}: ${obstacle}`);
  }
  return { form: null, reasons };
}
