import { defaultPlanOptions, type PlanOptions } from '../../src/contract/settings.js';
import type { Graph } from '../../src/model/graph.js';
import type { MigrationPlan, Site } from '../../src/model/plan.js';
import { planMigration } from './plan-migration.js';

/**
 * The same migration in the forms that cost a training step least, whatever the files are written in: what a format cannot say, or
 * what was asked of its files, need not be computed. Every site keeps its shift, its offset and what they mean, so that trained values are
 * those of `plan`, too.
 */
export function planTraining(graph: Graph, plan: MigrationPlan): MigrationPlan {
  const sitesIn = (form: PlanOptions['form']): ReadonlyMap<string, Site> =>
    new Map(planMigration(graph, { ...plan.options, form }).sites.map((site) => [site.id, site]));
  const free = sitesIn(defaultPlanOptions.form);
  const fused = [...free.values()].some(isDispersed) ? sitesIn('fused') : free;
  const cheapest = (id: string): Site | undefined => {
    const [site, other] = [free.get(id), fused.get(id)];
    return site !== undefined && isDispersed(site) && other?.form === 'fused' ? other : site;
  };
  return { ...plan, sites: plan.sites.map((site) => inForm(site, cheapest(site.id))) };
}

/**
 * Whether an offset is folded into several readers, or into some channels of one. Each of them sums its weights anew in every step,
 * forwards and backwards; the fused form is one addition where the activation stands.
 */
function isDispersed({ form, offset }: Site): boolean {
  if (form !== 'folded') return false;
  const summed = offset.filter(({ weights }) => weights !== null);
  return summed.length > 1 || summed.some(({ channels }) => channels !== null && channels.count < channels.total);
}

/** A site in the form of another plan of it, where that has as many parameters. */
function inForm(site: Site, free: Site | undefined): Site {
  if (site.status !== 'migrate' || free?.status !== 'migrate' || site.granularity !== free.granularity) return site;
  return { ...site, form: free.form, offset: free.offset, recentre: free.recentre };
}
