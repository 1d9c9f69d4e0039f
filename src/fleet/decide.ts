import type { FleetCandidateResult, FleetModelResult, FleetReason, FleetUnitState } from '../contract/fleet.js';
import type { Delta } from '../contract/result.js';
import { improvement } from '../evaluation/improvement.js';
import { holm } from '../evaluation/paired.js';
import { parseAcceptanceRule } from '../evaluation/rule.js';
import { secondsOf, type UnitResult } from './result.js';
import { countsOf, nameOf } from './status.js';
import { byModel, type Unit } from './unit.js';

/** A unit, how it stands, and its result where it has one. */
export interface JudgedUnit {
  readonly unit: Unit;
  readonly state: FleetUnitState;
  readonly result: UnitResult | null;
}

/** By which chance may establish something, over all models of a fleet together. */
const level = 0.05;

/**
 * What becomes of each model. Candidate and seed are chosen by the validation split; the chosen unit alone is judged on its test split, and what its rule takes for
 * established has to stand beside all models that the fleet tries: Holm's adjustment over them, in which a model without a result counts as one that
 * shows nothing.
 * @param names of the models, in the order of the plan
 */
export function decideModels(names: readonly string[], units: readonly JudgedUnit[]): readonly FleetModelResult[] {
  const unitsOf = byModel(units, ({ unit }) => unit);
  const models = names.map((name) => withoutHolm(unitsOf(name)));
  const adjusted = holm(models.map(({ delta }) => delta?.vsBefore.pValue ?? 1));
  return models.map((model, i) => {
    const pHolm = model.delta === null ? null : (adjusted[i] ?? null);
    const reason = reasonFor(model, pHolm);
    return { ...model, pHolm, reason, upgrade: reason === 'established' || reason === 'rule-met' };
  });
}

type Undecided = Omit<FleetModelResult, 'pHolm' | 'reason' | 'upgrade'>;

function withoutHolm(units: readonly JudgedUnit[]): Undecided {
  const [first] = units;
  if (first === undefined) throw new Error('a model without units');
  const done = units.flatMap(({ unit, result }) => (result === null ? [] : [{ unit, result }]));
  const ranked = rankCandidates(units, done);
  const candidate = ranked.find(({ chosen }) => chosen)?.name;
  const own = done.filter(({ unit }) => unit.candidate === candidate);
  const best = bestOf(own, ({ result }) => result.summary.validation, higherIsBetter(done));
  const summary = best?.result.summary ?? null;
  return {
    name: first.unit.name,
    model: first.unit.model.uri,
    units: countsOf(units.map(({ state }) => state)),
    candidates: ranked,
    chosen: best === null ? null : { ...nameOf(best.unit), run: best.result.summary.run, entry: best.result.entry },
    metric: summary?.delta.vsBefore.metric ?? null,
    delta: summary?.delta ?? null,
    acceptance: summary?.acceptance ?? null,
    verdict: summary?.verdict ?? null,
    seeds: own.map(({ unit, result: { summary } }) => ({
      seed: unit.spec.seed,
      value: summary.delta.vsBefore.value,
      verdict: summary.verdict,
    })),
    latencyRatio: summary?.latencyRatio ?? null,
    seconds: done.reduce((sum, { result }) => sum + secondsOf(result), 0),
  };
}

type Done = { readonly unit: Unit; readonly result: UnitResult };

function higherIsBetter(done: readonly Done[]): boolean {
  return done[0]?.result.summary.delta.vsBefore.higherIsBetter ?? true;
}

function rankCandidates(units: readonly JudgedUnit[], done: readonly Done[]): readonly FleetCandidateResult[] {
  const names = [...new Set(units.map(({ unit }) => unit.candidate))];
  const means = names.map((name) => {
    const own = done.filter(({ unit }) => unit.candidate === name);
    const values = own.map(({ result }) => result.summary.validation).filter((value) => value !== null);
    const validation = values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
    return { name, seeds: own.length, validation };
  });
  const tried = means.filter(({ seeds }) => seeds > 0);
  const best = bestOf(tried, ({ validation }) => validation, higherIsBetter(done));
  return means.map((each) => ({ ...each, chosen: each.name === best?.name }));
}

/** The first of the best; one without a value only where none has one. */
function bestOf<T>(all: readonly T[], measure: (each: T) => number | null, isHigher: boolean): T | null {
  const rank = (each: T): number => {
    const value = measure(each);
    return value === null ? Number.NEGATIVE_INFINITY : isHigher ? value : -value;
  };
  return all.reduce<T | null>((best, each) => (best === null || rank(each) > rank(best) ? each : best), null);
}

function reasonFor({ units, acceptance, delta }: Undecided, pHolm: number | null): FleetReason {
  if (units.waiting + units.running > 0) return 'incomplete';
  if (acceptance === null || delta === null) return 'failed';
  if (!acceptance.met) return 'rule-not-met';
  if (!asksForProof(acceptance.rule)) return 'rule-met';
  return isImprovement(delta.vsBefore) && pHolm !== null && pHolm <= level ? 'established' : 'not-after-holm';
}

/** Whether a rule takes something for established that chance may have brought: its own level is for one model. */
function asksForProof(rule: string): boolean {
  return parseAcceptanceRule(rule).clauses.some(({ kind }) => kind === 'established');
}

const isImprovement = (delta: Delta): boolean => (improvement(delta) ?? 0) > 0;
