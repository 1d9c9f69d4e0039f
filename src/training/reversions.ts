import type { Graph } from '../model/graph.js';
import type { MigrationPlan, SiteParameters } from '../model/plan.js';
import { readFloats } from '../model/tensor.js';
import { biasesBesideSites } from './beside-sites.js';

/** Trained values by parameter. */
type Parameters = ReadonlyMap<string, Float32Array>;

/** How what training made of a site is taken back: of sites that have it in common, of all of them. */
export interface Reversion {
  /** the ids of the sites */
  readonly sites: readonly string[];
  /** trained values without it */
  revert(trained: Parameters): Parameters;
}

/** What a site's reversion sets its parameters to. */
interface SiteValues {
  readonly site: string;
  readonly values: Parameters;
}

/** The parameters of a site in a rewritten network, by their names. */
type Named = Pick<SiteParameters, 'id'> & { readonly shift: string | null; readonly offset: string };

/**
 * A FReLU is a ReLU again where its shift and its offset are 0. Sites that are that already have none.
 * @param initial what the parameters are where they were not trained
 */
export function siteReversions(sites: readonly Named[], initial: Parameters, trained: Parameters): Reversion[] {
  const found = sites.map(({ id, shift, offset }): SiteValues => {
    const changed = [shift, offset].flatMap((name) => {
      const values = name === null ? undefined : (trained.get(name) ?? initial.get(name));
      if (name === null || values === undefined || values.every((value) => value === 0)) return [];
      return [[name, new Float32Array(values.length)] as const];
    });
    return { site: id, values: new Map(changed) };
  });
  return inCommon(found);
}

/** What a network with its ReLUs has in place of a site is taken back to what the model came with: the biases that the site acts through. */
export function biasReversions(
  graph: Graph,
  plan: MigrationPlan,
  biases: ReadonlySet<string>,
  trained: Parameters,
): Reversion[] {
  const migrated = plan.sites.filter(({ status }) => status === 'migrate');
  const found = migrated.map((site): SiteValues => {
    const own = [...biasesBesideSites(graph, { ...plan, sites: [site] }, biases)];
    const changed = own.flatMap((name) => {
      const tensor = graph.initializer(name);
      const values = trained.get(name);
      if (tensor === undefined || values === undefined) return [];
      const before = readFloats(tensor);
      return values.every((value, i) => value === before[i]) ? [] : [[name, before] as const];
    });
    return { site: site.id, values: new Map(changed) };
  });
  return inCommon(found);
}

/** One for all that set the same parameters; none for what changes nothing. */
function inCommon(found: readonly SiteValues[]): Reversion[] {
  const byNames = new Map<string, Reversion>();
  for (const { site, values } of found) {
    if (values.size === 0) continue;
    const key = JSON.stringify([...values.keys()].toSorted());
    const sites = [...(byNames.get(key)?.sites ?? []), site];
    byNames.set(key, { sites, revert: (trained) => new Map([...trained, ...values]) });
  }
  return [...byNames.values()];
}

/** At most so many, of neighbours taken together, in their order. */
export function reversionsTogether(reversions: readonly Reversion[], most: number): Reversion[] {
  const count = Math.min(most, reversions.length);
  return Array.from({ length: count }, (_, i) => {
    const own = reversions.slice(
      Math.floor((i * reversions.length) / count),
      Math.floor(((i + 1) * reversions.length) / count),
    );
    return {
      sites: own.flatMap(({ sites }) => sites),
      revert: (trained) => revertAll(own, trained),
    };
  });
}

/** Trained values without what several take back. */
export function revertAll(reversions: readonly Reversion[], trained: Parameters): Parameters {
  return reversions.reduce((values, each) => each.revert(values), trained);
}
