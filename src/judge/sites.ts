import { present } from '../contract/present.js';
import type { MigrateResult, MonitoringBaseline, SiteResult } from '../contract/result.js';
import type { MigrationPlan, Site, SiteParameters } from '../model/plan.js';
import { type Activations, observeActivations } from './activations.js';
import { defineJudge } from './judge.js';
import type { Subject } from './subject.js';

/** What a site's parameters are in the result: numbers, or one number per channel. */
export function siteConstants(
  { id, shift, offset }: SiteParameters,
  plan: MigrationPlan,
): Pick<SiteResult, 'id' | 'shift' | 'offset'> {
  const { granularity } = siteOf(plan, id);
  const single = (values: Float32Array): number | readonly number[] =>
    granularity === 'channel' ? [...values] : present(values[0], `a parameter of the site '${id}'`);
  return { id, shift: shift.length === 0 ? null : single(shift), offset: single(offset) };
}

function siteOf({ sites }: MigrationPlan, id: string): Site {
  return present(
    sites.find((each) => each.id === id),
    `the site '${id}' of the plan`,
  );
}

/** The sites with the floor rates that monitoring watches, from one pass over the test samples. */
export const observedSites = defineJudge<
  Pick<MigrateResult, 'sites'> & { readonly floorRates: MonitoringBaseline['floorRates'] }
>({
  gives: ['sites', 'floorRates'],
  async measure(subject) {
    const { data, signature, plan, model, staged, networks, arms } = subject;
    const parameters = networks.frelu.sites(arms.frelu.outcome.parameters);
    const observed = await observeActivations(
      data.test,
      signature,
      plan.sites,
      model.graph,
      staged.model.graph,
      parameters,
    );
    const floorRates = observed.probes.flatMap((probe) => {
      const after = observed.after.get(probe.site);
      return after === undefined ? [] : [{ ...probe, share: after.floored }];
    });
    return { sites: parameters.map((site) => siteResult(site, subject, observed)), floorRates };
  },
});

/** What each site learned and what enters it. */
export const sites = defineJudge<Pick<MigrateResult, 'sites'>>({
  gives: ['sites'],
  needs: [observedSites],
  async measure(subject) {
    return { sites: (await observedSites.of(subject)).sites };
  },
});

function siteResult(parameters: SiteParameters, { plan }: Subject, observed: Activations): SiteResult {
  const { id } = parameters;
  return {
    ...siteConstants(parameters, plan),
    form: present(siteOf(plan, id).form, `the form of the site '${id}'`),
    before: observed.before.get(id) ?? null,
    after: observed.after.get(id) ?? null,
  };
}
