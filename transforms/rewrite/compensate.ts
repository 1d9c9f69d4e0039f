import type { Graph } from '../../src/model/graph.js';
import type { FoldTarget, MigrationPlan, Site } from '../../src/model/plan.js';
import { readFloats } from '../../src/model/tensor.js';
import { layoutsOf } from '../plan/layout.js';
import { pushOffset } from '../plan/offset.js';
import { bakeParameters } from './bake.js';

/** Constants under which a network whose offsets begin elsewhere than at 0 computes what it computed. */
export interface Compensation {
  /** by initializer, row-major; those that stay as they are are left out */
  readonly constants: ReadonlyMap<string, Float32Array>;
  /** sites whose offset is taken back wholly; wholly but for what zero-padded readers see at their borders; and in part or not at all */
  readonly sites: { readonly whole: number; readonly borders: number; readonly rest: number };
}

/**
 * Takes an offset that every migrated site begins at out of the constants behind it: of each reader, bias - b * (sum of weights), running
 * mean + b, and so through what lets an offset pass, as the folded form does it with the opposite sign. Zeros of a padding cannot be
 * told from values, so that the borders of a zero-padded reader keep what the offset changes there. Only constants that stand in the
 * model and are read once change: a start is made of trained values, not of new ones.
 */
export function compensate(graph: Graph, plan: MigrationPlan, offset: number): Compensation {
  const layouts = layoutsOf(graph);
  const migrated = plan.sites.filter(({ status, scope }) => status === 'migrate' && scope === undefined);
  const counts = { whole: 0, borders: 0, rest: 0 };
  const folded = migrated.map((site): Site => {
    const place = { output: site.output, lane: null };
    const { targets, refusals } = pushOffset(graph, layouts, place, 'floor');
    const own = targets.filter((target) => standsAlone(graph, target));
    const isWhole = refusals.length === 0 && own.length === targets.length;
    const isExact = isWhole && pushOffset(graph, layouts, place, 'zero').refusals.length === 0;
    counts[isExact ? 'whole' : isWhole ? 'borders' : 'rest'] += 1;
    return { ...site, form: 'folded', granularity: 'layer', shift: null, offset: own, recentre: [] };
  });
  counts.rest += plan.sites.filter(({ status }) => status === 'migrate').length - migrated.length;
  const none = new Float32Array();
  const parameters = folded.map(({ id }) => ({ id, shift: none, offset: Float32Array.of(-offset) }));
  const baked = bakeParameters(graph, { ...plan, sites: folded }, parameters);
  const names = new Set(folded.flatMap((site) => site.offset.flatMap(({ initializer }) => initializer ?? [])));
  return { constants: changed(graph, baked, names), sites: counts };
}

/** Whether a constant can be another one for its reader alone. */
function standsAlone(graph: Graph, { initializer }: FoldTarget): boolean {
  if (initializer === null || graph.initializer(initializer) === undefined) return false;
  return graph.uses(initializer).length === 1 && !graph.isOutput(initializer) && !graph.isInput(initializer);
}

function changed(graph: Graph, baked: Graph, names: ReadonlySet<string>): Map<string, Float32Array> {
  const constants = new Map<string, Float32Array>();
  for (const name of names) {
    const [standing, tensor] = [graph.initializer(name), baked.initializer(name)];
    if (standing === undefined || tensor === undefined) continue;
    const [before, after] = [readFloats(standing), readFloats(tensor)];
    if (after.some((value, i) => value !== before[i])) constants.set(name, after);
  }
  return constants;
}
