import { defaultPlanOptions } from '../../src/contract/settings.js';
import type { Graph } from '../../src/model/graph.js';
import type { MigrationPlan, Site } from '../../src/model/plan.js';
import { planMigration } from './plan-migration.js';

/**
 * The same migration in the forms that cost a training step least, whatever the files are written in: what a format cannot say, or
 * what was asked of its files, need not be computed. Every site keeps its shift, its offset and what they mean, so that trained values are
 * those of `plan`, too.
 */
export function planTraining(graph: Graph, plan: MigrationPlan): MigrationPlan {
  const free = planMigration(graph, { ...plan.options, form: defaultPlanOptions.form });
  const freely = new Map(free.sites.map((site) => [site.id, site]));
  return { ...plan, sites: plan.sites.map((site) => inForm(site, freely.get(site.id))) };
}

/** A site in the form of another plan of it, where that has as many parameters. */
function inForm(site: Site, free: Site | undefined): Site {
  if (site.status !== 'migrate' || free?.status !== 'migrate' || site.granularity !== free.granularity) return site;
  return { ...site, form: free.form, offset: free.offset, recentre: free.recentre };
}
