import { present } from '../contract/present.js';
import type { MigrateResult, MonitoringBaseline, SiteResult } from '../contract/result.js';
import type { SiteParameters } from '../model/plan.js';
import { type Activations, observeActivations } from './activations.js';
import { defineJudge } from './judge.js';
import type { Subject } from './subject.js';

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

function siteResult({ id, shift, offset }: SiteParameters, { plan }: Subject, observed: Activations): SiteResult {
  const site = present(
    plan.sites.find((each) => each.id === id),
    `the site '${id}' of the plan`,
  );
  const single = (values: Float32Array): number | readonly number[] =>
    site.granularity === 'channel' ? [...values] : present(values[0], `a parameter of the site '${id}'`);
  return {
    id,
    form: present(site.form, `the form of the site '${id}'`),
    shift: shift.length === 0 ? null : single(shift),
    offset: single(offset),
    before: observed.before.get(id) ?? null,
    after: observed.after.get(id) ?? null,
  };
}
